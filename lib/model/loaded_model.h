// SPDX-License-Identifier: LGPL-2.1-or-later
// A self-describing TorchScript model that is loaded, whatever medium it takes: model.h has that of pictures,
// sequence_model.h that of sound. No LibTorch header in here.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/gradient/gradient.h"
#include "model/description.h"

namespace oneadapt {

/// An error of a model. Its kind tells a caller which property to name.
class ModelError : public std::runtime_error {
 public:
  enum class Kind { File, Format, Description, Device, Labels, Classes, Plan, Input, Run, NotFinite };
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
  /// "auto", or one of plan_names(): see PlanReport. All give the same results.
  std::string plan = "auto";
  /// Seconds that "auto" may take to try plans when a model is loaded for the first time; what takes longer is not
  /// tried.
  double plan_seconds = 1;
};

/// "plain": the program as it was saved. "channels-last": frozen, with the channels of a pixel side by side. "onednn":
/// the same; oneDNN computes every convolution, and attention of frames without a gradient is computed in parts.
/// "onnxruntime": ONNX Runtime computes frames without a gradient, from the ONNX graph beside the model (onnx_pair.h).
const std::vector<std::string> &plan_names();
/// "channels-last" for frames with a gradient where freezing changes it: not frozen. It cannot be asked for.
extern const char *const kUnfrozenPlan;

/// A model's parameters, buffers, and tensors that are part of the program.
struct ModelWeights {
  std::uint64_t numbers = 0, bytes = 0;
  std::string type;  ///< in which the model computes: "float32", "float64", "float16", "bfloat16"
};

/// How a model of pictures is run (ModelOptions::plan).
struct PlanTrial {
  std::string name;
  double milliseconds = 0;  ///< of an inference, when it was tried; 0: it was not timed
  std::string problem;      ///< why it is of no use; empty: it gives the same results and gradients
};
struct PlanReport {
  std::string results = "plain", gradients = "plain";  ///< plans of frames without and with a gradient
  std::vector<PlanTrial> trials;
  bool remembered = false;  ///< found by an earlier process, so that nothing was tried
  std::string problem;      ///< why it is not the plan that was asked for, or the one expected; empty: it is
  std::string gradient_problem =
      {};  ///< why gradients cannot be trusted (Model::gradient_problem()), where plans were tried
};

/// A gradient that is nowhere greater is none: the scores do not depend on the input, or lie where the sigmoid is flat.
constexpr double kNoGradient = 1e-12;

/// What every medium's model has. A medium adds its forward passes: one without autograd, and one with it, which keeps
/// the graph that backward() uses up.
///
/// Thread-bound: one thread at a time (a model may move between threads). The file's description (extra file
/// `oneadapt.json`) is overridden, key by key, by PATH.json, else by PATH with its extension replaced by .json.
class LoadedModel {
 public:
  virtual ~LoadedModel() = default;

  virtual const ModelDescription &description() const = 0;
  virtual const std::vector<std::string> &labels() const = 0;
  virtual double theta() const = 0;
  /// "cpu" or "cuda:N", and the reason in words when the option was "auto".
  virtual const std::string &device() const = 0;
  virtual const std::string &device_reason() const = 0;
  virtual ModelWeights weights() const = 0;
  virtual PlanReport plan() const { return {}; }
  /// Why the plan is another since a frame than it was when the model was loaded; empty: it is the same.
  virtual std::string plan_problem() const { return {}; }
  /// Why results so far cannot be right, in a sentence that names the key to change; empty: they may be.
  virtual std::string results_problem() const { return {}; }

  /// Backpropagates z of the last forward pass with autograd to its input: fills z, elements, confident, theta, slope,
  /// domain and map, on the input as it was received. Weights are frozen: no weight gradient is ever computed (§4.1).
  /// Without elements z is 0 and the map is all zero. Throws ModelError(NotFinite) on a gradient that is not finite,
  /// and ModelError(Run) when there is no graph, or the scores do not depend on the input.
  virtual void backward(Gradient &gradient) = 0;
  /// Drops the kept graph, if any.
  virtual void drop_graph() = 0;
};

/// What a model file says of itself, its sidecar laid over it: loads the file as every model does, and fails as that
/// does. While the result lives, a model of the same file and device shares what was loaded. Throws ModelError.
std::shared_ptr<const ModelDescription> read_description(const ModelOptions &options);

}  // namespace oneadapt
