// SPDX-License-Identifier: LGPL-2.1-or-later
// A self-describing TorchScript model of task "detection3d": points in, boxes in space out, and the gradient of their
// utility with respect to the points' presence (paper §3.3, §4.3; Table 3, d). No LibTorch header in here.
#pragma once
#include <memory>
#include <vector>

#include "core/vision/box3d.h"
#include "lidar/polar_grid.h"
#include "model/loaded_model.h"

namespace oneadapt {

/// Its forward(points N×4, presence N) gives boxes N×7, scores, labels. Presence is 1 for each point: the model
/// multiplies the point's feature by it. A block of the map of its gradient is a block of a PolarGrid; its value is the
/// mean of |∂z/∂presence| over its points, 0 where there is none.
class CloudModel : public LoadedModel {
 public:
  /// Throws ModelError with one sentence that names what is wrong and the remedy.
  static std::unique_ptr<CloudModel> load(const ModelOptions &options);

  /// Forward without autograd: the wanted boxes with score ≥ θ, best first; their centre is a centre. Without a point
  /// there is none, and the model is not run. Points without a place (has_place()) are left out. Throws
  /// ModelError(Run).
  virtual std::vector<ScoredBox3d> infer(const Point *points, std::size_t n) = 0;
  /// Forward with autograd; same boxes. Keeps the graph until backward() or the next forward pass.
  virtual std::vector<ScoredBox3d> infer_for_gradient(const Point *points, std::size_t n, const PolarGrid &grid) = 0;
};

}  // namespace oneadapt
