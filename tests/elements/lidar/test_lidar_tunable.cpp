// SPDX-License-Identifier: LGPL-2.1-or-later
// What oneadaptlidarfilter tells a controller, and what that makes of it.
#include <algorithm>
#include <numeric>

#include "lidar_rig.h"

using namespace lidar_test;

namespace {

const GstOneadaptKnob *knob_of(const GstOneadaptProbe *probe, const char *name) {
  for (guint i = 0; i < probe->knobs->len; i++) {
    const auto *knob = static_cast<const GstOneadaptKnob *>(probe->knobs->pdata[i]);
    if (!g_strcmp0(knob->name, name)) return knob;
  }
  return nullptr;
}

std::vector<unsigned> counts_of(const PointCloud &points) {
  std::vector<unsigned> counts(PolarGrid().blocks());
  for (const Point &p : points) counts[PolarGrid().block_of(p.x, p.y)]++;
  return counts;
}

GstOneadaptProbe *probe(Rig &rig, GstOneadaptGradient *g, std::string *why = nullptr) {
  static const gchar *const names[] = {"keep", "keep-map", nullptr};
  GError *error = nullptr;
  GstOneadaptProbe *answer = gst_oneadapt_tunable_probe(GST_ONEADAPT_TUNABLE(rig.find("oneadaptlidarfilter")),
                                                        g ? g->interval : 0, g, names, &error);
  if (error && why) *why = error->message;
  g_clear_error(&error);
  return answer;
}

guint64 bytes_at(const PointCloud &all, double keep) {
  Rig rig("oneadaptlidarfilter keep=" + std::to_string(keep) + " ! oneadaptlidardec");
  rig.turn(all);
  return stat_of(rig.find("oneadaptlidarfilter"), "bytes");
}

}  // namespace

TEST(LidarTunable, OutputGradIsTheGradientTimesThePointsThatComeOrGo) {
  const PointCloud all = street();
  const auto counts = counts_of(all);
  const auto block = std::size_t(std::max_element(counts.begin(), counts.end()) - counts.begin());
  Rig rig("oneadaptlidarfilter keep=50 ! oneadaptlidardec");
  for (unsigned turn = 0; turn < kTurns; turn++) rig.turn(all);
  GstOneadaptGradient *g = gradient({}, 0);
  g->values[block] = 0.5f;
  GstOneadaptProbe *answer = probe(rig, g);
  ASSERT_NE(answer, nullptr);
  const GstOneadaptKnob *keep = knob_of(answer, "keep");
  ASSERT_NE(keep, nullptr);
  EXPECT_EQ(keep->value, 50);
  EXPECT_NEAR(keep->output_grad_up, 0.5 * 0.5 * counts[block], 1e-3);
  EXPECT_NEAR(keep->output_grad_down, 0.5 * 0.25 * counts[block], 1e-3);
  // A map that follows the gradient keeps all of that block already at 50 %.
  const GstOneadaptKnob *map = knob_of(answer, "keep-map");
  ASSERT_NE(map, nullptr);
  EXPECT_LT(map->output_grad_up, 0.1 * keep->output_grad_up);
  gst_oneadapt_probe_free(answer);
  gst_oneadapt_gradient_free(g);
}

TEST(LidarTunable, ResourceIsBytesAndForecastsThemAtOtherShares) {
  const PointCloud all = street(64, 1200);
  const double whole = double(bytes_at(all, 100)), half = double(bytes_at(all, 50)),
               quarter = double(bytes_at(all, 25)), eighth = double(bytes_at(all, 12));
  Rig rig("oneadaptlidarfilter keep=25 ! oneadaptlidardec");
  rig.turn(all);
  GstOneadaptGradient *g = gradient({}, 0, 1);
  GstOneadaptProbe *answer = probe(rig, g);
  ASSERT_NE(answer, nullptr);
  EXPECT_EQ(answer->bytes, guint64(quarter));
  // The street is rougher than the scenes that the forecast was measured on.
  EXPECT_NEAR(answer->resource / (quarter / whole), 1, 0.15);
  const GstOneadaptKnob *keep = knob_of(answer, "keep");
  EXPECT_NEAR((answer->resource + keep->resource_change_up) / (half / whole), 1, 0.15);
  EXPECT_NEAR((answer->resource + keep->resource_change_down) / (eighth / whole), 1, 0.15);
  gst_oneadapt_probe_free(answer);
  gst_oneadapt_gradient_free(g);
}

TEST(LidarTunable, OfPointsThatAreNotCodedAShareIsAShare) {
  Rig rig("oneadaptlidarfilter keep=25 ! capsfilter caps=application/x-lidar");
  rig.turn(street());
  GstOneadaptGradient *g = gradient({}, 0, 1);
  GstOneadaptProbe *answer = probe(rig, g);
  ASSERT_NE(answer, nullptr);
  EXPECT_NEAR(answer->resource, 0.25, 0.005);
  EXPECT_NEAR(knob_of(answer, "keep")->resource_change_up, 0.25, 1e-6);
  gst_oneadapt_probe_free(answer);
  gst_oneadapt_gradient_free(g);
}

TEST(LidarTunable, RefusesGradientsOfSomethingElse) {
  Rig rig("oneadaptlidarfilter ! oneadaptlidardec");
  rig.turn(street(4, 100));
  std::string why;
  GstOneadaptGradient *picture = gst_oneadapt_gradient_new(64, 64, 16);
  EXPECT_EQ(probe(rig, picture, &why), nullptr);
  EXPECT_NE(why.find("of a grid in space, not of a space around a sensor"), std::string::npos) << why;
  GstOneadaptGradient *other = gradient({4, 1, 8}, 0);
  EXPECT_EQ(probe(rig, other, &why), nullptr);
  EXPECT_NE(why.find("of 4 x 1 blocks, not of the filter's 16 x 4"), std::string::npos) << why;
  gst_oneadapt_gradient_free(picture);
  gst_oneadapt_gradient_free(other);
}

TEST(LidarTunable, RendersOtherShares) {
  const PointCloud all = street();
  Rig rig("oneadaptlidarfilter keep=50 ! oneadaptlidardec");
  rig.turn(all);
  GstStructure *configuration = gst_structure_new("c", "keep", G_TYPE_DOUBLE, 12.0, nullptr);
  GstOneadaptRendering *rendering =
      gst_oneadapt_tunable_render(GST_ONEADAPT_TUNABLE(rig.find("oneadaptlidarfilter")), 0, configuration, nullptr);
  ASSERT_NE(rendering, nullptr);
  auto *sample = static_cast<GstSample *>(rendering->samples->pdata[0]);
  EXPECT_NEAR(double(points_of(gst_sample_get_buffer(sample)).size()), 0.12 * double(all.size()), 128);
  EXPECT_NEAR(rendering->resource, 0.157, 0.05);
  gst_oneadapt_rendering_free(rendering);
  gst_structure_free(configuration);
}

namespace {

/// What comes out once the controller has had gradients of a DNN that looks at one block.
struct Adapted {
  std::vector<unsigned> before, after;
  double keep = 0;
  std::size_t looks = 0;
};
Adapted adapted(const std::string &between) {
  const PointCloud all = street();
  Adapted result;
  result.before = counts_of(all);
  result.looks = PolarGrid().block_of(10, 2);
  Rig rig("oneadaptctl lockstep=true ! oneadaptlidarfilter ! " + between + "oneadaptlidardec");
  PointCloud out;
  for (guint64 interval = 0; interval < 12; interval++) {
    for (unsigned turn = 0; turn < kTurns; turn++) out = rig.turn(all);
    GstOneadaptGradient *g = gradient({}, interval);
    g->values[result.looks] = 0.01f;
    gst_harness_push_upstream_event(rig.h, gst_event_new_oneadapt_gradient(g));
    gst_oneadapt_gradient_free(g);
  }
  result.after = counts_of(rig.turn(all));
  g_object_get(rig.find("oneadaptlidarfilter"), "keep", &result.keep, nullptr);
  return result;
}

void expect_where_the_dnn_looks(const Adapted &a) {
  EXPECT_LT(a.keep, 100);
  const auto share = [&](std::size_t b) { return double(a.after[b]) / a.before[b]; };
  ASSERT_GT(a.before[a.looks], 0u);
  const std::size_t behind = PolarGrid().block_of(-10, -2);
  ASSERT_GT(a.before[behind], 0u);
  EXPECT_GT(share(a.looks), 2 * share(behind));
  EXPECT_LT(std::accumulate(a.after.begin(), a.after.end(), 0u),
            std::accumulate(a.before.begin(), a.before.end(), 0u) * 0.6);
}

}  // namespace

TEST(LidarTunable, TheControllerKeepsPointsWhereTheDnnLooks) { expect_where_the_dnn_looks(adapted("")); }

TEST(LidarTunable, AcrossRtpAndGdpToo) {
  expect_where_the_dnn_looks(adapted("rtpgstpay ! rtpgstdepay ! "));
  expect_where_the_dnn_looks(adapted("gdppay ! gdpdepay ! "));
}
