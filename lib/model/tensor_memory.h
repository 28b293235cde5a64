// SPDX-License-Identifier: LGPL-2.1-or-later
// How much memory tensors take. No LibTorch header in here.
#pragma once
#include <functional>

namespace oneadapt {

struct TensorBytes {
  double peak = 0;  ///< the most that they held at a time
  double kept = 0;  ///< those that are still there
};
/// Of tensors that `work` makes, on all devices; those that were there do not count. `work` runs in the calling thread;
/// what other threads allocate is not seen. Not to be nested.
TensorBytes bytes_of_tensors(const std::function<void()> &work);

inline double peak_of_tensors(const std::function<void()> &work) { return bytes_of_tensors(work).peak; }

}  // namespace oneadapt
