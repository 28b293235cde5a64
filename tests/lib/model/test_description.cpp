// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/vision/metrics.h"
#include "core/vision/nms.h"
#include "model/description.h"

namespace {

using oneadapt::ModelDescription;
using oneadapt::nms;

const char *const kNanodet = R"({
  "format": 1, "name": "n", "source": "s", "licence": "l", "task": "detection",
  "input": {"width": 416, "height": 416, "multiple_of": 32, "colour": "BGR", "range": 255,
            "mean": [103.53, 116.28, 123.675], "std": [57.375, 57.12, 58.395]},
  "output": {"layout": "nanodet", "strides": [8, 16, 32], "scores": [0, 1, 2], "boxes": [3, 4, 5], "bins": 11,
             "nms_iou": 0.6},
  "labels": ["person", "bicycle"], "threshold": 0.4, "slope": 8, "floor": 0.2})";

TEST(Description, ReadsEveryKey) {
  const auto d = ModelDescription::parse(kNanodet);
  EXPECT_EQ(d.name, "n");
  EXPECT_EQ(d.width, 416u);
  EXPECT_EQ(d.multiple_of, 32u);
  EXPECT_EQ(d.colour, "BGR");
  EXPECT_EQ(d.range, 255);
  EXPECT_EQ(d.mean, (std::vector<double>{103.53, 116.28, 123.675}));
  EXPECT_EQ(d.std, (std::vector<double>{57.375, 57.12, 58.395}));
  EXPECT_EQ(d.strides, (std::vector<int>{8, 16, 32}));
  EXPECT_EQ(d.score_outputs, (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(d.box_outputs, (std::vector<int>{3, 4, 5}));
  EXPECT_EQ(d.bins, 11);
  EXPECT_EQ(d.nms_iou, 0.6);
  EXPECT_EQ(d.labels, (std::vector<std::string>{"person", "bicycle"}));
  EXPECT_EQ(d.threshold, 0.4);
  EXPECT_EQ(d.slope, 8);
  EXPECT_EQ(d.floor, 0.2);
}

TEST(Description, WritesWhatItReads) {
  const auto d = ModelDescription::parse(kNanodet);
  EXPECT_EQ(nlohmann::json::parse(d.to_json()), nlohmann::json::parse(kNanodet));
  const std::string boxes = R"({"format":1,"input":{"width":64,"height":48},
    "output":{"layout":"boxes","boxes":[1],"scores":[0],"labels":2},"labels":["a"]})";
  const auto b = ModelDescription::parse(boxes);
  EXPECT_EQ(b.label_output, 2);
  EXPECT_EQ(ModelDescription::parse(b.to_json()).to_json(), b.to_json());
  for (const char *output :
       {R"({"layout": "torchvision", "nms_iou": 0.7})",
        R"({"layout": "yolo", "predictions": [2], "objectness": true, "box": "corners", "normalised": true,
            "activation": "sigmoid", "nms_iou": 0.5})",
        R"({"layout": "detections", "predictions": [0], "box": "corners-yx", "normalised": false, "nms_iou": 1})",
        R"({"layout": "boxes", "scores": [1], "boxes": [0], "background": 0, "box": "centre", "normalised": true,
            "activation": "softmax", "nms_iou": 1})",
        R"({"layout": "nanodet", "strides": [8, 16], "bins": 8, "predictions": [1], "nms_iou": 0.6})",
        R"({"layout": "yolox", "predictions": [0], "strides": [8, 16], "nms_iou": 0.5})",
        R"({"layout": "centernet", "scores": [0], "boxes": [2], "offsets": 1, "nms_iou": 1})"}) {
    const auto parsed = ModelDescription::parse(
        std::string(R"({"format": 1, "input": {"multiple_of": 1}, "labels": ["a"], "output": )") + output + "}");
    EXPECT_EQ(nlohmann::json::parse(parsed.to_json())["output"], nlohmann::json::parse(output));
  }
}

TEST(Description, CornersIsTheOlderNameOfABox) {
  const auto box = [](const std::string &keys) {
    return ModelDescription::parse(
               R"({"format": 1, "input": {"multiple_of": 1}, "labels": ["a"], "output": {"layout": "yolo")" + keys +
               "}}")
        .box;
  };
  EXPECT_EQ(box(""), "centre");
  EXPECT_EQ(box(R"(, "corners": true)"), "corners");
  EXPECT_EQ(box(R"(, "corners": false)"), "centre");
  EXPECT_THROW(box(R"(, "corners": true, "box": "centre")"), std::invalid_argument);
}

TEST(Description, OverridesAreLaidOverKeyByKey) {
  const auto d = ModelDescription::parse(kNanodet, R"({"threshold": 0.7, "input": {"colour": "RGB"}})");
  EXPECT_EQ(d.threshold, 0.7);
  EXPECT_EQ(d.colour, "RGB");
  EXPECT_EQ(d.multiple_of, 32u);
}

struct BadKey {
  const char *patch, *names;
};

/// The patched description must be refused, in one line that names the key.
void expect_refused(const char *description, const BadKey &bad) {
  try {
    ModelDescription::parse(description, bad.patch);
    ADD_FAILURE() << bad.patch << " was taken";
  } catch (const std::invalid_argument &e) {
    EXPECT_NE(std::string(e.what()).find(bad.names), std::string::npos) << bad.patch << ": " << e.what();
    EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos) << e.what();
  }
}

TEST(Description, BadValuesNameTheirKey) {
  const BadKey cases[] = {
      {R"({"format": null})", "\"format\""},
      {R"({"format": 2})", "\"format\""},
      {R"({"format": "1"})", "\"format\""},
      {R"({"name": 3})", "\"name\""},
      {R"({"task": "classification"})", "\"task\""},
      {R"({"task": "segmentation"})", "\"output.layout\""},
      {R"({"input": null})", "\"input\""},
      {R"({"input": 5})", "\"input\""},
      {R"({"input": {"width": 0}})", "\"input.width\""},
      {R"({"input": {"width": 416.5}})", "\"input.width\""},
      {R"({"input": {"height": null}})", "\"input.height\""},
      {R"({"input": {"width": null, "height": null, "multiple_of": 0}})", "\"input.width\""},
      {R"({"input": {"multiple_of": -1}})", "\"input.multiple_of\""},
      {R"({"input": {"multiple_of": 100}})", "\"input.multiple_of\""},
      {R"({"input": {"colour": "YUV"}})", "\"input.colour\""},
      {R"({"input": {"range": 0}})", "\"input.range\""},
      {R"({"input": {"mean": [1, 2]}})", "\"input.mean\""},
      {R"({"input": {"mean": [1, 2, "3"]}})", "\"input.mean[2]\""},
      {R"({"input": {"std": [1, 0, 1]}})", "\"input.std[1]\""},
      {R"({"input": {"widht": 3}})", "\"input.widht\""},
      {R"({"output": null})", "\"output\""},
      {R"({"output": {"layout": "yolov99"}})", "\"output.layout\""},
      {R"({"output": {"layout": null}})", "\"output.layout\""},
      {R"({"output": {"strides": []}})", "\"output.strides\""},
      {R"({"output": {"strides": [8, 16, 0]}})", "\"output.strides[2]\""},
      {R"({"output": {"scores": [0, 1]}})", "\"output.scores\""},
      {R"({"output": {"boxes": [3, 4, -5]}})", "\"output.boxes[2]\""},
      {R"({"output": {"bins": null}})", "\"output.bins\""},
      {R"({"output": {"nms_iou": 1.5}})", "\"output.nms_iou\""},
      {R"({"output": {"labels": 2}})", "\"output.labels\""},
      {R"({"labels": null})", "\"labels\""},
      {R"({"labels": []})", "\"labels\""},
      {R"({"labels": ["a", ""]})", "\"labels[1]\""},
      {R"({"threshold": 1.01})", "\"threshold\""},
      {R"({"treshold": 0.4})", "\"treshold\""},
      {R"({"slope": 0})", "\"slope\""},
      {R"({"floor": -0.1})", "\"floor\""},
  };
  for (const BadKey &c : cases) expect_refused(kNanodet, c);
}

constexpr const char *kSemantic = R"({"format": 1, "task": "segmentation", "input": {"multiple_of": 8},
  "output": {"layout": "semantic"}, "labels": ["background", "person"]})";

TEST(Description, Segmentation) {
  auto d = ModelDescription::parse(kSemantic);
  EXPECT_EQ(d.score_outputs, std::vector<int>{0});
  EXPECT_EQ(d.background, 0);
  EXPECT_FALSE(d.probabilities);
  EXPECT_EQ(d.smallest, 0.0005);
  d = ModelDescription::parse(
      kSemantic, R"({"output": {"scores": [1], "background": 1, "probabilities": true, "smallest": 0.01}})");
  const auto again = ModelDescription::parse(d.to_json());
  EXPECT_EQ(again.task, "segmentation");
  EXPECT_EQ(again.score_outputs, std::vector<int>{1});
  EXPECT_EQ(again.background, 1);
  EXPECT_TRUE(again.probabilities);
  EXPECT_EQ(again.smallest, 0.01);
  // A plane alone has no background beside it.
  EXPECT_EQ(ModelDescription::parse(kSemantic, R"({"labels": ["person"]})").background, -1);
  EXPECT_EQ(ModelDescription::parse(kSemantic, R"({"output": {"layout": "torchvision"}})").task, "segmentation");
  for (const BadKey &c : {BadKey{R"({"task": "detection"})", "\"output.layout\""},
                          {R"({"task": null})", "\"output.layout\""},
                          {R"({"output": {"layout": "yolo"}})", "\"output.layout\""},
                          {R"({"output": {"background": 2}})", "\"output.background\""},
                          {R"({"output": {"background": -2}})", "\"output.background\""},
                          {R"({"output": {"probabilities": 1}})", "\"output.probabilities\""},
                          {R"({"output": {"smallest": 1.5}})", "\"output.smallest\""},
                          {R"({"output": {"scores": [0, 1]}})", "\"output.scores\""},
                          {R"({"output": {"nms_iou": 0.5}})", "\"output.nms_iou\""}})
    expect_refused(kSemantic, c);
}

TEST(Description, DepthIsBounded) {
  std::string deep = "{\"name\": \"\\\"[[[[\", \"x\": ";
  for (int i = 0; i < 63; ++i) deep += "[";
  const std::string rest = std::string(63, ']') + "}";
  try {
    ModelDescription::parse(deep + rest);  // 64 levels, and another mistake
    ADD_FAILURE();
  } catch (const std::invalid_argument &e) {
    EXPECT_EQ(std::string(e.what()).find("deep"), std::string::npos) << e.what();
  }
  try {
    ModelDescription::parse(deep + "[]" + rest);
    ADD_FAILURE();
  } catch (const std::invalid_argument &e) {
    EXPECT_NE(std::string(e.what()).find("64 levels deep"), std::string::npos) << e.what();
  }
}

TEST(Description, WhatIsNoObjectIsRefused) {
  for (const char *text : {"", "{", "[]", "3", "{\"format\": 1,}"})
    EXPECT_THROW(ModelDescription::parse(text), std::invalid_argument) << text;
}

TEST(Nms, BestFirstAndOnlyWithinALabel) {
  // 0 and 1 overlap by 80 of 120 (IoU 2/3); 2 equals 0 but has another label; 3 overlaps 0 by 50 of 150 (IoU 1/3).
  const std::vector<oneadapt::ScoredBox> boxes{
      {{0, 0, 10, 10}, 0.6, 0}, {{2, 0, 12, 10}, 0.9, 0}, {{0, 0, 10, 10}, 0.5, 1}, {{5, 0, 15, 10}, 0.3, 0}};
  // 3 against 1: 70 of 130 (IoU 0.538).
  EXPECT_EQ(nms(boxes, 0.5), (std::vector<std::size_t>{1, 2}));
  EXPECT_EQ(nms(boxes, 0.6), (std::vector<std::size_t>{1, 2, 3}));
  EXPECT_EQ(nms(boxes, 0.7), (std::vector<std::size_t>{1, 0, 2, 3}));
  EXPECT_EQ(nms(boxes, 1.0), (std::vector<std::size_t>{1, 0, 2, 3}));
  EXPECT_TRUE(nms({}, 0.5).empty());
}

TEST(Nms, ASuppressedBoxSuppressesNobody) {
  // 1 goes because of 0; 2 overlaps only 1, so it stays.
  const std::vector<oneadapt::ScoredBox> boxes{
      {{0, 0, 10, 10}, 0.9, 0}, {{3, 0, 13, 10}, 0.8, 0}, {{6, 0, 16, 10}, 0.7, 0}};
  EXPECT_EQ(nms(boxes, 0.5), (std::vector<std::size_t>{0, 2}));
}

}  // namespace
