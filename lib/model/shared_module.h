// SPDX-License-Identifier: LGPL-2.1-or-later
// One copy of a model's weights a process, however many elements use it. Internal; sees LibTorch.
#pragma once
#include <torch/script.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "model/plans.h"
#include "model/tensor_pool.h"

namespace oneadapt {

struct SharedModule {
  const std::shared_ptr<TensorPool> pool = std::make_shared<TensorPool>();  ///< tensors of passes
  torch::jit::Module module;  ///< in evaluation mode, no weight asks for a gradient
  std::string description;    ///< the extra file oneadapt.json; empty: none
  std::string onnx_record;    ///< the extra file that tells of an ONNX graph (onnx_pair.h); empty: none
  bool stateful = false;      ///< the program changes itself when it runs

  /// How the module is run: found by the first user that asks, with `search`. Of a stateful one the others make the
  /// same plans of their own. Thread-safe.
  const Plans &plans(const std::function<Plans()> &search);

  /// The engine with so many threads, which users with as many share: made by the first that asks, with `make`.
  /// Thread-safe.
  std::shared_ptr<PlainEngine> engine(unsigned threads, const std::function<std::shared_ptr<PlainEngine>()> &make);

  /// What one user runs: `module`; of a stateful one its parameters, and attributes and buffers of its own, since
  /// streams must not see each other's state. Thread-safe.
  torch::jit::Module to_run() const;

 private:
  std::mutex mutex_;
  std::optional<Plans> plans_;
  std::mutex engines_mutex_;  ///< taken inside mutex_
  std::map<unsigned, std::shared_ptr<PlainEngine>> engines_;
};

/// The module of this file on this device for users who want it run in this way (ModelOptions::plan): loaded, or that
/// of another such user while it lives and the file is the same (path, size, time of change).
/// Libraries with operators are loaded first (ModelOptions::operator_libraries). Thread-safe. Throws ModelError.
std::shared_ptr<SharedModule> load_shared(const std::string &path, const c10::Device &device, const std::string &plan,
                                          const std::vector<std::string> &operator_libraries);

}  // namespace oneadapt
