// SPDX-License-Identifier: LGPL-2.1-or-later
// Ways to run a model of pictures on the CPU, and which one is fastest. Internal; sees LibTorch.
#pragma once
#include <torch/script.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/engine.h"
#include "model/loaded_model.h"

namespace oneadapt {

/// A program, and the layout in which it is given pictures.
struct Plan {
  std::string name = "plain";
  torch::jit::Module module;
  at::MemoryFormat layout = at::MemoryFormat::Contiguous;
  std::shared_ptr<PlainEngine> engine = nullptr;  ///< runs in place of the module; null: LibTorch runs that
};

struct Plans {
  Plan results, gradients;  ///< of frames without and with a gradient
  PlanReport report;
};

/// How plans are looked for.
struct PlanSearch {
  std::string wanted = "auto";
  double seconds = 1;  ///< that "auto" may take
  /// What an earlier search found: it is made again without a trial.
  std::optional<PlanReport> remembered;
  at::Tensor input;  ///< an example, contiguous, as the module is given it
  /// forward() of a module, as it is called later.
  std::function<c10::IValue(torch::jit::Module module, const at::Tensor &input)> call;
  /// Makes ONNX Runtime's engine of the same model; empty: it is not tried. What it throws is why it is of no use.
  std::function<std::shared_ptr<PlainEngine>()> engine = nullptr;
};

/// Of frames without a gradient alone.
extern const char *const kOnnxRuntimePlan;

/// All tensors of an output, however deep.
std::vector<at::Tensor> tensors_within(const c10::IValue &value);

/// Why the outputs `b` of another engine are not those of a program, `a`: more than 1e-4 of an output's largest value
/// or 1e-3 of the value itself (of 1, where that is smaller); empty: they are.
std::string engine_difference(const std::vector<at::Tensor> &a, const std::vector<at::Tensor> &b);

/// Counts up when other plans are tried, or they are made otherwise: what an earlier version remembered is void.
constexpr unsigned kPlansVersion = 3;

/// Tries plans on the example: each must give the outputs of the plain one (within 1e-4 of the largest), else it is
/// left out. Of two that are about equally fast, within a twentieth, the first of onednn, channels-last, plain is
/// taken, so that the choice is the same each time, and the engine only if it is faster than that. LibTorch's fastest
/// is the plan of frames with a gradient, too, if its gradient's map agrees with the plain one's (within 5 %); else
/// that is channels-last or the program that is not frozen. The weights of `module` get the layout of LibTorch's plans.
/// Nobody else may use the module meanwhile.
Plans find_plans(torch::jit::Module module, const PlanSearch &search);

}  // namespace oneadapt
