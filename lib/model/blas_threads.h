// SPDX-License-Identifier: LGPL-2.1-or-later
// How many threads a matrix product takes. No LibTorch header in here.
#pragma once

namespace oneadapt {

/// A model's share in the threads of the BLAS that LibTorch calls. at::set_num_threads() does not reach those of
/// OpenBLAS's pthread build, Debian's default: left alone, each product takes all cores, whatever `threads` says, and
/// its threads spin while they wait for each other. Elsewhere this does nothing: the reference BLAS has no threads, and
/// OpenBLAS's OpenMP build goes by LibTorch's own.
class BlasThreads {
 public:
  BlasThreads() = default;
  ~BlasThreads();
  BlasThreads(const BlasThreads &) = delete;
  BlasThreads &operator=(const BlasThreads &) = delete;

  /// Before an inference, from any thread: `threads` for a product while this is the process's only model, and one
  /// where there are several, which run side by side and would only wait for each other. Process-wide.
  void use(int threads);
  /// Counts from its first inference on.
  void count();
  /// Models of the process that have inferred.
  static int models();

 private:
  bool counted_ = false;
};

}  // namespace oneadapt
