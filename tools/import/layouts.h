// SPDX-License-Identifier: LGPL-2.1-or-later
// What a model's outputs are, guessed from what it gives for a picture.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "model/description.h"

namespace oneadapt::import {

/// One thing that was found out about a model, and how.
struct Guess {
  std::string key;     ///< as in docs/model-keys.md, with dots
  std::string value;   ///< JSON
  std::string reason;  ///< goes on after "because"
};

/// What a file says about its model without describing it: names of classes as Ultralytics' exporters write them, or
/// what an ONNX graph showed when it was imported.
struct Hints {
  std::vector<std::string> labels;
  double range = 0;  ///< value of a white pixel; 0: not known
  unsigned width = 0, height = 0;
  int classes = 0;   ///< that this kind of detector usually has; 0: not known
  std::string task;  ///< as Ultralytics calls it; empty: not known
  std::string of;    ///< where that is from
};

struct Guesses {
  std::vector<Guess> found;
  int classes = 0;         ///< 0: not known
  std::string problem;     ///< what kept the layout from being known; empty: nothing
  std::string family;      ///< of detectors whose usual input is known: "YOLOX", "NanoDet", "DETR", …; empty: none
  ModelDescription draft;  ///< the same as `found`, of the output
  std::vector<std::string> labels;  ///< names that are known without --labels
  std::string labels_reason;
};

/// What forward() gave: its tensors in order, or one of torchvision's dictionaries.
struct Result {
  std::vector<at::Tensor> tensors;
  bool dictionary = false, masks = false;  ///< of boxes, scores and labels; and masks
};

/// Adds to `guesses` what the outputs for a picture of this size show. `classes`: how many there are, where that is
/// known; else 0.
void guess_layout(const Result &result, std::int64_t height, std::int64_t width, int classes, Guesses &guesses);

/// The shape without a batch of 1 in front of `rank` dimensions.
std::vector<std::int64_t> shape_of(const at::Tensor &tensor, std::int64_t rank);

/// Do boxes of a picture of another size lie in it as those of the first one do? Layouts of one candidate a cell only.
bool boxes_follow(const ModelDescription &d, const at::Tensor &first, const at::Tensor &second, double share);

}  // namespace oneadapt::import
