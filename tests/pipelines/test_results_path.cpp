// SPDX-License-Identifier: LGPL-2.1-or-later
// What stands between oneadaptdnn and oneadaptoverlay: results survive it in their places, or the overlay says that
// they do not, and draws none.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <utility>

#include "recorded.h"
#include "test_models.h"

using namespace oneadapt_test;

namespace {

/// One box, in the top left quarter of any picture.
std::string save_corner(const TemporaryFolder &folder, const std::string &label = "thing", double score = 0.9) {
  const std::string path = folder.file(label + ".pt");
  save_module(path,
              R"(
def forward(self, x):
    w, h = x.size(3) / 2, x.size(2) / 2
    score = torch.mean(x).reshape([1]) * 0.0 + )" +
                  std::to_string(score) + R"(
    return torch.tensor([[0.0, 0.0, w, h]], device=x.device), score, torch.tensor([0], device=x.device)
)",
              R"({"format": 1, "name": "corner", "input": {"multiple_of": 1},
    "output": {"layout": "boxes", "boxes": [0], "scores": [1], "labels": 2}, "labels": [")" +
                  label + R"("]})");
  return path;
}
const Sides kCorner{0, 0, 0.5, 0.5};

/// What the last of five pictures came to, and the warnings of the overlay.
struct Seen {
  GstSample *last = nullptr;
  std::vector<std::string> warnings;
  Seen() = default;
  Seen(Seen &&other) : last(std::exchange(other.last, nullptr)), warnings(std::move(other.warnings)) {}
  ~Seen() {
    if (last) gst_sample_unref(last);
  }
  /// Pixels with colour: the picture itself is grey.
  int coloured() const {
    GstVideoInfo info;
    GstVideoFrame frame;
    if (!last || !gst_video_info_from_caps(&info, gst_sample_get_caps(last)) ||
        !gst_video_frame_map(&frame, &info, gst_sample_get_buffer(last), GST_MAP_READ))
      return -1;
    int n = 0;
    for (int y = 0; y < info.height; ++y)
      for (int x = 0; x < info.width; ++x)
        for (guint c = 1; c < 3; ++c) {
          const auto *data = static_cast<const guint8 *>(GST_VIDEO_FRAME_COMP_DATA(&frame, c));
          n += std::abs(int(data[y / 2 * GST_VIDEO_FRAME_COMP_STRIDE(&frame, c) + x / 2]) - 128) > 4;
        }
    gst_video_frame_unmap(&frame);
    return n;
  }
};

using Prepare = std::function<void(GstElement *pipeline)>;

Seen show(const std::string &dnn, const std::string &between, const std::string &overlay, const Prepare &prepare = {}) {
  Seen seen;
  const std::string launch =
      "videotestsrc num-buffers=5 pattern=solid-color foreground-color=0xff707070 ! "
      "video/x-raw,format=I420,width=160,height=120,framerate=5/1,pixel-aspect-ratio=1/1 ! oneadaptdnn name=dnn " +
      dnn + " ! " + between + " ! " + overlay +
      " ! videoconvert ! video/x-raw,format=I420 ! appsink name=out sync=false";
  GError *error = nullptr;
  GstElement *pipeline = gst_parse_launch(launch.c_str(), &error);
  if (error) {
    ADD_FAILURE() << error->message;
    g_clear_error(&error);
    return seen;
  }
  if (prepare) prepare(pipeline);
  GstElement *out = gst_bin_get_by_name(GST_BIN(pipeline), "out");
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  while (GstSample *sample = gst_app_sink_pull_sample(GST_APP_SINK(out))) {
    if (seen.last) gst_sample_unref(seen.last);
    seen.last = sample;
  }
  EXPECT_NE(seen.last, nullptr) << "no picture came through";
  GstBus *bus = gst_element_get_bus(pipeline);
  while (GstMessage *m = gst_bus_pop_filtered(bus, GstMessageType(GST_MESSAGE_WARNING | GST_MESSAGE_ERROR))) {
    gchar *debug = nullptr;
    if (GST_MESSAGE_TYPE(m) == GST_MESSAGE_ERROR)
      gst_message_parse_error(m, &error, &debug);
    else
      gst_message_parse_warning(m, &error, &debug);
    seen.warnings.push_back(std::string(error->message) + " " + (debug ? debug : ""));
    g_clear_error(&error);
    g_free(debug);
    gst_message_unref(m);
  }
  gst_object_unref(bus);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(out);
  gst_object_unref(pipeline);
  return seen;
}

std::vector<GstVideoRegionOfInterestMeta *> regions(GstSample *sample) {
  std::vector<GstVideoRegionOfInterestMeta *> found;
  gpointer state = nullptr;
  while (GstMeta *meta = gst_buffer_iterate_meta_filtered(gst_sample_get_buffer(sample), &state,
                                                          GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))
    found.push_back(reinterpret_cast<GstVideoRegionOfInterestMeta *>(meta));
  return found;
}

class ResultsPath : public ::testing::Test {
 protected:
  TemporaryFolder folder;
};

const char *const kOverlay = "oneadaptoverlay status=false gradient=true name=overlay";

}  // namespace

TEST_F(ResultsPath, BoxesAreInPlaceBehindConvertersAndScalers) {
  const std::string dnn = "model=" + save_corner(folder);
  for (const char *between :
       {"identity", "queue", "videoconvert ! video/x-raw,format=NV12", "videoconvert ! video/x-raw,format=RGB",
        "videoscale ! video/x-raw,width=320,height=240", "videoscale ! video/x-raw,width=80,height=60",
        "videoscale ! video/x-raw,width=202,height=151,pixel-aspect-ratio=1/1",  // rounded
        "videoscale ! video/x-raw,width=200,height=200",                         // the pixels change their shape
        "videoconvertscale ! video/x-raw,format=BGRx,width=320,height=240 ! videoscale ! "
        "video/x-raw,width=100,height=76 ! videoconvert ! video/x-raw,format=NV12",
        "videocrop", "videorate ! video/x-raw,framerate=10/1"}) {
    const Seen seen = show(dnn, between, kOverlay);
    ASSERT_NE(seen.last, nullptr);
    EXPECT_GE(outlined(seen.last, kCorner), 0.6) << between;
    EXPECT_LE(outlined(seen.last, {0.4, 0.4, 0.9, 0.9}), 0.2) << between;
    EXPECT_TRUE(seen.warnings.empty()) << between << ": " << seen.warnings.front();
  }
}

// GStreamer does not say where in the new picture a place of the old one is. Neither boxes nor heat map may be guessed.
TEST_F(ResultsPath, WhatIsMovedIsNotDrawnAndSaidOnce) {
  const std::string dnn = "model=" + save_corner(folder);
  const std::pair<const char *, const char *> cases[] = {
      {"videoflip name=turned video-direction=horiz", "turned"},
      {"videoflip name=turned video-direction=90r ! videoscale ! video/x-raw,width=240,height=320", "turned"},
      {"videocrop name=cut left=40 top=20", "cut"},
      {"videocrop name=cut left=40 ! videoscale ! video/x-raw,width=160,height=120", "cut"},
      {"videobox name=framed top=-40", "framed"},
      {"videoscale name=bordered ! video/x-raw,width=200,height=100,pixel-aspect-ratio=1/1", "bordered"}};
  for (const auto &[between, name] : cases) {
    const Seen seen = show(dnn, between, kOverlay);
    EXPECT_EQ(seen.coloured(), 0) << between;
    ASSERT_EQ(seen.warnings.size(), 1u) << between;
    EXPECT_NE(seen.warnings[0].find("right behind oneadaptdnn"), std::string::npos) << seen.warnings[0];
    EXPECT_NE(seen.warnings[0].find(name), std::string::npos) << seen.warnings[0];
  }
}

TEST_F(ResultsPath, FramesThatLoseTheirMetadataAreNoticed) {
  const std::string dnn = "interval=400000000 model=" + save_corner(folder);
  const auto strip = [](GstElement *pipeline) {
    GstElement *dropper = gst_bin_get_by_name(GST_BIN(pipeline), "dropper");
    GstPad *pad = gst_element_get_static_pad(dropper, "src");
    gst_pad_add_probe(
        pad, GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad *, GstPadProbeInfo *info, gpointer) {
          GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
          GST_PAD_PROBE_INFO_DATA(info) =
              gst_buffer_copy_region(buffer, GstBufferCopyFlags(GST_BUFFER_COPY_MEMORY | GST_BUFFER_COPY_TIMESTAMPS), 0,
                                     gst_buffer_get_size(buffer));
          gst_buffer_unref(buffer);
          return GST_PAD_PROBE_OK;
        },
        nullptr, nullptr);
    gst_object_unref(pad);
    gst_object_unref(dropper);
  };
  const Seen seen = show(dnn, "identity name=dropper", "oneadaptoverlay status=false", strip);
  EXPECT_EQ(seen.coloured(), 0);
  ASSERT_EQ(seen.warnings.size(), 1u);
  EXPECT_NE(seen.warnings[0].find("drops metadata"), std::string::npos) << seen.warnings[0];
}

TEST_F(ResultsPath, NothingFoundIsNothingLost) {
  const std::string dnn = "threshold=0.99 model=" + save_corner(folder);
  EXPECT_TRUE(show(dnn, "videoscale ! video/x-raw,width=320,height=240", kOverlay).warnings.empty());
}

// For anybody behind a scaler, and of two detectors to each its own.
TEST_F(ResultsPath, RegionsKeepTheirParameters) {
  const std::string first = save_corner(folder, "first", 0.75), second = save_corner(folder, "second", 0.5);
  const Seen seen = show("gradient=false model=" + first,
                         "oneadaptdnn gradient=false model=" + second +
                             " ! videoscale ! video/x-raw,width=320,height=240 ! videoconvert ! "
                             "video/x-raw,format=RGB",
                         "identity");
  ASSERT_NE(seen.last, nullptr);
  const auto found = regions(seen.last);
  ASSERT_EQ(found.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_STREQ(g_quark_to_string(found[i]->roi_type), i ? "second" : "first");
    EXPECT_EQ(found[i]->w, 160u);
    const GstStructure *detection = gst_video_region_of_interest_meta_get_param(found[i], "detection");
    ASSERT_NE(detection, nullptr) << i;
    double confidence = 0, x_max = 0;
    gst_structure_get(detection, "confidence", G_TYPE_DOUBLE, &confidence, "x_max", G_TYPE_DOUBLE, &x_max, nullptr);
    EXPECT_NEAR(confidence, i ? 0.5 : 0.75, 1e-6);
    EXPECT_NEAR(x_max, 0.5, 1e-6);
    EXPECT_EQ(g_list_length(found[i]->params), 1u);
  }
}

TEST_F(ResultsPath, MasksComeAlong) {
  const std::string dnn = "gradient=false model=" + save_painted(folder, R"({"output": {"smallest": 0}})");
  const std::string red = "videoscale ! video/x-raw,width=320,height=240 ! videoconvert";
  const Seen none = show(dnn, red, "oneadaptoverlay status=false");
  EXPECT_EQ(none.coloured(), 0) << "grey is neither red nor green enough";
  const Seen seen = show(dnn + " threshold=0.1", red, "identity", [](GstElement *pipeline) {
    GstElement *source = nullptr;
    GstIterator *it = gst_bin_iterate_sources(GST_BIN(pipeline));
    GValue value = G_VALUE_INIT;
    if (gst_iterator_next(it, &value) == GST_ITERATOR_OK) source = GST_ELEMENT(g_value_get_object(&value));
    if (source) g_object_set(source, "foreground-color", 0xffff0000u, nullptr);
    g_value_unset(&value);
    gst_iterator_free(it);
  });
  ASSERT_NE(seen.last, nullptr);
  const auto found = regions(seen.last);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_NE(gst_video_region_of_interest_meta_get_param(found[0], "detection"), nullptr);
  EXPECT_NE(gst_video_region_of_interest_meta_get_param(found[0], "mask"), nullptr);
}
