// SPDX-License-Identifier: LGPL-2.1-or-later
// Which combinations of a DNN's channels are sent. Sees LibTorch.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace oneadapt::train_features {

/// C combinations of K channels, and the way back: x ≈ mean + back · to · (x − mean).
struct Directions {
  at::Tensor to;    ///< C×K
  at::Tensor back;  ///< K×C
};

/// Those that keep most of the energy of these features (N×K).
Directions principal(const at::Tensor &features, std::int64_t channels);

/// Those that lose least of what the DNN sees: E[(g · (x − x̂))²] is least, where g is the gradient of the output
/// utility at the features (N×K too, paper §3.3). With M = E[g gᵀ] that is (x − x̂)ᵀ M (x − x̂) in the mean: the
/// principal directions of M^½ x. `floor` times the mean of M's diagonal is added to that, so that what the DNN has not
/// looked at on these pictures is not lost altogether. In this metric a unit of each combination is worth the same.
Directions weighted(const at::Tensor &features, const at::Tensor &gradients, std::int64_t channels, double floor = 0.1);

}  // namespace oneadapt::train_features
