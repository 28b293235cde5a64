// SPDX-License-Identifier: LGPL-2.1-or-later
// What the filter says about neighbouring configurations.
#include <map>

#include "run.h"

namespace {

const char *kCaps = "video/x-raw,format=I420,width=192,height=112,framerate=10/1";

struct Probe {
  GstOneadaptProbe *p = nullptr;
  GError *error = nullptr;
  ~Probe() {
    gst_oneadapt_probe_free(p);
    g_clear_error(&error);
  }
  const GstOneadaptKnob *knob(const char *name) const {
    for (guint i = 0; i < p->knobs->len; i++) {
      auto *k = static_cast<GstOneadaptKnob *>(p->knobs->pdata[i]);
      if (!g_strcmp0(k->name, name)) return k;
    }
    return nullptr;
  }
};

struct Map {
  GstOneadaptGradient *g;
  explicit Map(float value, guint width = 192, guint height = 112) : g(gst_oneadapt_gradient_new(width, height, 16)) {
    for (guint i = 0; i < g->columns * g->rows; i++) g->values[i] = value;
    g->confident = 1;
  }
  ~Map() { gst_oneadapt_gradient_free(g); }
};

void probe(FilterRun &run, guint64 interval, const GstOneadaptGradient *g, Probe &out,
           const gchar *const *names = nullptr) {
  out.p = gst_oneadapt_tunable_probe(run.tunable(), interval, g, names, &out.error);
}

/// A second of one picture, of which `change` makes what it likes.
template <class Change>
void push_still(FilterRun &run, Change change) {
  for (unsigned i = 0; i < 10; i++) {
    GstBuffer *buffer = run.picture(0);
    change(i, buffer);
    GST_BUFFER_PTS(buffer) = i * GST_SECOND / 10;
    ASSERT_EQ(gst_harness_push(run.h, buffer), GST_FLOW_OK);
  }
}

}  // namespace

TEST(FilterProbe, SignsAreRight) {
  FilterRun run(kCaps, "video/x-h264", "qp=24 scale=0.75 framerate=5 key-int-max=5");
  run.through(0, 20);
  Map map(0.01f, 144, 84);
  Probe result;
  probe(run, 1, map.g, result);  // in interval 0 the stream's first frame comes on top
  ASSERT_TRUE(result.p) << result.error->message;
  EXPECT_EQ(result.p->frames_in, 10u);
  EXPECT_EQ(result.p->frames_out, 5u);
  EXPECT_GT(result.p->resource, 0.0);
  EXPECT_LT(result.p->resource, 0.5);
  EXPECT_EQ(result.p->knobs->len, 4u) << "all that are not on request";
  for (guint i = 0; i < result.p->knobs->len; i++) {
    const auto *k = static_cast<GstOneadaptKnob *>(result.p->knobs->pdata[i]);
    ASSERT_TRUE(k->has_up && k->has_down) << k->name;
    EXPECT_GT(k->resource_change_up, 0) << k->name;
    EXPECT_LT(k->resource_change_down, 0) << k->name;
    EXPECT_GT(result.p->resource + k->resource_change_down, 0) << k->name;
    EXPECT_LE(result.p->resource + k->resource_change_up, 1.0) << k->name;
    EXPECT_GT(k->output_grad_up, 0) << k->name;
    EXPECT_GT(k->output_grad_down, 0) << k->name;
  }
}

TEST(FilterProbe, TheMostExpensiveConfigurationIsTheUnit) {
  FilterRun run(kCaps);
  run.through(0, 10);
  Map map(0.01f);
  Probe result;
  probe(run, 0, map.g, result);
  ASSERT_TRUE(result.p);
  EXPECT_DOUBLE_EQ(result.p->resource, 1.0);
  for (const char *name : {"qp", "scale", "framerate"}) {
    const auto *k = result.knob(name);
    ASSERT_TRUE(k) << name;
    EXPECT_EQ(k->rung, k->n_ladder - 1) << name;
    EXPECT_FALSE(k->has_up) << name;
    EXPECT_TRUE(k->has_down) << name;
  }
}

// r is a prediction of real bytes: QP 32 against QP 20, whole intervals.
TEST(FilterProbe, ResourcePredictsTheBytesThatAreSaved) {
  std::map<int, double> bytes;
  double predicted = 0;
  for (int qp : {20, 32}) {
    FilterRun run(kCaps, "video/x-h264", qp == 20 ? "qp=20 key-int-max=10" : "qp=32 key-int-max=10");
    run.through(0, 20);
    Probe result;
    probe(run, 1, nullptr, result);
    ASSERT_TRUE(result.p);
    bytes[qp] = double(result.p->bytes);
    if (qp == 32) predicted = result.p->resource;
  }
  EXPECT_NEAR(predicted / (bytes[32] / bytes[20]), 1.0, 0.2);
}

// An interval with an IDR picture says nothing of the next one's bytes, and one that will have one is planned with it.
TEST(FilterProbe, AnIdrPictureIsPlannedFor) {
  FilterRun run(kCaps, "video/x-h264", "qp=28 key-int-max=30");
  std::vector<guint64> really, expected;
  std::vector<std::size_t> idr;
  for (unsigned interval = 0; interval < 5; interval++) {
    guint64 bytes = 0;
    for (const Out &out : run.through(10 * interval, 10 * interval + 10)) {
      bytes += out.data.size();
      if (out.idr()) idr.push_back(out.data.size());
    }
    Probe result;
    probe(run, interval, nullptr, result);
    ASSERT_TRUE(result.p);
    EXPECT_EQ(result.p->bytes, bytes);
    really.push_back(bytes);
    expected.push_back(result.p->next_bytes);
  }
  ASSERT_EQ(idr.size(), 2u) << "at 0 s and 3 s";
  EXPECT_NEAR(double(expected[0]), double(really[1]), 0.25 * double(really[1])) << "without the stream's first picture";
  EXPECT_LT(expected[0], really[0]);
  EXPECT_EQ(expected[1], 0u) << "as many as this one's";
  EXPECT_NEAR(double(expected[2]), double(really[3]), 0.25 * double(really[3])) << "with the IDR picture";
  EXPECT_GT(expected[2], really[2]);
  EXPECT_LT(expected[3], really[3]);
}

TEST(FilterProbe, OutputGradIsLinearInTheGradient) {
  FilterRun run(kCaps, "video/x-h264", "qp=32");
  run.through(0, 10);
  Map nothing(0), one(0.01f), twice(0.02f);
  Probe p0, p1, p2;
  probe(run, 0, nothing.g, p0);
  probe(run, 0, one.g, p1);
  probe(run, 0, twice.g, p2);
  ASSERT_TRUE(p0.p && p1.p && p2.p);
  for (const char *name : {"qp", "scale", "framerate"}) {
    EXPECT_EQ(p0.knob(name)->output_grad_down, 0) << name;
    EXPECT_NEAR(p2.knob(name)->output_grad_down / p1.knob(name)->output_grad_down, 2, 1e-4) << name;
  }
}

TEST(FilterProbe, OnlyWhereTheGradientIs) {
  FilterRun run(kCaps, "video/x-h264", "qp=32");
  // The left half stands still and is flat, the right half is textured and moves.
  for (unsigned i = 0; i < 10; i++) {
    GstBuffer *buffer = run.picture(i);
    GstVideoFrame frame;
    ASSERT_TRUE(gst_video_frame_map(&frame, &run.info, buffer, GST_MAP_READWRITE));
    for (int y = 0; y < 112; y++)
      memset(static_cast<guint8 *>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0)) + y * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0),
             100, 96);
    gst_video_frame_unmap(&frame);
    ASSERT_EQ(gst_harness_push(run.h, buffer), GST_FLOW_OK);
  }
  Map left(0), right(0);
  for (guint r = 0; r < left.g->rows; r++)
    for (guint c = 0; c < left.g->columns; c++)
      (c < left.g->columns / 2 ? left : right).g->values[r * left.g->columns + c] = 0.01f;
  Probe l, r;
  probe(run, 0, left.g, l);
  probe(run, 0, right.g, r);
  ASSERT_TRUE(l.p && r.p);
  for (const char *name : {"qp", "scale", "framerate"}) {
    EXPECT_GT(r.knob(name)->output_grad_down, 4 * l.knob(name)->output_grad_down) << name;
    EXPECT_DOUBLE_EQ(r.knob(name)->resource_change_down, l.knob(name)->resource_change_down) << name;
  }
}

// A still scene: dropping frames changes nothing that the DNN sees.
TEST(FilterProbe, AStillSceneNeedsNoFrameRate) {
  FilterRun run(kCaps);
  push_still(run, [](unsigned, GstBuffer *) {});
  Map map(0.01f);
  Probe result;
  probe(run, 0, map.g, result);
  ASSERT_TRUE(result.p);
  EXPECT_EQ(result.knob("framerate")->output_grad_down, 0);
  EXPECT_LT(result.knob("framerate")->resource_change_down, 0);
}

// Two grey levels in turn, 100 and 120: |Δ| is 20 at odd distances and 0 at even ones. From 10 to 5 fps the mean over
// the positions 0, 1 of a gap is (0 + 20) / 2 = 10 levels of luma, 1/219 of the range each. G = 0.01 on 192·112 pixels.
TEST(FilterProbe, FrameRateByHand) {
  FilterRun run(kCaps, "video/x-h264");
  push_still(run, [](unsigned i, GstBuffer *buffer) { gst_buffer_memset(buffer, 0, i % 2 ? 120 : 100, 192 * 112); });
  Map map(0.01f);
  Probe result;
  probe(run, 0, map.g, result);
  ASSERT_TRUE(result.p);
  EXPECT_NEAR(result.knob("framerate")->output_grad_down, 2.8 * 0.01 * 192 * 112 * 10 / 219,
              0.08);  // 2.8: the knob's weight
}

// The map's rungs are reckoned, not encoded: more bits and an effect upwards, fewer bits downwards, and where the map
// is coarse already there is less to lose.
TEST(FilterProbe, MapOnRequest) {
  FilterRun run(kCaps, "video/x-h264", "qp=32 key-int-max=10");
  run.through(0, 10);
  Map map(0.01f);
  Probe result, mapped;
  const gchar *names[] = {"qp-map", nullptr};
  probe(run, 0, map.g, result, names);
  ASSERT_TRUE(result.p);
  ASSERT_EQ(result.p->knobs->len, 1u);
  const GstOneadaptKnob *k = result.knob("qp-map");
  ASSERT_TRUE(k && k->has_up && k->has_down);
  EXPECT_EQ(k->ladder[k->rung], 32);
  EXPECT_NEAR(result.p->resource, 0.25, 1e-6) << "bits fall by half in 6 steps: 2^-(32-20)/6";
  EXPECT_NEAR(k->resource_change_up, std::exp2(-8.0 / 6) - 0.25, 1e-6);
  EXPECT_NEAR(k->resource_change_down, std::exp2(-16.0 / 6) - 0.25, 1e-6);
  EXPECT_GT(k->output_grad_up, 0);
  EXPECT_GT(k->output_grad_down, k->output_grad_up) << "a coarser quantiser errs more";
  // Even weights: every macroblock 2 finer than the QP below the map.
  GstStructure *configuration = gst_structure_new("c", "qp-map", G_TYPE_DOUBLE, 32.0, nullptr);
  EXPECT_TRUE(gst_oneadapt_tunable_apply(run.tunable(), 1, configuration, nullptr));
  gst_structure_free(configuration);
  run.through(10, 20);
  probe(run, 1, map.g, mapped, names);
  ASSERT_TRUE(mapped.p);
  EXPECT_NEAR(mapped.p->resource, std::exp2(-10.0 / 6), 1e-6);
}

// What an early gradient comes to: a map over the QP that stays is there with the next frame; what goes with another QP
// waits for the next interval. Neither takes an IDR picture.
TEST(FilterProbe, AMapForTheRestOfTheInterval) {
  FilterRun run(kCaps, "video/x-h264", "qp=32");
  Map map(0.01f);
  map.g->values[0] = 10;  // all the rest is coarse
  const gchar *names[] = {"qp-map", nullptr};
  const auto apply = [&](guint64 interval, double qp) {
    GstStructure *configuration = gst_structure_new("c", "qp-map", G_TYPE_DOUBLE, qp, nullptr);
    EXPECT_TRUE(gst_oneadapt_tunable_apply(run.tunable(), interval, configuration, nullptr));
    gst_structure_free(configuration);
  };
  const auto map_text = [&] {
    GstStructure *s = nullptr;
    g_object_get(run.filter, "qp-map", &s, nullptr);
    gchar *text = s ? gst_structure_to_string(s) : g_strdup("none");
    std::string out = text;
    g_free(text);
    if (s) gst_structure_free(s);
    return out;
  };
  apply(0, 32);  // before the first frame, and before any gradient
  run.through(0, 1);
  EXPECT_NE(map_text().find("offsets=(int)< 0 >"), std::string::npos) << map_text();
  Probe first;
  probe(run, 0, map.g, first, names);
  apply(0, 32);
  auto out = run.through(1, 2);
  EXPECT_FALSE(out[0].idr());
  EXPECT_NE(map_text().find("16"), std::string::npos) << map_text();
  apply(0, 24);  // another QP: not now
  const std::string before = map_text();
  out = run.through(2, 10);
  for (const Out &o : out) EXPECT_FALSE(o.idr());
  EXPECT_EQ(map_text(), before);
  int qp = 0;
  g_object_get(run.filter, "qp", &qp, nullptr);
  EXPECT_EQ(qp, 32);
  EXPECT_FALSE(run.through(10, 11)[0].idr());
  g_object_get(run.filter, "qp", &qp, nullptr);
  EXPECT_EQ(qp, 24);
  run.expect_all_accounted_for(11);
}

TEST(FilterProbe, MeasuresOnlyTheKnobsAskedFor) {
  FilterRun run(kCaps, "video/x-h264", "qp=32");
  run.through(0, 10);
  Map map(0.01f);
  const gchar *names[] = {"qp", "somebody-elses", nullptr};
  Probe result;
  probe(run, 0, map.g, result, names);
  ASSERT_TRUE(result.p);
  EXPECT_EQ(result.p->knobs->len, 1u);
  EXPECT_TRUE(result.knob("qp")->has_up);
}

TEST(FilterProbe, WithoutAGradientNoMovesAreMeasured) {
  FilterRun run(kCaps, "video/x-h264", "qp=32");
  const auto out = run.through(0, 10);
  Probe result;
  probe(run, 0, nullptr, result);
  ASSERT_TRUE(result.p);
  std::size_t bytes = 0;
  for (const Out &o : out) bytes += o.data.size();
  EXPECT_EQ(result.p->bytes, bytes);
  EXPECT_GT(result.p->resource, 0);
  EXPECT_LT(result.p->resource, 1);
  for (const char *name : {"qp", "scale", "framerate"})
    EXPECT_FALSE(result.knob(name)->has_up || result.knob(name)->has_down) << name;
  EXPECT_EQ(result.knob("qp")->rung, 4u);
}

TEST(FilterProbe, RemembersTheRunningIntervalAndAFewBefore) {
  FilterRun run(kCaps);
  run.through(0, 55);
  for (guint64 interval : {2, 3, 4, 5}) {
    Probe result;
    probe(run, interval, nullptr, result);
    ASSERT_TRUE(result.p) << interval;
    EXPECT_EQ(result.p->frames_in, interval == 5 ? 5u : 10u);
  }
  for (guint64 interval : {0, 1, 6}) {
    Probe result;
    probe(run, interval, nullptr, result);
    EXPECT_FALSE(result.p);
    EXPECT_TRUE(g_error_matches(result.error, GST_ONEADAPT_ERROR, GST_ONEADAPT_ERROR_INTERVAL)) << interval;
  }
}

TEST(FilterProbe, OneFrameIsEnough) {
  FilterRun run(kCaps);
  run.through(0, 1);
  Map map(0.01f);
  Probe result;
  probe(run, 0, map.g, result);
  ASSERT_TRUE(result.p) << result.error->message;
  EXPECT_DOUBLE_EQ(result.p->resource, 1.0);
}

TEST(FilterProbe, AfterNewCapsThereIsNothingToCompare) {
  FilterRun run(kCaps);
  run.through(0, 5);
  run.set_caps("video/x-raw,format=I420,width=96,height=64,framerate=10/1");
  Map map(0.01f);
  Probe result;
  probe(run, 0, map.g, result);
  ASSERT_TRUE(result.p) << result.error->message;
  EXPECT_LT(result.p->resource, 0) << "unknown";
  EXPECT_FALSE(result.knob("qp")->has_down);
}

TEST(FilterProbe, OddSizesAndNv12) {
  FilterRun run("video/x-raw,format=NV12,width=101,height=67,framerate=10/1", "video/x-h264", "scale=0.75 qp=32");
  run.through(0, 10);
  Map map(0.01f, 76, 50);
  Probe result;
  probe(run, 0, map.g, result);
  ASSERT_TRUE(result.p) << result.error->message;
  EXPECT_GT(result.knob("scale")->output_grad_up, 0);
}

TEST(FilterProbe, AnInconsistentGradientIsRefused) {
  FilterRun run(kCaps);
  run.through(0, 2);
  Map map(0.01f);
  map.g->columns--;
  Probe result;
  probe(run, 0, map.g, result);
  EXPECT_FALSE(result.p);
  EXPECT_TRUE(g_error_matches(result.error, GST_ONEADAPT_ERROR, GST_ONEADAPT_ERROR_FAILED));
}

// Probing in another thread while pictures pass: every one of them comes out, and none of either fails.
TEST(FilterProbe, HoldsUpNothing) {
  FilterRun run(kCaps, "video/x-h264", "qp=32");
  run.through(0, 10);
  GThread *thread = g_thread_new(
      "prober",
      +[](gpointer data) -> gpointer {
        auto *r = static_cast<FilterRun *>(data);
        Map map(0.01f);
        for (int i = 0; i < 12; i++) {
          GPtrArray *knobs = gst_oneadapt_tunable_list_knobs(r->tunable());
          g_ptr_array_unref(knobs);
          for (guint64 interval = 0; interval < 30; interval++) {
            GstOneadaptProbe *p =
                gst_oneadapt_tunable_probe(r->tunable(), interval, i % 4 ? nullptr : map.g, nullptr, nullptr);
            if (p) gst_oneadapt_probe_free(p);
          }
        }
        return nullptr;
      },
      &run);
  EXPECT_EQ(run.through(10, 200).size(), 190u);
  g_thread_join(thread);
  run.expect_all_accounted_for(200);
}

TEST(FilterProbe, IsCounted) {
  FilterRun run(kCaps);
  run.through(0, 10);
  EXPECT_EQ(run.stat("probes"), 0u);
  Map map(0.01f);
  Probe result;
  probe(run, 0, map.g, result);
  EXPECT_EQ(run.stat("probes"), 1u);
  EXPECT_GT(run.stat("probe-time"), 0u);
  EXPECT_GT(run.stat("encode-time"), 0u);
}
