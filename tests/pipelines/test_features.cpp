// SPDX-License-Identifier: LGPL-2.1-or-later
// A detector in two halves: cut, described, and with its features coded as video between them.
#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "../tools/import_run.h"
#include "element_rig.h"
#include "footage.h"
#include "gstoneadapt.h"
#include "model/feature_head.h"
#include "model/model.h"
#include "play.h"
#include "test_models.h"

namespace {

using namespace oneadapt_test;
using import_test::import;
using import_test::Outcome;
using Json = nlohmann::json;

constexpr unsigned kWidth = 64, kHeight = 48;

/// One "bright thing", the brightest of cells of `side`² pixels. The cells are its features, v1, which are all that the
/// rest needs; v2, what is looked at of them, is not, as its place is looked up in v1.
std::string brightest(unsigned side = 8, const std::string &features = "torch.avg_pool2d(x, [side, side])",
                      const std::string &looked_at = "torch.mean(v1, [1], True)") {
  return "def forward(self, x):\n    side = " + std::to_string(side) + "\n    v1 = " + features +
         "\n    v2 = " + looked_at + R"(
    columns = v1.size(3)
    flat = v2.reshape([-1])
    best = flat.argmax()
    y = (best // columns) * side
    x0 = (best % columns) * side
    box = torch.stack([x0, y, x0 + side, y + side]).to(v1.dtype).reshape([1, 4])
    return box, flat[best].reshape([1]), torch.tensor([0], device=v1.device)
)";
}
const char *const kDescription = R"({"format": 1, "name": "brightest", "input": {"multiple_of": 8},
    "output": {"layout": "boxes", "boxes": [0], "scores": [1], "labels": 2}, "labels": ["bright thing"]})";

/// Gray, with a bright cell.
std::vector<std::uint8_t> pixels(unsigned column, unsigned row) {
  auto rgb = plain_rgb(kWidth, kHeight, 90, 90, 90);
  paint(rgb, kWidth, 8 * column, 8 * row, 8, 8, 200, 210, 190);
  return rgb;
}
oneadapt::RgbFrame frame_of(const std::vector<std::uint8_t> &rgb) { return {rgb.data(), 3 * kWidth, kWidth, kHeight}; }

class Features : public ::testing::Test {
 protected:
  void SetUp() override {
    whole_ = folder_.file("whole.pt");
    save_module(whole_, brightest(), kDescription);
  }
  /// Cuts it; the names are those of the halves.
  void split(const std::string &name = "half") {
    const Outcome outcome = import({"--split", "v1", whole_, folder_.file(name + ".pt"), "--input-size", "64x48"});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    head_ = folder_.file(name + "-head.pt");
    tail_ = folder_.file(name + "-tail.pt");
  }
  static oneadapt::ModelOptions options(const std::string &path) {
    oneadapt::ModelOptions o;
    o.path = path;
    o.device = "cpu";
    o.plan = "plain";
    return o;
  }

  TemporaryFolder folder_;
  std::string whole_, head_, tail_;
};

TEST_F(Features, ListShowsWhereItCanBeCut) {
  const Outcome outcome = import({"--split", "list", whole_, "--input-size", "64x48"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("v1: 1×3×6×8"), std::string::npos) << outcome.out;
  EXPECT_EQ(outcome.out.find("v2"), std::string::npos) << outcome.out;
}

TEST_F(Features, WhatCannotBeCutIsSaid) {
  const auto error = [&](std::vector<std::string> arguments) {
    const Outcome outcome = import(arguments);
    EXPECT_EQ(outcome.status, 1);
    return outcome.err;
  };
  const std::string out = folder_.file("x.pt");
  EXPECT_NE(error({"--split", "v9", whole_, out, "--input-size", "64x48"}).find("has no value v9"), std::string::npos);
  EXPECT_NE(error({"--split", "v2", whole_, out, "--input-size", "64x48"}).find("needs v1 too"), std::string::npos);
  EXPECT_NE(error({"--split", "v1", whole_, out}).find("--input-size"), std::string::npos);
  EXPECT_NE(error({"--split", "v1", whole_, out, "--input-size", "65x48"}).find("multiples of 8"), std::string::npos);
  EXPECT_NE(error({"--split", "v1", whole_, "--input-size", "64x48"}).find("OUTPUT.pt"), std::string::npos);
  EXPECT_NE(error({"--split", "v1", whole_, out, "--set", "a=b"}).find("--set does not go with"), std::string::npos);
  EXPECT_FALSE(std::ifstream(folder_.file("x-head.pt")));
}

TEST_F(Features, BothHalvesGiveWhatTheWholeGives) {
  split();
  const auto whole = oneadapt::Model::load(options(whole_));
  const auto head = oneadapt::FeatureHead::load(options(head_));
  const auto tail = oneadapt::Model::load(options(tail_));
  const auto &features = head->description().features;
  EXPECT_EQ(features.mosaic.channels, 3u);
  EXPECT_EQ(features.mosaic.plane[0], 8u);
  EXPECT_EQ(features.mosaic.plane[1], 6u);
  EXPECT_EQ(tail->description().features.pair, features.pair);
  const unsigned width = features.mosaic.width(), height = features.mosaic.height();
  for (const auto &[column, row] : {std::pair(3u, 2u), {0u, 0u}, {7u, 5u}}) {
    const auto rgb = pixels(column, row);
    std::vector<std::uint8_t> mosaic(std::size_t(width) * height), colours;
    head->run(frame_of(rgb), mosaic.data(), width);
    for (const std::uint8_t level : mosaic) colours.insert(colours.end(), 3, level);
    const auto expected = whole->infer(frame_of(rgb));
    const auto found = tail->infer({colours.data(), 3 * width, width, height});
    ASSERT_EQ(expected.size(), 1u);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_NEAR(found[0].score, expected[0].score, 0.005);
    EXPECT_DOUBLE_EQ(found[0].box.x0, column / 8.0);
    EXPECT_DOUBLE_EQ(found[0].box.x1, (column + 1) / 8.0);
    EXPECT_DOUBLE_EQ(found[0].box.y0, row / 6.0);
    EXPECT_DOUBLE_EQ(found[0].box.y1, (row + 1) / 6.0);
  }
}

TEST_F(Features, AHalfIsRefusedWhereTheOtherIsDue) {
  split();
  const auto error = [](auto load) -> std::string {
    try {
      load();
    } catch (const oneadapt::ModelError &e) {
      return e.what();
    }
    return "";
  };
  EXPECT_NE(error([&] { oneadapt::Model::load(options(head_)); }).find("oneadaptfeatures"), std::string::npos);
  EXPECT_NE(error([&] { oneadapt::FeatureHead::load(options(tail_)); }).find("no first half"), std::string::npos);
  EXPECT_NE(error([&] { oneadapt::FeatureHead::load(options(whole_)); }).find("--split"), std::string::npos);
  const Outcome again = import({"--split", "v1", tail_, folder_.file("x.pt"), "--input-size", "64x48"});
  EXPECT_NE(again.err.find("half a detector already"), std::string::npos) << again.err;
}

/// Elements in a harness that plays pictures.
class Pipeline {
 public:
  explicit Pipeline(const std::string &launch) {
    harness = gst_harness_new_parse(launch.c_str());
    bus_ = gst_bus_new();
    gst_element_set_bus(harness->element, bus_);
    gst_harness_set_src_caps_str(harness, "video/x-raw,format=RGB,width=64,height=48,framerate=10/1");
  }
  ~Pipeline() {
    gst_element_set_bus(harness->element, nullptr);
    gst_object_unref(bus_);
    gst_harness_teardown(harness);
  }
  GstFlowReturn push(unsigned number, unsigned column, unsigned row) {
    const auto rgb = pixels(column, row);
    GstBuffer *buffer = gst_buffer_new_memdup(rgb.data(), rgb.size());
    GST_BUFFER_PTS(buffer) = number * GST_SECOND / 10;
    GST_BUFFER_DURATION(buffer) = GST_SECOND / 10;
    return gst_harness_push(harness, buffer);
  }
  std::string error() {
    std::string text;
    EXPECT_EQ(count_messages(bus_, GST_MESSAGE_ERROR, &text), 1u);
    return text;
  }
  GstHarness *harness;

 private:
  GstBus *bus_;
};

TEST_F(Features, CapsSayWhatTheMosaicIs) {
  split();
  Pipeline pipeline("oneadaptfeatures model=" + head_);
  ASSERT_EQ(pipeline.push(0, 1, 1), GST_FLOW_OK);
  GstCaps *caps = gst_pad_get_current_caps(pipeline.harness->sinkpad);
  const GstStructure *s = gst_caps_get_structure(caps, 0);
  int channels = 0, width = 0, height = 0;
  EXPECT_TRUE(gst_structure_get(s, "oneadapt-channels", G_TYPE_INT, &channels, "oneadapt-picture-width", G_TYPE_INT,
                                &width, "oneadapt-picture-height", G_TYPE_INT, &height, nullptr));
  EXPECT_EQ(channels, 3);
  EXPECT_EQ(width, 64);
  EXPECT_EQ(height, 48);
  EXPECT_STREQ(gst_structure_get_string(s, "format"), "GRAY8");
  gst_caps_unref(caps);
}

TEST_F(Features, ResultsAreOfThePictureAndGradientsOfTheMosaic) {
  split();
  const std::string results = folder_.file("results.jsonl");
  Pipeline pipeline("oneadaptfeatures model=" + head_ +
                    " ! oneadaptfilter qp=12 ! h264parse ! avdec_h264 max-threads=1 "
                    "! oneadaptdnn keep-up=off device=cpu plan=plain model=" +
                    tail_ + " results-location=" + results);
  for (unsigned i = 0; i < 20; ++i) ASSERT_EQ(pipeline.push(i, i % 8, i % 6), GST_FLOW_OK) << i;
  gst_harness_push_event(pipeline.harness, gst_event_new_eos());
  unsigned frames = 0;
  std::ifstream in(results);
  for (std::string line; std::getline(in, line); ++frames) {
    const Json json = Json::parse(line);
    EXPECT_EQ(json["resolution"]["width"], 64);
    EXPECT_EQ(json["resolution"]["height"], 48);
    ASSERT_EQ(json["objects"].size(), 1u) << frames;
    EXPECT_EQ(json["objects"][0]["x"], 8 * (frames % 8));
    EXPECT_EQ(json["objects"][0]["y"], 8 * (frames % 6));
    EXPECT_EQ(json["objects"][0]["w"], 8);
  }
  EXPECT_EQ(frames, 20u);
  unsigned gradients = 0;
  while (GstEvent *event = gst_harness_try_pull_upstream_event(pipeline.harness)) {
    if (gst_event_is_oneadapt_gradient(event)) {
      GstOneadaptGradient *gradient = nullptr;
      gst_event_parse_oneadapt_gradient(event, &gradient, nullptr);
      double sum = 0;
      for (guint i = 0; i < gradient->columns * gradient->rows; ++i) sum += gradient->values[i];
      EXPECT_GT(sum, 0);
      EXPECT_EQ(gradient->frame_width % 16, 0u);
      EXPECT_NE(gradient->frame_width, 64u) << "the mosaic's, not the picture's";
      gst_oneadapt_gradient_free(gradient);
      ++gradients;
    }
    gst_event_unref(event);
  }
  EXPECT_GE(gradients, 2u);
}

TEST_F(Features, HalvesOfTwoPairsAreRefused) {
  split("one");
  const std::string head = head_;
  // Another cut of the same file: the same shape, another pair.
  save_module(whole_, brightest(8, "torch.avg_pool2d(x, [side, side]) * 2"), kDescription);
  split("two");
  Pipeline coded("oneadaptfeatures model=" + head +
                 " ! oneadaptfilter qp=40 ! h264parse ! avdec_h264 max-threads=1 ! "
                 "oneadaptdnn keep-up=off device=cpu plan=plain model=" +
                 tail_);
  for (unsigned i = 0; i < 3; ++i) coded.push(i, 1, 1);
  EXPECT_NE(coded.error().find("use halves of one split"), std::string::npos);
}

TEST_F(Features, PicturesAreNoMosaic) {
  split();
  Pipeline pipeline("oneadaptdnn keep-up=off device=cpu plan=plain model=" + tail_);
  EXPECT_NE(pipeline.push(0, 1, 1), GST_FLOW_OK);
  EXPECT_NE(pipeline.error().find("no mosaics of features of 3 channels"), std::string::npos);
}

// The DNN looks at one of three channels more than at the others, which without `blocks` would have coarser QPs.
TEST_F(Features, AMapHasOneQpForAPlaceInAllTiles) {
  // Cells of 2×2 pixels: a tile has 2×2 macroblocks.
  save_module(whole_,
              brightest(2, "torch.avg_pool2d(x, [side, side])", "v1[:, 0:1] + v1[:, 1:2] * 0.03 + v1[:, 2:3] * 0.01"),
              kDescription);
  split();
  Pipeline pipeline("oneadaptfeatures model=" + head_ +
                    " ! oneadaptctl knobs=qp-map lockstep=true ! "
                    "oneadaptfilter name=f blocks=4 qp=28 ! h264parse ! avdec_h264 max-threads=1 ! "
                    "oneadaptdnn keep-up=off device=cpu plan=plain model=" +
                    tail_);
  for (unsigned i = 0; i < 40; ++i) ASSERT_EQ(pipeline.push(i, 6, 4), GST_FLOW_OK) << i;
  GstElement *filter = gst_bin_get_by_name(GST_BIN(pipeline.harness->element), "f");
  GstStructure *map = nullptr;
  g_object_get(filter, "qp-map", &map, nullptr);
  gst_object_unref(filter);
  ASSERT_NE(map, nullptr) << "the DNN has said where it looks";
  int columns = 0;
  ASSERT_TRUE(gst_structure_get_int(map, "columns", &columns));
  const GValue *offsets = gst_structure_get_value(map, "offsets");
  const auto at = [&](int x, int y) {
    return g_value_get_int(gst_value_array_get_value(offsets, guint(y * columns + x)));
  };
  const oneadapt::MosaicLayout layout = oneadapt::MosaicLayout::of(3, 32, 24);
  std::set<int> all;
  for (int y = 0; y < 2; ++y)
    for (int x = 0; x < 2; ++x)
      for (unsigned channel = 0; channel < 3; ++channel) {
        const int left = int(channel % layout.columns) * 2, top = int(channel / layout.columns) * 2;
        EXPECT_EQ(at(left + x, top + y), at(x, y)) << "channel " << channel << ", " << x << ", " << y;
        all.insert(at(left + x, top + y));
      }
  EXPECT_GT(all.size(), 1u) << "finer where the DNN looks";
  gst_clear_structure(&map);
}

/// The launch line of docs/features.md, of these halves, over the first frames of the clip.
std::string documented_line(const std::string &head, const std::string &tail, const std::string &results) {
  std::ifstream page(root() / "docs/features.md");
  const std::string text((std::istreambuf_iterator<char>(page)), std::istreambuf_iterator<char>());
  const std::string begin = "gst-launch-1.0 ";
  const auto from = text.find(begin), to = text.find("```", from);
  if (from == std::string::npos || to == std::string::npos) return "";
  std::string line = text.substr(from + begin.size(), to - from - begin.size());
  const auto replace = [&](const std::string &what, const std::string &by) {
    const auto at = line.find(what);
    EXPECT_NE(at, std::string::npos) << "docs/features.md has no " << what;
    if (at != std::string::npos) line.replace(at, what.size(), by);
  };
  for (auto at = line.find("\\\n"); at != std::string::npos; at = line.find("\\\n")) line.replace(at, 2, " ");
  replace("clips/vtest.avi", vtest());
  replace("videoconvert !", "videoconvert ! identity eos-after=6 !");
  replace("features-head.pt", head);
  replace("features-tail.pt", tail);
  replace("/tmp/results.jsonl", results);
  return line;
}

TEST_F(Features, NanoDetIsCutAtV14AndTheDocumentedLineRuns) {
  NEED(model());
  NEED(vtest());
  const Outcome list = import({"--split", "list", model(), "--input-size", "320x256"});
  EXPECT_NE(list.out.find("v14: 1×64×32×40"), std::string::npos) << list.out << list.err;
  const Outcome outcome = import({"--split", "v14", model(), folder_.file("n.pt"), "--input-size", "320x256"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const std::string results = folder_.file("results.jsonl");
  EXPECT_EQ(play_line(documented_line(folder_.file("n-head.pt"), folder_.file("n-tail.pt"), results)), "");
  std::ifstream in(results);
  unsigned frames = 0;
  for (std::string line; std::getline(in, line); ++frames) EXPECT_FALSE(Json::parse(line)["objects"].empty()) << frames;
  EXPECT_GE(frames, 5u);
}

}  // namespace
