// SPDX-License-Identifier: LGPL-2.1-or-later
// What the heads share. Internal; sees LibTorch.
#pragma once
#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "model/description.h"
#include "model/heads.h"

namespace oneadapt {

struct Raw {
  at::Tensor scores, labels, boxes;  // n, n, n×4: the candidates
  at::Tensor index = {};             // n: which of the model's they are; only where it gives masks
};

/// Throws ModelError(Run).
[[noreturn]] void bad_output(const std::string &what);

/// The output tensor with a leading batch of 1 taken off, if `dims` + 1 dimensions show that it has one.
at::Tensor output(const std::vector<at::Tensor> &outputs, int index, std::int64_t dims, const std::string &role);
void expect_shape(const at::Tensor &t, int index, const std::string &role, std::int64_t rows, std::int64_t columns);
std::string shape_text(const at::Tensor &t);
/// Scores of all anchors in one check: a sum is finite only if every value is (or the values are absurd).
void expect_scores(const at::Tensor &scores);
/// Keeps the candidates that count, best first beyond kMaxCandidates.
at::Tensor choose(const at::Tensor &scores, const at::Tensor &labels, const at::Tensor &wanted, double least);

/// Boxes n×4 as the description has them, as x0 y0 x1 y1 in pixels of the input.
at::Tensor corners_of(const ModelDescription &d, const at::Tensor &boxes, std::int64_t width, std::int64_t height);
/// x0 y0 x1 y1 of a centre and a size.
at::Tensor corners(const at::Tensor &centre, const at::Tensor &size);
/// Class scores of candidates, after the activation that is still due.
at::Tensor activated(const ModelDescription &d, const at::Tensor &scores);

// heads_boxes.cpp: a list of boxes
Raw boxes(const ModelDescription &d, const std::vector<at::Tensor> &outputs, std::int64_t width, std::int64_t height,
          const at::Tensor &wanted, double least);
Raw detections(const ModelDescription &d, const std::vector<at::Tensor> &outputs, std::int64_t width,
               std::int64_t height, const at::Tensor &wanted, double least);

// heads_dense.cpp: one candidate for each place of a grid
Raw yolo(const ModelDescription &d, const std::vector<at::Tensor> &outputs, std::int64_t width, std::int64_t height,
         const at::Tensor &wanted, double least);
Raw centernet(const ModelDescription &d, const std::vector<at::Tensor> &outputs, std::int64_t width,
              std::int64_t height, const at::Tensor &wanted, double least);

// heads_masks.cpp: segmentation
/// "semantic" to elements. There is nothing to suppress: regions do not overlap.
Elements semantic(const ModelDescription &d, const std::vector<at::Tensor> &outputs, std::int64_t width,
                  std::int64_t height, const at::Tensor &wanted, double least);
/// Mask R-CNN's masks (N×1×H×W, probabilities) of the objects that `index` names, in its order.
std::vector<Mask> instance_masks(const std::vector<at::Tensor> &outputs, const at::Tensor &index);

}  // namespace oneadapt
