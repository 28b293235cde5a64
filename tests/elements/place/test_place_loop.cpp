// SPDX-License-Identifier: LGPL-2.1-or-later
// The whole loop: macroblocks are coded finest where the bright thing is in the filter's own picture, whatever stands
// in front of the controller, in front of the filter, or behind the decoder.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "core/gradient/frame_transform.h"
#include "place_run.h"

namespace {

using namespace oneadapt_test;
using oneadapt::Box;
using oneadapt::FrameTransform;
using oneadapt::Orientation;

const std::string kControl =
    " ! oneadaptctl name=ctl lockstep=true lockstep-timeout=20000000000 lambda=0 alpha=0 warm-start=false knobs=";
const std::string kFilter = " ! oneadaptfilter name=filter qp=24 qp-map-ladder=28,24,20 ! ";
const std::string kDecode = "h264parse ! avdec_h264 max-threads=1 ! ";

/// The middle of the finer macroblocks of the filter's map, in fractions of its picture; NaN where all are alike.
struct Finest {
  double x = NAN, y = NAN;
};

Finest finest(GstElement *pipeline) {
  GstElement *filter = gst_bin_get_by_name(GST_BIN(pipeline), "filter");
  GstStructure *map = nullptr;
  g_object_get(filter, "qp-map", &map, nullptr);
  gst_object_unref(filter);
  Finest at;
  int columns = 0, rows = 0;
  if (!map || !gst_structure_get(map, "columns", G_TYPE_INT, &columns, "rows", G_TYPE_INT, &rows, nullptr)) return at;
  const GValue *offsets = gst_structure_get_value(map, "offsets");
  std::vector<int> all;
  for (guint i = 0; i < gst_value_array_get_size(offsets); ++i)
    all.push_back(g_value_get_int(gst_value_array_get_value(offsets, i)));
  gst_structure_free(map);
  const auto [least, most] = std::minmax_element(all.begin(), all.end());
  if (*least == *most) return at;
  double x = 0, y = 0, n = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i] > (*least + *most) / 2) continue;  // not the finest alone: at the edges those are finer than within
    x += (double(int(i) % columns) + 0.5) / columns;
    y += (double(int(i) / columns) + 0.5) / rows;
    ++n;
  }
  return {x / n, y / n};
}

/// What is coded finest at the end of three intervals, and what was complained of.
Finest run_loop(const Camera &camera, const std::string &launch, PlaceResult &result) {
  Finest at;
  PlaceOptions options;
  options.frames = 32;
  options.finish = [&](GstElement *pipeline) { at = finest(pipeline); };
  result = run_place({camera}, launch, options);
  return at;
}

Camera camera_with(int x, int y) {
  Camera camera;
  camera.thing = {x, y, 24, 24};
  camera.caps = ",pixel-aspect-ratio=1/1";
  return camera;
}

/// Where the thing is in what the filter codes; `in_front` is what stands in front of that.
void expect_finest_on_the_thing(const Camera &camera, const std::string &launch, const FrameTransform &in_front = {}) {
  SCOPED_TRACE(launch);
  PlaceResult result;
  const Finest at = run_loop(camera, launch, result);
  EXPECT_TRUE(result.warnings.empty()) << result.warnings.front();
  const Rectangle &t = camera.thing;
  const double w = camera.width, h = camera.height;
  const Box there = in_front.to_picture({t.x / w, t.y / h, (t.x + t.width) / w, (t.y + t.height) / h});
  constexpr double kNear = 0.08;  // a macroblock and a quarter of the shorter side
  EXPECT_NEAR(at.x, (there.x0 + there.x1) / 2, kNear);
  EXPECT_NEAR(at.y, (there.y0 + there.y1) / 2, kNear);
}

}  // namespace

TEST(PlaceLoop, BehindTheDecoder) {
  for (const char *needed : {"videoflip", "videocrop", "videobox", "compositor", "avdec_h264"}) NEED(needed);
  for (const char *between :
       {"identity", "videoflip video-direction=horiz", "videoflip video-direction=90r", "videocrop left=64 top=32",
        "videobox left=-64 bottom=40", "videoscale ! video/x-raw,width=400,height=200,pixel-aspect-ratio=1/1",
        "queue ! videocrop right=16 ! videoflip video-direction=ur-ll ! videoscale ! "
        "video/x-raw,width=320,height=320,pixel-aspect-ratio=1/1",
        "compositor background=black sink_0::xpos=50 sink_0::width=128 sink_0::height=96 ! "
        "video/x-raw,width=256,height=256"})
    expect_finest_on_the_thing(camera_with(176, 48),
                               "cam0." + kControl + "qp-map" + kFilter + kDecode + between + " ! dnn_in.");
}

TEST(PlaceLoop, InFrontOfTheControllerAndOfTheFilter) {
  for (const char *needed : {"videoflip", "videocrop", "avdec_h264"}) NEED(needed);
  const Camera camera = camera_with(176, 48);
  const auto turned = FrameTransform::turned(Orientation::Rotate90);
  const auto cropped = FrameTransform::placed({64 / 256.0, 32 / 192.0, 1, 1}, {0, 0, 1, 1});
  const std::string turn = " ! videoflip video-direction=90r", crop = " ! videocrop left=64 top=32",
                    mirror = " ! videoflip video-direction=horiz";
  expect_finest_on_the_thing(camera, "cam0." + turn + kControl + "qp-map" + kFilter + kDecode + "identity ! dnn_in.",
                             turned);
  expect_finest_on_the_thing(camera, "cam0." + kControl + "qp-map" + turn + kFilter + kDecode + "identity ! dnn_in.",
                             turned);
  expect_finest_on_the_thing(camera, "cam0." + kControl + "qp-map" + crop + kFilter + kDecode + "identity ! dnn_in.",
                             cropped);
  // On both sides of the filter.
  expect_finest_on_the_thing(
      camera, "cam0." + crop + kControl + "qp-map" + turn + kFilter + kDecode + "identity" + mirror + " ! dnn_in.",
      cropped.then(turned));
}

// The size that is decoded moves, what is cropped of it in pixels stays: another share of the picture each time.
TEST(PlaceLoop, WhileTheScaleMoves) {
  for (const char *needed : {"videocrop", "videoflip", "avdec_h264"}) NEED(needed);
  Camera camera = camera_with(0, 0);
  camera.thing = {96, 56, 64, 64};
  PlaceResult result;
  const std::string between = "queue ! videocrop left=24 top=24 ! videoflip video-direction=vert ! dnn_in.";
  Finest at;
  int interval = 0;
  PlaceOptions options;
  options.frames = 42;
  options.setup = [&](GstElement *pipeline) {
    GstElement *ctl = gst_bin_get_by_name(GST_BIN(pipeline), "ctl");
    GstPad *pad = gst_element_get_static_pad(ctl, "sink");
    gst_pad_add_probe(
        pad, GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad *p, GstPadProbeInfo *info, gpointer data) {
          const auto number = int(GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info)) / GST_SECOND);
          auto *last = static_cast<int *>(data);
          if (number == *last) return GST_PAD_PROBE_OK;
          *last = number;
          constexpr double kScales[] = {1, 0.5, 0.75, 0.5, 1};
          GstElement *element = gst_pad_get_parent_element(p);
          GstElement *bin = GST_ELEMENT(gst_object_get_parent(GST_OBJECT(element)));
          GstElement *filter = gst_bin_get_by_name(GST_BIN(bin), "filter");
          g_object_set(filter, "scale", kScales[number], nullptr);
          gst_object_unref(filter);
          gst_object_unref(bin);
          gst_object_unref(element);
          return GST_PAD_PROBE_OK;
        },
        &interval, nullptr);
    gst_object_unref(pad);
    gst_object_unref(ctl);
  };
  options.finish = [&](GstElement *pipeline) { at = finest(pipeline); };
  result = run_place({camera}, "cam0." + kControl + "qp-map" + kFilter + kDecode + between, options);
  ASSERT_EQ(result.echoes.size(), 5u);
  const unsigned widths[] = {256 - 24, 256 - 24, 128 - 24, 192 - 24, 128 - 24};  // the first gradient is an early one
  for (int i = 0; i < 5; ++i) EXPECT_EQ(result.echoes[std::size_t(i)].width, widths[i]) << i;
  EXPECT_TRUE(result.warnings.empty()) << result.warnings.front();
  // The brightest cell is the thing's first in the flipped picture: its lower left corner, which lies in a block of 32
  // pixels of the camera's.
  EXPECT_NEAR(at.x, 104 / 256.0, 32 / 256.0);
  EXPECT_NEAR(at.y, 112 / 192.0, 32 / 192.0);
}

// Where places are lost, no place is preferred: the map is flat, and the user hears of it.
TEST(PlaceLoop, ThroughSomethingThatCannotBeFollowed) {
  for (const char *needed : {"rotate", "avdec_h264"}) NEED(needed);
  PlaceResult result;
  const Finest at = run_loop(
      camera_with(176, 48),
      "cam0." + kControl + "qp-map" + kFilter + kDecode + "videoconvert ! rotate name=x angle=1 ! dnn_in.", result);
  EXPECT_TRUE(std::isnan(at.x)) << at.x << ", " << at.y;
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_NE(result.warnings[0].find("\"x\" (rotate)"), std::string::npos) << result.warnings[0];
}

// A filter that passes pictures on uncoded is where the gradient's place ends, as a decoder is.
TEST(PlaceLoop, BehindAFilterOfRawPictures) {
  for (const char *needed : {"videoflip", "videocrop"}) NEED(needed);
  const Camera camera = camera_with(176, 48);
  std::vector<Map> maps;
  std::mutex mutex;
  struct Recorder {
    std::vector<Map> *maps;
    std::mutex *mutex;
  } recorder{&maps, &mutex};
  PlaceOptions options;
  options.setup = [&](GstElement *pipeline) {
    GstElement *filter = gst_bin_get_by_name(GST_BIN(pipeline), "filter");
    GstPad *pad = gst_element_get_static_pad(filter, "src");
    gst_pad_add_probe(
        pad, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM,
        [](GstPad *, GstPadProbeInfo *info, gpointer data) {
          auto *r = static_cast<Recorder *>(data);
          if (!gst_event_is_oneadapt_gradient(GST_PAD_PROBE_INFO_EVENT(info))) return GST_PAD_PROBE_OK;
          std::lock_guard<std::mutex> lock(*r->mutex);
          r->maps->push_back(map_of(GST_PAD_PROBE_INFO_EVENT(info)));
          return GST_PAD_PROBE_OK;
        },
        &recorder, nullptr);
    gst_object_unref(pad);
    gst_object_unref(filter);
  };
  PlaceResult result =
      run_place({camera},
                "cam0. ! videoflip video-direction=horiz" + kControl +
                    "framerate ! oneadaptfilter name=filter ! video/x-raw ! videocrop left=8 ! videoflip "
                    "video-direction=90l ! dnn_in.",
                options);
  Camera mirrored = camera;
  mirrored.thing.x = camera.width - camera.thing.x - camera.thing.width;
  result.maps = {maps};
  expect_on_the_thing(result, mirrored);
}
