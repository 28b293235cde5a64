// SPDX-License-Identifier: LGPL-2.1-or-later
// One detector ("colours", tests/support/test_models.h) in every layout: the same objects, the same z, the same map.
#include <gtest/gtest.h>

#include <torch/script.h>

#include <cmath>

#include "model/model.h"
#include "model/newer_operators.h"
#include "model_rig.h"
#include "test_models.h"

namespace {

using namespace oneadapt;
using namespace oneadapt_test;

constexpr unsigned kWidth = 32, kHeight = 24;

struct Layout {
  const char *name;
  const char *forward;  ///< may use `r`, `g`, `b`: the three scores
  const char *output;   ///< of the description
};

// What all of them begin with.
const std::string kScores = R"(
    r = x[0, 0, 4:12, 4:12].mean()
    g = x[0, 1, 4:12, 16:24].mean()
    b = x[0, 2, 16:24, 4:12].mean()
    z = torch.zeros_like(r)
)";

const Layout kLayouts[] = {
    {"torchvision", R"(
    d = {"boxes": torch.tensor([[4., 4., 12., 12.], [16., 4., 24., 12.], [4., 16., 12., 24.]]),
         "labels": torch.tensor([0, 1, 2]), "scores": torch.stack([r, g, b])}
    losses: Dict[str, Tensor] = {}
    return losses, [d]
)",
     R"({"layout": "torchvision"})"},
    // Ultralytics, from version 8: 1×(4 + classes)×candidates.
    {"yolo, columns", R"(
    boxes = torch.tensor([[8., 20., 8., 9.], [8., 8., 20., 9.], [8., 8., 8., 1.], [8., 8., 8., 1.]])
    s = torch.stack([torch.stack([r, z, z, z]), torch.stack([z, g, z, z]), torch.stack([z, z, b, z])])
    return torch.cat([boxes, s]).unsqueeze(0)
)",
     R"({"layout": "yolo"})"},
    // Version 5: 1×candidates×(5 + classes).
    {"yolo, rows with objectness", R"(
    boxes = torch.tensor([[8., 8., 8., 8.], [20., 8., 8., 8.], [8., 20., 8., 8.]])
    return torch.cat([boxes, torch.stack([r, g, b]).unsqueeze(1), torch.eye(3)], 1).unsqueeze(0)
)",
     R"({"layout": "yolo", "objectness": true})"},
    {"yolo, corners, second output", R"(
    boxes = torch.tensor([[4., 4., 12., 12.], [16., 4., 24., 12.], [4., 16., 12., 24.]])
    s = torch.stack([torch.stack([r, z, z]), torch.stack([z, g, z]), torch.stack([z, z, b])])
    return x, torch.cat([boxes, s], 1).unsqueeze(0)
)",
     R"({"layout": "yolo", "corners": true, "predictions": [1]})"},
    // Cells of 8 pixels, 4×3, and two of 16 pixels that hold nothing: centres (8, 8), (20, 8), (8, 20).
    {"yolox", R"(
    boxes = torch.zeros([16, 4])
    boxes[0, 0] = 1.
    boxes[0, 1] = 1.
    boxes[2, 0] = 0.5
    boxes[2, 1] = 1.
    boxes[8, 0] = 1.
    boxes[8, 1] = 0.5
    one = torch.ones_like(z)
    obj = torch.stack([r, z, g, z, z, z, z, z, b, z, z, z, z, z, z, z])
    cls = torch.zeros([16, 3])
    cls[0, 0] = 1.
    cls[2, 1] = 1.
    cls[8, 2] = 1.
    return torch.cat([boxes, obj.unsqueeze(1), cls], 1).unsqueeze(0)
)",
     R"({"layout": "yolox", "strides": [8, 16]})"},
    // Peaks at cells (1, 1), (2, 1), (1, 2); beside each a shoulder that is none.
    {"centernet", R"(
    k = torch.zeros([3, 3, 4])
    k[0, 1, 1] = 1.
    k[1, 1, 2] = 1.
    k[2, 2, 1] = 1.
    k[0, 1, 2] = 0.9
    heat = k * torch.stack([r, g, b]).view(3, 1, 1)
    sizes = torch.ones([2, 3, 4])
    offsets = torch.zeros([2, 3, 4])
    offsets[0, 1, 2] = 0.5
    offsets[1, 2, 1] = 0.5
    return heat.unsqueeze(0), sizes.unsqueeze(0), offsets.unsqueeze(0)
)",
     R"({"layout": "centernet", "scores": [0], "boxes": [1], "offsets": 2})"},
    // DETR and its kin: rows of a box in fractions of 32×24, and a score for each class.
    {"yolo, fractions", R"(
    boxes = torch.tensor([[8., 8., 8., 8.], [20., 8., 8., 8.], [8., 20., 8., 8.]]) / torch.tensor([32., 24., 32., 24.])
    s = torch.stack([torch.stack([r, z, z]), torch.stack([z, g, z]), torch.stack([z, z, b])])
    return torch.cat([boxes, s], 1).unsqueeze(0)
)",
     R"({"layout": "yolo", "normalised": true})"},
    // YOLOv10 and YOLO26; the rest is filled up.
    {"detections", R"(
    boxes = torch.tensor([[4., 4., 12., 12.], [16., 4., 24., 12.], [4., 16., 12., 24.], [0., 0., 0., 0.]])
    more = torch.stack([torch.stack([r, g, b, z]), torch.tensor([0., 1., 2., 7.])], 1)
    return torch.cat([boxes, more], 1).unsqueeze(0)
)",
     R"({"layout": "detections"})"},
    // Logits, and y before x.
    {"boxes, a score for each class", R"(
    boxes = torch.tensor([[4., 4., 12., 12.], [4., 16., 12., 24.], [16., 4., 24., 12.]])
    boxes = boxes / torch.tensor([24., 32., 24., 32.])  # y0 x0 y1 x1
    s = torch.stack([torch.stack([r, z, z]), torch.stack([z, g, z]), torch.stack([z, z, b])])
    s = torch.log(s.clamp(1e-6, 1.) / (1. - s.clamp(1e-6, 0.999)))
    return s, boxes
)",
     R"({"layout": "boxes", "scores": [0], "boxes": [1], "activation": "sigmoid", "box": "corners-yx",
        "normalised": true})"},
    {"boxes as corner and size", R"(
    boxes = torch.tensor([[4., 4., 8., 8.], [16., 4., 8., 8.], [4., 16., 8., 8.]])
    return boxes, torch.stack([r, g, b]), torch.tensor([0, 1, 2])
)",
     R"({"layout": "boxes", "boxes": [0], "scores": [1], "labels": 2, "box": "corner-size"})"},
};

std::string save(const TemporaryFolder &folder, const Layout &layout, const std::string &output) {
  const bool list = std::string(layout.name) == "torchvision";
  const std::string head =
      list ? "def forward(self, images: List[Tensor], targets: Optional[List[Dict[str, Tensor]]] = None):\n"
             "    x = images[0].unsqueeze(0)"
           : "def forward(self, x):";
  const std::string path = folder.file("layout.pt");
  save_module(
      path, "\n" + head + kScores + std::string(layout.forward).substr(1),
      R"({"format": 1, "input": {"multiple_of": 1}, "labels": ["red", "green", "blue"], "output": )" + output + "}");
  return path;
}

ModelOptions options_of(const std::string &path) {
  ModelOptions options = cpu_options(path);
  options.threshold = 0.3;
  return options;
}

class Layouts : public ::testing::TestWithParam<Layout> {};

TEST_P(Layouts, SameObjectsSameGradient) {
  TemporaryFolder folder;
  const auto model = Model::load(options_of(save(folder, GetParam(), GetParam().output)));
  const auto pixels = plain_rgb(kWidth, kHeight, 204, 102, 51);  // scores 0.8, 0.4, 0.2
  const auto found = model->infer_for_gradient(frame_of(pixels));
  ASSERT_EQ(found.size(), 2u);
  const double x0[] = {4, 16}, y0[] = {4, 4};
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(found[i].label, i);
    EXPECT_NEAR(found[i].score, 0.8 / (i + 1), 1e-5);
    EXPECT_NEAR(found[i].box.x0 * kWidth, x0[i], 1e-4);
    EXPECT_NEAR(found[i].box.y0 * kHeight, y0[i], 1e-4);
    EXPECT_NEAR(found[i].box.x1 * kWidth, x0[i] + 8, 1e-4);
    EXPECT_NEAR(found[i].box.y1 * kHeight, y0[i] + 8, 1e-4);
  }
  Gradient g;
  model->backward(g);
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  EXPECT_EQ(g.elements, 3u);
  EXPECT_EQ(g.confident, 2u);
  // f(s) = 2σ(20 (s − 0.3)) − 1 for 0.8, 0.4, 0.2: 0.999909 + 0.761594 − 0.761594
  EXPECT_NEAR(g.z, 0.999909, 1e-4);
  // f'(0.4) = 40 σ(2) σ(−2), spread evenly over the green 8×8 pixels at (16, 4), all in block (1, 0).
  EXPECT_NEAR(g.map.at(1, 0), 40 * sigmoid(2) * sigmoid(-2) / 256, 1e-5);
  EXPECT_NEAR(g.map.at(1, 1), 0, 1e-9);
  EXPECT_EQ(model->infer(frame_of(pixels)).size(), 2u);
}
INSTANTIATE_TEST_SUITE_P(All, Layouts, ::testing::ValuesIn(kLayouts), [](const auto &test) {
  std::string name = test.param.name;
  for (char &c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
});

std::string error_of(const Layout &layout, const std::string &output) {
  TemporaryFolder folder;
  try {
    const auto model = Model::load(options_of(save(folder, layout, output)));
    model->infer(frame_of(plain_rgb(kWidth, kHeight, 204, 102, 51)));
  } catch (const ModelError &e) {
    return e.what();
  }
  return "";
}

/// Three cells of 32 pixels, with scores and 2 bins a side in a row: the expectation of equal bins is half a stride.
TEST(NanodetInOneTensor, SameAsInTwo) {
  const std::string forward = R"(
def forward(self, x):
    s = x[0, 0, 4:12, 4:12].mean().reshape(1, 1).expand(3, 1) * torch.tensor([[1.], [0.5], [0.]])
    d = torch.zeros([3, 8])
    return torch.cat([s, d], 1), s, d
)";
  const auto found = [&](const std::string &outputs) {
    TemporaryFolder folder;
    save_module(folder.file("m.pt"), forward,
                R"({"format": 1, "input": {"multiple_of": 32}, "labels": ["a"], "output": {"layout": "nanodet",
                "strides": [32, 64], "bins": 2, )" +
                    outputs + "}}");
    return Model::load(options_of(folder.file("m.pt")))->infer(frame_of(plain_rgb(64, 32, 204, 0, 0), 64, 32));
  };
  // 64×32: two cells of 32 pixels, one of 64.
  const auto one = found(R"("predictions": [0])");
  ASSERT_EQ(one.size(), 2u);
  EXPECT_NEAR(one[0].score, 0.8, 1e-5);
  EXPECT_NEAR(one[0].box.x0 * 64, 0, 1e-4);   // 16 − 16
  EXPECT_NEAR(one[0].box.x1 * 64, 32, 1e-4);  // 16 + 16
  EXPECT_NEAR(one[1].box.x0 * 64, 32, 1e-4);
}

TEST(BackgroundOfBoxes, IsNoElement) {
  TemporaryFolder folder;
  save_module(folder.file("m.pt"), R"(
def forward(self, x):
    r = x[0, 0].mean()
    return torch.stack([torch.stack([1 - r, r]), torch.stack([r, 1 - r])]), torch.tensor([[0., 0., 9., 9.], [9., 9., 20., 20.]])
)",
              R"({"format": 1, "input": {"multiple_of": 1}, "labels": ["none", "a"], "output": {"layout": "boxes",
              "scores": [0], "boxes": [1], "background": 0}})");
  const auto model = Model::load(options_of(folder.file("m.pt")));
  const auto found = model->infer(frame_of(plain_rgb(kWidth, kHeight, 204, 0, 0)));
  ASSERT_EQ(found.size(), 1u);  // 0.8; the other has 0.2, though it would be the background by 0.8
  EXPECT_EQ(found[0].label, 1);
  EXPECT_NEAR(found[0].score, 0.8, 1e-5);
}

TEST(NestedOutputs, CountInOrder) {
  // YOLOv5 up to 6.1: (predictions, [maps]).
  TemporaryFolder folder;
  save_module(folder.file("m.pt"), R"(
def forward(self, x):
    row = torch.cat([torch.tensor([8., 8., 8., 8.]), x[0, 0].mean().reshape(1), torch.ones([1])])
    return row.reshape(1, 1, 6), [x, x[:, :, ::2, ::2]]
)",
              R"({"format": 1, "input": {"multiple_of": 1}, "labels": ["a"], "output": {"layout": "yolo",
              "objectness": true}})");
  const auto found =
      Model::load(options_of(folder.file("m.pt")))->infer(frame_of(plain_rgb(kWidth, kHeight, 204, 0, 0)));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_NEAR(found[0].score, 0.8, 1e-5);
}

TEST(BoxProblem, NamesTheKey) {
  const auto problem = [](const std::string &boxes, const std::string &output = "{}") {
    TemporaryFolder folder;
    save_module(folder.file("m.pt"),
                "def forward(self, x):\n    s = x[0, 0].mean().reshape(1).expand(10)\n    i = torch.arange(10.)\n    "
                "return " +
                    boxes + ", s, torch.zeros([10])\n",
                colours_description(R"({"output": )" + output + "}"));
    const auto model = Model::load(options_of(folder.file("m.pt")));
    model->infer(frame_of(plain_rgb(kWidth, kHeight, 204, 0, 0)));
    return model->results_problem();
  };
  const auto rows = [](const char *a, const char *b, const char *c, const char *d) {
    return std::string("torch.stack([") + a + ", " + b + ", " + c + ", " + d + "], 1)";
  };
  EXPECT_EQ(problem(rows("i", "i", "i + 8", "i + 9")), "");
  EXPECT_TRUE(has(problem(rows("i / 32", "i / 32", "i / 16", "i / 16")), "\"output.normalised\": true"));
  EXPECT_EQ(problem(rows("i / 32", "i / 32", "i / 16", "i / 16"), R"({"normalised": true})"), "");
  EXPECT_TRUE(has(problem(rows("i + 9", "i + 9", "i * 0 + 5", "i * 0 + 6")), "check \"output.box\""));
  EXPECT_TRUE(has(problem(rows("i + 40", "i", "i + 48", "i + 8")), "outside the picture"));
  EXPECT_TRUE(has(problem(rows("i", "i", "i + 1", "i + 1.5")), "smaller than two pixels"));
  EXPECT_TRUE(has(problem(rows("i * 0", "i * 0", "i * 0 + 9", "i * 0 + 9")), "all the same"));
}

TEST(NewerOperators, AttentionOfLibTorch2) {
  const at::Tensor q = at::randn({1, 2, 5, 4}), k = at::randn({1, 2, 6, 4}), v = at::randn({1, 2, 6, 3});
  register_newer_operators();
  torch::jit::Module module("M");
  module.define(
      "def forward(self, q, k, v):\n    return torch.scaled_dot_product_attention(q, k, v, None, 0.0, False)\n");
  const at::Tensor have = module.forward({q, k, v}).toTensor();
  EXPECT_TRUE(at::allclose(have, at::matmul(at::matmul(q, k.transpose(-2, -1)).div(2).softmax(-1), v), 1e-4, 1e-6));
}

TEST(WrongLayout, SaysWhatDoesNotFit) {
  const auto &[v8, v5, yolox, centernet] = std::tie(kLayouts[1], kLayouts[2], kLayouts[4], kLayouts[5]);
  const auto has = [](const std::string &text, const std::string &part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  has(error_of(v8, R"({"layout": "yolo", "objectness": true})"), "objectness and 3 class scores make 8 a candidate");
  has(error_of(v5, R"({"layout": "yolo"})"), "3 class scores make 7 a candidate");
  has(error_of(v5, R"({"layout": "torchvision"})"), "without a dictionary \"boxes\"");
  has(error_of(v5, R"({"layout": "yolo", "strides": [8]})"), "output.strides");
  has(error_of(yolox, R"({"layout": "yolox", "strides": [8]})"), "gave 16 candidates, but output.strides make 12");
  has(error_of(yolox, R"({"layout": "yolox"})"), "\"output.strides\" is missing");
  has(error_of(centernet, R"({"layout": "centernet", "scores": [1], "boxes": [1]})"), "makes it 3×3×4");
  has(error_of(kLayouts[0], R"({"layout": "yolo"})"), "tensors only");
}

TEST(WrongLayout, ForwardTakesAPicture) {
  TemporaryFolder folder;
  const std::string path = folder.file("m.pt");
  const auto error = [&](const std::string &arguments) -> std::string {
    save_module(
        path, "\ndef forward(self" + arguments + "):\n    return torch.ones([1, 7, 2])\n",
        R"({"format": 1, "input": {"multiple_of": 1}, "labels": ["a", "b", "c"], "output": {"layout": "yolo"}})");
    try {
      Model::load(options_of(path));
    } catch (const ModelError &e) {
      return e.what();
    }
    return "";
  };
  EXPECT_NE(error("").find("takes no input"), std::string::npos);
  EXPECT_NE(error(", n: int").find("takes a int"), std::string::npos);
  EXPECT_NE(error(", x, hidden").find("also needs \"hidden\""), std::string::npos);
  EXPECT_EQ(error(", x, hidden: Optional[Tensor] = None"), "");
}

TEST(OperatorLibraries, SayWhatIsWrong) {
  TemporaryFolder folder;
  ModelOptions options = options_of(save_colours(folder));
  options.operator_libraries = {folder.file("none.so")};
  try {
    Model::load(options);
    ADD_FAILURE();
  } catch (const ModelError &e) {
    EXPECT_NE(std::string(e.what()).find("none.so' cannot be loaded"), std::string::npos) << e.what();
  }
}

}  // namespace
