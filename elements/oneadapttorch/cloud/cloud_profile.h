// SPDX-License-Identifier: LGPL-2.1-or-later
// A profile of point clouds.
#pragma once
#include <functional>
#include <vector>

#include "model/cloud_model.h"
#include "profile.h"

namespace oneadapt {

/// Calls `work` with the points of a buffer. False: it is no cloud, or cannot be mapped.
bool read_cloud(GstBuffer *buffer, const std::function<void(const Point *points, std::size_t n)> &work);

/// A rendering is some turns; accuracy is the mean F1 of their boxes at 3-D IoU 0.5.
class CloudProfile final : public Profile {
 public:
  /// `model` is used in its turn and must live as long.
  CloudProfile(GstElement *element, CloudModel &model) : element_(element), model_(model) {}
  std::optional<double> accuracy(RenderingRef rendering, ProfileInferences &inferences) override;

 private:
  using Turns = std::vector<std::vector<ScoredBox3d>>;
  GstElement *const element_;
  CloudModel &model_;
  std::optional<Turns> reference_;  ///< of the first rendering
};

}  // namespace oneadapt
