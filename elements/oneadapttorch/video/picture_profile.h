// SPDX-License-Identifier: LGPL-2.1-or-later
// A profile of pictures.
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "core/gradient/frame_transform.h"
#include "core/vision/metrics.h"
#include "model/model.h"
#include "profile.h"
#include "video/input_size.h"
#include "video/sample_detector.h"

namespace oneadapt {

/// Accuracy is the mean over the wanted instants of F1 at IoU 0.5 of the boxes, each instant with the results of the
/// last picture that is not later.
class PictureProfile final : public Profile {
 public:
  /// `largest`: size of the stream's largest frame so far, which is read in the model's turn, as `model` is. Both must
  /// live as long. `transform`: from the renderings to the pictures on the element's pad.
  PictureProfile(GstElement *element, Model &model, const FrameSize &largest, const FrameTransform &transform,
                 const InputSize &input_size, const Gray16Mapping &gray16)
      : detector_(element, model, gray16),
        model_(model),
        stream_largest_(largest),
        transform_(transform),
        input_size_(input_size) {}

  std::optional<double> accuracy(RenderingRef rendering, ProfileInferences &inferences) override;

 private:
  using Boxes = std::vector<ScoredBox>;
  bool infer(GstSample *sample, ProfileInferences &inferences, Boxes &boxes);

  SampleDetector detector_;
  Model &model_;
  const FrameSize &stream_largest_;
  const FrameTransform transform_;
  const InputSize input_size_;
  FrameSize largest_;
  // Of the first rendering.
  RenderingRef best_;
  std::vector<Boxes> reference_;
};

}  // namespace oneadapt
