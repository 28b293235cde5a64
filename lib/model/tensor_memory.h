// SPDX-License-Identifier: LGPL-2.1-or-later
// How much memory tensors take. No LibTorch header in here.
#pragma once
#include <functional>

namespace oneadapt {

/// The most bytes that tensors which `work` makes held at a time, on all devices; those that were there do not count.
/// `work` runs in the calling thread; what other threads allocate is not seen. Not to be nested.
double peak_of_tensors(const std::function<void()> &work);

}  // namespace oneadapt
