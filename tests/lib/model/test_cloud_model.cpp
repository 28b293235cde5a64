// SPDX-License-Identifier: LGPL-2.1-or-later
// Models of point clouds: what they find, and the gradient of the points' presence, worked out by hand.
#include "model/cloud_model.h"

#include <cmath>
#include <limits>

#include "model/model.h"
#include "model/sequence_model.h"
#include "model_rig.h"
#include "test_models.h"

using namespace oneadapt;
using namespace oneadapt_test;

namespace {

/// n points around a place.
void add(PointCloud &points, unsigned n, float x, float y, float z = 0) {
  for (unsigned i = 0; i < n; i++) points.push_back({x + 0.01f * float(i % 10), y, z, 0.5f});
}

std::unique_ptr<CloudModel> posts(const TemporaryFolder &folder, const std::string &extra = "{}") {
  ModelOptions options;
  options.path = save_posts(folder, extra);
  options.device = "cpu";
  return CloudModel::load(options);
}

std::vector<ScoredBox3d> found(CloudModel &model, const PointCloud &points) {
  return model.infer(points.data(), points.size());
}

template <class Work>
std::string error_of(Work work) {
  try {
    work();
  } catch (const ModelError &error) {
    return error.what();
  }
  return "no error";
}

/// f'(score), and with n points inside the derivative of the score n/(n + 4) by one point's presence.
double utility_slope(double n, double slope = 20) {
  const double s = 1 / (1 + std::exp(-slope * (n / (n + 4) - 0.5)));
  return 2 * slope * s * (1 - s) * 4 / ((n + 4) * (n + 4));
}

}  // namespace

TEST(CloudModel, FindsWhatHasPoints) {
  const TemporaryFolder folder;
  const auto model = posts(folder);
  PointCloud points;
  add(points, 12, 9.2f, 0);  // inside the first post alone
  add(points, 2, 0, 20);     // too few for the tree
  add(points, 50, 30, 30);
  const auto boxes = found(*model, points);
  ASSERT_EQ(boxes.size(), 1u);
  EXPECT_NEAR(boxes[0].score, 0.75, 1e-6);
  EXPECT_EQ(boxes[0].label, 0);
  EXPECT_DOUBLE_EQ(boxes[0].box.x, 10);
  EXPECT_DOUBLE_EQ(boxes[0].box.z, 0);
  EXPECT_TRUE(found(*model, {}).empty()) << "no point";
}

TEST(CloudModel, NmsIsOfTurnedBoxes) {
  const TemporaryFolder folder;
  PointCloud points;
  add(points, 12, 10.3f, 0);  // in both posts
  add(points, 4, 9.2f, 0);    // in the first
  EXPECT_EQ(found(*posts(folder), points).size(), 1u);
  EXPECT_EQ(found(*posts(folder, R"({"output": {"nms_iou": 1}})"), points).size(), 2u);
}

TEST(CloudModel, ZIsOfTheCentreWhateverTheModelSays) {
  const TemporaryFolder folder;
  PointCloud points;
  add(points, 12, 9.2f, 0);
  EXPECT_DOUBLE_EQ(found(*posts(folder, R"({"output": {"origin": "bottom"}})"), points).at(0).box.z, 1);
}

TEST(CloudModel, GradientIsTheMeanOverABlocksPoints) {
  const TemporaryFolder folder;
  const auto model = posts(folder, R"({"output": {"nms_iou": 0.1}})");
  const PolarGrid grid;
  PointCloud points;
  add(points, 6, 9.2f, 0.5f);  // n = 6 of the first post: sector 0, ring 1
  add(points, 2, 9.2f, 2);     // the same block, not in a box
  add(points, 5, 0.1f, 20);    // n = 5 of the tree: sector 3 and ring 2
  const auto boxes = model->infer_for_gradient(points.data(), points.size(), grid);
  EXPECT_EQ(boxes.size(), 2u);
  Gradient gradient;
  model->backward(gradient);
  EXPECT_EQ(gradient.domain, Domain::Space);
  EXPECT_EQ(gradient.elements, 2u) << "the third is covered by the first, or has no point";
  EXPECT_EQ(gradient.confident, 2u);
  EXPECT_EQ(gradient.map.columns(), 16u);
  EXPECT_EQ(gradient.map.rows(), 4u);
  ASSERT_EQ(grid.block_of(9.2f, 0.5f), 16u);
  ASSERT_EQ(grid.block_of(0.1f, 20), 32u + 3);
  EXPECT_NEAR(gradient.map.values[16], utility_slope(6) * 6 / 8, 1e-4);
  EXPECT_NEAR(gradient.map.values[32 + 3], utility_slope(5), 1e-4);
  double sum = 0;
  for (float v : gradient.map.values) sum += double(v);
  EXPECT_NEAR(sum, utility_slope(6) * 6 / 8 + utility_slope(5), 1e-3) << "nowhere else";
  const double z = element_utility(0.6, 0.5) + element_utility(5.0 / 9, 0.5);
  EXPECT_NEAR(gradient.z, z, 1e-5);
}

TEST(CloudModel, GradientOfOtherBlocks) {
  const TemporaryFolder folder;
  const auto model = posts(folder);
  PointCloud points;
  add(points, 6, 9.2f, 0.5f);
  model->infer_for_gradient(points.data(), points.size(), PolarGrid{4, 1, 8});
  Gradient gradient;
  model->backward(gradient);
  EXPECT_EQ(gradient.map.values.size(), 4u);
  EXPECT_NEAR(gradient.map.values[0], utility_slope(6), 1e-4);
}

TEST(CloudModel, WithoutPointsThereIsNoGradient) {
  const TemporaryFolder folder;
  const auto model = posts(folder);
  EXPECT_TRUE(model->infer_for_gradient(nullptr, 0, PolarGrid()).empty());
  Gradient gradient;
  model->backward(gradient);
  EXPECT_EQ(gradient.elements, 0u);
  EXPECT_EQ(gradient.z, 0);
  for (float v : gradient.map.values) EXPECT_EQ(v, 0);
}

TEST(CloudModel, PointsWithoutAPlaceAreLeftOut) {
  const TemporaryFolder folder;
  const auto model = posts(folder);
  PointCloud points;
  add(points, 12, 9.2f, 0);
  points.push_back({std::numeric_limits<float>::quiet_NaN(), 0, 0, 0});
  points.push_back({9.2f, 0, std::numeric_limits<float>::infinity(), 0});
  EXPECT_NEAR(found(*model, points).at(0).score, 0.75, 1e-6);
}

TEST(CloudModel, RefusesModelsOfOtherMediaAndOtherModelsRefuseThese) {
  const TemporaryFolder folder;
  ModelOptions options;
  options.device = "cpu";
  options.path = save_colours(folder);
  EXPECT_NE(error_of([&] { CloudModel::load(options); }).find("is for pictures"), std::string::npos);
  options.path = save_tones(folder);
  EXPECT_NE(error_of([&] { CloudModel::load(options); }).find("is for sound"), std::string::npos);
  options.path = save_posts(folder);
  EXPECT_NE(error_of([&] { Model::load(options); }).find("is for point clouds"), std::string::npos);
  EXPECT_NE(error_of([&] { SequenceModel::load(options); }).find("is for point clouds"), std::string::npos);
  EXPECT_TRUE(read_description(options)->takes_points());
}

TEST(CloudModel, SaysWhatIsWrongWithAModel) {
  const TemporaryFolder folder;
  const auto error = [&](const char *forward, const char *labels = R"(["post"])") {
    const std::string path = folder.file("m.pt");
    save_module(path, forward,
                R"({"format": 1, "task": "detection3d", "input": {}, "output": {"layout": "boxes3d"},
                                   "labels": )" +
                    std::string(labels) + "}");
    PointCloud points;
    add(points, 3, 1, 1);
    return error_of([&] {
      ModelOptions options;
      options.path = path;
      options.device = "cpu";
      found(*CloudModel::load(options), points);
    });
  };
  const auto contains = [](const std::string &text, const char *part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  contains(error("def forward(self, points):\n    return points, points[:, 0], points[:, 0]\n"), "takes one tensor");
  contains(error("def forward(self, points, presence):\n    return points, presence, presence\n"), "output.boxes");
  contains(error("def forward(self, points, presence):\n    return torch.cat([points, points], 1)[:, :7], presence, "
                 "presence[:2]\n"),
           "output.labels");
  contains(error("def forward(self, points, presence):\n    return torch.cat([points, points], 1)[:, :7], presence, "
                 "presence * 5\n"),
           "gave the label 5");
}

TEST(CloudModel, DescriptionComesBack) {
  const auto d = ModelDescription::parse(R"({"format": 1, "task": "detection3d", "input": {"intensity_scale": 0.5},
      "output": {"layout": "boxes3d", "boxes": [2], "scores": [0], "labels": 1, "origin": "bottom", "nms_iou": 0.2},
      "labels": ["car"]})");
  const auto again = ModelDescription::parse(d.to_json());
  EXPECT_EQ(again.intensity_scale, 0.5);
  EXPECT_EQ(again.box_outputs, (std::vector<int>{2}));
  EXPECT_EQ(again.score_outputs, (std::vector<int>{0}));
  EXPECT_EQ(again.label_output, 1);
  EXPECT_EQ(again.origin, "bottom");
  EXPECT_EQ(again.nms_iou, 0.2);
  EXPECT_THROW(ModelDescription::parse(R"({"format": 1, "task": "detection3d", "input": {"width": 4},
      "output": {"layout": "boxes3d"}, "labels": ["car"]})"),
               std::invalid_argument);
}
