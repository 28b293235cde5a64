// SPDX-License-Identifier: LGPL-2.1-or-later
// Policies that profile, on real footage, through the real elements.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

/// A decision, as far as it matters here; a knob by its name and then the values in the interval and after it.
struct Decision {
  bool profile = false;
  guint64 bytes = 0, extra = 0;
  std::map<std::string, std::pair<double, double>> knobs;
  bool operator==(const Decision &o) const {
    return profile == o.profile && bytes == o.bytes && extra == o.extra && knobs == o.knobs;
  }
};

Decision read(const GstStructure *s) {
  Decision d;
  gboolean profile = FALSE;
  gst_structure_get(s, "profile", G_TYPE_BOOLEAN, &profile, "bytes", G_TYPE_UINT64, &d.bytes, "extra-inferences",
                    G_TYPE_UINT64, &d.extra, nullptr);
  d.profile = profile;
  const GValue *knobs = gst_structure_get_value(s, "knobs");
  for (guint i = 0; i < gst_value_list_get_size(knobs); ++i) {
    const GstStructure *k = gst_value_get_structure(gst_value_list_get_value(knobs, i));
    auto &[value, next] = d.knobs[gst_structure_get_string(k, "name")];
    gst_structure_get(k, "value", G_TYPE_DOUBLE, &value, "next", G_TYPE_DOUBLE, &next, nullptr);
  }
  return d;
}

/// The first `count` decisions on the clip at five frames a second, in lockstep, with a queue between controller and
/// filter; ends in the middle of it all.
std::vector<Decision> run(const std::string &settings, std::size_t count = 4) {
  const fs::path root = std::getenv("ONEADAPT_SOURCE_DIR");
  const std::string launch =
      "filesrc location=" + (root / "clips/vtest.avi").string() +
      " ! decodebin ! videoconvert ! videorate ! video/x-raw,framerate=5/1 ! oneadaptctl "
      "lockstep=true profile-budget=10 " +
      settings +
      " ! queue ! oneadaptfilter ! h264parse ! avdec_h264 max-threads=1 ! videoconvert ! oneadaptdnn gradient=false "
      "classes=person model=" +
      (root / "models/nanodet.pt").string() + " ! fakesink";
  std::vector<Decision> all;
  GError *error = nullptr;
  GstElement *pipeline = gst_parse_launch(launch.c_str(), &error);
  if (error) {
    ADD_FAILURE() << error->message;
    g_clear_error(&error);
    return all;
  }
  GstBus *bus = gst_element_get_bus(pipeline);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  while (all.size() < count) {
    GstMessage *m = gst_bus_timed_pop_filtered(
        bus, GST_CLOCK_TIME_NONE,
        GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_ELEMENT | GST_MESSAGE_WARNING));
    if (GST_MESSAGE_TYPE(m) == GST_MESSAGE_ELEMENT) {
      if (gst_message_has_name(m, "oneadapt-decision")) all.push_back(read(gst_message_get_structure(m)));
    } else {
      ADD_FAILURE() << GST_MESSAGE_TYPE_NAME(m);
      count = 0;
    }
    gst_message_unref(m);
  }
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(bus);
  gst_object_unref(pipeline);
  return all;
}

double next(const std::vector<Decision> &decisions, const std::string &knob) {
  return decisions.back().knobs.at(knob).second;
}

#define NEED_CLIP_AND_MODEL                                                               \
  const fs::path root_ = std::getenv("ONEADAPT_SOURCE_DIR");                              \
  if (!fs::exists(root_ / "clips/vtest.avi") || !fs::exists(root_ / "models/nanodet.pt")) \
  GTEST_SKIP() << "there is no clips/vtest.avi or models/nanodet.pt (tools/setup.sh makes them)"

}  // namespace

TEST(Profiling, MovesWhereTheProfileSaysTwiceTheSame) {
  NEED_CLIP_AND_MODEL;
  const std::string settings =
      "policy=profiling knobs=qp,scale profile-interval=2 profile-configurations=4 lambda=1 "
      "warm-start=false";
  const auto a = run(settings);
  ASSERT_EQ(a.size(), 4u);
  // Four configurations, the ends of both ladders. Of interval 0 four pictures are remembered (0, 1, 2 and 4 frames
  // before its last), of interval 2 five. The answer to a question is known one interval later.
  EXPECT_EQ(a[0].extra, 0u);
  EXPECT_EQ(a[1].extra, 16u);
  EXPECT_EQ(a[3].extra, 36u);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(a[i].profile, i == 1 || i == 3) << i;
  EXPECT_EQ(a[1].knobs.at("qp").first, 20);
  EXPECT_EQ(a[1].knobs.at("scale").first, 1);
  // One of the three cheaper ones is worth more than the most expensive one, which costs λ all that it gains.
  for (const auto &[knob, ends] : {std::pair{"qp", std::pair{48.0, 20.0}}, {"scale", {0.5, 1.0}}}) {
    const double now = a[2].knobs.at(knob).first;
    EXPECT_EQ(now, a[1].knobs.at(knob).second) << knob;
    EXPECT_TRUE(now == ends.first || now == ends.second) << knob << " " << now;
  }
  EXPECT_LT(a[2].bytes, a[1].bytes / 2);
  EXPECT_EQ(a, run(settings));
}

TEST(Profiling, LambdaDecidesBetweenTheEnds) {
  NEED_CLIP_AND_MODEL;
  const auto accurate = run("policy=profiling profile-configurations=2 knobs=qp lambda=0");
  EXPECT_TRUE(accurate.at(1).profile);
  EXPECT_EQ(next(accurate, "qp"), 20);
  const auto cheap = run("policy=chameleon profile-configurations=2 profile-interval=4 knobs=qp lambda=1000");
  EXPECT_EQ(next(cheap, "qp"), 48);
  EXPECT_GT(cheap.back().extra, 10u);  // the small profiles in between
}
