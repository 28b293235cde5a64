// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadapt-import --network: Point-GNN of small random weights, by parts that are worked out another way.
#include <cmath>
#include <fstream>

#include "import_run.h"
#include "model/cloud_model.h"
#include "network_rig.h"

using namespace import_test;

namespace {

/// A network of small random weights, in double precision.
torch::jit::Module network(const Folder &folder, int layers = 1, const std::string &parameter = "least-score=0.01") {
  const std::string weights = write_point_gnn(folder, layers), out = folder.path("gnn.pt");
  const Outcome outcome = import({"--network", "point-gnn", weights, out, "--parameter", parameter});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  torch::jit::Module module = torch::jit::load(out);
  module.to(at::kDouble);
  return module;
}

/// Points on a ground and around a few places, in the sensor's coordinates.
at::Tensor cloud(std::int64_t n, double reach = 6) {
  at::manual_seed(4);
  const at::Tensor points = at::rand({n, 4}, at::kDouble);
  points.slice(1, 0, 2).sub_(0.5).mul_(2 * reach);
  points.select(1, 2).sub_(1.5);
  return points;
}

at::Tensor camera(const at::Tensor &points) {
  return at::stack({-points.select(1, 1), -points.select(1, 2), points.select(1, 0)}, 1);
}

at::Tensor distances(const at::Tensor &a, const at::Tensor &b) {
  return (a.unsqueeze(1) - b.unsqueeze(0)).square().sum(2).sqrt();
}

TEST(PointGnn, DescribesItself) {
  const Folder folder;
  const std::string out = folder.path("gnn.pt");
  const Outcome outcome = import({"--network", "point-gnn", write_point_gnn(folder, 1), out, "--parameter", "voxel=0.4",
                                  "--set", "threshold=0.6", "--set", "name=\"small\""});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("gnn.pt: Point-GNN"), std::string::npos) << outcome.out;
  oneadapt::ModelOptions options;
  options.path = out;
  options.device = "cpu";
  const auto model = oneadapt::CloudModel::load(options);
  EXPECT_EQ(model->labels(), std::vector<std::string>{"car"});
}

TEST(PointGnn, KeyPointsAreTheMiddlesOfVoxels) {
  const Folder folder;
  torch::jit::Module module = network(folder);
  // Voxels of 0.8 m: the middle of the first three is (0.3, 0.3, 0.3), the second point is the nearest.
  const at::Tensor xyz = numbers(
      {0.1, 0.1, 0.1, 0.3, 0.3, 0.4, 0.5, 0.5, 0.4, -0.1, 0.1, 0.1, 0.9, 0.1, 0.1, 0.85, 0.1, 0.1, 1.5, 0.1, 0.1},
      {7, 3});
  const at::Tensor at = std::get<0>(call(module, "key_points", {xyz}).sort());
  // Of the last three, (1.083, 0.1, 0.1) is the middle, 0.183 m from the fifth.
  EXPECT_TRUE(at.equal(at::tensor({1, 3, 4}, at::kLong))) << at;
}

TEST(PointGnn, KeyPointsPoolAllPointsAroundThem) {
  const Folder folder;
  torch::jit::Module module = network(folder);
  const at::Tensor points = cloud(3000, 2), xyz = camera(points), at = call(module, "key_points", {xyz});
  ASSERT_GT(at.size(0), 20);
  const at::Tensor presence = at::ones({3000}, at::kDouble);
  presence.narrow(0, 0, 1000).fill_(0.25);
  const c10::IValue sorted = module.get_method("sorted")({xyz, 1.0});
  const auto pooled = values(module.get_method("pool_points")({xyz, points.select(1, 3), presence, at, sorted, true}));
  const at::Tensor keys = xyz.index_select(0, at), near = distances(keys, xyz) <= 1;
  ASSERT_GT(near.sum().item<std::int64_t>(), 16384) << "in more than one group";
  const c10::IValue weights = module.get_method("layer1_point")({});
  for (std::int64_t k = 0; k < at.size(0); k++) {
    const at::Tensor own = at::nonzero(near[k]).squeeze(1);
    const at::Tensor features =
        at::cat({points.select(1, 3).index_select(0, own).unsqueeze(1), xyz.index_select(0, own) - keys[k]}, 1);
    const at::Tensor all = call(module, "mlp", {features, weights, true}) * presence.index_select(0, own).unsqueeze(1);
    ASSERT_TRUE(at::allclose(pooled[0].toTensor()[k], all.amax(0))) << k;
    const at::Tensor winners = own.index_select(0, all.argmax(0)), felt = all.amax(0) > 0;
    ASSERT_TRUE(pooled[1].toTensor()[k].masked_select(felt).equal(winners.masked_select(felt))) << k;
  }
}

TEST(PointGnn, EdgesAreAllKeyPointsWithinFourMetres) {
  const Folder folder;
  torch::jit::Module module = network(folder);
  const at::Tensor keys = camera(cloud(400, 12)), all = at::arange(400);
  const auto sorted = values(module.get_method("sorted")({keys, 4.0}));
  const auto rows = values(module.get_method("rows")({sorted[0], sorted[2], sorted[3], all}));
  const auto edges = values(module.get_method("edges")({rows[0], rows[1], sorted[1], keys, keys, 4.0, 0, 400}));
  const at::Tensor found = at::zeros({400, 400}, at::kLong);
  found.index_put_({edges[1].toTensor(), edges[0].toTensor()}, at::ones({1}, at::kLong), true);
  EXPECT_TRUE(found.equal((distances(keys, keys) <= 4).to(at::kLong)));
}

TEST(PointGnn, OverlappingBoxesBecomeOne) {
  const Folder folder;
  torch::jit::Module module = network(folder);
  // The second is 1 m ahead of the first: 3 of 4 m are shared, 3 ÷ 5 of both. The third lies across, as long as the
  // first is wide. The fourth is elsewhere.
  const at::Tensor boxes = numbers({5, 5, 0, 4, 2, 1.5, M_PI / 2, 5,  6, 0, 4, 2, 1.5, -M_PI / 2,  //
                                    5, 5, 0, 2, 4, 1.5, 0,        20, 5, 0, 4, 2, 1.5, 0},
                                   {4, 7});
  const at::Tensor overlap = call(module, "overlap", {boxes, boxes});
  EXPECT_NEAR(overlap[0][1].item<double>(), 0.6, 1e-9);
  EXPECT_NEAR(overlap[0][2].item<double>(), 1, 1e-9);
  EXPECT_NEAR(overlap[0][3].item<double>(), 0, 1e-9);
  const auto merged = values(module.get_method("merged")({boxes, numbers({0.9, 0.8, 0.5, 0.4}, {4})}));
  const at::Tensor middles = merged[0].toTensor(), scores = merged[1].toTensor();
  EXPECT_NEAR(middles[1][0].item<double>(), 5, 1e-9);
  EXPECT_NEAR(middles[1][1].item<double>(), 5, 1e-9) << "the median of 5, 6 and 5";
  EXPECT_NEAR(scores[0].item<double>(), (0.9 + 0.8 * 0.6 + 0.5) / (0.9 + 0.8 * 0.6 + 0.5 + 2), 1e-9);
  EXPECT_NEAR(scores[3].item<double>(), 0.4 / 2.4, 1e-9) << "one key point alone is not sure";
}

TEST(PointGnn, BoxesAreInTheSensorsCoordinates) {
  const Folder folder;
  // All weights are nothing: each of four classes has 0.25, and boxes have the usual size, at their key points.
  const std::string out = folder.path("gnn.pt");
  const Outcome outcome =
      import({"--network", "point-gnn", write_point_gnn(folder, 0, 0), out, "--parameter", "least-score=0.2"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  torch::jit::Module module = torch::jit::load(out);
  // 10 m ahead, 2 m to the left, 1 m below the sensor; what the network gives is a box's lower side.
  const at::Tensor key = camera(at::tensor({10.F, 2.F, -1.F}).reshape({1, 3}));
  const auto outputs = values(module.get_method("boxes_of")({at::zeros({1, 7}), key}));
  const at::Tensor boxes = outputs[0].toTensor();
  ASSERT_EQ(boxes.size(0), 2) << "along and across";
  EXPECT_NEAR(outputs[1].toTensor()[0].item<double>(), 0.25, 1e-6);
  const double wanted[] = {10, 2, -1 + 0.75, 3.88, 1.63, 1.5};
  for (int k = 0; k < 6; k++) EXPECT_NEAR(boxes[0][k].item<double>(), wanted[k], 1e-5) << k;
  // A camera's yaw of 0 is along its x, to the sensor's right.
  EXPECT_NEAR(std::abs(std::sin(boxes[0][6].item<double>())), 1, 1e-5);
  EXPECT_NEAR(std::abs(std::cos(boxes[1][6].item<double>())), 1, 1e-5) << "the second is across it";
}

TEST(PointGnn, AbsentPointsChangeNothing) {
  const Folder folder;
  torch::jit::Module module = network(folder, 2);
  const at::Tensor points = cloud(1500), presence = at::ones({1500}, at::kDouble);
  presence.narrow(0, 200, 500).zero_();
  const at::Tensor there = at::nonzero(presence).squeeze(1);
  const auto absent = values(module.forward({points, presence}));
  const auto fewer = values(module.forward({points.index_select(0, there), at::ones({there.size(0)}, at::kDouble)}));
  ASSERT_GT(fewer[1].toTensor().size(0), 3);
  for (int k = 0; k < 2; k++) EXPECT_TRUE(at::allclose(absent[k].toTensor(), fewer[k].toTensor())) << k;
  const auto none = values(module.forward({points, at::zeros({1500}, at::kDouble)}));
  EXPECT_EQ(none[0].toTensor().size(0), 0);
}

TEST(PointGnn, GradientIsWhatADifferenceOfPresenceMakes) {
  const Folder folder;
  for (const int layers : {0, 1, 2}) {
    torch::jit::Module module = network(folder, layers);
    const at::Tensor points = cloud(600);
    const auto utility = [&](const at::Tensor &presence) {
      return values(module.forward({points, presence}))[1].toTensor().sum();
    };
    at::Tensor presence = at::ones({600}, at::kDouble).requires_grad_(true);
    const at::Tensor z = utility(presence);
    EXPECT_NEAR(z.item<double>(), utility(at::ones({600}, at::kDouble)).item<double>(), 1e-9)
        << "with a gradient and without";
    z.backward();
    const at::Tensor slope = presence.grad();
    EXPECT_GT((slope != 0).sum().item<std::int64_t>(), 50) << layers;
    for (const std::int64_t i : {3, 77, 200, 411, 599}) {
      constexpr double kStep = 1e-6;
      const at::Tensor more = at::ones({600}, at::kDouble), less = more.clone();
      more[i] += kStep;
      less[i] -= kStep;
      EXPECT_NEAR(slope[i].item<double>(), (utility(more) - utility(less)).item<double>() / (2 * kStep), 1e-5)
          << layers << " layers, point " << i;
    }
  }
}

TEST(PointGnn, SeesAhead) {
  const Folder folder;
  torch::jit::Module all = network(folder), ahead = network(folder, 1, "view=90");
  const at::Tensor behind = numbers({-5, 1, -1, 0.3, -5.2, 1, -1, 0.3}, {2, 4}), there = at::ones({2}, at::kDouble);
  EXPECT_GT(values(all.forward({behind, there}))[0].toTensor().size(0), 0);
  EXPECT_EQ(values(ahead.forward({behind, there}))[0].toTensor().size(0), 0);
}

TEST(PointGnn, SaysWhatIsWrong) {
  const Folder folder;
  const std::string weights = write_point_gnn(folder, 1), out = folder.path("gnn.pt");
  const auto expect = [&](std::vector<std::string> arguments, const std::string &what) {
    arguments.insert(arguments.begin(), {"--network", "point-gnn"});
    expect_import_error(arguments, folder, what);
  };
  expect_import_error({"--network", "point-net", weights, out}, folder, "there is no network \"point-net\"; known are");
  expect({weights}, "--network wants a file of weights and a file to write");
  expect({weights, folder.path("gnn-weights.pt")}, "for its description; write it by another name");
  expect({weights, out, "--parameter", "voxel"}, "wants KEY=VALUE");
  expect({weights, out, "--parameter", "voxel=0"}, "--parameter voxel must be a number from 0.05");
  expect({weights, out, "--parameter", "size=1"}, "this network has no parameter \"size\"; it has voxel");
  expect({weights, out, "--preset", "nanodet"}, "--preset does not go with --network");
  expect({weights, out, "--set", "slope=\"steep\""}, "slope");
  expect({folder.path("absent.json"), out}, "absent.json does not exist");

  Json table = Json::parse(std::ifstream(weights));
  const auto spoilt = [&](const Json &json) {
    std::ofstream(weights) << json.dump();
    return weights;
  };
  Json fewer = table;
  fewer.erase(fewer.begin());
  expect({spoilt(fewer), out}, "it is of another network");
  Json wide = table;
  for (Json &entry : wide)
    if (entry["name"] == "output/predictor/cls/fully_connected_1/weights") entry["shape"] = {4, 6};
  expect({spoilt(wide), out}, "has the shape [4, 6], not [4, 4]");
  Json beyond = table;
  beyond[0]["offset"] = 1 << 30;
  expect({spoilt(beyond), out}, "is too short for weight");
  Json huge = table;
  huge[0]["shape"] = {1 << 30, 1 << 30, 1 << 30};
  expect({spoilt(huge), out}, "holds");
  expect({spoilt(Json::object()), out}, "is no table of weights");
  std::ofstream(weights) << "[{";
  expect({weights, out}, "is no table of weights");
}

}  // namespace
