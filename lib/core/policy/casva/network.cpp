// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/policy/casva/network.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>

#include "core/policy/typical.h"

namespace oneadapt {
namespace {

constexpr double kLeastResource = 1e-4;

/// A row's weighted sum with its bias, which stands last.
double weighted(const double *row, const std::vector<double> &x) {
  double sum = row[x.size()];
  for (std::size_t i = 0; i < x.size(); ++i) sum += row[i] * x[i];
  return sum;
}

/// "filter0.qp" → "qp"
std::string plain_name(const std::string &name) { return name.substr(name.rfind('.') + 1); }

}  // namespace

std::vector<double> ValueNet::hidden_units(const std::vector<double> &x) const {
  std::vector<double> h(hidden);
  for (std::size_t j = 0; j < hidden; ++j) h[j] = std::tanh(weighted(&weights[j * (inputs + 1)], x));
  return h;
}

std::vector<double> ValueNet::outputs_of(const std::vector<double> &units) const {
  std::vector<double> y(kOutputs);
  for (std::size_t o = 0; o < kOutputs; ++o) y[o] = weighted(&weights[output_row(o)], units);
  return y;
}

void CasvaModel::check() const {
  if (knobs.empty() || knobs.size() > kMostKnobs)
    throw std::invalid_argument("it has no knobs, or more than " + std::to_string(kMostKnobs));
  std::set<std::string> names;
  for (const std::string &name : knobs)
    if (name.empty() || !names.insert(name).second)
      throw std::invalid_argument("a knob's name is empty or there twice");
  if (net.hidden < 1 || net.hidden > kMostHidden)
    throw std::invalid_argument("it has not 1 to " + std::to_string(kMostHidden) + " hidden units");
  const std::size_t n = inputs(knobs.size());
  const struct {
    const char *name;
    const std::vector<double> &list;
    std::size_t size;
  } lists[] = {{"weights", net.weights, ValueNet::size(n, net.hidden)},
               {"input_mean", input_mean, n},
               {"input_scale", input_scale, n},
               {"output_mean", output_mean, ValueNet::kOutputs},
               {"output_scale", output_scale, ValueNet::kOutputs}};
  for (const auto &l : lists) {
    if (l.list.size() != l.size)
      throw std::invalid_argument(std::string("\"") + l.name + "\" has " + std::to_string(l.list.size()) +
                                  " numbers instead of " + std::to_string(l.size));
    for (double v : l.list)
      if (!std::isfinite(v)) throw std::invalid_argument(std::string("\"") + l.name + "\" has one that is not finite");
  }
  for (const auto *list : {&input_scale, &output_scale})
    for (double v : *list)
      if (v <= 0) throw std::invalid_argument("a scale is not above 0");
  if (net.inputs != n) throw std::invalid_argument("the network does not fit its knobs");
}

CasvaValue CasvaModel::predict(const std::vector<double> &in) const {
  std::vector<double> x(in.size());
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = (in[i] - input_mean[i]) / input_scale[i];
  const auto y = net.outputs(x);
  return {output_mean[0] + output_scale[0] * y[0], output_mean[1] + output_scale[1] * y[1]};
}

double log_resource(double resource) { return std::log(std::max(resource, kLeastResource)); }

std::optional<std::size_t> find_knob(const Observation &o, const std::string &name) {
  for (std::size_t i = 0; i < o.knobs.size(); ++i)
    if (plain_name(o.knobs[i].name) == name) return i;
  return std::nullopt;
}

CasvaState casva_state(const Observation &o, const std::vector<std::string> &names, std::optional<double> before) {
  CasvaState state;
  double typical = 1;
  for (const KnobObservation &k : o.knobs)
    if (has_typical(k)) typical *= k.typical_resource[k.rung];
  state.resource = log_resource(o.resource.value_or(0));
  state.resource_residual = state.resource - log_resource(typical);
  if (before) state.change = state.resource_residual - *before;
  for (const std::string &name : names) {
    const auto knob = find_knob(o, name);
    state.positions.push_back(knob ? Ladder(o.knobs[*knob].ladder).position(o.knobs[*knob].rung) : 1);
  }
  return state;
}

std::vector<double> casva_inputs(const CasvaState &s, const std::vector<double> &candidate) {
  std::vector<double> inputs{s.resource, s.resource_residual, s.change};
  inputs.insert(inputs.end(), s.positions.begin(), s.positions.end());
  inputs.insert(inputs.end(), candidate.begin(), candidate.end());
  return inputs;
}

}  // namespace oneadapt
