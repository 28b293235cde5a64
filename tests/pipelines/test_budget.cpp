// SPDX-License-Identifier: LGPL-2.1-or-later
// A budget in the real loop, on the default clip: it steps while the stream plays, as a congestion controller would
// have it. In lockstep, so that it is the same each time.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <string>

namespace fs = std::filesystem;

namespace {

fs::path root() { return std::getenv("ONEADAPT_SOURCE_DIR"); }

constexpr guint64 kPhase = 10;  // intervals

/// What is adapted, to which budgets (bit/s, or frames a second), and how near it comes. A map changes with every
/// gradient, and what it takes with it.
struct Case {
  const char *knobs;
  const char *property;
  guint64 budgets[3];
  double at_most, from;  // of the budget: each second, and the mean
  const char *filter = "";
};
const Case kCases[] = {
    {"qp", "max-bitrate", {500000, 125000, 250000}, 1.2, 0.75},
    {"qp", "max-bitrate", {500000, 125000, 250000}, 1.2, 0.6, "key-int-max=30"},  // an IDR picture every three seconds
    {"qp-map", "max-bitrate", {200000, 75000, 150000}, 1.6, 0.6},
    {"change-threshold", "max-frames-per-second", {8, 2, 4}, 1.5, 0.6},
};

struct Seen {
  const Case *asked = nullptr;
  GstElement *ctl = nullptr;
  std::map<guint64, double> rates;   // what is limited, by interval
  std::map<guint64, double> values;  // the knob's
  // Intervals whose decision names a budget. The last may have two: the clip has a gap there, so that lockstep goes on
  // without the gradient, which then comes.
  std::set<guint64> told;
};

void set_budget(const Seen &seen, guint64 phase) {
  gst_util_set_object_arg(G_OBJECT(seen.ctl), seen.asked->property, std::to_string(seen.asked->budgets[phase]).c_str());
}

/// In the worker's thread, between one decision and the next.
GstBusSyncReply on_message(GstBus *, GstMessage *message, gpointer data) {
  auto *seen = static_cast<Seen *>(data);
  const GstStructure *s = gst_message_get_structure(message);
  if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_ELEMENT || !gst_structure_has_name(s, "oneadapt-decision"))
    return GST_BUS_PASS;
  const bool frames = seen->asked->property == std::string("max-frames-per-second");
  guint64 interval = 0, bytes = 0, left = 0;
  gst_structure_get_uint64(s, "interval", &interval);
  gst_structure_get_uint64(s, "bytes", &bytes);
  gst_structure_get_uint64(s, "frames-out", &left);
  if (gst_structure_has_field(s, frames ? "frame-budget" : "budget")) seen->told.insert(interval);
  seen->rates[interval] = frames ? double(left) : double(bytes) * 8;
  const GValue *knobs = gst_structure_get_value(s, "knobs");
  for (guint i = 0; i < gst_value_list_get_size(knobs); ++i)
    gst_structure_get_double(gst_value_get_structure(gst_value_list_get_value(knobs, i)), "value",
                             &seen->values[interval]);
  if (interval + 1 == kPhase || interval + 1 == 2 * kPhase) set_budget(*seen, (interval + 1) / kPhase);
  return GST_BUS_PASS;
}

class Budget : public ::testing::TestWithParam<Case> {
 protected:
  void play(const Case &asked) {
    seen.asked = &asked;
    const bool frames = asked.property == std::string("max-frames-per-second");
    const std::string clip = (root() / "clips/vtest.avi").string(), model = (root() / "models/nanodet.pt").string();
    if (!fs::exists(clip) || !fs::exists(model)) GTEST_SKIP() << "there is no clip or no model (tools/setup.sh)";
    GError *error = nullptr;
    GstElement *pipeline = gst_parse_launch(
        ("filesrc location=" + clip +
         " ! decodebin ! videoconvert ! identity eos-after=310 ! oneadaptctl name=ctl knobs=" + asked.knobs +
         " lambda=0 lockstep=true ! oneadaptfilter " + asked.filter + " ! " +
         (frames ? "video/x-raw" : "h264parse ! avdec_h264 max-threads=1") +
         " ! videoconvert ! oneadaptdnn model=" + model + " classes=person input-size=320x256 ! fakesink sync=false")
            .c_str(),
        &error);
    ASSERT_TRUE(pipeline) << error->message;
    seen.ctl = gst_bin_get_by_name(GST_BIN(pipeline), "ctl");
    set_budget(seen, 0);
    GstBus *bus = gst_element_get_bus(pipeline);
    gst_bus_set_sync_handler(bus, on_message, &seen, nullptr);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GstMessage *end =
        gst_bus_timed_pop_filtered(bus, 300 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    ASSERT_TRUE(end);
    EXPECT_EQ(GST_MESSAGE_TYPE(end), GST_MESSAGE_EOS);
    gst_message_unref(end);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(bus);
    gst_object_unref(seen.ctl);
    gst_object_unref(pipeline);
  }
  Seen seen;
};

}  // namespace

TEST_P(Budget, IsFollowedWhenItSteps) {
  const Case asked = GetParam();
  play(asked);
  if (IsSkipped()) return;
  ASSERT_GE(seen.rates.size(), 3 * kPhase);
  EXPECT_EQ(seen.told.size(), seen.rates.size());
  for (guint64 phase = 0; phase < 3; ++phase) {
    const double budget = double(asked.budgets[phase]);
    double sum = 0;
    std::string course;
    for (guint64 i = phase * kPhase; i < (phase + 1) * kPhase; ++i) {
      char text[64];
      std::snprintf(text, sizeof text, " %g@%g", seen.rates[i], seen.values[i]);
      course += text;
      if (i < phase * kPhase + 3) continue;
      EXPECT_LE(seen.rates[i], asked.at_most * budget) << "interval " << i;
      sum += seen.rates[i];
    }
    EXPECT_GE(sum / double(kPhase - 3), asked.from * budget) << course;
    EXPECT_LE(sum / double(kPhase - 3), budget) << course;
    if (std::getenv("ONEADAPT_SHOW")) std::printf("%g:%s\n", budget, course.c_str());
  }
}
INSTANTIATE_TEST_SUITE_P(Knobs, Budget, ::testing::ValuesIn(kCases));
