// SPDX-License-Identifier: LGPL-2.1-or-later
// A self-describing TorchScript model: load, infer, elements, output utility, DNNGrad (paper §3.3, §4.1, §E).
// No LibTorch header in here.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/gradient/gradient.h"
#include "core/vision/metrics.h"
#include "model/description.h"

namespace oneadapt {

/// An error of a model. Its kind tells a caller which property to name.
class ModelError : public std::runtime_error {
 public:
  enum class Kind { File, Format, Description, Device, Labels, Classes, Input, Run, NotFinite };
  ModelError(Kind kind, const std::string &what) : std::runtime_error(what), kind_(kind) {}
  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

struct ModelOptions {
  std::string path;                  ///< TorchScript file
  std::string device = "auto";       ///< "auto", "cpu", "cuda", "cuda:N"
  unsigned threads = 0;              ///< intra-op threads of LibTorch (process-wide); 0: unchanged
  std::optional<double> threshold;   ///< θ; by default the description's
  std::vector<std::string> classes;  ///< label names of interest; empty: all
  std::string labels_file;           ///< one label a line; by default the description's labels
  /// Shared libraries with operators that the model uses. Those of torchvision are found automatically.
  std::vector<std::string> operator_libraries;
};

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

/// A model's parameters, buffers, and tensors that are part of the program.
struct ModelWeights {
  std::uint64_t numbers = 0, bytes = 0;
  std::string type;  ///< in which the model computes: "float32", "float64", "float16", "bfloat16"
};

/// Thread-bound: one thread at a time (a model may move between threads).
/// The file's description (extra file `oneadapt.json`) is overridden, key by key, by PATH.json, else by PATH with its
/// extension replaced by .json.
class Model {
 public:
  /// Throws ModelError with one sentence that names what is wrong and the remedy.
  static std::unique_ptr<Model> load(const ModelOptions &options);
  virtual ~Model() = default;

  virtual const ModelDescription &description() const = 0;
  virtual const std::vector<std::string> &labels() const = 0;
  virtual double theta() const = 0;
  /// "cpu" or "cuda:N", and the reason in words when the option was "auto".
  virtual const std::string &device() const = 0;
  virtual const std::string &device_reason() const = 0;

  virtual ModelWeights weights() const = 0;

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
  /// Backpropagates z of the last infer_for_gradient() to its input: fills z, elements, confident, theta, slope and
  /// map, on the frame as it was received. Weights are frozen: no weight gradient is ever computed (§4.1). Without
  /// elements z is 0 and the map is all zero. Throws ModelError(NotFinite) on a gradient that is not finite, and
  /// ModelError(Run) when there is no graph, or the scores do not depend on the input.
  virtual void backward(Gradient &gradient) = 0;
  /// Settings of the next infer_for_gradient() and backward(). The defaults are Exact and Exact.
  virtual void set_gradient(GradientMethod method, GradientMemory memory) = 0;
  /// For measurements only (paper Fig. 11): backward() also computes the gradients of all weights, and discards them.
  virtual void set_weight_gradients(bool on) = 0;
  /// Drops the kept graph, if any.
  virtual void drop_graph() = 0;
};

}  // namespace oneadapt
