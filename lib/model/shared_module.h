// SPDX-License-Identifier: LGPL-2.1-or-later
// One copy of a model's weights a process, however many elements use it. Internal; sees LibTorch.
#pragma once
#include <torch/script.h>

#include <memory>
#include <string>
#include <vector>

namespace oneadapt {

struct SharedModule {
  torch::jit::Module module;  ///< in evaluation mode, no weight asks for a gradient
  std::string description;    ///< the extra file oneadapt.json; empty: none
  bool stateful = false;      ///< the program changes itself when it runs

  /// What one user runs: `module`; of a stateful one its parameters, and attributes and buffers of its own, since
  /// streams must not see each other's state. Thread-safe.
  torch::jit::Module to_run() const;
};

/// The module of this file on this device: loaded, or that of another user while it lives and the file is the same
/// (path, size, time of change).
/// Libraries with operators are loaded first (ModelOptions::operator_libraries). Thread-safe. Throws ModelError.
std::shared_ptr<SharedModule> load_shared(const std::string &path, const c10::Device &device,
                                          const std::vector<std::string> &operator_libraries);

}  // namespace oneadapt
