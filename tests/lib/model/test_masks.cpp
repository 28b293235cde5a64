// SPDX-License-Identifier: LGPL-2.1-or-later
// Segmentation: masks, scores and gradients of models whose answers can be worked out by hand.
#include <gtest/gtest.h>

#include <cmath>

#include "central_differences.h"
#include "model/torch_model.h"
#include "model_rig.h"
#include "test_models.h"

namespace {

using namespace oneadapt;
using namespace oneadapt_test;

constexpr unsigned kWidth = 32, kHeight = 24;

ModelOptions options_of(const std::string &path, const std::string &wanted = "") {
  ModelOptions options = cpu_options(path);
  if (!wanted.empty()) options.classes = {wanted};
  return options;
}

/// Black, with a red L of 40 cells, a green block of 32, a red one of 16, and a speck of 4.
std::vector<std::uint8_t> scene() {
  auto pixels = plain_rgb(kWidth, kHeight, 0, 0, 0);
  paint(pixels, kWidth, 2, 2, 4, 8, 255, 0, 0);
  paint(pixels, kWidth, 6, 8, 4, 2, 255, 0, 0);
  paint(pixels, kWidth, 20, 4, 8, 4, 0, 204, 0);
  paint(pixels, kWidth, 12, 16, 4, 4, 204, 0, 0);
  paint(pixels, kWidth, 28, 20, 2, 2, 255, 0, 0);
  return pixels;
}

double share(double logit, double other, double third) {
  return std::exp(logit) / (std::exp(logit) + std::exp(other) + std::exp(third));
}
double utility_of(double score) { return 2 / (1 + std::exp(-20 * (score - 0.5))) - 1; }

std::string error_of(const std::string &path) {
  try {
    Model::load(options_of(path))->infer(frame_of(scene()));
  } catch (const ModelError &e) {
    return e.what();
  }
  return "";
}
void has(const std::string &text, const std::string &part) { EXPECT_NE(text.find(part), std::string::npos) << text; }

/// Where the mask says so, as text.
std::string cells_at(const Mask &mask, std::vector<std::pair<unsigned, unsigned>> where) {
  const MaskCut cut = cut_of(mask);
  std::string text;
  for (const auto &[x, y] : where) {
    const bool in = x >= cut.x && x < cut.x + cut.columns && y >= cut.y && y < cut.y + cut.rows;
    text += in && cut.cells[(y - cut.y) * cut.columns + (x - cut.x)] ? '#' : '.';
  }
  return text;
}

TEST(Semantic, RegionsScoresAndUtility) {
  TemporaryFolder folder;
  const auto model = Model::load(options_of(save_painted(folder)));
  const auto pixels = scene();
  const auto found = model->infer_for_gradient(frame_of(pixels));
  // Logits: background 2, red 5 (or 4), green 0 — and the other way round. The speck is less than 1 % of 768 pixels.
  const double full = share(5, 2, 0), less = share(4, 2, 0);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].label, 1);
  EXPECT_NEAR(found[0].score, full, 1e-6);
  EXPECT_NEAR(found[1].score, less, 1e-6);
  EXPECT_NEAR(found[2].score, less, 1e-6);
  EXPECT_EQ(found[0].mask.width, kWidth);
  EXPECT_EQ(found[0].mask.height, kHeight);
  EXPECT_EQ(covered_cells(found[0].mask), 40u);
  EXPECT_EQ(cells_at(found[0].mask, {{2, 2}, {5, 9}, {9, 9}, {6, 7}, {10, 9}, {13, 17}}), "###...");
  EXPECT_DOUBLE_EQ(found[0].box.x0 * kWidth, 2);
  EXPECT_DOUBLE_EQ(found[0].box.x1 * kWidth, 10);
  EXPECT_DOUBLE_EQ(found[0].box.y0 * kHeight, 2);
  EXPECT_DOUBLE_EQ(found[0].box.y1 * kHeight, 10);
  EXPECT_EQ(found[1].label, 2);  // equal scores keep the order of their first pixels
  EXPECT_EQ(covered_cells(found[1].mask), 32u);
  EXPECT_EQ(covered_cells(found[2].mask), 16u);

  Gradient g;
  model->backward(g);
  EXPECT_EQ(g.elements, 3u);
  EXPECT_EQ(g.confident, 3u);
  EXPECT_NEAR(g.z, utility_of(full) + 2 * utility_of(less), 1e-5);
  // ∂score/∂red of a pixel of the small red block: 5 p (1 − p) / 16; /∂green: −5 p p_green / 16. All 16 lie in block
  // (0, 1).
  const double s = 1 / (1 + std::exp(-20 * (less - 0.5))), slope = 40 * s * (1 - s);
  const double colours = 5 * less * (1 - less) + 5 * less * share(0, 2, 4);
  EXPECT_NEAR(g.map.at(0, 1), slope * colours / 128, 1e-5 * slope);
  EXPECT_EQ(g.map.at(1, 1), 0);  // the speck does not count

  const auto again = model->infer(frame_of(pixels));
  ASSERT_EQ(again.size(), 3u);
  EXPECT_EQ(again[0].mask, found[0].mask);
}

TEST(Semantic, TheMeanOverALargeRegionIsExact) {
  TemporaryFolder folder;
  const auto model = Model::load(options_of(save_painted(folder)));
  const auto pixels = plain_rgb(1280, 720, 153, 0, 0);
  RgbFrame frame = frame_of(pixels);
  frame.width = 1280;
  frame.height = 720;
  frame.stride = 3 * 1280;
  for (const GradientMethod method : {GradientMethod::Exact, GradientMethod::ChannelMean}) {
    model->set_gradient(method, GradientMemory::Half);
    const auto found = model->infer_for_gradient(frame);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_NEAR(found[0].score, share(3, 2, 0), 1e-6);
    EXPECT_EQ(covered_cells(found[0].mask), 1280u * 720);
    Gradient g;
    model->backward(g);
    const double s = share(3, 2, 0), slope = 20 * (1 - utility_of(s) * utility_of(s)) / 2;
    // As above: every pixel has its share of it.
    EXPECT_NEAR(g.map.at(5, 5) * 1280 * 720, slope * (5 * s * (1 - s) + 5 * s * share(0, 2, 3)), 1e-3 * slope);
  }
}

TEST(Semantic, ClassesThresholdBackgroundAndSmallest) {
  TemporaryFolder folder;
  const auto pixels = scene();
  const auto count = [&](const std::string &extra, const std::string &wanted = "") {
    return Model::load(options_of(save_painted(folder, extra), wanted))->infer(frame_of(pixels)).size();
  };
  EXPECT_EQ(count("{}", "green thing"), 1u);
  EXPECT_EQ(count("{}", "background"), 0u);
  EXPECT_EQ(count(R"({"threshold": 0.9})"), 1u);
  EXPECT_EQ(count(R"({"output": {"smallest": 0}})"), 4u);
  EXPECT_EQ(count(R"({"output": {"smallest": 0.05}})"), 1u);  // 38.4 pixels
  EXPECT_EQ(count(R"({"output": {"smallest": 1}})"), 0u);
  EXPECT_EQ(count(R"({"output": {"background": -1}})"), 4u);
  EXPECT_EQ(count(R"({"output": {"background": 2}})"), 3u);
}

TEST(Semantic, WithoutRegionsTheMapIsZero) {
  TemporaryFolder folder;
  const auto model = Model::load(options_of(save_painted(folder)));
  const auto pixels = plain_rgb(kWidth, kHeight, 0, 0, 0);
  EXPECT_TRUE(model->infer_for_gradient(frame_of(pixels)).empty());
  Gradient g;
  model->backward(g);
  EXPECT_EQ(g.z, 0);
  EXPECT_EQ(g.elements, 0u);
  for (const float v : g.map.values) EXPECT_EQ(v, 0);
}

TEST(Semantic, OnePlaneAndProbabilities) {
  TemporaryFolder folder;
  const std::string path = folder.file("m.pt");
  const auto description = [](const std::string &output) {
    return R"({"format": 1, "task": "segmentation", "input": {"multiple_of": 1}, "labels": ["person"],
      "output": {"layout": "semantic", "smallest": 0.03)" +
           output + "}}";
  };
  // A logit of 3·red − 1: 2 where it is red, 1.4 where less so. sigmoid(2), sigmoid(1.4); −1 elsewhere is nobody.
  save_module(path, "\ndef forward(self, x):\n    return x[:, 0:1] * 3 - 1\n", description(""));
  const auto found = Model::load(options_of(path))->infer(frame_of(scene()));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_NEAR(found[0].score, 1 / (1 + std::exp(-2.0)), 1e-6);
  EXPECT_EQ(covered_cells(found[0].mask), 40u);
  // Half the picture's size; the values themselves are the probabilities.
  save_module(path, "\ndef forward(self, x):\n    return torch.zeros([1]), torch.avg_pool2d(x[0, 0:1], [2, 2])\n",
              description(R"(, "probabilities": true, "scores": [1])"));
  const auto half = Model::load(options_of(path))->infer(frame_of(scene()));
  ASSERT_EQ(half.size(), 1u);
  EXPECT_NEAR(half[0].score, 1, 1e-6);
  EXPECT_EQ(half[0].mask.width, kWidth / 2);
  EXPECT_EQ(covered_cells(half[0].mask), 10u);
  EXPECT_DOUBLE_EQ(iou(half[0].mask, found[0].mask), 1);
  EXPECT_EQ(half[0].box.x0, found[0].box.x0);
  EXPECT_EQ(half[0].box.y1, found[0].box.y1);
  save_module(path, "\ndef forward(self, x):\n    return x[0, 0:1] * 3\n", description(R"(, "probabilities": true)"));
  has(error_of(path), "a score is due in 0 to 1");
}

TEST(Semantic, GradientEqualsCentralDifferences) {
  TemporaryFolder folder;
  for (unsigned seed = 1; seed <= 3; ++seed) {
    TorchModel model(options_of(save_random_semantic(folder, seed)));
    at::manual_seed(seed + 10);
    // Smooth, so that there are regions.
    const at::Tensor y =
        at::upsample_bilinear2d(at::rand({1, 3, 4, 5}, at::TensorOptions().dtype(at::kDouble)), {24, 32}, true);
    double z = 0;
    ASSERT_GE(model.run_for_gradient(y.clone()).size(), 1u) << seed;
    const at::Tensor g = model.pixel_gradient(z).contiguous();
    EXPECT_NEAR(z, z_of(model, y), 1e-12);
    Agreement agreement;
    for (std::int64_t i = 0; i < y.numel(); i += 13)
      agreement.add(central_difference(model, y, i, 1e-6), g.view(-1)[i].item<double>());
    EXPECT_GT(agreement.norm, 0);
    EXPECT_LT(agreement.relative_error(), 1e-6) << seed;
  }
}

TEST(Semantic, WrongOutputsSaySo) {
  TemporaryFolder folder;
  const std::string path = folder.file("m.pt");
  const auto error = [&](const std::string &body) {
    save_module(
        path, "\ndef forward(self, x):\n    return " + body + "\n",
        R"({"format": 1, "task": "segmentation", "input": {"multiple_of": 1}, "labels": ["background", "a", "b"],
                    "output": {"layout": "semantic"}})");
    return error_of(path);
  };
  has(error("x[:, 0:2]"), "shape 2×24×32, but its description makes it a plane for each of 3 classes");
  has(error("x.mean()"), "3 dimensions are due");
  has(error("torch.zeros([1, 3, 0, 4])"), "a plane for each of 3 classes");
  has(error("x / 0"), "not finite");
  has(error("{\"aux\": x}"), "without a tensor \"out\"");
  EXPECT_EQ(error("{\"out\": x[0]}"), "");
  has(error("[[3]]"), "forward() must return");
}

// ---- Mask R-CNN's masks

std::string save_instances(const TemporaryFolder &folder, const std::string &masks, const char *task = "segmentation") {
  const std::string path = folder.file("instances.pt");
  save_module(
      path, R"(
def forward(self, x):
    s = torch.stack([x[0, 0, 2:10, 2:6].mean(), x[0, 1, 4:8, 20:28].mean(), x[0, 0, 16:20, 12:16].mean()])
    d = {"boxes": torch.tensor([[2., 2., 6., 10.], [20., 4., 28., 8.], [12., 16., 16., 20.]]),
         "labels": torch.tensor([0, 1, 0]), "scores": s}
    p = torch.zeros([3, 1, x.size(2), x.size(3)])
    p[0, 0, 2:10, 2:6] = 0.9
    p[0, 0, 2:10, 6:8] = 0.4
    p[1, 0, 4:8, 20:28] = 0.5
)" + masks + R"(
    losses: Dict[str, Tensor] = {}
    return losses, [d]
)",
      R"({"format": 1, "input": {"multiple_of": 1}, "labels": ["red", "green"], "output": {"layout": "torchvision"},
                  "task": ")" +
          std::string(task) + "\"}");
  return path;
}

TEST(Instances, AMaskEachAndNoneWithoutPixels) {
  TemporaryFolder folder;
  const auto model = Model::load(options_of(save_instances(folder, "    d[\"masks\"] = p")));
  const auto pixels = scene();
  const auto found = model->infer_for_gradient(frame_of(pixels));
  // The third has a score of 0.8, but no pixel of its mask reaches 0.5: it counts in z, and is no result.
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(covered_cells(found[0].mask), 32u);
  EXPECT_EQ(cells_at(found[0].mask, {{2, 2}, {5, 9}, {6, 2}}), "##.");
  EXPECT_EQ(found[1].label, 1);
  EXPECT_EQ(covered_cells(found[1].mask), 32u);
  Gradient g;
  model->backward(g);
  EXPECT_EQ(g.elements, 3u);
  EXPECT_NEAR(g.z, utility_of(1) + 2 * utility_of(0.8), 1e-5);
  // As a detector it has no masks.
  const auto boxes = Model::load(options_of(save_instances(folder, "    d[\"masks\"] = p", "detection")));
  const auto plain = boxes->infer(frame_of(pixels));
  ASSERT_EQ(plain.size(), 3u);
  EXPECT_TRUE(plain[0].mask.none());
}

TEST(Instances, WrongMasksSaySo) {
  TemporaryFolder folder;
  has(error_of(save_instances(folder, "")), "no \"masks\"");
  has(error_of(save_instances(folder, "    d[\"masks\"] = p[0:2]")), "shape 2×1×24×32, but 3 objects make it 3×1");
  has(error_of(save_instances(folder, "    d[\"masks\"] = p[:, 0]")), "shape 3×24×32, but 3 objects");
  // No objects, no masks: nothing is wrong.
  EXPECT_EQ(error_of(save_instances(folder,
                                    "    d = {\"boxes\": torch.zeros([0, 4]), \"labels\": torch.tensor([0])[0:0], "
                                    "\"scores\": x.flatten()[0:0], \"masks\": torch.zeros([0, 1, 24, 32])}")),
            "");
}

}  // namespace
