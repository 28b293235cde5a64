// SPDX-License-Identifier: LGPL-2.1-or-later
// The network behind policy "casva" (CASVA, INFOCOM '22): a policy that is learned offline, runs at the sensor and uses
// the encoded size of past segments, without DNN or gradient.
//
// CASVA uses reinforcement learning. A configuration does not change what the camera sees. So training clips that were
// run in all configurations show the reward of each, and no reward is later than the next interval. Q-learning with
// discount 0 and full information is then a regression (fitted Q), which is what train_casva() does
// (tools/eval/casva_fit.h). Accuracy and resource are predicted separately, so one network serves every λ.
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/policy/policy.h"

namespace oneadapt {

/// One hidden layer of tanh units and two linear outputs.
struct ValueNet {
  static constexpr std::size_t kOutputs = 2;
  std::size_t inputs = 0, hidden = 0;
  /// `hidden` rows of `inputs` + 1 numbers, then two rows of `hidden` + 1; a row's last number is its bias.
  std::vector<double> weights;

  /// Numbers in `weights`.
  static std::size_t size(std::size_t inputs, std::size_t hidden) {
    return hidden * (inputs + 1) + kOutputs * (hidden + 1);
  }
  /// Where in `weights` the row of an output begins.
  std::size_t output_row(std::size_t output) const { return hidden * (inputs + 1) + output * (hidden + 1); }
  /// `x`: `inputs` numbers. Returns what the hidden units say.
  std::vector<double> hidden_units(const std::vector<double> &x) const;
  /// `units`: hidden_units(). Returns the two outputs.
  std::vector<double> outputs_of(const std::vector<double> &units) const;
  std::vector<double> outputs(const std::vector<double> &x) const { return outputs_of(hidden_units(x)); }
};

/// What the sensor knows at an interval's end. Resources are fractions of the most expensive configuration's; their
/// logarithms are natural, and resources below 10⁻⁴ count as 10⁻⁴.
struct CasvaState {
  double resource = 0;            ///< log r(k), as measured
  double resource_residual = 0;   ///< log r(k) minus the log of what the rungs in force typically take
  double change = 0;              ///< of the residual since the interval before; 0: unknown
  std::vector<double> positions;  ///< in force, of the network's knobs, [0, 1]
};

struct CasvaValue {
  double accuracy = 0, log_resource = 0;  ///< of the next interval; the regression's values, not clipped
};

/// A trained network; see check().
struct CasvaModel {
  static constexpr std::size_t kMostHidden = 32, kMostKnobs = 16;
  std::vector<std::string> knobs;  ///< names without the tunable's, such as "qp"
  ValueNet net;                    ///< of standardised inputs and outputs
  /// number = mean + scale · standardised number; as many as the net's inputs and outputs (accuracy, log resource).
  std::vector<double> input_mean, input_scale, output_mean, output_scale;

  static std::size_t inputs(std::size_t knobs) { return 3 + 2 * knobs; }
  /// Throws std::invalid_argument with the cause for wrong sizes, numbers that are not finite, scales that are not
  /// above 0, and names that are empty or repeated.
  void check() const;
  CasvaValue predict(const std::vector<double> &inputs) const;
};

/// log(max(r, 10⁻⁴))
double log_resource(double resource);
/// Index of a knob in an observation by its name without the tunable's (the first of that name); none: it is not there.
std::optional<std::size_t> find_knob(const Observation &observation, const std::string &name);
/// The state of the network's knobs `names` at the end of an interval whose `resource` is known. A knob that is not
/// observed counts as being at its most expensive value. `before`: the residual of the interval before, if it is known.
CasvaState casva_state(const Observation &observation, const std::vector<std::string> &names,
                       std::optional<double> before);
/// The network's inputs: the state's numbers in their order, then the `candidate`'s positions.
std::vector<double> casva_inputs(const CasvaState &state, const std::vector<double> &candidate);

/// The policy on a network that is at hand.
std::unique_ptr<Policy> make_casva_policy(std::shared_ptr<const CasvaModel> model);

}  // namespace oneadapt
