// SPDX-License-Identifier: LGPL-2.1-or-later
// Fitting the network of policy casva (lib/core/policy/casva/network.h) to samples.
#pragma once
#include <string>
#include <vector>

#include "core/policy/casva/network.h"

namespace oneadapt::eval {

/// One example: what a configuration came to in the interval after a state.
struct CasvaSample {
  std::vector<double> inputs;  ///< casva_inputs()
  double accuracy = 0;         ///< [0, 1]
  double log_resource = 0;
};

/// ½ Σ (output − target)² of `net` on one example; its derivatives by the weights are added to `gradient`, which has as
/// many numbers.
double value_net_loss(const ValueNet &net, const std::vector<double> &x, const std::vector<double> &target,
                      std::vector<double> &gradient);

/// Few units and few steps: more fit the training clips better and clips that were left out worse.
struct CasvaTraining {
  std::size_t hidden = 8;
  unsigned steps = 5000, batch = 64;
  double rate = 0.01;  ///< Adam's at the start; it falls linearly to 0
};

/// Least squares by Adam, with a generator of fixed seed: the same samples give the same network. Throws
/// std::invalid_argument without samples, or when their inputs do not fit the knobs.
CasvaModel train_casva(const std::vector<std::string> &knobs, const std::vector<CasvaSample> &samples,
                       const CasvaTraining &training = {});

}  // namespace oneadapt::eval
