// SPDX-License-Identifier: LGPL-2.1-or-later
// What can compute a model's frames without a gradient in place of LibTorch. A new one has a file that makes it, like
// onnx_engine.cpp, and its plan in plans.cpp. No header of LibTorch or of an engine in here.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

namespace oneadapt {

/// An output, in the graph's order: contiguous numbers.
struct EngineTensor {
  enum class Type { Float, Double, Int32, Int64, Byte, Bool };
  Type type = Type::Float;
  std::vector<std::int64_t> shape;
  void *data = nullptr;
};

/// `memory` holds what the tensors point to, and may be dropped in any thread.
struct EngineResult {
  std::vector<EngineTensor> outputs;
  std::shared_ptr<void> memory;
};

/// Thread-safe: several threads may run one at a time, each with a picture of its own. An engine has as many threads as
/// it was made with, whoever calls it, and they sleep between runs.
class PlainEngine {
 public:
  virtual ~PlainEngine() = default;
  /// `picture`: N×3×H×W, contiguous, prepared as the model wants it. It is read in place until run() returns.
  /// Throws std::exception: the graph does not take this shape, or gives something else than numbers.
  virtual EngineResult run(const float *picture, const std::vector<std::int64_t> &shape) = 0;
};

}  // namespace oneadapt
