// SPDX-License-Identifier: LGPL-2.1-or-later
// Policy casva: its network by hand and against finite differences, training on known functions, and what it decides.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>

#include "core/casva.h"

using namespace oneadapt;

namespace {

using Rungs = std::vector<std::size_t>;

KnobObservation knob(const std::string &name, std::size_t rungs, std::size_t rung) {
  KnobObservation k;
  k.name = name;
  for (std::size_t r = 0; r < rungs; ++r) k.ladder.push_back(double(r));
  k.rung = rung;
  return k;
}

Observation observed(std::vector<KnobObservation> knobs, double resource, std::uint64_t interval = 0) {
  Observation o;
  o.interval = interval;
  o.knobs = std::move(knobs);
  o.resource = resource;
  return o;
}

PolicySettings at_lambda(double lambda) {
  PolicySettings s;
  s.lambda = lambda;
  return s;
}

Rungs rungs(const Decision &d) {
  Rungs out;
  for (const KnobDecision &k : d.knobs) out.push_back(k.rung);
  return out;
}

/// Inputs as they are; every weight 0.
CasvaModel blank(const std::vector<std::string> &knobs, std::size_t hidden) {
  CasvaModel m;
  m.knobs = knobs;
  const std::size_t n = CasvaModel::inputs(knobs.size());
  m.net.inputs = n;
  m.net.hidden = hidden;
  m.net.weights.assign(ValueNet::size(n, hidden), 0);
  m.input_mean.assign(n, 0);
  m.input_scale.assign(n, 1);
  m.output_mean.assign(2, 0);
  m.output_scale.assign(2, 1);
  return m;
}

std::unique_ptr<Policy> policy_of(const CasvaModel &m) {
  return make_policy("casva", std::make_shared<const CasvaModel>(m));
}

/// One unit: tanh of the candidate's position p. Accuracy tanh p, log resource 2 tanh p − 2.
CasvaModel tiny() {
  CasvaModel m = blank({"qp"}, 1);
  m.net.weights = {0, 0, 0, 0, 1, 0, /* accuracy */ 1, 0, /* log resource */ 2, -2};
  return m;
}

/// One unit: tanh of the change. Log resource is that, accuracy 0.
CasvaModel of_change() {
  CasvaModel m = blank({"qp"}, 1);
  m.net.weights = {0, 0, 1, 0, 0, 0, /* accuracy */ 0, 0, /* log resource */ 1, 0};
  return m;
}

// Content is easy (0) to hard (1): then it takes more bytes when it is coarse, and loses more accuracy.
double true_resource(double content, double p) { return std::exp(-(3.5 - 2 * content) * (1 - p)); }
double true_accuracy(double content, double p) { return 1 - (0.1 + 0.9 * content) * (1 - p) * (1 - p); }
constexpr std::size_t kRungs = 6;

KnobObservation quality(std::size_t rung) {
  KnobObservation k = knob("filter0.qp", kRungs, rung);
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
        const CasvaState s = casva_state(observed({quality(rung)}, true_resource(content, p)), {"qp"}, std::nullopt);
        samples.push_back({casva_inputs(s, {q}), true_accuracy(content, q), log_resource(true_resource(content, q))});
      }
  return samples;
}

}  // namespace

TEST(ValueNet, OutputsByHand) {
  ValueNet net;
  net.inputs = 2;
  net.hidden = 2;
  net.weights = {1, 2, 0.5, /**/ 0, -1, 0, /**/ 3, 1, 0.25, /**/ -1, 0, 2};
  const double a = std::tanh(0.1 + 2 * 0.2 + 0.5), b = std::tanh(-0.2);
  const auto y = net.outputs({0.1, 0.2});
  EXPECT_NEAR(y[0], 3 * a + b + 0.25, 1e-15);
  EXPECT_NEAR(y[1], -a + 2, 1e-15);
  std::vector<double> gradient(net.weights.size(), 0);
  EXPECT_NEAR(net.loss({0.1, 0.2}, {y[0] - 2, y[1] + 1}, gradient), 0.5 * (4 + 1), 1e-12);
}
TEST(ValueNet, GradientIsThatOfFiniteDifferences) {
  std::mt19937 random(7);
  auto number = [&] { return 2 * double(random()) / 4294967296.0 - 1; };
  ValueNet net;
  net.inputs = 5;
  net.hidden = 3;
  for (std::size_t i = 0; i < ValueNet::size(5, 3); ++i) net.weights.push_back(number());
  const std::vector<double> x{number(), number(), number(), number(), number()}, target{number(), number()};
  std::vector<double> gradient(net.weights.size(), 0), ignored(net.weights.size());
  net.loss(x, target, gradient);
  for (std::size_t i = 0; i < net.weights.size(); ++i) {
    constexpr double kStep = 1e-5;
    ValueNet up = net, down = net;
    up.weights[i] += kStep;
    down.weights[i] -= kStep;
    EXPECT_NEAR(gradient[i], (up.loss(x, target, ignored) - down.loss(x, target, ignored)) / (2 * kStep), 1e-9) << i;
  }
  // It is added to what is there.
  auto twice = gradient;
  net.loss(x, target, twice);
  for (std::size_t i = 0; i < twice.size(); ++i) EXPECT_DOUBLE_EQ(twice[i], 2 * gradient[i]);
}

TEST(Casva, StateByHand) {
  KnobObservation qp = knob("filter0.qp", 3, 1), scale = knob("filter0.scale", 5, 1);
  qp.typical_accuracy = {0.5, 0.9, 1};
  qp.typical_resource = {0.1, 0.25, 1};
  scale.typical_accuracy = {0.2, 0.4, 0.6, 0.8, 1};
  scale.typical_resource = {0.4, 0.5, 0.6, 0.8, 1};
  const CasvaState s = casva_state(observed({qp, scale}, 0.25), {"scale", "qp", "framerate"}, std::log(2) - 0.5);
  EXPECT_DOUBLE_EQ(s.resource, std::log(0.25));
  EXPECT_NEAR(s.surprise, std::log(2), 1e-12);  // 0.25 instead of 0.25 · 0.5
  EXPECT_NEAR(s.change, 0.5, 1e-12);
  EXPECT_EQ(s.positions, (std::vector<double>{0.25, 0.5, 1}));  // what is not observed stands at its dearest
  EXPECT_DOUBLE_EQ(casva_state(observed({qp}, 0), {"qp"}, std::nullopt).resource, std::log(1e-4));
  EXPECT_EQ(casva_state(observed({qp}, 0.3), {"qp"}, std::nullopt).change, 0);
  EXPECT_EQ(casva_inputs({1, 2, 3, {4, 5}}, {6, 7}), (std::vector<double>{1, 2, 3, 4, 5, 6, 7}));
}
TEST(Casva, TakesTheBestPredictedConfiguration) {
  // Accuracy 0, 0.462, 0.762 and resource 0.135, 0.341, 0.621 at the three rungs.
  const auto p = policy_of(tiny());
  const Observation o = observed({knob("filter0.qp", 3, 1)}, 0.3);
  EXPECT_EQ(rungs(p->decide(o, at_lambda(0))), Rungs{2});
  EXPECT_EQ(rungs(p->decide(o, at_lambda(1))), Rungs{2});  // 0.141 to 0.121
  EXPECT_EQ(rungs(p->decide(o, at_lambda(2))), Rungs{1});  // −0.220 to −0.271 and −0.480
  EXPECT_EQ(rungs(p->decide(o, at_lambda(10))), Rungs{0});
  const Decision d = p->decide(o, at_lambda(2));
  EXPECT_NEAR(*d.predicted_resource, std::exp(2 * std::tanh(0.5) - 2), 1e-12);
  EXPECT_DOUBLE_EQ(d.knobs[0].position, 0.5);
  EXPECT_FALSE(p->needs_gradient());
}
TEST(Casva, NumbersAreStandardised) {
  CasvaModel m = tiny();
  m.input_mean[4] = 0.5;
  m.input_scale[4] = 2;
  m.output_mean = {0.7, -1};
  m.output_scale = {0.1, 0.5};
  const CasvaValue v = m.predict({9, 9, 9, 9, 1});
  EXPECT_NEAR(v.accuracy, 0.7 + 0.1 * std::tanh(0.25), 1e-12);
  EXPECT_NEAR(v.log_resource, -1 + 0.5 * (2 * std::tanh(0.25) - 2), 1e-12);
}
TEST(Casva, WhatItDoesNotKnowStays) {
  const auto p = policy_of(tiny());
  const Observation two = observed({knob("filter0.level", 3, 1), knob("filter0.qp", 3, 0)}, 0.3);
  EXPECT_EQ(rungs(p->decide(two, at_lambda(0))), (Rungs{1, 2}));
  EXPECT_EQ(rungs(p->decide(observed({knob("filter0.level", 3, 1)}, 0.3), at_lambda(0))), Rungs{1});
  Observation unknown = observed({knob("filter0.qp", 3, 1)}, 0);
  unknown.resource.reset();
  EXPECT_EQ(rungs(p->decide(unknown, at_lambda(0))), Rungs{1});
  EXPECT_THROW(p->decide(observed({knob("filter0.qp", 3, 3)}, 0.3), at_lambda(0)), std::invalid_argument);
}
TEST(Casva, ChangeIsFromTheIntervalBefore) {
  const auto p = policy_of(of_change());
  auto predicted = [&](double resource, std::uint64_t interval) {
    return *p->decide(observed({knob("qp", 3, 1)}, resource, interval), at_lambda(1)).predicted_resource;
  };
  EXPECT_DOUBLE_EQ(predicted(0.5, 4), 1);                  // there is none before
  EXPECT_NEAR(predicted(0.25, 5), std::exp(-0.6), 1e-12);  // tanh(log 2) = 0.6
  EXPECT_DOUBLE_EQ(predicted(0.5, 7), 1);                  // that is not the next one
  p->reset();
  EXPECT_DOUBLE_EQ(predicted(0.25, 8), 1);
}
TEST(Casva, ManyCombinationsAreSearchedKnobByKnob) {
  CasvaModel m = blank({"a", "b", "c", "d", "e"}, 5);
  const std::size_t row = m.net.inputs + 1;
  for (std::size_t i = 0; i < 5; ++i) {
    m.net.weights[i * row + 8 + i] = 1;               // unit i: tanh of the i-th candidate position
    m.net.weights[5 * row + i] = i % 2 ? -1.0 : 1.0;  // accuracy wants every second knob low
  }
  std::vector<KnobObservation> knobs;
  for (const char *name : {"a", "b", "c", "d", "e"}) knobs.push_back(knob(name, 8, 3));
  EXPECT_EQ(rungs(policy_of(m)->decide(observed(knobs, 0.5), at_lambda(0))), (Rungs{7, 0, 7, 0, 7}));
}
TEST(Casva, LearnsAKnownProblem) {
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
  Rungs chosen;
  for (double content : {0.05, 0.55, 0.95}) {
    auto p = policy_of(m);
    const double here = true_resource(content, 0.4);
    const Decision d = p->decide(observed({quality(2)}, here), at_lambda(1));
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
TEST(Casva, TrainingIsDeterministic) {
  CasvaTraining training;
  training.steps = 50;
  const auto samples = made_up_samples();
  EXPECT_EQ(train_casva({"qp"}, samples, training).net.weights, train_casva({"qp"}, samples, training).net.weights);
  EXPECT_THROW(train_casva({"qp"}, {}, training), std::invalid_argument);
  EXPECT_THROW(train_casva({"qp", "scale"}, samples, training), std::invalid_argument);
}
TEST(Casva, AConstantSampleIsNoDivisionByZero) {
  CasvaTraining training;
  training.steps = 200;
  const CasvaModel m = train_casva({"qp"}, {{{0, 0, 0, 1, 1}, 0.8, -1}}, training);
  EXPECT_NEAR(m.predict({0, 0, 0, 1, 1}).accuracy, 0.8, 0.05);
}
TEST(Casva, CheckRefusesWhatCannotBeUsed) {
  EXPECT_NO_THROW(tiny().check());
  std::vector<CasvaModel> bad(11, tiny());
  bad[0].knobs.clear();
  bad[1].knobs = {"qp", "qp"};
  bad[2].knobs = {""};
  bad[3].net.hidden = 0;
  bad[4].net.hidden = 33;
  bad[5].net.weights.push_back(0);
  bad[6].net.weights[3] = NAN;
  bad[7].input_mean.pop_back();
  bad[8].input_scale[0] = 0;
  bad[9].output_scale = {1, -1};
  bad[10].net.inputs = 4;
  for (std::size_t i = 0; i < bad.size(); ++i) EXPECT_THROW(bad[i].check(), std::invalid_argument) << i;
}
TEST(Casva, BeginsWhereLambdaUsuallyLeadsToAndWantsANetwork) {
  const auto p = policy_of(tiny());
  EXPECT_EQ(p->start({quality(5)}, at_lambda(100)), Rungs{0});
  EXPECT_EQ(p->start({quality(0)}, at_lambda(0)), Rungs{5});
  EXPECT_THROW(make_policy("casva"), std::invalid_argument);
}
