// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/casva.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <set>
#include <stdexcept>

#include "core/policies.h"
#include "core/typical.h"

namespace oneadapt {
namespace {

constexpr double kLeastResource = 1e-4;
// More combinations of rungs than this are not tried one by one.
constexpr double kMostCombinations = 10000;

/// A row's weighted sum with its bias, which stands last.
double weighted(const double *row, const std::vector<double> &x) {
  double sum = row[x.size()];
  for (std::size_t i = 0; i < x.size(); ++i) sum += row[i] * x[i];
  return sum;
}

std::vector<double> hidden_layer(const ValueNet &net, const std::vector<double> &x) {
  std::vector<double> h(net.hidden);
  for (std::size_t j = 0; j < net.hidden; ++j) h[j] = std::tanh(weighted(&net.weights[j * (net.inputs + 1)], x));
  return h;
}

/// Where the outputs' rows begin.
const double *output_rows(const ValueNet &net) { return net.weights.data() + net.hidden * (net.inputs + 1); }

/// "filter0.qp" → "qp"
std::string plain_name(const std::string &name) { return name.substr(name.rfind('.') + 1); }

/// Index of the knob in the observation (the first of that name), or none.
std::optional<std::size_t> find_knob(const Observation &o, const std::string &name) {
  for (std::size_t i = 0; i < o.knobs.size(); ++i)
    if (plain_name(o.knobs[i].name) == name) return i;
  return std::nullopt;
}

}  // namespace

std::vector<double> ValueNet::outputs(const std::vector<double> &x) const {
  const auto h = hidden_layer(*this, x);
  std::vector<double> y(kOutputs);
  for (std::size_t o = 0; o < kOutputs; ++o) y[o] = weighted(output_rows(*this) + o * (hidden + 1), h);
  return y;
}

double ValueNet::loss(const std::vector<double> &x, const std::vector<double> &target,
                      std::vector<double> &gradient) const {
  const auto h = hidden_layer(*this, x);
  const double *rows = output_rows(*this);
  double *row_gradients = gradient.data() + hidden * (inputs + 1);
  std::vector<double> by_hidden(hidden, 0);
  double loss = 0;
  for (std::size_t o = 0; o < kOutputs; ++o) {
    const double *row = rows + o * (hidden + 1);
    double *row_gradient = row_gradients + o * (hidden + 1);
    const double error = weighted(row, h) - target[o];
    loss += error * error / 2;
    for (std::size_t j = 0; j < hidden; ++j) {
      row_gradient[j] += error * h[j];
      by_hidden[j] += error * row[j];
    }
    row_gradient[hidden] += error;
  }
  for (std::size_t j = 0; j < hidden; ++j) {
    const double by_sum = by_hidden[j] * (1 - h[j] * h[j]);
    double *row_gradient = gradient.data() + j * (inputs + 1);
    for (std::size_t i = 0; i < inputs; ++i) row_gradient[i] += by_sum * x[i];
    row_gradient[inputs] += by_sum;
  }
  return loss;
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

CasvaState casva_state(const Observation &o, const std::vector<std::string> &names, std::optional<double> before) {
  CasvaState state;
  double typical = 1;
  for (const KnobObservation &k : o.knobs)
    if (has_typical(k)) typical *= k.typical_resource[k.rung];
  state.resource = log_resource(o.resource.value_or(0));
  state.surprise = state.resource - log_resource(typical);
  if (before) state.change = state.surprise - *before;
  for (const std::string &name : names) {
    const auto knob = find_knob(o, name);
    state.positions.push_back(knob ? Ladder(o.knobs[*knob].ladder).position(o.knobs[*knob].rung) : 1);
  }
  return state;
}

std::vector<double> casva_inputs(const CasvaState &s, const std::vector<double> &candidate) {
  std::vector<double> inputs{s.resource, s.surprise, s.change};
  inputs.insert(inputs.end(), s.positions.begin(), s.positions.end());
  inputs.insert(inputs.end(), candidate.begin(), candidate.end());
  return inputs;
}

namespace {

/// Mean and standard deviation of a column; one that does not vary has scale 1.
struct Standard {
  double mean = 0, scale = 1;
};
template <class Column>
Standard standard(const std::vector<CasvaSample> &samples, Column column) {
  Standard s;
  for (const CasvaSample &sample : samples) s.mean += column(sample) / double(samples.size());
  double variance = 0;
  for (const CasvaSample &sample : samples)
    variance += (column(sample) - s.mean) * (column(sample) - s.mean) / double(samples.size());
  if (variance > 1e-12) s.scale = std::sqrt(variance);
  return s;
}

}  // namespace

CasvaModel train_casva(const std::vector<std::string> &knobs, const std::vector<CasvaSample> &samples,
                       const CasvaTraining &training) {
  CasvaModel model;
  model.knobs = knobs;
  const std::size_t n = CasvaModel::inputs(knobs.size());
  if (samples.empty()) throw std::invalid_argument("there are no samples to learn from");
  for (const CasvaSample &s : samples)
    if (s.inputs.size() != n) throw std::invalid_argument("a sample's inputs do not fit the knobs");
  auto keep = [](const Standard &s, std::vector<double> &mean, std::vector<double> &scale) {
    mean.push_back(s.mean);
    scale.push_back(s.scale);
  };
  for (std::size_t i = 0; i < n; ++i)
    keep(standard(samples, [i](const CasvaSample &s) { return s.inputs[i]; }), model.input_mean, model.input_scale);
  keep(standard(samples, [](const CasvaSample &s) { return s.accuracy; }), model.output_mean, model.output_scale);
  keep(standard(samples, [](const CasvaSample &s) { return s.log_resource; }), model.output_mean, model.output_scale);

  std::vector<std::vector<double>> x, y;
  for (const CasvaSample &s : samples) {
    x.emplace_back();
    for (std::size_t i = 0; i < n; ++i) x.back().push_back((s.inputs[i] - model.input_mean[i]) / model.input_scale[i]);
    y.push_back({(s.accuracy - model.output_mean[0]) / model.output_scale[0],
                 (s.log_resource - model.output_mean[1]) / model.output_scale[1]});
  }

  std::mt19937 generator(1);  // its numbers are the standard's; the distributions' are not
  model.net.inputs = n;
  model.net.hidden = training.hidden;
  std::vector<double> &w = model.net.weights;
  w.resize(ValueNet::size(n, training.hidden));
  const std::size_t first_output = training.hidden * (n + 1);
  for (std::size_t i = 0; i < w.size(); ++i) {
    const double fan_in = i < first_output ? double(n) : double(training.hidden);
    w[i] = (2 * double(generator()) / 4294967296.0 - 1) / std::sqrt(fan_in);
  }
  // Adam (Kingma & Ba, 2015) with its usual constants.
  constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-8;
  std::vector<double> first(w.size(), 0), second(w.size(), 0), gradient(w.size());
  double power1 = 1, power2 = 1;
  for (unsigned step = 0; step < training.steps; ++step) {
    std::fill(gradient.begin(), gradient.end(), 0);
    for (unsigned b = 0; b < training.batch; ++b) {
      const std::size_t i = generator() % samples.size();
      model.net.loss(x[i], y[i], gradient);
    }
    const double rate = training.rate * (1 - double(step) / training.steps);
    power1 *= kBeta1;
    power2 *= kBeta2;
    for (std::size_t i = 0; i < w.size(); ++i) {
      const double g = gradient[i] / training.batch;
      first[i] = kBeta1 * first[i] + (1 - kBeta1) * g;
      second[i] = kBeta2 * second[i] + (1 - kBeta2) * g * g;
      w[i] -= rate * first[i] / (1 - power1) / (std::sqrt(second[i] / (1 - power2)) + kEpsilon);
    }
  }
  model.check();
  return model;
}

namespace {

/// Each interval: the configuration with the greatest predicted accuracy − λ · resource. A knob that the network does
/// not know stays; so does everything where the resource is not known.
class CasvaPolicy : public Policy {
 public:
  explicit CasvaPolicy(std::shared_ptr<const CasvaModel> model) : model_(std::move(model)) {}

  Decision decide(const Observation &o, const PolicySettings &s) override {
    check_observation(o);
    Decision d = stay(o);
    if (!o.resource) return d;
    std::vector<std::optional<std::size_t>> mine;  // the network's knobs in the observation
    for (const std::string &name : model_->knobs) mine.push_back(find_knob(o, name));
    const bool next_to_it = last_ && *last_ + 1 == o.interval;
    const CasvaState state = casva_state(o, model_->knobs, next_to_it ? surprise_ : std::nullopt);
    last_ = o.interval;
    surprise_ = state.surprise;

    auto predict = [&](const std::vector<std::size_t> &rungs) {
      std::vector<double> positions = state.positions;
      for (std::size_t m = 0; m < mine.size(); ++m)
        if (mine[m]) positions[m] = Ladder(o.knobs[*mine[m]].ladder).position(rungs[*mine[m]]);
      return model_->predict(casva_inputs(state, positions));
    };
    auto worth = [&](const std::vector<std::size_t> &rungs) {
      const CasvaValue v = predict(rungs);
      return v.accuracy - s.lambda * std::exp(v.log_resource);
    };
    std::vector<std::size_t> rungs;
    for (const KnobObservation &k : o.knobs) rungs.push_back(k.rung);
    rungs = best(o, mine, rungs, worth);
    for (std::size_t i = 0; i < rungs.size(); ++i) {
      d.knobs[i].rung = rungs[i];
      d.knobs[i].position = Ladder(o.knobs[i].ladder).position(rungs[i]);
    }
    d.predicted_resource = std::exp(predict(rungs).log_resource);
    return d;
  }
  std::vector<std::size_t> start(const std::vector<KnobObservation> &knobs, const PolicySettings &s) override {
    return typical_optimum(knobs, s);  // until a first size is known, as the other policies
  }
  void reset() override {
    last_.reset();
    surprise_.reset();
  }

 private:
  template <class Worth>
  static std::vector<std::size_t> best(const Observation &o, const std::vector<std::optional<std::size_t>> &mine,
                                       std::vector<std::size_t> rungs, Worth worth) {
    double combinations = 1;
    for (const auto &m : mine)
      if (m) combinations *= double(o.knobs[*m].ladder.size());
    double most = worth(rungs);
    if (combinations <= kMostCombinations) {
      auto at = rungs;
      for (const auto &m : mine)
        if (m) at[*m] = 0;
      for (bool more = true; more;) {
        if (const double w = worth(at); w > most) {
          most = w;
          rungs = at;
        }
        more = false;
        for (const auto &m : mine) {
          if (!m || more) continue;
          more = at[*m] + 1 < o.knobs[*m].ladder.size();
          at[*m] = more ? at[*m] + 1 : 0;
        }
      }
      return rungs;
    }
    for (bool better = true; better;) {  // knob by knob
      better = false;
      for (const auto &m : mine)
        for (std::size_t r = 0; m && r < o.knobs[*m].ladder.size(); ++r) {
          auto at = rungs;
          at[*m] = r;
          if (const double w = worth(at); w > most + 1e-12) {
            most = w;
            rungs = at;
            better = true;
          }
        }
    }
    return rungs;
  }

  std::shared_ptr<const CasvaModel> model_;
  std::optional<std::uint64_t> last_;  ///< interval decided on
  std::optional<double> surprise_;     ///< of that
};

}  // namespace

std::unique_ptr<Policy> make_casva_policy(std::shared_ptr<const CasvaModel> model) {
  return std::make_unique<CasvaPolicy>(std::move(model));
}

}  // namespace oneadapt
