// SPDX-License-Identifier: LGPL-2.1-or-later
// Detectors whose results, z and DNNGrad can be worked out by hand, and models that misbehave.
#include <gtest/gtest.h>

#include <cmath>

#include "model/torch_model.h"
#include "model_rig.h"
#include "test_models.h"

namespace {

using namespace oneadapt;
using namespace oneadapt_test;
using Kind = ModelError::Kind;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TEST(Colours, ResultsUtilityAndMap) {
  TemporaryFolder folder;
  const auto model = Model::load(cpu_options(save_colours(folder)));
  const auto pixels = plain_rgb(32, 24, 204, 102, 0);  // scores 0.8, 0.4, 0
  const auto found = model->infer_for_gradient(frame_of(pixels, 32, 24));
  ASSERT_EQ(found.size(), 1u);  // only 0.8 reaches θ = 0.5
  EXPECT_EQ(found[0].label, 0);
  EXPECT_NEAR(found[0].score, 0.8, 1e-6);
  EXPECT_NEAR(found[0].box.x0, 4. / 32, 1e-9);
  EXPECT_NEAR(found[0].box.y0, 4. / 24, 1e-9);
  EXPECT_NEAR(found[0].box.x1, 12. / 32, 1e-9);
  EXPECT_NEAR(found[0].box.y1, 12. / 24, 1e-9);

  Gradient g;
  model->backward(g);
  EXPECT_EQ(g.elements, 2u);  // 0 lies below the floor
  EXPECT_EQ(g.confident, 1u);
  EXPECT_EQ(g.theta, 0.5);
  EXPECT_EQ(g.slope, 20);
  // f(0.8) + f(0.4) = (2σ(6) − 1) + (2σ(−2) − 1) = 0.995055 − 0.761594
  EXPECT_NEAR(g.z, 0.233461, 1e-5);
  // f'(s) = 40 σ(1 − σ), spread evenly over 64 pixels; 16×16 blocks.
  EXPECT_EQ(g.map.columns(), 2u);
  EXPECT_EQ(g.map.rows(), 2u);
  EXPECT_NEAR(g.map.at(0, 0), 40 * sigmoid(6) * sigmoid(-6) / 256, 1e-7);  // 3.854e-4
  EXPECT_NEAR(g.map.at(1, 0), 40 * sigmoid(2) * sigmoid(-2) / 256, 1e-6);  // 1.6405e-2
  EXPECT_EQ(g.map.at(0, 1), 0);
  EXPECT_EQ(g.map.at(1, 1), 0);
}

TEST(Colours, BlocksCutByTheEdgeAreMeansOverWhatTheyHave) {
  TemporaryFolder folder;
  auto options = cpu_options(save_colours(folder));
  options.threshold = 0.599999;  // a mean of floats may fall just short of 0.6
  const auto model = Model::load(options);
  const auto pixels = plain_rgb(32, 24, 0, 0, 153);  // blue 0.6, all but θ
  EXPECT_EQ(model->infer_for_gradient(frame_of(pixels, 32, 24)).size(), 1u);
  Gradient g;
  model->backward(g);
  EXPECT_NEAR(g.z, 0, 1e-4);                     // f(θ) = 0
  EXPECT_NEAR(g.map.at(0, 1), 10. / 128, 1e-6);  // f'(θ) = slope/2 = 10 over the 16×8 pixels that are in the frame
  EXPECT_EQ(g.theta, 0.599999);
  EXPECT_EQ(g.confident, 1u);
}

TEST(Colours, WithoutElementsTheMapIsZero) {
  TemporaryFolder folder;
  const auto model = Model::load(cpu_options(save_colours(folder)));
  const auto pixels = plain_rgb(40, 33, 0, 0, 0);
  EXPECT_TRUE(model->infer_for_gradient(frame_of(pixels, 40, 33)).empty());
  Gradient g;
  g.z = 5;
  model->backward(g);
  EXPECT_EQ(g.z, 0);
  EXPECT_EQ(g.elements, 0u);
  EXPECT_EQ(g.map.values, std::vector<float>(9, 0.0f));
}

TEST(Colours, OnlyWantedClassesCount) {
  TemporaryFolder folder;
  auto options = cpu_options(save_colours(folder));
  options.classes = {"green thing"};
  const auto model = Model::load(options);
  const auto pixels = plain_rgb(32, 24, 255, 255, 255);
  const auto found = model->infer_for_gradient(frame_of(pixels, 32, 24));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].label, 1);
  EXPECT_EQ(model->infer(frame_of(pixels, 32, 24)).size(), 1u);
  model->infer_for_gradient(frame_of(pixels, 32, 24));
  Gradient g;
  model->backward(g);
  EXPECT_EQ(g.elements, 1u);
  EXPECT_EQ(g.map.at(0, 0), 0);
  EXPECT_GT(g.map.at(1, 0), 0);
}

TEST(Colours, AThresholdBelowTheFloorFindsMoreButDoesNotCountMore) {
  TemporaryFolder folder;
  auto options = cpu_options(save_colours(folder));
  options.threshold = 0.05;
  const auto model = Model::load(options);
  const auto pixels = plain_rgb(32, 24, 18, 102, 0);  // scores 0.07, 0.4, 0; floor 0.1
  EXPECT_EQ(model->infer(frame_of(pixels, 32, 24)).size(), 2u);
  EXPECT_EQ(model->infer_for_gradient(frame_of(pixels, 32, 24)).size(), 2u);
  Gradient g;
  model->backward(g);
  EXPECT_EQ(g.elements, 1u);
  EXPECT_EQ(g.confident, 1u);
  EXPECT_EQ(g.map.at(0, 0), 0);
}

TEST(Colours, RowsMayBePadded) {
  TemporaryFolder folder;
  const auto model = Model::load(cpu_options(save_colours(folder)));
  std::vector<std::uint8_t> pixels(24 * 100, 255);
  for (unsigned y = 0; y < 24; ++y)
    for (unsigned x = 0; x < 32; ++x) {
      pixels[y * 100 + 3 * x] = 204;
      pixels[y * 100 + 3 * x + 1] = pixels[y * 100 + 3 * x + 2] = 0;
    }
  RgbFrame frame = frame_of(pixels, 32, 24);
  frame.stride = 100;
  const auto found = model->infer(frame);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_NEAR(found[0].score, 0.8, 1e-6);
}

TEST(Colours, ResizingKeepsTheSumOfTheGradient) {
  TemporaryFolder folder;
  const auto model = Model::load(cpu_options(save_colours(folder)));
  const double whole = 40 * sigmoid(2) * sigmoid(-2);
  // Half, the same, a third more, twice as large: the input of the DNN stays 32×24.
  const std::pair<unsigned, unsigned> sizes[] = {{16, 12}, {32, 24}, {43, 31}, {64, 48}};
  model->set_input_size(32, 24);
  for (const auto &[width, height] : sizes) {
    const auto pixels = plain_rgb(width, height, 0, 153, 0);  // green 0.6: f' = 40 σ(2)(1 − σ(2))
    const auto found = model->infer_for_gradient(frame_of(pixels, width, height));
    ASSERT_EQ(found.size(), 1u);
    EXPECT_NEAR(found[0].box.x0, 0.5, 1e-6);
    Gradient g;
    model->backward(g);
    EXPECT_EQ(g.map.frame_width, width);
    EXPECT_EQ(g.map.frame_height, height);
    EXPECT_NEAR(total(g.map), whole, 1e-4) << width;
  }
}

TEST(Colours, InputSizeIsRoundedUpToTheMultiple) {
  TemporaryFolder folder;
  TorchModel model(cpu_options(save_colours(folder, R"({"input": {"multiple_of": 32}})")));
  EXPECT_EQ(model.prepare(at::zeros({1, 3, 33, 64})).sizes(), (at::IntArrayRef{1, 3, 64, 64}));
  model.set_input_size(100, 31);
  EXPECT_EQ(model.prepare(at::zeros({1, 3, 33, 64})).sizes(), (at::IntArrayRef{1, 3, 32, 128}));
  TorchModel fixed(cpu_options(save_colours(folder, R"({"input": {"multiple_of": 0, "width": 40, "height": 30}})")));
  fixed.set_input_size(64, 64);
  EXPECT_EQ(fixed.prepare(at::zeros({1, 3, 33, 64})).sizes(), (at::IntArrayRef{1, 3, 30, 40}));
}

TEST(Preparation, OfAFrameIsTheSameInOneGo) {
  TemporaryFolder folder;
  std::vector<std::uint8_t> pixels(80 * 26);  // rows with an end that is no pixel
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = std::uint8_t(i * 7);
  const RgbFrame frame{pixels.data(), 80, 25, 26};
  for (const char *colour : {"RGB", "BGR"})
    for (const char *plan : {"plain", "channels-last"})
      for (const unsigned width : {0u, 50u}) {
        ModelOptions options;
        options.path = save_colours(folder, std::string(R"({"input": {"colour": ")") + colour +
                                                R"(", "range": 255, "mean": [3, 5, 7], "std": [2, 4, 8]}})");
        options.device = "cpu";
        options.plan = plan;
        TorchModel model(options);
        model.set_input_size(width, width);
        const at::NoGradGuard no_grad;
        const at::Tensor expected = model.prepare(model.upload(frame)), x = model.prepare_frame(frame);
        ASSERT_EQ(x.sizes(), expected.sizes());
        EXPECT_TRUE(at::equal(x, expected)) << colour << " " << plan << " " << width;
      }
}

TEST(Colours, ColourOrderAndNormalisation) {
  TemporaryFolder folder;
  TorchModel model(cpu_options(
      save_colours(folder, R"({"input": {"colour": "BGR", "range": 255, "mean": [10, 20, 30], "std": [2, 4, 5]}})")));
  const auto pixels = plain_rgb(24, 24, 255, 100, 50);
  const at::Tensor x = model.prepare(model.upload(frame_of(pixels, 24, 24)));
  EXPECT_NEAR(x[0][0][3][3].item<double>(), (50 - 10) / 2., 1e-4);  // blue first
  EXPECT_NEAR(x[0][1][3][3].item<double>(), (100 - 20) / 4., 1e-4);
  EXPECT_NEAR(x[0][2][3][3].item<double>(), (255 - 30) / 5., 1e-4);
}

TEST(Nanodet, BoxesFromDistributions) {
  // One stride of 8 on 16×8: two cells. Bins 0…3; a huge logit picks one bin. Cell 0: left 0, top 0, right 1, bottom 1;
  // cell 1: even odds, expectation 1.5 strides each side.
  TemporaryFolder folder;
  const std::string path = folder.file("n.pt");
  save_module(path, R"(
def forward(self, x):
    scores = torch.tensor([[[0.9, 0.1], [0.2, 0.7]]]) + 0.0 * x.mean()
    sides = torch.zeros([1, 2, 16])
    sides[0, 0, 0] = 100.0
    sides[0, 0, 4] = 100.0
    sides[0, 0, 9] = 100.0
    sides[0, 0, 13] = 100.0
    return scores, sides
)",
              R"({"format": 1, "input": {"multiple_of": 8},
    "output": {"layout": "nanodet", "strides": [8], "scores": [0], "boxes": [1], "bins": 4}, "labels": ["a", "b"]})");
  const auto model = Model::load(cpu_options(path));
  const auto pixels = plain_rgb(16, 8, 9, 9, 9);
  const auto found = model->infer(frame_of(pixels, 16, 8));
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].label, 0);
  EXPECT_NEAR(found[0].box.x0, 4. / 16, 1e-6);   // centre 4, 4
  EXPECT_NEAR(found[0].box.x1, 12. / 16, 1e-6);  // right: one stride
  EXPECT_NEAR(found[0].box.y0, 0.5, 1e-6);
  EXPECT_NEAR(found[0].score, 0.9, 1e-6);
  EXPECT_EQ(found[1].label, 1);
  EXPECT_NEAR(found[1].box.x0, 0, 1e-6);  // 12 − 12
  EXPECT_NEAR(found[1].box.x1, 1, 1e-6);  // 24, clipped
  EXPECT_NEAR(found[1].box.y1, 1, 1e-6);
}

TEST(Nanodet, AnElementIsItsBestClassOrNothing) {
  // Class a is best everywhere, so nothing is left when only b is wanted, although b scores 0.8.
  TemporaryFolder folder;
  const std::string path = folder.file("n.pt");
  save_module(path,
              "def forward(self, x):\n    return torch.tensor([[0.9, 0.8]]) + 0.0 * x.mean(), torch.zeros([1, 8])\n",
              R"({"format": 1, "input": {"multiple_of": 8},
    "output": {"layout": "nanodet", "strides": [8], "scores": [0], "boxes": [1], "bins": 2}, "labels": ["a", "b"]})");
  auto options = cpu_options(path);
  const auto pixels = plain_rgb(8, 8, 9, 9, 9);
  EXPECT_EQ(Model::load(options)->infer(frame_of(pixels, 8, 8)).size(), 1u);
  options.classes = {"b"};
  EXPECT_TRUE(Model::load(options)->infer(frame_of(pixels, 8, 8)).empty());
}

// ---- models that misbehave

/// A model with that body of forward(x), after it has found one object in a light picture.
std::unique_ptr<Model> found_one(const TemporaryFolder &folder, const std::string &body) {
  save_module(folder.file("m.pt"), "def forward(self, x):\n" + body, colours_description());
  auto model = Model::load(cpu_options(folder.file("m.pt")));
  const auto pixels = plain_rgb(32, 24, 200, 200, 200);
  EXPECT_EQ(model->infer_for_gradient(frame_of(pixels, 32, 24)).size(), 1u);
  return model;
}

struct BadRun {
  const char *forward, *says;
};

TEST(BadModel, OutputsThatAreNotAsDescribed) {
  const std::string boxes = "torch.tensor([[4., 4., 12., 12.]])", labels = "torch.tensor([0])";
  const BadRun cases[] = {
      {"return torch.zeros([1, 4]), x.mean().unsqueeze(0)", "2 tensors"},
      {"return x", "1 tensors"},
      {"return 3", "Int"},
      {"return torch.zeros([1, 4]), 3, torch.zeros([1])", "Int"},
      {"return torch.zeros([1, 5]), x.mean().unsqueeze(0), torch.zeros([1])", "shape 1×5"},
      {"return torch.zeros([2, 4]), x.mean().unsqueeze(0), torch.zeros([1])", "shape 2×4"},
      {"return torch.zeros([1, 4]), torch.zeros([2, 2, 2]), torch.zeros([1])", "shape 2×2×2"},
      {"return torch.zeros([1, 4]), x.mean().unsqueeze(0), torch.zeros([2])", "2 labels"},
      {"return torch.zeros([1, 4]), x.mean().unsqueeze(0), torch.ones([1]) * 3", "label 3"},
      {"return torch.zeros([1, 4]), x.mean().unsqueeze(0), torch.ones([1]) * -1", "label -1"},
      {"return torch.zeros([1, 4]), x.mean().unsqueeze(0) * 7, torch.zeros([1])", "sigmoid"},
      {"return torch.zeros([1, 4]), x.mean().unsqueeze(0) / 0, torch.zeros([1])", "not finite"},
      {"return torch.zeros([1, 4]), (x - x).mean().unsqueeze(0) / 0, torch.zeros([1])", "not finite"},
      {"return torch.zeros([1, 4]) / 0, x.mean().unsqueeze(0), torch.zeros([1])", "not finite"},
      {"assert x.numel() == 0, \"out of cheese\"\n    return x", "out of cheese"},
      {"return torch.zeros([1, 4]), x.view([7]), torch.zeros([1])", "shape"},
      {"return x.mean([2, 3])", "classifier"},
      {"return torch.matmul(x.flatten(1), torch.zeros([7, 2]))", "input.width"},
      {"h = torch.zeros([1, 1, 4])\n    y = torch.lstm(x, [h, h], [torch.zeros([16, 3]), torch.zeros([16, 4])], False, "
       "1, "
       "0., False, False, False)\n    return y[0]",
       "check that it is a model of pictures"},
  };
  const auto pixels = plain_rgb(32, 24, 200, 200, 200);
  for (const BadRun &c : cases) {
    TemporaryFolder folder;
    const std::string body(c.forward);
    save_module(folder.file("m.pt"), "def forward(self, x):\n    " + body + "\n", colours_description());
    const auto model = Model::load(cpu_options(folder.file("m.pt")));
    const RgbFrame frame = frame_of(pixels, 32, 24);
    EXPECT_TRUE(has(error_of(Kind::Run, [&] { model->infer(frame); }), c.says)) << body;
    EXPECT_TRUE(has(error_of(Kind::Run, [&] { model->infer_for_gradient(frame); }), c.says)) << body;
    Gradient g;
    error_of(Kind::Run, [&] { model->backward(g); });
  }
}

TEST(BadModel, GradientThatIsNotFiniteLeavesTheResultAlone) {
  TemporaryFolder folder;
  // The root of 0 has an infinite slope.
  const auto model = found_one(folder,
                               "    s = 0.8 + torch.sqrt(x.mean() - x.mean())\n"
                               "    return torch.tensor([[4., 4., 12., 12.]]), s.unsqueeze(0), torch.tensor([0])\n");
  Gradient g;
  g.z = 7;
  EXPECT_TRUE(has(error_of(Kind::NotFinite, [&] { model->backward(g); }), "not finite"));
  EXPECT_EQ(g.z, 7);
}

TEST(BadModel, CutOffFromItsInput) {
  TemporaryFolder folder;
  const auto model = found_one(
      folder, "    return torch.tensor([[4., 4., 12., 12.]]), x.detach().mean().unsqueeze(0), torch.tensor([0])\n");
  Gradient g;
  EXPECT_TRUE(has(error_of(Kind::Run, [&] { model->backward(g); }), "autograd"));
}

TEST(BadInput, FramesWithoutPixels) {
  TemporaryFolder folder;
  const auto model = Model::load(cpu_options(save_colours(folder)));
  error_of(Kind::Input, [&] { model->infer(RgbFrame()); });
  std::vector<std::uint8_t> pixels(30);
  RgbFrame frame = frame_of(pixels, 10, 1);
  frame.stride = 29;
  error_of(Kind::Input, [&] { model->infer(frame); });
  auto options = cpu_options(save_colours(folder));
  options.threshold = 1.5;
  load_error(Kind::Input, options);
}

TEST(Model, MemoryOfLargerPicturesGoesBackAtOnce) {
  TemporaryFolder folder;
  TorchModel model(cpu_options(save_random_nanodet(folder, 5)));
  const auto held_after = [&](unsigned width, unsigned height) {
    const auto pixels = random_rgb(width, height);
    model.infer(frame_of(pixels, width, height));
    return model.shared().pool->bytes().held;
  };
  const std::size_t large = held_after(640, 480);
  EXPECT_GE(large, 640u * 480 * 3 * sizeof(double)) << "its pixels at least";
  EXPECT_EQ(held_after(640, 480), large) << "the next picture is as large";
  EXPECT_LT(held_after(160, 128), large / 4);
}

}  // namespace
