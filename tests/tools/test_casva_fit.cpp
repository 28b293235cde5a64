// SPDX-License-Identifier: LGPL-2.1-or-later
// Fitting the network of policy casva: derivatives against finite differences, and training on known functions.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>

#include "eval/casva_fit.h"

using namespace oneadapt;
using namespace oneadapt::eval;

namespace {

// Content is easy (0) to hard (1): then it takes more bytes when it is coarse, and loses more accuracy.
double true_resource(double content, double p) { return std::exp(-(3.5 - 2 * content) * (1 - p)); }
double true_accuracy(double content, double p) { return 1 - (0.1 + 0.9 * content) * (1 - p) * (1 - p); }
constexpr std::size_t kRungs = 6;

Observation observed(KnobObservation knob, double resource) {
  Observation o;
  o.knobs = {std::move(knob)};
  o.resource = resource;
  return o;
}

KnobObservation quality(std::size_t rung) {
  KnobObservation k;
  k.name = "filter0.qp";
  k.rung = rung;
  for (std::size_t r = 0; r < kRungs; ++r) k.ladder.push_back(double(r));
  for (std::size_t r = 0; r < kRungs; ++r) {
    k.typical_resource.push_back(true_resource(0.5, Ladder(k.ladder).position(r)));
    k.typical_accuracy.push_back(true_accuracy(0.5, Ladder(k.ladder).position(r)));
  }
  return k;
}

std::vector<CasvaSample> made_up_samples() {
  std::vector<CasvaSample> samples;
  for (double content = 0; content <= 1; content += 0.1)
    for (std::size_t rung = 0; rung < kRungs; ++rung)
      for (std::size_t next = 0; next < kRungs; ++next) {
        const double p = double(rung) / (kRungs - 1), q = double(next) / (kRungs - 1);
        const CasvaState s = casva_state(observed(quality(rung), true_resource(content, p)), {"qp"}, std::nullopt);
        samples.push_back({casva_inputs(s, {q}), true_accuracy(content, q), log_resource(true_resource(content, q))});
      }
  return samples;
}

}  // namespace

TEST(CasvaFit, GradientIsThatOfFiniteDifferences) {
  std::mt19937 random(7);
  auto number = [&] { return 2 * double(random()) / 4294967296.0 - 1; };
  ValueNet net;
  net.inputs = 5;
  net.hidden = 3;
  for (std::size_t i = 0; i < ValueNet::size(5, 3); ++i) net.weights.push_back(number());
  const std::vector<double> x{number(), number(), number(), number(), number()}, target{number(), number()};
  std::vector<double> gradient(net.weights.size(), 0), ignored(net.weights.size());
  value_net_loss(net, x, target, gradient);
  for (std::size_t i = 0; i < net.weights.size(); ++i) {
    constexpr double kStep = 1e-5;
    ValueNet up = net, down = net;
    up.weights[i] += kStep;
    down.weights[i] -= kStep;
    EXPECT_NEAR(gradient[i],
                (value_net_loss(up, x, target, ignored) - value_net_loss(down, x, target, ignored)) / (2 * kStep), 1e-9)
        << i;
  }
  // It is added to what is there.
  auto twice = gradient;
  value_net_loss(net, x, target, twice);
  for (std::size_t i = 0; i < twice.size(); ++i) EXPECT_DOUBLE_EQ(twice[i], 2 * gradient[i]);
}

TEST(CasvaFit, LearnsAKnownProblem) {
  const auto samples = made_up_samples();
  CasvaTraining training;
  training.steps = 4000;
  const CasvaModel m = train_casva({"qp"}, samples, training);
  double accuracy = 0, resource = 0;
  for (const CasvaSample &s : samples) {
    const CasvaValue v = m.predict(s.inputs);
    accuracy += std::abs(v.accuracy - s.accuracy) / double(samples.size());
    resource += std::abs(v.log_resource - s.log_resource) / double(samples.size());
  }
  // Not to be known where r is 1 whatever the content: a sixth of the states.
  EXPECT_LT(accuracy, 0.04);
  EXPECT_LT(resource, 0.15);
  std::vector<std::size_t> chosen;
  for (double content : {0.05, 0.55, 0.95}) {
    const auto p = make_casva_policy(std::make_shared<const CasvaModel>(m));
    const double here = true_resource(content, 0.4);
    const Decision d = p->decide(observed(quality(2), here), PolicySettings());
    double best = -1;
    auto worth = [&](std::size_t r) {
      const double q = double(r) / (kRungs - 1);
      return true_accuracy(content, q) - true_resource(content, q);
    };
    for (std::size_t r = 0; r < kRungs; ++r) best = std::max(best, worth(r));
    EXPECT_GT(worth(d.knobs[0].rung), best - 0.02) << content;
    chosen.push_back(d.knobs[0].rung);
  }
  EXPECT_LT(chosen.front(), chosen.back());  // hard content gets the finer picture
}

TEST(CasvaFit, TrainingIsDeterministic) {
  CasvaTraining training;
  training.steps = 50;
  const auto samples = made_up_samples();
  EXPECT_EQ(train_casva({"qp"}, samples, training).net.weights, train_casva({"qp"}, samples, training).net.weights);
  EXPECT_THROW(train_casva({"qp"}, {}, training), std::invalid_argument);
  EXPECT_THROW(train_casva({"qp", "scale"}, samples, training), std::invalid_argument);
}

TEST(CasvaFit, AConstantSampleIsNoDivisionByZero) {
  CasvaTraining training;
  training.steps = 200;
  const CasvaModel m = train_casva({"qp"}, {{{0, 0, 0, 1, 1}, 0.8, -1}}, training);
  EXPECT_NEAR(m.predict({0, 0, 0, 1, 1}).accuracy, 0.8, 0.05);
}
