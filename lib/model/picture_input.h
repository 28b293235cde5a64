// SPDX-License-Identifier: LGPL-2.1-or-later
// From a frame to the input of a model of pictures. Internal; sees LibTorch.
#pragma once
#include <ATen/core/Tensor.h>

#include "model/description.h"
#include "model/model.h"

namespace oneadapt {

/// Size, colour order and normalisation, as a description says. Thread-bound.
class PictureInput {
 public:
  /// Tensors are of that type, on that device.
  PictureInput(const ModelDescription &description, const c10::Device &device, c10::ScalarType type);

  /// Model::set_input_size(), Model::input_size().
  void set_size(unsigned width, unsigned height);
  FrameSize size(FrameSize frame) const;
  /// The frame as 1×3×H×W, RGB in [0, 1]. Throws ModelError(Input).
  at::Tensor upload(const RgbFrame &frame, at::MemoryFormat layout) const;
  /// Resize, colour order, normalisation; differentiable.
  at::Tensor prepare(const at::Tensor &rgb) const;
  /// Both, for a pass without autograd. Where the frame has the size of the input, in one go.
  at::Tensor prepare_frame(const RgbFrame &frame, at::MemoryFormat layout) const;
  /// 1×C×1×1: what one unit of a pixel in [0, 1] is of the input.
  const at::Tensor &scale() const { return scale_; }

 private:
  const unsigned multiple_of_;
  const FrameSize own_;
  const bool turned_, gray_;
  const c10::Device device_;
  const c10::ScalarType type_;
  at::Tensor scale_, shift_;  ///< 1×C×1×1: input = rgb·scale − shift
  at::Tensor luma_;           ///< 1×3×1×1: gray of a picture
  at::Tensor values_;         ///< 1×C×1×256: the input of each byte
  FrameSize wanted_;
};

}  // namespace oneadapt
