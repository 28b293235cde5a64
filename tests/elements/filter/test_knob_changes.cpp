// SPDX-License-Identifier: LGPL-2.1-or-later
// When knobs take effect, and who is told.
#include <gst/controller/controller.h>

#include "run.h"

namespace {

const char *kCaps = "video/x-raw,format=I420,width=128,height=96,framerate=10/1";

void count_notify(GObject *, GParamSpec *, gpointer counter) { ++*static_cast<int *>(counter); }

GstStructure *configuration(const char *knob, double value) {
  return gst_structure_new("configuration", knob, G_TYPE_DOUBLE, value, nullptr);
}

bool apply(FilterRun &run, guint64 interval, const char *knob, double value, GError **error = nullptr) {
  GstStructure *s = configuration(knob, value);
  const bool done = gst_oneadapt_tunable_apply(run.tunable(), interval, s, error);
  gst_structure_free(s);
  return done;
}

}  // namespace

TEST(FilterKnobs, AChangeTakesEffectAtTheNextIntervalOnly) {
  std::vector<Out> plain, changed;
  {
    FilterRun run(kCaps);
    plain = run.through(0, 30);
  }
  FilterRun run(kCaps);
  for (unsigned i = 0; i < 30; i++) {
    if (i == 3) g_object_set(run.filter, "qp", 40, nullptr);
    for (Out &out : run.through(i, i + 1)) changed.push_back(std::move(out));
  }
  ASSERT_EQ(changed.size(), 30u);
  for (std::size_t i = 0; i < 10; i++) EXPECT_EQ(changed[i].data, plain[i].data) << i;
  for (std::size_t i = 10; i < 30; i++) EXPECT_LT(changed[i].data.size(), plain[i].data.size()) << i;
}

TEST(FilterKnobs, CapsChangeOnIntervalBoundariesOnly) {
  FilterRun run(kCaps);
  std::vector<Out> all;
  for (unsigned i = 0; i < 40; i++) {
    if (i == 7) g_object_set(run.filter, "scale", 0.5, nullptr);
    if (i == 25) g_object_set(run.filter, "scale", 1.0, nullptr);
    for (Out &out : run.through(i, i + 1)) all.push_back(std::move(out));
  }
  ASSERT_EQ(all.size(), 40u);
  for (std::size_t i = 0; i < all.size(); i++) {
    const bool small = i >= 10 && i < 30;
    EXPECT_EQ(all[i].width, small ? 64 : 128) << i;
    EXPECT_EQ(all[i].height, small ? 48 : 96) << i;
    EXPECT_EQ(all[i].idr(), i == 0 || i == 10 || i == 30) << i;  // another size
  }
  run.expect_all_accounted_for(40);
}

TEST(FilterKnobs, BeforeTheFirstFrameAtOnce) {
  FilterRun run(kCaps);
  g_object_set(run.filter, "qp", 33, "scale", 0.5, nullptr);
  const auto out = run.through(0, 1);
  EXPECT_EQ(out[0].width, 64);
  EXPECT_EQ(run.applied("qp"), 33);
}

TEST(FilterKnobs, NotifiesWhenItIsApplied) {
  FilterRun run(kCaps);
  int qp = 0, scale = 0;
  g_signal_connect(run.filter, "notify::qp", G_CALLBACK(count_notify), &qp);
  g_signal_connect(run.filter, "notify::scale", G_CALLBACK(count_notify), &scale);
  run.through(0, 3);
  EXPECT_EQ(qp, 0) << "the default is no change";
  g_object_set(run.filter, "qp", 28, nullptr);
  g_object_set(run.filter, "qp", 31, nullptr);
  int value = 0;
  g_object_get(run.filter, "qp", &value, nullptr);
  EXPECT_EQ(value, 31) << "what was asked for";
  run.through(3, 10);
  EXPECT_EQ(qp, 0) << "not in force yet";
  EXPECT_EQ(run.applied("qp"), 20);
  run.through(10, 11);
  EXPECT_EQ(qp, 1) << "once, for the value that is applied";
  EXPECT_EQ(run.applied("qp"), 31);
  g_object_set(run.filter, "qp", 31, nullptr);
  run.through(11, 25);
  EXPECT_EQ(qp, 1) << "the same again is no change";
  EXPECT_EQ(scale, 0);
}

TEST(FilterKnobs, NotificationsComeFromTheStreamingThreadWithoutTheObjectLock) {
  FilterRun run(kCaps);
  struct Seen {
    GstElement *filter;
    int qp = 0;
  } seen{run.filter};
  g_signal_connect(run.filter, "notify::qp", G_CALLBACK(+[](GObject *, GParamSpec *, gpointer data) {
                     auto *s = static_cast<Seen *>(data);
                     g_object_get(s->filter, "qp", &s->qp, nullptr);     // would hang under OBJECT_LOCK
                     g_object_set(s->filter, "qp", s->qp + 1, nullptr);  // for the interval after this one
                   }),
                   &seen);
  g_object_set(run.filter, "qp", 30, nullptr);
  run.through(0, 1);
  EXPECT_EQ(seen.qp, 30);
  EXPECT_EQ(run.applied("qp"), 30);
  run.through(1, 11);
  EXPECT_EQ(run.applied("qp"), 31);
}

TEST(FilterKnobs, ThinnedIntervalsEndWithTheirLastFrame) {
  FilterRun run(kCaps, "video/x-h264", "framerate=3");
  const auto out = run.through(0, 20);
  ASSERT_EQ(out.size(), 7u);
  const unsigned pts[] = {0, 200, 600, 900, 1200, 1600, 1900};  // the stream's very first is always sent
  for (std::size_t i = 0; i < 7; i++) {
    EXPECT_EQ(out[i].pts, pts[i] * GST_MSECOND) << i;
    EXPECT_EQ(out[i].duration, 100 * GST_MSECOND) << i;
    EXPECT_EQ(out[i].idr(), i == 0) << i;
  }
  run.expect_all_accounted_for(20);
  EXPECT_EQ(run.messages(GST_MESSAGE_QOS), 0u);
}

TEST(FilterKnobs, CanBeControlled) {
  FilterRun run(kCaps);
  GstControlSource *source = gst_interpolation_control_source_new();
  g_object_set(source, "mode", GST_INTERPOLATION_MODE_NONE, nullptr);
  ASSERT_TRUE(gst_object_add_control_binding(
      GST_OBJECT(run.filter), gst_direct_control_binding_new_absolute(GST_OBJECT(run.filter), "qp", source)));
  auto *timed = GST_TIMED_VALUE_CONTROL_SOURCE(source);
  gst_timed_value_control_source_set(timed, 0, 20);
  gst_timed_value_control_source_set(timed, GST_SECOND, 40);
  gst_timed_value_control_source_set(timed, 1500 * GST_MSECOND, 25);
  run.through(0, 10);
  EXPECT_EQ(run.applied("qp"), 20);
  run.through(10, 20);
  EXPECT_EQ(run.applied("qp"), 40) << "the value at the interval's first frame";
  run.through(20, 21);
  EXPECT_EQ(run.applied("qp"), 25);
  gst_object_unref(source);
}

TEST(FilterKnobs, AppliesFromTheIntervalThatWasNamed) {
  FilterRun run(kCaps);
  run.through(0, 5);
  EXPECT_TRUE(apply(run, 2, "qp", 40));
  run.through(5, 15);
  EXPECT_EQ(run.applied("qp"), 20) << "interval 1 is too early";
  run.through(15, 21);
  EXPECT_EQ(run.applied("qp"), 40);
  int qp = 0;
  g_object_get(run.filter, "qp", &qp, nullptr);
  EXPECT_EQ(qp, 40);

  EXPECT_TRUE(apply(run, 1, "qp", 44)) << "an interval that is gone: the next that begins";
  run.through(21, 30);
  EXPECT_EQ(run.applied("qp"), 40);
  run.through(30, 31);
  EXPECT_EQ(run.applied("qp"), 44);

  EXPECT_TRUE(apply(run, 4, "qp", 36));
  EXPECT_TRUE(apply(run, 4, "qp", 32)) << "the newer one counts";
  run.through(31, 41);
  EXPECT_EQ(run.applied("qp"), 32);
}

TEST(FilterKnobs, ApplyTakesAllOrNothing) {
  FilterRun run(kCaps);
  run.through(0, 1);
  for (const auto &[knob, value] : {std::pair<const char *, double>{"qp", 52}, {"scale", 0.05}, {"gamma", 1}}) {
    GError *error = nullptr;
    GstStructure *s = gst_structure_new("c", "framerate", G_TYPE_DOUBLE, 5.0, knob, G_TYPE_DOUBLE, value, nullptr);
    EXPECT_FALSE(gst_oneadapt_tunable_apply(run.tunable(), 1, s, &error)) << knob;
    ASSERT_TRUE(g_error_matches(error, GST_ONEADAPT_ERROR, GST_ONEADAPT_ERROR_KNOB)) << knob;
    EXPECT_TRUE(strstr(error->message, knob)) << error->message;
    g_clear_error(&error);
    gst_structure_free(s);
  }
  GError *error = nullptr;
  GstStructure *s = gst_structure_new("c", "qp", G_TYPE_STRING, "fine", nullptr);
  EXPECT_FALSE(gst_oneadapt_tunable_apply(run.tunable(), 1, s, &error));
  g_clear_error(&error);
  gst_structure_free(s);
  run.through(1, 11);
  EXPECT_EQ(run.applied("framerate"), 0);
}

TEST(FilterKnobs, ListsLaddersOnceCapsAreKnown) {
  FilterRun run("", "video/x-h264", "qp-ladder=\"48,32,20\" framerate-ladder=\"1,5,15\"");
  GPtrArray *knobs = gst_oneadapt_tunable_list_knobs(run.tunable());
  EXPECT_EQ(knobs->len, 0u);
  g_ptr_array_unref(knobs);
  run.set_caps(kCaps);
  g_object_set(run.filter, "qp", 33, nullptr);
  run.through(0, 1);
  knobs = gst_oneadapt_tunable_list_knobs(run.tunable());
  ASSERT_EQ(knobs->len, 8u);
  for (guint i = 0; i < knobs->len; i++) {
    const auto *knob = static_cast<GstOneadaptKnob *>(knobs->pdata[i]);
    const std::vector<double> ladder(knob->ladder, knob->ladder + knob->n_ladder);
    ASSERT_TRUE(knob->typical_accuracy && knob->typical_resource);
    for (guint r = 1; r < knob->n_ladder; r++) {
      EXPECT_GT(knob->typical_accuracy[r], knob->typical_accuracy[r - 1]) << knob->name;
      EXPECT_GT(knob->typical_resource[r], knob->typical_resource[r - 1]) << knob->name;
    }
    if (!g_strcmp0(knob->name, "qp")) {
      EXPECT_EQ(ladder, (std::vector<double>{48, 32, 20}));
      EXPECT_EQ(knob->rung, 1u) << "33 is nearest to 32";
      EXPECT_EQ(knob->value, 33);
      EXPECT_TRUE(knob->flags & GST_ONEADAPT_KNOB_SUPERSEDED) << "by a map";
    } else if (!g_strcmp0(knob->name, "framerate")) {
      EXPECT_EQ(ladder, (std::vector<double>{1, 5, 10})) << "the input has 10 frames a second";
      EXPECT_EQ(knob->rung, 2u) << "no limit is the top";
    } else if (!g_strcmp0(knob->name, "qp-map")) {
      EXPECT_EQ(knob->rung, 4u) << "what the map is laid over: 33 is nearest to 32";
      EXPECT_EQ(knob->flags, GST_ONEADAPT_KNOB_FOLLOWS_GRADIENT | GST_ONEADAPT_KNOB_CONTINUOUS |
                                 GST_ONEADAPT_KNOB_REFINES | GST_ONEADAPT_KNOB_MEASURED);
      EXPECT_EQ(knob->value, 33);
    } else if (!g_strcmp0(knob->name, "map-range")) {
      EXPECT_EQ(ladder, (std::vector<double>{18, 12, 6, 0}));
      EXPECT_EQ(knob->rung, 0u) << "where there is a map, it has all of its range";
    } else if (g_str_has_suffix(knob->name, "-threshold")) {
      EXPECT_EQ(knob->rung, knob->n_ladder - 1) << "0 drops nothing";
    } else {
      EXPECT_EQ(ladder, (std::vector<double>{0.5, 0.625, 0.75, 0.875, 1}));
      EXPECT_EQ(knob->rung, 4u);
    }
  }
  g_ptr_array_unref(knobs);
}

TEST(FilterKnobs, ABadLadderIsLeftOutWithAWarning) {
  FilterRun run(kCaps);
  std::string warning;
  GLogFunc before = g_log_set_default_handler(
      +[](const gchar *, GLogLevelFlags, const gchar *text, gpointer data) {
        *static_cast<std::string *>(data) = text;
      },
      &warning);
  g_object_set(run.filter, "qp-ladder", "20,48", nullptr);
  g_log_set_default_handler(before, nullptr);
  EXPECT_NE(warning.find("qp-ladder"), std::string::npos) << warning;
  EXPECT_NE(warning.find("fall"), std::string::npos) << warning;
  gchar *ladder = nullptr;
  g_object_get(run.filter, "qp-ladder", &ladder, nullptr);
  EXPECT_STREQ(ladder, "");
  g_free(ladder);
}

TEST(FilterKnobs, ASizeThatDownstreamDoesNotTakeIsNotTaken) {
  FilterRun run(kCaps, "video/x-h264,width=128,height=96");
  run.through(0, 5);
  g_object_set(run.filter, "scale", 0.5, nullptr);
  const auto out = run.through(5, 15);
  ASSERT_EQ(out.size(), 10u) << "the stream goes on";
  EXPECT_EQ(out.back().width, 128);
  std::string text;
  EXPECT_EQ(run.messages(GST_MESSAGE_WARNING, &text), 1u);
  EXPECT_NE(text.find("scale"), std::string::npos) << text;
  double scale = 0;
  g_object_get(run.filter, "scale", &scale, nullptr);
  EXPECT_EQ(scale, 1.0) << "the property says what is in force";
}
