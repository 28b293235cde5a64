// SPDX-License-Identifier: LGPL-2.1-or-later
// A model file that is loaded, of any medium. Internal: sees LibTorch.
#pragma once
#include <torch/script.h>

#include <memory>
#include <string>
#include <vector>

#include "model/device.h"
#include "model/loaded_model.h"
#include "model/shared_module.h"

namespace oneadapt {

/// Device, module, description, labels, θ.
class TorchFile {
 protected:
  /// What a medium says in errors.
  struct Words {
    const char *takes;  ///< what forward() is given
    const char *unit;   ///< what a gradient is of
  };
  /// Throws ModelError.
  TorchFile(const ModelOptions &options, const Words &words);

  ModelWeights count_weights() const;

  const std::string path_;
  const Words words_;
  InferenceThreads threads_;
  ChosenDevice device_;
  std::shared_ptr<SharedModule> shared_;
  torch::jit::Module module_;  ///< shared_'s
  c10::ScalarType type_ = c10::kFloat;
  bool takes_list_ = false;  ///< forward() takes a list of inputs, as torchvision's detectors do
  ModelDescription description_;
  std::vector<std::string> labels_;
  double theta_ = 0.5;

 private:
  void load_module(const ModelOptions &options);
  void read_description(const ModelOptions &options);
  void read_signature();
  void find_type();
};

}  // namespace oneadapt
