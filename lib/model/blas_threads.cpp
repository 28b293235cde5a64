// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/blas_threads.h"

#include <dlfcn.h>

#include <atomic>
#include <utility>

namespace oneadapt {

namespace {

/// OpenBLAS's own functions (cblas.h of libopenblas-dev). Which library libblas.so.3 is, the system's alternatives say
/// at run time, so they are looked for among what is loaded.
struct OpenBlas {
  int (*get_parallel)() = find<int (*)()>("openblas_get_parallel");
  int (*get_num_threads)() = find<int (*)()>("openblas_get_num_threads");
  void (*set_num_threads)(int) = find<void (*)(int)>("openblas_set_num_threads");

  bool has_own_threads() const {
    constexpr int kPthreads = 1;  // OPENBLAS_THREAD in cblas.h
    return get_parallel && get_num_threads && set_num_threads && get_parallel() == kPthreads;
  }

  template <typename Function>
  static Function find(const char *name) {
    return reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
  }
};

std::atomic<int> counted{0};

}  // namespace

BlasThreads::~BlasThreads() {
  if (counted_) --counted;
}

void BlasThreads::count() {
  if (!std::exchange(counted_, true)) ++counted;
}

int BlasThreads::models() { return counted; }

void BlasThreads::use(int threads) {
  static const OpenBlas blas;
  static const bool own = blas.has_own_threads();
  if (!own) return;
  const int wanted = models() > 1 ? 1 : threads;
  if (blas.get_num_threads() != wanted) blas.set_num_threads(wanted);
}

}  // namespace oneadapt
