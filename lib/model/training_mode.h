// SPDX-License-Identifier: LGPL-2.1-or-later
// Detects operators in training mode in a model. Includes no LibTorch header.
#pragma once
#include <functional>

namespace oneadapt {

struct TrainingCalls {
  unsigned batch_norms = 0;  ///< that used the statistics of the current picture
  unsigned dropouts = 0;     ///< that set values to zero
};

/// Counts these calls while `work` runs, in the calling thread. A loaded model is in evaluation mode, so calls that are
/// counted were fixed in the program when it was traced.
TrainingCalls watch_training_calls(const std::function<void()> &work);

}  // namespace oneadapt
