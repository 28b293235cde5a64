// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadapt-import --network pointpillars: small random weights with the names of both frameworks, by numbers that are
// worked out by hand or another way. There are no trained weights here.
#include <cmath>
#include <map>

#include "import_run.h"
#include "model/cloud_model.h"
#include "network_rig.h"
#include "weights.h"

using namespace import_test;
using oneadapt::import::Weights;

namespace {

// 16×16 pillars of 0.4 m, maps of 8×8 places.
const std::vector<std::string> kGrid{"side=0.4", "x-from=0", "x-to=6.4", "y-from=-3.2", "y-to=3.2"};

torch::jit::Module network(const Folder &folder, bool openpcdet, const std::vector<std::string> &more = {}) {
  const std::string out = folder.path("pillars.pt");
  std::vector<std::string> arguments{"--network", "pointpillars", write_point_pillars(folder, openpcdet), out};
  for (const auto *list : {&kGrid, &more})
    for (const auto &text : *list) arguments.insert(arguments.end(), {"--parameter", text});
  const Outcome outcome = import(arguments);
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  torch::jit::Module module = torch::jit::load(out);
  module.to(at::kDouble);
  return module;
}

/// Points in the grid and a few out of it.
at::Tensor cloud(std::int64_t n) {
  at::manual_seed(6);
  const at::Tensor points = at::rand({n, 4}, at::kDouble);
  points.select(1, 0).mul_(7);
  points.select(1, 1).sub_(0.5).mul_(7);
  points.select(1, 2).mul_(3.9).sub_(2.9);
  return points;
}

at::Tensor norm(const Weights &weights, const std::string &name, const at::Tensor &x, std::int64_t n) {
  const auto get = [&](const char *part) { return weights.get(name + part, {n}).to(at::kDouble); };
  return at::batch_norm(x, get(".weight"), get(".bias"), get(".running_mean"), get(".running_var"), false, 0, 1e-3,
                        false);
}

/// A pillar's features, as OpenPCDet says what they are: padded with zeros up to `most` points.
at::Tensor pillar_of(const Weights &weights, const at::Tensor &points, double x, double y, bool openpcdet, int most) {
  const std::string name = openpcdet ? "vfe.pfn_layers.0" : "voxel_encoder.pfn_layers.0";
  const at::Tensor p = points.slice(0, 0, most), place = p.slice(1, 0, 3);
  const at::Tensor way = place - numbers({x, y, -1}, {1, 3});
  const std::int64_t ways = openpcdet ? 3 : 2;
  const at::Tensor own = openpcdet ? place : at::cat({way.slice(1, 0, 2), p.slice(1, 2, 3)}, 1);
  at::Tensor f = at::cat({own, p.slice(1, 3), place - place.mean(0, true), way.slice(1, 0, ways)}, 1);
  f = at::cat({f, at::zeros({most - f.size(0), f.size(1)}, at::kDouble)});
  const at::Tensor w = weights.get(name + ".linear.weight", {6, -1}).to(at::kDouble);
  return at::relu(norm(weights, name + ".norm", at::linear(f, w), 6)).amax(0);
}

TEST(PointPillars, DescribesItself) {
  const Folder folder;
  network(folder, true);
  oneadapt::ModelOptions options;
  options.path = folder.path("pillars.pt");
  options.device = "cpu";
  EXPECT_EQ(oneadapt::CloudModel::load(options)->labels(), (std::vector<std::string>{"Car", "Pedestrian", "Cyclist"}));
  network(folder, false);
  EXPECT_EQ(oneadapt::CloudModel::load(options)->labels(), (std::vector<std::string>{"Pedestrian", "Cyclist", "Car"}));
}

TEST(PointPillars, PillarsHaveTheGreatestFeatures) {
  for (const bool openpcdet : {true, false}) {
    const Folder folder;
    torch::jit::Module module = network(folder, openpcdet, {"points=5"});
    const Weights weights(folder.path("pillars-weights.json"));
    const at::Tensor points = cloud(700), grid = call(module, "pillars", {points, at::ones({700}, at::kDouble)});
    ASSERT_EQ(grid.sizes(), (Dims{1, 6, 16, 16}));
    int full = 0, empty = 0;
    for (int row = 0; row < 16; row++)
      for (int column = 0; column < 16; column++) {
        const double x = 0.4 * column, y = 0.4 * row - 3.2;
        const at::Tensor px = points.select(1, 0), py = points.select(1, 1);
        const at::Tensor own = at::nonzero((px >= x) & (px < x + 0.4) & (py >= y) & (py < y + 0.4)).squeeze(1);
        const at::Tensor found = grid[0].select(1, row).select(1, column);
        full += own.size(0) > 5;
        empty += !own.size(0);
        const at::Tensor wanted = own.size(0)
                                      ? pillar_of(weights, points.index_select(0, own), x + 0.2, y + 0.2, openpcdet, 5)
                                      : at::zeros({6}, at::kDouble);
        ASSERT_TRUE(at::allclose(found, wanted, 1e-4, 1e-5)) << row << ", " << column << "\n" << found << wanted;
      }
    EXPECT_GT(full, 3);
    EXPECT_GT(empty, 3);
  }
}

TEST(PointPillars, MapsAreThoseOfTheLayersOneByOne) {
  for (const bool openpcdet : {true, false}) {
    const Folder folder;
    torch::jit::Module module = network(folder, openpcdet);
    const Weights weights(folder.path("pillars-weights.json"));
    at::manual_seed(8);
    at::Tensor x = at::rand({1, 6, 16, 16}, at::kDouble);
    const auto maps = values(module.get_method("maps")({x}));
    const auto get = [&](const std::string &name, const Dims &shape) {
      return weights.get(name, shape).to(at::kDouble);
    };
    std::vector<at::Tensor> parts;
    for (int block = 0; block < 3; block++) {
      const std::string name = (openpcdet ? "backbone_2d.blocks." : "backbone.blocks.") + std::to_string(block) + ".";
      for (int layer = 0; layer < (block ? 1 : 2); layer++) {
        const int number = 3 * layer + (openpcdet ? 1 : 0);
        x = at::conv2d(x, get(name + std::to_string(number) + ".weight", {-1, -1, 3, 3}), {}, layer ? 1 : 2, 1);
        x = at::relu(norm(weights, name + std::to_string(number + 1), x, x.size(1)));
      }
      const std::string up = (openpcdet ? "backbone_2d.deblocks." : "neck.deblocks.") + std::to_string(block);
      const at::Tensor raised =
          at::conv_transpose2d(x, get(up + ".0.weight", {-1, -1, -1, -1}), {}, std::int64_t(1) << block);
      parts.push_back(at::relu(norm(weights, up + ".1", raised, 5)));
    }
    const at::Tensor all = at::cat(parts, 1);
    ASSERT_EQ(all.sizes(), (Dims{1, 15, 8, 8}));
    const std::string head = openpcdet ? "dense_head." : "bbox_head.";
    const std::string names[] = {"conv_cls", openpcdet ? "conv_box" : "conv_reg", "conv_dir_cls"};
    for (std::size_t i = 0; i < 3; i++)
      EXPECT_TRUE(at::allclose(
          maps[i].toTensor(),
          at::conv2d(all, get(head + names[i] + ".weight", {-1, -1, 1, 1}), get(head + names[i] + ".bias", {-1})), 1e-4,
          1e-5))
          << names[i];
  }
}

TEST(PointPillars, BoxesAreReadAgainstTheirAnchors) {
  const Folder folder;
  torch::jit::Module module = network(folder, true);
  at::Tensor cls = at::full({18, 8, 8}, -10., at::kDouble), box = at::zeros({42, 8, 8}, at::kDouble);
  at::Tensor direction = at::zeros({12, 8, 8}, at::kDouble);
  // Row 2, column 5: the second anchor (a car across) is a car; the fifth (a cyclist along) at row 0, column 0 a
  // cyclist.
  cls[1 * 3 + 0][2][5] = 2;
  cls[4 * 3 + 2][0][0] = 1;
  const double deltas[] = {0.5, -0.25, 0.1, std::log(1.5), std::log(0.5), 0, 0.2};
  for (int k = 0; k < 7; k++) box[1 * 7 + k][2][5] = deltas[k];
  direction[4 * 2 + 1][0][0] = 3;
  const auto outputs = values(module.get_method("decode")({cls, box, direction}));
  const at::Tensor boxes = outputs[0].toTensor(), scores = outputs[1].toTensor(), labels = outputs[2].toTensor();
  EXPECT_NEAR(scores[0].item<double>(), 1 / (1 + std::exp(-2)), 1e-6);
  EXPECT_EQ(labels[0].item<std::int64_t>(), 0);
  // Anchors stand from 0 to 6.4 m in seven steps, and from −3.2 to 3.2 m. A car's lower side is at −1.78 m; its length
  // is 3.9 m, its width 1.6 m, the diagonal of both √17.77 m, its height 1.56 m.
  const double diagonal = std::sqrt(3.9 * 3.9 + 1.6 * 1.6);
  const double wanted[] = {5 * 6.4 / 7 + 0.5 * diagonal,
                           -3.2 + 2 * 6.4 / 7 - 0.25 * diagonal,
                           -1.78 + 0.78 + 0.156,
                           3.9 * 1.5,
                           0.8,
                           1.56,
                           1.57 + 0.2};
  for (int k = 0; k < 7; k++) EXPECT_NEAR(boxes[0][k].item<double>(), wanted[k], 1e-5) << k;
  EXPECT_EQ(labels[1].item<std::int64_t>(), 2);
  // Yaw 0 is brought to [0.785, 0.785 + π), which is π; the other direction is π more.
  const double cyclist[] = {0, -3.2, -0.6 + 0.865, 1.76, 0.6, 1.73, 2 * M_PI};
  for (int k = 0; k < 7; k++) EXPECT_NEAR(boxes[1][k].item<double>(), cyclist[k], 1e-5) << k;
}

TEST(PointPillars, AbsentPointsChangeNothing) {
  const Folder folder;
  torch::jit::Module module = network(folder, true);
  const at::Tensor points = cloud(400), presence = at::ones({400}, at::kDouble);
  presence.narrow(0, 50, 200).zero_();
  const at::Tensor there = at::nonzero(presence).squeeze(1);
  const at::Tensor absent = call(module, "pillars", {points, presence});
  EXPECT_TRUE(
      at::allclose(absent, call(module, "pillars", {points.index_select(0, there), at::ones({200}, at::kDouble)})));
  EXPECT_FALSE(at::allclose(absent, call(module, "pillars", {points, at::ones({400}, at::kDouble)})));
  const auto none = values(module.forward({points, at::zeros({400}, at::kDouble)}));
  EXPECT_EQ(none[0].toTensor().size(1), 7);
}

TEST(PointPillars, GradientIsWhatADifferenceOfPresenceMakes) {
  const Folder folder;
  torch::jit::Module module = network(folder, true);
  const at::Tensor points = cloud(300);
  const auto utility = [&](const at::Tensor &presence) {
    return values(module.forward({points, presence}))[1].toTensor().sum();
  };
  at::Tensor presence = at::ones({300}, at::kDouble).requires_grad_(true);
  utility(presence).backward();
  const at::Tensor slope = presence.grad();
  EXPECT_GT((slope != 0).sum().item<std::int64_t>(), 100);
  for (const std::int64_t i : {3, 77, 150, 299}) {
    constexpr double kStep = 1e-6;
    const at::Tensor more = at::ones({300}, at::kDouble), less = more.clone();
    more[i] += kStep;
    less[i] -= kStep;
    EXPECT_NEAR(slope[i].item<double>(), (utility(more) - utility(less)).item<double>() / (2 * kStep), 1e-5) << i;
  }
}

TEST(PointPillars, SaysWhatIsWrong) {
  const Folder folder;
  const std::string weights = write_point_pillars(folder, true), out = folder.path("pillars.pt");
  const auto expect = [&](std::vector<std::string> arguments, const std::string &what) {
    arguments.insert(arguments.begin(), {"--network", "pointpillars"});
    expect_import_error(arguments, folder, what);
  };
  expect({weights, out, "--parameter", "side=0.15"}, "from x-from to x-to there must be 8, 16, … or 4096 pillars");
  expect({write_point_gnn(folder, 1), out}, "has neither \"vfe.pfn_layers.0.linear.weight\" (OpenPCDet) nor");
}

}  // namespace
