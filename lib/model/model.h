// SPDX-License-Identifier: LGPL-2.1-or-later
// A self-describing TorchScript model of pictures: infer, elements, output utility, DNNGrad (paper §3.3, §4.1, §E).
// No LibTorch header in here.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/vision/metrics.h"
#include "model/loaded_model.h"

namespace oneadapt {

/// How ∂z/∂input is computed.
enum class GradientMethod {
  Exact,        ///< backpropagation
  ChannelMean,  ///< one gradient for all channels in convolutions of high resolution (paper, Appendix B)
};

/// What a forward pass keeps for the backward pass.
enum class GradientMemory {
  All,    ///< everything that LibTorch keeps, for measurements
  Exact,  ///< what the input's gradient needs, without loss
  Half,   ///< the same, with numbers of 16 bits
};

/// An 8-bit RGB picture that somebody else owns.
struct RgbFrame {
  const std::uint8_t *data = nullptr;
  std::size_t stride = 0;  ///< bytes a row, ≥ 3·width
  unsigned width = 0, height = 0;
};

/// A detected object, or a segmented region; coordinates normalised to the frame, clipped to [0, 1].
struct Detection {
  Box box;
  double score = 0;
  int label = 0;   ///< index into Model::labels()
  Mask mask = {};  ///< of segmentation; it covers at least one cell
};

struct FrameSize {
  unsigned width = 0, height = 0;  ///< pixels
};

/// A model of pictures, of task "detection" or "segmentation".
class Model : public LoadedModel {
 public:
  /// Throws ModelError with one sentence that names what is wrong and the remedy.
  static std::unique_ptr<Model> load(const ModelOptions &options);

  /// Size of the DNN's input. 0×0, the default, is each frame's own size. Each side is rounded up to the model's
  /// multiple, so that no detail is lost. Models of fixed size ignore it. A frame is resized to it (bilinear,
  /// antialiased when it shrinks).
  virtual void set_input_size(unsigned width, unsigned height) = 0;
  /// Size that a frame of this size is resized to.
  virtual FrameSize input_size(FrameSize frame) const = 0;

  /// Forward without autograd. Returns objects of the wanted classes with score ≥ θ after NMS. Throws ModelError (Run,
  /// Input) when the model throws, or returns other tensors than its description says, or values that are not finite.
  virtual std::vector<Detection> infer(const RgbFrame &frame) = 0;

  /// Forward with autograd; keeps the graph until backward() or the next forward pass. Same results as infer().
  virtual std::vector<Detection> infer_for_gradient(const RgbFrame &frame) = 0;
  /// Compares the gradient of the scores on this frame (none: on a picture made here) with differences of them, in
  /// about twenty passes. Returns why it cannot be trusted, in a sentence; empty: nothing speaks against it, or the
  /// layout does not show all scores. Throws as infer() does.
  virtual std::string gradient_problem(const RgbFrame *frame) = 0;
  /// Boxes of all elements that count in the last infer_for_gradient()'s z, in fractions of the frame, or of what the
  /// features are of.
  virtual std::vector<Box> element_boxes() const = 0;
  /// Settings of the next infer_for_gradient() and backward(). The defaults are Exact and Exact.
  virtual void set_gradient(GradientMethod method, GradientMemory memory) = 0;
  /// For measurements only (paper Fig. 11): backward() also computes the gradients of all weights, and discards them.
  virtual void set_weight_gradients(bool on) = 0;
};

}  // namespace oneadapt
