// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "core/casva.h"
#include "core/gradient.h"
#include "core/knob.h"
#include "core/metrics.h"
#include "core/policy.h"

using namespace oneadapt;

TEST(Ladder, NormalisesFallingValues) {
  const Ladder qp({48, 44, 40, 20});
  EXPECT_DOUBLE_EQ(qp.position(0), 0.0);
  EXPECT_DOUBLE_EQ(qp.position(1), 4.0 / 28);
  EXPECT_DOUBLE_EQ(qp.position(3), 1.0);
  EXPECT_EQ(qp.nearest_value(43), 1u);
  EXPECT_EQ(qp.nearest_value(51), 0u);
}
TEST(Ladder, RoundsToTheNearestAndTiesToTheCheaper) {
  const Ladder scale({0.5, 0.75, 1.0});
  EXPECT_EQ(scale.nearest(0.24), 0u);
  EXPECT_EQ(scale.nearest(0.25), 0u);  // half-way
  EXPECT_EQ(scale.nearest(0.26), 1u);
  EXPECT_EQ(scale.nearest(-3), 0u);
  EXPECT_EQ(scale.nearest(7), 2u);
  EXPECT_DOUBLE_EQ(Ladder({30}).position(0), 1.0);
}
TEST(Ladder, RefusesWhatIsNoLadder) {
  EXPECT_THROW(Ladder({}), std::invalid_argument);
  EXPECT_THROW(Ladder({1, 1}), std::invalid_argument);
  EXPECT_THROW(Ladder({1, 3, 2}), std::invalid_argument);
  EXPECT_THROW(Ladder({1, std::nan("")}), std::invalid_argument);
}

TEST(Utility, IsZeroAtThetaAndSaturates) {
  EXPECT_DOUBLE_EQ(element_utility(0.5, 0.5), 0.0);
  // 2·sigmoid(20·0.1) − 1 = 2·0.880797 − 1
  EXPECT_NEAR(element_utility(0.6, 0.5), 0.761594, 1e-6);
  EXPECT_NEAR(element_utility(0.4, 0.5), -0.761594, 1e-6);
  EXPECT_NEAR(element_utility(0.9, 0.4, 8), 2 / (1 + std::exp(-4.0)) - 1, 1e-12);
}

TEST(BlockMap, CutsBlocksAtTheEdge) {
  const BlockMap m(40, 20);
  EXPECT_EQ(m.columns(), 3u);
  EXPECT_EQ(m.rows(), 2u);
  EXPECT_EQ(m.pixels(0, 0), 256u);
  EXPECT_EQ(m.pixels(2, 0), 8u * 16);
  EXPECT_EQ(m.pixels(2, 1), 8u * 4);
}
TEST(BlockMap, ResampleKeepsTheSumOverPixels) {
  BlockMap m(48, 32);
  for (std::size_t i = 0; i < m.values.size(); ++i) m.values[i] = float(i + 1);
  auto sum = [](const BlockMap &b) {
    double s = 0;
    for (unsigned r = 0; r < b.rows(); ++r)
      for (unsigned c = 0; c < b.columns(); ++c) s += double(b.at(c, r)) * b.pixels(c, r);
    return s;
  };
  for (auto [w, h] : {std::pair{96u, 64u}, {24u, 16u}, {50u, 30u}, {7u, 5u}})
    EXPECT_NEAR(sum(resample(m, w, h)), sum(m), 1e-4 * sum(m)) << w << "x" << h;
  // Twice the size: a value is shared by four pixels.
  EXPECT_NEAR(resample(m, 96, 64).at(1, 1), 1.0 / 4, 1e-6);
  EXPECT_NEAR(resample(m, 96, 64).at(2, 0), 2.0 / 4, 1e-6);
}
TEST(BlockMap, APowerOfItsValuesKeepsTheSumOverPixels) {
  BlockMap map(24, 16, 16);  // the second block has 8 columns
  map.values = {9, 1};
  raise_values(map, 0.5);
  // 1 and 1/3 of the peak, times (256 · 9 + 128 · 1) ÷ (256 · 1 + 128 / 3) = 8.142857.
  EXPECT_NEAR(map.values[0], 8.142857, 1e-5);
  EXPECT_NEAR(map.values[1], 8.142857 / 3, 1e-5);
  EXPECT_NEAR(256 * map.values[0] + 128 * map.values[1], 2432, 1e-3);
  map.values = {3e38f, 0};
  raise_values(map, 0.9);
  EXPECT_NEAR(map.values[0] / 3e38, 1, 1e-6);
  map.values = {0, 0};
  raise_values(map, 0.9);
  EXPECT_EQ(map.values, (std::vector<float>{0, 0}));
}

TEST(BlockMap, DifferenceAndOutputGradByHand) {
  std::vector<std::uint8_t> a(32 * 16, 10), b(32 * 16, 10);
  for (int y = 0; y < 16; ++y) b[y * 32 + 3] = 61;  // one column of the left block: 51 / 255 = 0.2 on 1 of 16 pixels
  const BlockMap d = mean_abs_difference(a.data(), 32, b.data(), 32, 32, 16);
  EXPECT_NEAR(d.at(0, 0), 0.2 / 16, 1e-7);
  EXPECT_EQ(d.at(1, 0), 0.0f);
  BlockMap g(32, 16);
  g.at(0, 0) = 0.5f;
  g.at(1, 0) = 9.0f;
  EXPECT_NEAR(output_grad(g, d), 0.5 * 0.2 / 16 * 256, 1e-5);
  EXPECT_THROW(output_grad(g, BlockMap(48, 16)), std::invalid_argument);
}
TEST(Gradient, SmootherLeavesInstantsWhereTheyAre) {
  GradientSmoother s(0.5);
  Gradient g;
  g.map = BlockMap(800, 1, 80);
  g.map.at(2, 0) = 1;
  g.z = 4;
  s.push(g);
  g.map.at(2, 0) = 0;
  g.map.at(7, 0) = 1;
  g.z = 2;
  const Gradient out = s.push(g);
  EXPECT_EQ(out.map.values, g.map.values);
  EXPECT_DOUBLE_EQ(out.z, 3);
}

TEST(Gradient, SmootherAveragesOverIntervals) {
  GradientSmoother s(0.5);
  Gradient g;
  g.map = BlockMap(16, 16);
  g.map.values[0] = 4;
  g.z = 2;
  g.confident = 4;
  EXPECT_FLOAT_EQ(s.push(g).map.values[0], 4);
  g.map.values[0] = 0;
  g.z = 0;
  g.confident = 1;
  const Gradient out = s.push(g);
  EXPECT_FLOAT_EQ(out.map.values[0], 2);
  EXPECT_DOUBLE_EQ(out.z, 1);
  EXPECT_DOUBLE_EQ(s.confident(), 2.5);
  // Another frame size: the old map comes along, its sum kept.
  g.map = BlockMap(32, 32);
  EXPECT_NEAR(s.push(g).map.values[0], 2.0 / 4 / 2, 1e-6);
}
TEST(Gradient, Cosine) {
  EXPECT_DOUBLE_EQ(cosine({1, 0}, {0, 1}), 0);
  EXPECT_DOUBLE_EQ(cosine({3, 4}, {6, 8}), 1);
  EXPECT_DOUBLE_EQ(cosine({0, 0}, {6, 8}), 0);
  EXPECT_NEAR(cosine({1, 1}, {1, 0}), std::sqrt(0.5), 1e-12);
}

TEST(F1, ByHand) {
  const ScoredBox car{{0, 0, 10, 10}, 0.9, 2};
  const ScoredBox half{{0, 5, 10, 15}, 0.8, 2};  // IoU with car: 50 / 150
  EXPECT_NEAR(iou(car.box, half.box), 1.0 / 3, 1e-12);
  EXPECT_EQ(f1({}, {}), 1.0);
  EXPECT_EQ(f1({car}, {}), 0.0);
  EXPECT_EQ(f1({}, {car}), 0.0);
  EXPECT_EQ(f1({half}, {car}), 0.0);
  EXPECT_EQ(f1({half}, {car}, 0.3), 1.0);
  ScoredBox person = car;
  person.label = 0;
  EXPECT_EQ(f1({person}, {car}), 0.0);  // class-aware
  // Two results on one object: one of them is false. 2·1 / (2 + 1)
  ScoredBox second = car;
  second.score = 0.5;
  EXPECT_NEAR(f1({second, car}, {car}), 2.0 / 3, 1e-12);
  // 2 right of 3 shown, 4 to be found: 2·2 / (3 + 4)
  auto at = [](double x) { return ScoredBox{{x, 0, x + 10, 10}, 0.7, 2}; };
  EXPECT_NEAR(f1({at(0), at(20), at(90)}, {at(1), at(21), at(40), at(60)}), 4.0 / 7, 1e-12);
}
TEST(F1, TheSurerResultChoosesFirst) {
  const ScoredBox a{{0, 0, 10, 10}, 0.5, 0}, b{{0, 1, 10, 11}, 0.9, 0};
  const ScoredBox reference{{0, 0, 10, 10}, 1, 0};
  // b takes the only reference although a fits better: one of two is right either way.
  EXPECT_NEAR(f1({a, b}, {reference}), 2.0 / 3, 1e-12);
}

TEST(MeanIou, ByHand) {
  const ScoredBox car{{0, 0, 10, 10}, 0.9, 2};
  const ScoredBox half{{0, 5, 10, 15}, 0.8, 2};  // IoU with car: 50 / 150
  EXPECT_EQ(mean_iou({}, {}), 1.0);
  EXPECT_EQ(mean_iou({car}, {}), 0.0);
  EXPECT_NEAR(mean_iou({half}, {car}), 1.0 / 3, 1e-12);
  // One pair of IoU 1, one result and one object without a partner: 1 / 3.
  const ScoredBox far{{50, 50, 60, 60}, 0.7, 2}, other{{80, 0, 90, 10}, 0.7, 2};
  EXPECT_NEAR(mean_iou({car, far}, {car, other}), 1.0 / 3, 1e-12);
  ScoredBox person = car;
  person.label = 0;
  EXPECT_EQ(mean_iou({person}, {car}), 0.0);  // class-aware
}

namespace {
Observation one_knob(std::size_t rung, double og_up, double r_up, double og_down, double r_down, double objects = 1) {
  Observation o;
  o.gradient = true;
  o.confident = objects;
  o.resource = 0.5;
  KnobObservation k;
  k.name = "qp";
  k.ladder = {48, 44, 40, 36, 32, 28, 24, 20};
  k.rung = rung;
  if (rung + 1 < k.ladder.size()) k.up = StepEffect{og_up, r_up};
  if (rung > 0) k.down = StepEffect{og_down, r_down};
  o.knobs = {k};
  return o;
}
}  // namespace

TEST(Policy, NamesAreKnownAndUnknownOnesSaySo) {
  for (const auto &n : policy_names()) EXPECT_NE(make_policy(n, std::make_shared<CasvaModel>()), nullptr);
  try {
    make_policy("magic");
    FAIL();
  } catch (const std::invalid_argument &e) {
    EXPECT_NE(std::string(e.what()).find("oneadapt"), std::string::npos);
  }
}
TEST(Policy, Equation2ByHand) {
  auto p = make_policy("oneadapt");
  // One rung down saves 0.05 and costs 1e-3·20/1 = 0.02 accuracy; Δk = 4/28.
  // Slope (0.05 − 0.02)·7 = 0.21, step α·0.21 = 0.105 < one rung (0.1429): one rung.
  Decision d = p->decide(one_knob(5, 20, 0.05, 20, -0.05), {0.5, 1.0});
  EXPECT_EQ(d.knobs[0].rung, 4u);
  EXPECT_NEAR(d.knobs[0].acc_grad_down, 0.02 * 7, 1e-9);
  EXPECT_NEAR(d.knobs[0].resource_grad_down, 0.05 * 7, 1e-9);
  EXPECT_NEAR(*d.predicted_resource, 0.45, 1e-9);
  // It saves 0.1: slope 0.56, step α·0.56 = 0.28 = 1.96 rungs → two.
  p->reset();
  d = p->decide(one_knob(5, 20, 0.1, 20, -0.1), {0.5, 1.0});
  EXPECT_EQ(d.knobs[0].rung, 3u);
  EXPECT_NEAR(d.knobs[0].position, 5.0 / 7 - 0.28, 1e-9);
  // Never more than two, however steep.
  p->reset();
  EXPECT_EQ(p->decide(one_knob(7, 0, 0, 0, -0.9), {0.5, 1.0}).knobs[0].rung, 5u);
  // One rung up gains 0.1 of accuracy for 0.05: slope 0.35, step 0.175 = 1.2 rungs → one.
  p->reset();
  EXPECT_EQ(p->decide(one_knob(2, 100, 0.05, 150, -0.02), {0.5, 1.0}).knobs[0].rung, 3u);
}
TEST(Policy, LambdaTradesAccuracyForResource) {
  const Observation o = one_knob(4, 30, 0.05, 30, -0.03);                       // 0.03 of accuracy either way
  EXPECT_EQ(make_policy("oneadapt")->decide(o, {0.5, 1.0}).knobs[0].rung, 4u);  // a local optimum
  EXPECT_GT(make_policy("oneadapt")->decide(o, {0.5, 0.1}).knobs[0].rung, 4u);
  EXPECT_LT(make_policy("oneadapt")->decide(o, {0.5, 10.0}).knobs[0].rung, 4u);
}
TEST(Policy, OutputGradIsSharedByTheObjects) {
  // The same OutputGrad means less for each of ten objects than for one.
  EXPECT_EQ(make_policy("oneadapt")->decide(one_knob(4, 100, 0.05, 100, -0.05, 1), {0.5, 1.0}).knobs[0].rung, 5u);
  EXPECT_LT(make_policy("oneadapt")->decide(one_knob(4, 100, 0.05, 100, -0.05, 10), {0.5, 1.0}).knobs[0].rung, 4u);
}
TEST(Policy, StaysAtTheEndsAndWithoutFeedback) {
  auto p = make_policy("oneadapt");
  EXPECT_EQ(p->decide(one_knob(0, 1, 0.1, 0, 0), {0.5, 1.0}).knobs[0].rung, 0u);
  EXPECT_EQ(p->decide(one_knob(7, 0, 0, 9000, -0.1), {0.5, 1.0}).knobs[0].rung, 7u);
  Observation o = one_knob(3, 0, 0.1, 0, -0.1);
  o.gradient = false;
  EXPECT_EQ(p->decide(o, {0.5, 1.0}).knobs[0].rung, 3u);
}
TEST(Policy, AlphaZeroMovesNothing) {
  EXPECT_EQ(make_policy("oneadapt")->decide(one_knob(5, 0, 0.2, 0, -0.2), {0.0, 1.0}).knobs[0].rung, 5u);
}
TEST(Policy, ActivityGoesBetweenTheStartAndTheCheapest) {
  const auto p = make_policy("activity");
  EXPECT_FALSE(p->needs_gradient());
  Observation o = one_knob(5, 0, 0, 0, 0);
  o.gradient = false;
  const auto next = [&](std::optional<double> activity) {
    o.activity = activity;
    o.knobs[0].rung = p->decide(o, {}).knobs[0].rung;
    return o.knobs[0].rung;
  };
  EXPECT_EQ(next(std::nullopt), 5u);
  EXPECT_EQ(next(0.49), 0u);
  EXPECT_EQ(next(std::nullopt), 0u);  // unknown: it stays
  EXPECT_EQ(next(0.5), 5u);
  EXPECT_EQ(next(1), 5u);
  EXPECT_EQ(next(0), 0u);
  p->reset();  // a new stream begins where the last one ended
  EXPECT_EQ(next(0), 0u);
  EXPECT_EQ(next(1), 5u);
  // A ladder that has become shorter.
  o.knobs[0].ladder.resize(3);
  o.knobs[0].rung = 0;
  EXPECT_EQ(next(1), 2u);
}
TEST(Policy, ActivityThatIsForeseenIsDecidedForEitherCase) {
  const auto p = make_policy("activity");
  Observation o = one_knob(4, 0, 0, 0, 0);
  o.gradient = false;
  o.knobs[0].has_lookahead = true;
  for (const std::optional<double> activity : {std::optional<double>(), {0.0}, {1.0}}) {
    o.activity = activity;
    const KnobDecision d = p->decide(o, {}).knobs[0];
    EXPECT_EQ(d.rung, 4u);
    EXPECT_EQ(d.inactive_rung, 0u);
    o.knobs[0].rung = 0;  // one without activity came in between
  }
}
TEST(Policy, ActivityComesBackToAValueBetweenRungs) {
  const auto p = make_policy("activity");
  Observation o = one_knob(2, 0, 0, 0, 0);
  o.knobs[0].value = o.knobs[0].ladder[2] + 0.25;
  o.activity = 0;
  EXPECT_FALSE(p->decide(o, {}).knobs[0].value);
  o.knobs[0].rung = 0;
  o.knobs[0].value = o.knobs[0].ladder[0];
  o.activity = 1;
  const KnobDecision back = p->decide(o, {}).knobs[0];
  EXPECT_EQ(back.rung, 2u);
  EXPECT_EQ(back.value, o.knobs[0].ladder[2] + 0.25);
}
TEST(Policy, StaticKeepsEverything) {
  EXPECT_EQ(make_policy("static")->decide(one_knob(5, 0, 0.2, 0, -0.2), {0.5, 1.0}).knobs[0].rung, 5u);
}
namespace {
/// Accuracy and resource as they usually are: each rung down costs 0.02 more than the one before and halves the rest.
TEST(OneAdapt, AKnobThatScalesItselfStandsWhereLambdaSays) {
  Observation o = one_knob(0, 9000, 0.01, 0, 0);  // whatever is measured
  KnobObservation &k = o.knobs[0];
  k.ladder = {4, 2, 1, 0};
  k.self_scaling = true;
  k.typical_accuracy = {0.7, 0.8, 0.9, 1};
  k.typical_resource = {0.05, 0.2, 0.4, 1};
  const auto p = make_policy("oneadapt");
  // λ 1: 0.65, 0.6, 0.5, 0. λ 0.4: 0.68, 0.72, 0.74, 0.6.
  EXPECT_EQ(p->decide(o, {0.5, 1.0}).knobs[0].rung, 0u);
  EXPECT_EQ(p->decide(o, {0.5, 0.4}).knobs[0].rung, 2u);
  EXPECT_EQ(p->decide(o, {0.5, 0.0}).knobs[0].rung, 3u);
  EXPECT_EQ(p->decide(o, {0.0, 0.0}).knobs[0].rung, 0u);  // nothing moves
}
TEST(OneAdapt, AKnobThatScalesItselfKnowsWhatTheOthersLeave) {
  Observation o = one_knob(0, 0, 0, 0, 0);
  o.knobs.push_back(o.knobs[0]);
  KnobObservation &k = o.knobs[0], &other = o.knobs[1];
  k.ladder = other.ladder = {2, 1, 0};
  k.name = "threshold";
  k.self_scaling = true;
  k.typical_accuracy = {0.7, 0.9, 1};
  k.typical_resource = {0.2, 0.4, 1};
  other.typical_accuracy = {0.8, 0.9, 1};
  other.typical_resource = {0.1, 0.5, 1};
  // λ 1, a tenth of the resource left: 0.54, 0.68, 0.7.
  o.knobs[1].rung = 0;
  EXPECT_EQ(make_policy("oneadapt")->decide(o, {0.5, 1.0}).knobs[0].rung, 2u);
  o.knobs[1].rung = 1;  // 0.53, 0.61, 0.4
  EXPECT_EQ(make_policy("oneadapt")->decide(o, {0.5, 1.0}).knobs[0].rung, 1u);
}
TEST(OneAdapt, TakesTwoRungsAtMostOnALadderThatShrinks) {
  Observation o = one_knob(1, 1000, 0.01, 0, 0);
  o.knobs[0].ladder = {8, 4, 2, 1, 0.5, 0};  // twice the step from 4 to 2 would be 0
  o.knobs[0].down.reset();
  EXPECT_EQ(make_policy("oneadapt")->decide(o, {0.5, 1.0}).knobs[0].rung, 3u);
  o = one_knob(4, 0, 0, 0, -1);
  o.knobs[0].ladder = {0, 0.5, 1, 2, 4, 8};
  EXPECT_EQ(make_policy("oneadapt")->decide(o, {0.5, 1.0}).knobs[0].rung, 2u);
}
Observation typical_knob(std::size_t rung, double og_up, double r_up, double og_down, double r_down) {
  Observation o = one_knob(rung, og_up, r_up, og_down, r_down);
  o.knobs[0].typical_accuracy = {0.44, 0.58, 0.70, 0.80, 0.88, 0.94, 0.98, 1};
  o.knobs[0].typical_resource = {1.0 / 128, 1.0 / 64, 1.0 / 32, 1.0 / 16, 0.125, 0.25, 0.5, 1};
  return o;
}
}  // namespace
TEST(Policy, StartsWhereLambdaUsuallyLeadsTo) {
  auto p = make_policy("oneadapt");
  const auto knobs = typical_knob(7, 0, 0, 0, 0).knobs;
  // λ = 1: 0 0.48 0.69 0.755 0.7375 …: rung 4 (0.88 − 0.125). λ = 0.05: 0.95, 0.955, 0.9275: rung 6.
  // λ = 10: 0.362, 0.424, 0.3875: rung 1.
  EXPECT_EQ(p->start(knobs, {0.5, 1.0}), std::vector<std::size_t>{4});
  EXPECT_EQ(p->start(knobs, {0.5, 0.05}), std::vector<std::size_t>{6});
  EXPECT_EQ(p->start(knobs, {0.5, 10.0}), std::vector<std::size_t>{1});
  EXPECT_EQ(p->start(knobs, {0.5, 0.0}), std::vector<std::size_t>{7});
  EXPECT_EQ(p->start(one_knob(3, 0, 0, 0, 0).knobs, {0.5, 1.0}), std::vector<std::size_t>{3}) << "nothing is known";
  EXPECT_EQ(make_policy("uniform")->start(knobs, {0.5, 1.0}), std::vector<std::size_t>{7});
}
TEST(Policy, RegionStaysAndGoesByBoxes) {
  auto p = make_policy("region");
  EXPECT_TRUE(p->needs_gradient());
  EXPECT_EQ(p->start(typical_knob(7, 0, 0, 0, 0).knobs, {0.5, 1.0}), std::vector<std::size_t>{4});
  EXPECT_EQ(p->decide(typical_knob(4, 900, 0.05, 0, -0.03), {0.5, 1.0}).knobs[0].rung, 4u);
  Gradient g;
  g.map = BlockMap(64, 64);
  g.map.values.assign(16, 3.0f);
  EXPECT_FALSE(p->averages()) << "only the last result counts";
  EXPECT_TRUE(make_policy("oneadapt")->averages());
  g.regions = {{0.3, 0.3, 0.45, 0.45}};
  p->prepare(g);
  EXPECT_EQ(g.map.at(1, 1), 1);
  EXPECT_EQ(g.map.at(3, 3), 0);
}
TEST(Policy, OneSecondIsEvidenceNotProof) {
  auto p = make_policy("oneadapt");
  // Typical: one rung up from 4 gains 0.06. Measured 0.24, four times as much: ln 4 = 1.386 counts 0.35 of it, so
  // 0.06 · e^0.485 = 0.0975 in the first interval.
  Decision d = p->decide(typical_knob(4, 240, 0.05, 320, -0.03), {0.5, 1.0});
  EXPECT_NEAR(d.knobs[0].acc_grad_up, 7 * 0.06 * std::pow(4, 0.35), 1e-9);
  for (int i = 0; i < 20; ++i) d = p->decide(typical_knob(4, 240, 0.05, 320, -0.03), {0.5, 1.0});
  EXPECT_NEAR(d.knobs[0].acc_grad_up, 7 * 0.24, 1e-3) << "in the end it is believed";
  p->reset();
  d = p->decide(typical_knob(4, 60, 0.05, 80, -0.03), {0.5, 1.0});
  EXPECT_NEAR(d.knobs[0].acc_grad_up, 7 * 0.06, 1e-9);
}
TEST(Policy, RefusesARungOutsideTheLadder) {
  Observation o = one_knob(5, 0, 0.2, 0, -0.2);
  o.knobs[0].rung = 99;
  for (const auto &n : policy_names()) EXPECT_THROW(make_policy(n)->decide(o, {}), std::invalid_argument);
}
// A step response in simulated time: accuracy and bytes of a concave content model, then another one.
TEST(Policy, SettlesWithinFiveIntervalsOfAStep) {
  auto p = make_policy("oneadapt");
  std::size_t rung = 7;
  auto run = [&](double sensitivity) {  // ΔF1 a rung: sensitivity·2^-rung; r halves every 1.5 rungs
    std::size_t last_change = 0;
    for (std::size_t t = 1; t <= 20; ++t) {
      auto r = [](double k) { return std::exp2((k - 7) / 1.5); };
      auto og = [&](double k) { return sensitivity * std::exp2(-k) / 1e-3; };
      Observation o = one_knob(rung, og(double(rung)), r(rung + 1.0) - r(double(rung)), og(rung - 1.0),
                               r(rung - 1.0) - r(double(rung)));
      o.resource = r(double(rung));
      const std::size_t next = p->decide(o, {0.5, 1.0}).knobs[0].rung;
      if (next != rung) last_change = t;
      rung = next;
    }
    return last_change;
  };
  EXPECT_LE(run(0.0), 5u);
  EXPECT_EQ(rung, 0u);
  EXPECT_LE(run(2.0), 5u);
  const std::size_t busy = rung;
  EXPECT_GT(busy, 2u);
  EXPECT_LE(run(0.02), 5u);
  EXPECT_LT(rung, busy);
}
TEST(Interval, FloorsStreamTime) {
  EXPECT_EQ(interval_of(0, 1000), 0u);
  EXPECT_EQ(interval_of(999, 1000), 0u);
  EXPECT_EQ(interval_of(1000, 1000), 1u);
  EXPECT_EQ(interval_of(5, 0), 0u);
}
