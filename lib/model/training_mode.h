// SPDX-License-Identifier: LGPL-2.1-or-later
// What a model does that belongs into training. No LibTorch header in here.
#pragma once
#include <functional>

namespace oneadapt {

struct TrainingCalls {
  unsigned batch_norms = 0;  ///< that went by the statistics of the picture at hand
  unsigned dropouts = 0;     ///< that dropped
};

/// Counts them while `work` runs, in the calling thread. A loaded model is in evaluation mode: what is counted was
/// fixed in the program when it was traced.
TrainingCalls watch_training_calls(const std::function<void()> &work);

}  // namespace oneadapt
