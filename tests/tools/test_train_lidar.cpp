// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadapt-train-lidar: what is to be said of a turn, how it is read, training, the gradient, and scores.
#include <gtest/gtest.h>
#include <torch/script.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "model/cloud_model.h"
#include "network.h"
#include "score.h"
#include "streets.h"
#include "test_models.h"

using namespace oneadapt_lidar;
using oneadapt::CloudModel;
using oneadapt::Point;
using oneadapt_test::TemporaryFolder;
using oneadapt_test::write_file;

namespace {

constexpr std::size_t kPlaces = std::size_t(kMaps) * kMaps;
const char *const kDescription = R"({"format": 1, "task": "detection3d", "threshold": 0.4, "slope": 4, "input": {},
  "labels": ["car", "pedestrian", "cyclist"],
  "output": {"layout": "boxes3d", "boxes": [0], "scores": [1], "labels": 2, "nms_iou": 0.1}})";

Object object(Kind kind, Box3d box) { return {kind, box}; }

/// A car whose sides have points, 0.2 m apart, on a flat ground with points 1 m apart.
Example toy(double x, double y, double yaw) {
  Example example;
  example.objects.push_back(object(Kind::Car, {x, y, -1, 4, 1.6, 1.5, yaw}));
  const double c = std::cos(yaw), s = std::sin(yaw);
  for (double along = -2; along <= 2.001; along += 0.2)
    for (double across = -0.8; across <= 0.801; across += 0.2)
      for (double up = -0.7; up < 0.75; up += 0.2) {
        if (std::abs(along) < 1.99 && std::abs(across) < 0.79) continue;
        example.points.push_back(
            {float(x + along * c - across * s), float(y + along * s + across * c), float(-1 + up), 0.4F});
      }
  for (int i = -30; i < 30; i++)
    for (int j = -30; j < 30; j++) example.points.push_back({float(i) + 0.1F, float(j) + 0.1F, -1.75F, 0.2F});
  return example;
}

std::string save(const Trainer &trainer, const TemporaryFolder &folder) {
  const std::string path = folder.file("pillars.pt");
  write_file(path, trainer.save(kDescription));
  return path;
}

TEST(TrainLidar, TargetsOfAPlace) {
  // x = 10.5 m is 50.5 m from the edge, 63.125 places of 0.8 m: place 63, 0.375 places short of its middle.
  // y = -3 m is 37 m from it, 46.25 places.
  const Targets t = make_targets({object(Kind::Van, {10.5, -3, -0.9, 5, 2, 2.2, M_PI / 12})});
  const std::size_t place = 46 * kMaps + 63;
  EXPECT_EQ(t.objects, 1U);
  EXPECT_EQ(t.heat[place], 1) << "vans are cars";
  EXPECT_NEAR(t.heat[place + 1], std::exp(-0.5), 1e-6);
  EXPECT_NEAR(t.heat[place - kMaps], std::exp(-0.5), 1e-6);
  EXPECT_EQ(t.heat[place + 3], 0);
  EXPECT_EQ(*std::max_element(t.heat.begin() + kPlaces, t.heat.end()), 0) << "of no other class";
  const double numbers[] = {-0.375, -0.25, -0.9, std::log(5), std::log(2), std::log(2.2), 0.5, std::sqrt(0.75)};
  for (std::size_t k = 0; k < 8; k++) EXPECT_NEAR(t.box[k * kPlaces + place], numbers[k], 1e-5) << k;
  EXPECT_NEAR(t.box[place + 1], -1.375, 1e-5) << "the place beside has the same middle";
  EXPECT_EQ(t.weight[place], 1);
  EXPECT_EQ(t.weight[place + 1], 0.5F);
  EXPECT_EQ(t.weight[place + 2], 0);
  EXPECT_NEAR(t.total_weight, 3, 1e-6);
}

TEST(TrainLidar, TargetsAtTheEdgeAndBesideEachOther) {
  EXPECT_EQ(make_targets({object(Kind::Car, {40.1, 0, -1, 4, 1.6, 1.5, 0})}).objects, 0U);
  const Targets t = make_targets({object(Kind::Cyclist, {-39.9, 39.9, -1, 1.8, 0.6, 1.7, 0}),
                                  object(Kind::Pedestrian, {-39.9, 39.1, -1, 0.7, 0.6, 1.7, 0})});
  EXPECT_EQ(t.objects, 2U);
  EXPECT_EQ(t.heat[2 * kPlaces + (kMaps - 1) * kMaps], 1);
  EXPECT_EQ(t.heat[kPlaces + (kMaps - 2) * kMaps], 1);
  EXPECT_EQ(t.total_weight, 6) << "a person's box counts as much as a car's";
  EXPECT_NEAR(t.box[3 * kPlaces + (kMaps - 1) * kMaps], std::log(1.8), 1e-6) << "each keeps its own box";
  EXPECT_NEAR(t.box[3 * kPlaces + (kMaps - 2) * kMaps], std::log(0.7), 1e-6);
}

TEST(TrainLidar, TargetsAreReadAsTheBoxesThatTheyAreOf) {
  const TemporaryFolder folder;
  const std::vector<Object> objects{object(Kind::Car, {10.5, -3, -0.9, 4.1, 1.7, 1.5, 0.3}),
                                    object(Kind::Pedestrian, {-7.3, 12.2, -0.8, 0.7, 0.6, 1.8, -1.2}),
                                    object(Kind::Cyclist, {0.2, 39.9, -0.8, 1.8, 0.6, 1.75, 1.5})};
  Targets t = make_targets(objects);
  auto module = torch::jit::load(save(*Trainer::make(1, {4, 4, 4}), folder));
  const auto outputs = module
                           .get_method("decode")({at::from_blob(t.heat.data(), {1, kClasses, kMaps, kMaps}),
                                                  at::from_blob(t.box.data(), {1, kBoxNumbers, kMaps, kMaps})})
                           .toTuple()
                           ->elements();
  const at::Tensor boxes = outputs[0].toTensor(), scores = outputs[1].toTensor(), labels = outputs[2].toTensor();
  ASSERT_EQ(boxes.size(1), 7);
  std::vector<bool> seen(objects.size());
  for (std::int64_t i = 0; i < 3; i++) {
    EXPECT_EQ(scores[i].item<float>(), 1);
    const auto label = labels[i].item<std::int64_t>();
    seen[std::size_t(label)] = true;
    const Box3d &b = objects[std::size_t(label)].box;
    const double wanted[] = {b.x, b.y, b.z, b.length, b.width, b.height, b.yaw};
    for (int k = 0; k < 7; k++) EXPECT_NEAR(boxes[i][k].item<float>(), wanted[k], 1e-4) << label << ", " << k;
  }
  EXPECT_EQ(seen, std::vector<bool>(3, true));
  EXPECT_LT(scores[3].item<float>(), 0.9) << "what is beside a middle is no object of its own";
}

TEST(TrainLidar, LearnsAToyAndFindsIt) {
  const TemporaryFolder folder;
  TrainingOptions options;
  options.steps = 120;
  options.batch = 2;
  options.rate = 1e-2;
  options.report_every = 40;
  const auto trainer = Trainer::make(1, {8, 8, 8});
  std::vector<Progress> reports;
  unsigned made = 0;
  trainer->train([&] { return made++ % 2 ? toy(8.3, 4.1, 0.4) : toy(-12.2, -5.7, 1.3); }, options,
                 [&](const Progress &p) { reports.push_back(p); });
  ASSERT_EQ(reports.size(), 3U);
  EXPECT_LT(reports[2].heat, 0.2 * reports[0].heat);
  EXPECT_LT(reports[2].box, 0.5 * reports[0].box);

  oneadapt::ModelOptions load;
  load.path = save(*trainer, folder);
  load.device = "cpu";
  const auto model = CloudModel::load(load);
  Score score;
  for (const Example &example : {toy(8.3, 4.1, 0.4), toy(-12.2, -5.7, 1.3)})
    score.add(model->infer(example.points.data(), example.points.size()), example.objects);
  EXPECT_EQ(score.of[0][0].f1(), 1);

  // The gradient is where the car is, and not where only ground is.
  const Example example = toy(8.3, 4.1, 0.4);
  auto module = torch::jit::load(load.path);
  const auto n = std::int64_t(example.points.size());
  const at::Tensor points = at::from_blob(const_cast<Point *>(example.points.data()), {n, 4});
  at::Tensor presence = at::ones({n}).requires_grad_(true);
  const auto outputs = module.forward({points, presence}).toTuple()->elements();
  outputs[1].toTensor()[0].backward();
  const at::Tensor slope = presence.grad().abs();
  const at::Tensor away = ((points.select(1, 0) - 8.3).square() + (points.select(1, 1) - 4.1).square()).sqrt();
  const double on_car = slope.masked_select(away < 2.5).sum().item<double>(),
               far_away = slope.masked_select(away > 25).sum().item<double>();
  EXPECT_GT(on_car, 1e-4);
  EXPECT_EQ(far_away, 0) << "out of sight of the convolutions";
}

TEST(TrainLidar, PointsThatAreNotPresentChangeNothing) {
  const TemporaryFolder folder;
  auto module = torch::jit::load(save(*Trainer::make(2, {8, 8, 8}), folder));
  const Example example = toy(8.3, 4.1, 0.4);
  const auto n = std::int64_t(example.points.size());
  const at::Tensor points = at::from_blob(const_cast<Point *>(example.points.data()), {n, 4});
  at::Tensor presence = at::ones({n});
  presence.narrow(0, 0, n / 2).zero_();
  const at::Tensor absent = module.get_method("pillars")({points, presence}).toTensor();
  const at::Tensor fewer =
      module.get_method("pillars")({points.narrow(0, n / 2, n - n / 2), at::ones({n - n / 2})}).toTensor();
  EXPECT_TRUE(at::allclose(absent, fewer, 0, 1e-5));
  EXPECT_FALSE(at::allclose(absent, module.get_method("pillars")({points, at::ones({n})}).toTensor(), 0, 1e-2));
  // Nothing in reach.
  const at::Tensor none = at::full({5, 4}, 100.0);
  EXPECT_EQ(module.forward({none, at::ones({5})}).toTuple()->elements()[0].toTensor().size(1), 7);
}

TEST(TrainLidar, GoesOnWithASavedModel) {
  const TemporaryFolder folder;
  const auto trainer = Trainer::make(3, {4, 4, 4});
  const std::string path = save(*trainer, folder);
  const auto again = Trainer::load(path);
  EXPECT_EQ(again->parameters(), trainer->parameters());
  TrainingOptions options;
  options.steps = 2;
  options.batch = 1;
  again->train([] { return toy(8.3, 4.1, 0.4); }, options, [](const Progress &) {});
  EXPECT_NE(again->save(kDescription), trainer->save(kDescription));
  write_file(folder.file("other.pt"), "no model");
  EXPECT_THROW(Trainer::load(folder.file("other.pt")), std::runtime_error);
  EXPECT_LE(Trainer::make(1)->parameters() * 4, 950000U) << "the file that comes with the source stays below 1 MB";
}

TEST(TrainLidar, ScoresAreOfAllTurns) {
  const Box3d car{5, 5, -1, 4, 2, 1.5, 0}, moved{6, 5, -1, 4, 2, 1.5, 0}, person{9, 0, -1, 0.7, 0.6, 1.7, 0};
  Score score;
  score.add({{moved, 0.9, 0}, {person, 0.9, 0}}, {object(Kind::Car, car), object(Kind::Pedestrian, person)});
  score.add({{person, 0.8, 1}}, {object(Kind::Pedestrian, person)});
  score.add({}, {});
  // 1 m of 4 aside: 3 ÷ 5 overlap.
  EXPECT_NEAR(score.of[0][0].f1(), 2. / 3, 1e-12) << "one of two boxes is right, none is missed";
  EXPECT_EQ(score.of[0][1].f1(), 0);
  EXPECT_NEAR(score.of[1][0].f1(), 2. / 3, 1e-12);
  EXPECT_EQ(score.of[2][0].f1(), 1) << "nothing to find, nothing found";
  EXPECT_NEAR(score.all(0).f1(), 2. * 2 / 6, 1e-12);
  EXPECT_NE(table_of(score).find("cyclist"), std::string::npos);
}

TEST(TrainLidar, ModelOfTheSourceFindsWhatIsInOtherStreets) {
  oneadapt::ModelOptions options;
  options.path = PILLARS;
  options.device = "cpu";
  const auto model = CloudModel::load(options);
  const Score of_kitti = score(*model, 8, Sensor());
  EXPECT_GT(of_kitti.all(0).wanted, 80U);
  EXPECT_GE(of_kitti.all(0).f1(), 0.7);
  // Where it is sure of something, there is a gradient all the same.
  const Example example = example_to_score(0, 8, Sensor());
  const oneadapt::PolarGrid grid;
  const auto boxes = model->infer_for_gradient(example.points.data(), example.points.size(), grid);
  ASSERT_GE(boxes.size(), 5U);
  oneadapt::Gradient gradient;
  model->backward(gradient);
  const auto felt = std::count_if(boxes.begin(), boxes.end(), [&](const auto &b) {
    return gradient.map.values[grid.block_of(float(b.box.x), float(b.box.y))] > 0;
  });
  EXPECT_GE(std::size_t(felt), boxes.size() / 2) << "the middle may be in a block without points";
}

TEST(TrainLidar, StreetsAreTurnedWithTheirObjects) {
  Random random(5), same(5);
  for (int i = 0; i < 3; i++) {
    const Example a = example_to_train(random), b = example_to_train(same);
    ASSERT_EQ(a.points.size(), b.points.size());
    ASSERT_GT(a.objects.size(), 3U);
    // Whatever was moved, the points that hit an object are in its box.
    for (const Object &o : a.objects) {
      const double c = std::cos(o.box.yaw), s = std::sin(o.box.yaw);
      const auto inside = std::count_if(a.points.begin(), a.points.end(), [&](const Point &p) {
        const double x = p.x - o.box.x, y = p.y - o.box.y;
        return std::abs(x * c + y * s) < o.box.length / 2 + 0.1 && std::abs(y * c - x * s) < o.box.width / 2 + 0.1 &&
               std::abs(p.z - o.box.z) < o.box.height / 2 + 0.1;
      });
      EXPECT_GE(inside, 3) << int(o.kind);
    }
  }
  for (const Object &o : example_to_score(3, 60, Sensor()).objects) EXPECT_TRUE(in_reach(o.box));
}

TEST(TrainLidar, TurnsToTrainOnHaveManyPeople) {
  Random random(7);
  int of[kClasses] = {};
  for (int i = 0; i < 12; i++)
    for (const Object &o : example_to_train(random).objects) of[class_of(o.kind)]++;
  EXPECT_GT(of[1] + of[2], of[0] / 2) << "in streets they are a third of the cars";
  EXPECT_GT(of[2], of[0] / 7) << "cyclists, of whom streets have one for 13 cars";
}

}  // namespace
