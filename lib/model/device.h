// SPDX-License-Identifier: LGPL-2.1-or-later
// Where a model runs, and with how many threads. Internal; sees LibTorch.
#pragma once
#include <c10/core/Device.h>

#include <string>
#include <thread>

#include "model/blas_threads.h"

namespace oneadapt {

struct ChosenDevice {
  c10::Device device{c10::kCPU};
  std::string name = "cpu";  ///< or "cuda:N"
  std::string reason;        ///< in words
};

/// `wanted`: "auto" (or nothing), "cpu", "cuda", "cuda:N". "auto" takes CUDA where it is there and works. Throws
/// ModelError(Device) for a device that is not there or does not work.
ChosenDevice choose_device(const std::string &wanted);

/// The threads of one model's inferences.
class InferenceThreads {
 public:
  /// 0: as many as LibTorch is set to, shared by all models of the process.
  explicit InferenceThreads(unsigned threads) : threads_(threads) {}
  /// Before each inference, in its thread: OpenMP's number of threads belongs to the calling thread, OpenBLAS's to the
  /// process. How many they are.
  unsigned use();

 private:
  const unsigned threads_;
  BlasThreads blas_;
};

}  // namespace oneadapt
