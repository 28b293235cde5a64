// SPDX-License-Identifier: LGPL-2.1-or-later
// From a model's output tensors to elements (paper §E). Internal; includes LibTorch.
#pragma once
#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "core/vision/metrics.h"
#include "model/description.h"

namespace oneadapt {

/// Most candidates that enter NMS (after the class filter, best first).
constexpr std::int64_t kMaxCandidates = 4096;

/// Elements after NMS, best first.
struct Elements {
  at::Tensor scores;             ///< one each, on the model's device; part of the autograd graph when there is one
  std::string oddity = {};       ///< why the candidates' boxes cannot be right (box_oddity.h); empty: they may be
  std::vector<ScoredBox> boxes;  ///< the same ones, boxes in pixels of the DNN's input, with masks in segmentation
};

/// Elements with score ≥ `least`. An element's label is its best of ALL classes. The element is kept only if that class
/// is `wanted` (a bool tensor on the model's device, one for each class). Only the scores are differentiated. Boxes,
/// regions and NMS select elements and are not. Throws ModelError(Run) when tensors do not have the shapes that the
/// description gives, or hold values that are not finite.
Elements elements(const ModelDescription &description, const std::vector<at::Tensor> &outputs, std::int64_t width,
                  std::int64_t height, const at::Tensor &wanted, double least);

/// z = Σ f(e), f(e) = 2·sigmoid(slope·(score − θ)) − 1 (§E, Eq. 4).
at::Tensor utility(const at::Tensor &scores, double theta, double slope);

}  // namespace oneadapt
