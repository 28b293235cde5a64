// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/casva_fit.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>

namespace oneadapt::eval {

double value_net_loss(const ValueNet &net, const std::vector<double> &x, const std::vector<double> &target,
                      std::vector<double> &gradient) {
  const auto h = net.hidden_units(x), y = net.outputs_of(h);
  std::vector<double> by_hidden(net.hidden, 0);
  double loss = 0;
  for (std::size_t o = 0; o < ValueNet::kOutputs; ++o) {
    const double *row = &net.weights[net.output_row(o)];
    double *row_gradient = &gradient[net.output_row(o)];
    const double error = y[o] - target[o];
    loss += error * error / 2;
    for (std::size_t j = 0; j < net.hidden; ++j) {
      row_gradient[j] += error * h[j];
      by_hidden[j] += error * row[j];
    }
    row_gradient[net.hidden] += error;
  }
  for (std::size_t j = 0; j < net.hidden; ++j) {
    const double by_sum = by_hidden[j] * (1 - h[j] * h[j]);
    double *row_gradient = &gradient[j * (net.inputs + 1)];
    for (std::size_t i = 0; i < net.inputs; ++i) row_gradient[i] += by_sum * x[i];
    row_gradient[net.inputs] += by_sum;
  }
  return loss;
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

void standardise(const std::vector<CasvaSample> &samples, CasvaModel &model) {
  const auto add = [](const Standard &s, std::vector<double> &mean, std::vector<double> &scale) {
    mean.push_back(s.mean);
    scale.push_back(s.scale);
  };
  for (std::size_t i = 0; i < model.net.inputs; ++i)
    add(standard(samples, [i](const CasvaSample &s) { return s.inputs[i]; }), model.input_mean, model.input_scale);
  add(standard(samples, [](const CasvaSample &s) { return s.accuracy; }), model.output_mean, model.output_scale);
  add(standard(samples, [](const CasvaSample &s) { return s.log_resource; }), model.output_mean, model.output_scale);
}

/// Uniform, by the number of a unit's inputs.
std::vector<double> first_weights(const ValueNet &net, std::mt19937 &generator) {
  std::vector<double> w(ValueNet::size(net.inputs, net.hidden));
  const std::size_t first_output = net.hidden * (net.inputs + 1);
  for (std::size_t i = 0; i < w.size(); ++i) {
    const double fan_in = i < first_output ? double(net.inputs) : double(net.hidden);
    w[i] = (2 * double(generator()) / 4294967296.0 - 1) / std::sqrt(fan_in);
  }
  return w;
}

/// Adam (Kingma & Ba, 2015) with its usual constants.
class Adam {
 public:
  explicit Adam(std::size_t weights) : first_(weights, 0), second_(weights, 0) {}
  /// One step against `gradient` ÷ `examples`.
  void step(std::vector<double> &weights, const std::vector<double> &gradient, unsigned examples, double rate) {
    constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-8;
    power1_ *= kBeta1;
    power2_ *= kBeta2;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const double g = gradient[i] / examples;
      first_[i] = kBeta1 * first_[i] + (1 - kBeta1) * g;
      second_[i] = kBeta2 * second_[i] + (1 - kBeta2) * g * g;
      weights[i] -= rate * first_[i] / (1 - power1_) / (std::sqrt(second_[i] / (1 - power2_)) + kEpsilon);
    }
  }

 private:
  std::vector<double> first_, second_;
  double power1_ = 1, power2_ = 1;
};

}  // namespace

CasvaModel train_casva(const std::vector<std::string> &knobs, const std::vector<CasvaSample> &samples,
                       const CasvaTraining &training) {
  CasvaModel model;
  model.knobs = knobs;
  const std::size_t n = CasvaModel::inputs(knobs.size());
  if (samples.empty()) throw std::invalid_argument("there are no samples to learn from");
  for (const CasvaSample &s : samples)
    if (s.inputs.size() != n) throw std::invalid_argument("a sample's inputs do not fit the knobs");
  model.net.inputs = n;
  model.net.hidden = training.hidden;
  standardise(samples, model);
  std::vector<std::vector<double>> x, y;
  for (const CasvaSample &s : samples) {
    x.emplace_back();
    for (std::size_t i = 0; i < n; ++i) x.back().push_back((s.inputs[i] - model.input_mean[i]) / model.input_scale[i]);
    y.push_back({(s.accuracy - model.output_mean[0]) / model.output_scale[0],
                 (s.log_resource - model.output_mean[1]) / model.output_scale[1]});
  }

  std::mt19937 generator(1);  // its numbers are the standard's; the distributions' are not
  std::vector<double> &w = model.net.weights;
  w = first_weights(model.net, generator);
  std::vector<double> gradient(w.size());
  Adam adam(w.size());
  for (unsigned step = 0; step < training.steps; ++step) {
    std::fill(gradient.begin(), gradient.end(), 0);
    for (unsigned b = 0; b < training.batch; ++b) {
      const std::size_t i = generator() % samples.size();
      value_net_loss(model.net, x[i], y[i], gradient);
    }
    adam.step(w, gradient, training.batch, training.rate * (1 - double(step) / training.steps));
  }
  model.check();
  return model;
}

}  // namespace oneadapt::eval
