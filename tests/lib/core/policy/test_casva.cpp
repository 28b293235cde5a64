// SPDX-License-Identifier: LGPL-2.1-or-later
// Policy casva: its network by hand, its file, and what it decides.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "core/policy/casva/file.h"
#include "core/policy/casva/network.h"
#include "core/policy/registry.h"

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
  return make_casva_policy(std::make_shared<const CasvaModel>(m));
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

/// A knob whose typical values are 1 − 0.55 (1 − p)² and exp(−2.5 (1 − p)) at position p.
KnobObservation quality(std::size_t rung) {
  KnobObservation k = knob("filter0.qp", 6, rung);
  for (std::size_t r = 0; r < 6; ++r) {
    const double missing = 1 - Ladder(k.ladder).position(r);
    k.typical_accuracy.push_back(1 - 0.55 * missing * missing);
    k.typical_resource.push_back(std::exp(-2.5 * missing));
  }
  return k;
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
}

TEST(Casva, StateByHand) {
  KnobObservation qp = knob("filter0.qp", 3, 1), scale = knob("filter0.scale", 5, 1);
  qp.typical_accuracy = {0.5, 0.9, 1};
  qp.typical_resource = {0.1, 0.25, 1};
  scale.typical_accuracy = {0.2, 0.4, 0.6, 0.8, 1};
  scale.typical_resource = {0.4, 0.5, 0.6, 0.8, 1};
  const CasvaState s = casva_state(observed({qp, scale}, 0.25), {"scale", "qp", "framerate"}, std::log(2) - 0.5);
  EXPECT_DOUBLE_EQ(s.resource, std::log(0.25));
  EXPECT_NEAR(s.resource_residual, std::log(2), 1e-12);  // 0.25 instead of 0.25 · 0.5
  EXPECT_NEAR(s.change, 0.5, 1e-12);
  EXPECT_EQ(s.positions, (std::vector<double>{0.25, 0.5, 1}));  // what is not observed stands at its most expensive
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
  EXPECT_FALSE(find_policy("casva").needs.gradient);
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
  EXPECT_THROW(make_policy("casva"), PolicyFileError);
}

namespace {

/// tiny() as a file, with `from` replaced by `to`, once.
std::string tiny_file(const std::string &from = "", const std::string &to = "") {
  std::string text = R"({"format": "oneadapt-casva", "version": 1, "knobs": ["qp"], "hidden": 1,
    "weights": [0, 0, 0, 0, 1, 0, 1, 0, 2, -2], "input_mean": [0, 0, 0, 0, 0], "input_scale": [1, 1, 1, 1, 1],
    "output_mean": [0, 0], "output_scale": [1, 1], "trained_on": {}})";
  text.replace(text.find(from), from.size(), to);
  return text;
}

std::string complaint(const std::string &text) {
  try {
    read_casva(text);
  } catch (const PolicyFileError &e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST(CasvaFile, IsTheNetworkThatItHolds) {
  const CasvaModel m = read_casva(tiny_file());
  EXPECT_EQ(m.knobs, std::vector<std::string>{"qp"});
  EXPECT_EQ(m.net.weights, tiny().net.weights);
  const auto p = make_policy("casva", tiny_file());
  EXPECT_EQ(p->known_knobs(), std::vector<std::string>{"qp"});
  EXPECT_EQ(rungs(p->decide(observed({knob("filter0.qp", 3, 1)}, 0.3), at_lambda(2))), Rungs{1});
}
TEST(CasvaFile, SaysWhatIsWrong) {
  EXPECT_EQ(complaint(""), "is no network of policy \"casva\" (it is not JSON)");
  EXPECT_EQ(complaint("[]"), "is no network of policy \"casva\"");
  EXPECT_EQ(complaint(tiny_file("oneadapt-casva", "another")), "is no network of policy \"casva\"");
  EXPECT_EQ(complaint(tiny_file("\"version\": 1", "\"version\": 2")),
            "is of version 2, and only version 1 is known here");
  EXPECT_EQ(complaint(tiny_file("\"hidden\"", "\"hiden\"")), "lacks one of its fields");
  EXPECT_EQ(complaint(tiny_file("2, -2", "2, \"x\"")), "has something else than numbers in \"weights\"");
  EXPECT_EQ(complaint(tiny_file("[\"qp\"]", "\"qp\"")), "has a field of the wrong type");
  EXPECT_EQ(complaint(tiny_file("2, -2", "2, 1e999")), "has a number that is not finite");
  EXPECT_EQ(complaint(tiny_file("2, -2", "2")), "cannot be used: \"weights\" has 9 numbers instead of 10");
}
