// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <random>
#include <thread>

#include "model/backward.h"
#include "model/convolution_gradient.h"
#include "model/saved_tensors.h"
#include "model/tensor_memory.h"
#include "model/torch_model.h"
#include "model_rig.h"
#include "test_models.h"

namespace {

using namespace oneadapt;
using namespace oneadapt_test;
using Kind = ModelError::Kind;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

double total(const BlockMap &map) {
  double sum = 0;
  for (unsigned r = 0; r < map.rows(); ++r)
    for (unsigned c = 0; c < map.columns(); ++c) sum += double(map.at(c, r)) * map.pixels(c, r);
  return sum;
}

/// The error that `work` must throw: one line, no full stop at its end (the caller adds it).
template <typename Work>
std::string error_of(Kind kind, Work work) {
  try {
    work();
  } catch (const ModelError &e) {
    const std::string text = e.what();
    EXPECT_EQ(int(e.kind()), int(kind)) << text;
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    EXPECT_TRUE(!text.empty() && text.back() != '.') << text;
    return text;
  }
  ADD_FAILURE() << "no ModelError";
  return "";
}

std::string load_error(Kind kind, const ModelOptions &options) {
  return error_of(kind, [&] { Model::load(options); });
}

bool has(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

// ---- one copy of the weights

TEST(Shared, WhileItLivesAndTheFileIsTheSame) {
  TemporaryFolder folder;
  const std::string path = save_random_nanodet(folder, 1);
  TorchModel a(cpu_options(path)), b(cpu_options(folder.path() + "/./nanodet.pt"));
  EXPECT_EQ(a.module()._ivalue().get(), b.module()._ivalue().get());
  save_random_nanodet(folder, 2);  // the same name, another model
  TorchModel c(cpu_options(path));
  EXPECT_NE(a.module()._ivalue().get(), c.module()._ivalue().get());
}

TEST(Shared, UsersDoNotDisturbEachOther) {
  TemporaryFolder folder;
  const std::string path = save_colours(folder);
  const auto a = Model::load(cpu_options(path)), b = Model::load(cpu_options(path));
  const auto red = plain_rgb(32, 24, 204, 102, 0), green = plain_rgb(32, 24, 0, 204, 102);
  a->infer_for_gradient(frame_of(red, 32, 24));
  b->infer_for_gradient(frame_of(green, 32, 24));
  Gradient ga, gb;
  b->backward(gb);
  a->backward(ga);
  EXPECT_NEAR(ga.z, 0.233461, 1e-5);
  EXPECT_NEAR(gb.z, ga.z, 1e-5);
  EXPECT_GT(ga.map.at(0, 0), 0);
  EXPECT_EQ(gb.map.at(0, 0), 0);
  EXPECT_GT(gb.map.at(1, 0), 0);
}

TEST(Shared, AProgramThatChangesItselfSharesItsWeightsOnly) {
  TemporaryFolder folder;
  TorchModel plain(cpu_options(save_colours(folder)));
  EXPECT_FALSE(plain.shared().stateful);
  const std::string description =
      R"({"format": 1, "input": {"multiple_of": 1}, "labels": ["a", "b", "c"], "output": {"layout": "yolo"}})";
  torch::jit::Module sets("Sets"), writes("Writes");
  sets.register_attribute("calls", c10::IntType::get(), c10::IValue(0));
  sets.define("\ndef forward(self, x):\n    self.calls = self.calls + 1\n    return torch.ones([1, 7, 2])\n");
  writes.register_buffer("seen", at::zeros({1}));
  for (torch::jit::Module *module : {&sets, &writes}) module->register_parameter("weight", at::ones({3}), false);
  writes.define(
      "\ndef count(self):\n    self.seen.add_(1)\n    return self.seen\n"
      "\ndef forward(self, x):\n    return torch.ones([1, 7, 2]) * self.count()\n");
  for (torch::jit::Module *module : {&sets, &writes}) {
    const std::string path = folder.file("stateful.pt");
    module->save(path, {{"oneadapt.json", description}});
    TorchModel a(cpu_options(path)), b(cpu_options(path));
    EXPECT_TRUE(a.shared().stateful);
    EXPECT_EQ(a.module().attr("weight").toTensor().data_ptr(), b.module().attr("weight").toTensor().data_ptr());
    const auto run = [&](TorchModel &model) { model.module().forward({at::zeros({1})}); };
    run(a);
    run(a);
    run(b);
    const auto count = [&](TorchModel &model) {
      return module == &sets ? model.module().attr("calls").toInt()
                             : model.module().attr("seen").toTensor().item<std::int64_t>();
    };
    EXPECT_EQ(count(a), 2);
    EXPECT_EQ(count(b), 1);
  }
}

TEST(Shared, GradientsOfWeightsAreAskedForAlone) {
  TemporaryFolder folder;
  const std::string path = save_random_nanodet(folder, 1);
  TorchModel a(cpu_options(path)), b(cpu_options(path));
  a.set_weight_gradients(true);
  unsigned asked = 0;
  for (const at::Tensor &t : a.module().parameters()) asked += t.requires_grad();
  EXPECT_GT(asked, 0u);
  for (const at::Tensor &t : b.module().parameters()) EXPECT_FALSE(t.requires_grad());
}

TEST(Shared, ThreadsGetWhatOneGets) {
  TemporaryFolder folder;
  const std::string path = save_random_nanodet(folder, 3);
  const unsigned kThreads = 4, kRounds = 20;
  std::vector<std::vector<std::uint8_t>> pictures;
  std::vector<Gradient> expected(kThreads);
  TorchModel alone(cpu_options(path));
  for (unsigned i = 0; i < kThreads; ++i) {
    pictures.emplace_back(64 * 64 * 3);
    for (std::size_t p = 0; p < pictures[i].size(); ++p) pictures[i][p] = std::uint8_t(p * (i + 3) * 7 % 251);
    alone.infer_for_gradient(frame_of(pictures[i], 64, 64));
    alone.backward(expected[i]);
  }
  std::atomic<unsigned> wrong{0};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      const auto model = Model::load(cpu_options(path));
      for (unsigned round = 0; round < kRounds; ++round) {
        Gradient g;
        model->infer_for_gradient(frame_of(pictures[i], 64, 64));
        model->backward(g);
        bool same = g.elements == expected[i].elements && std::abs(g.z - expected[i].z) < 1e-6;
        for (std::size_t k = 0; k < g.map.values.size(); ++k)
          same = same && std::abs(g.map.values[k] - expected[i].map.values[k]) <=
                             1e-5 * (1 + std::abs(double(expected[i].map.values[k])));
        wrong += !same;
      }
    });
  for (std::thread &t : threads) t.join();
  EXPECT_EQ(wrong, 0u);
}

// ---- z, DNNGrad, elements, with numbers worked by hand

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

// ---- DNNGrad against its definition

TEST(DnnGrad, EqualsCentralDifferences) {
  double worst = 0;
  unsigned with_elements = 0;
  for (unsigned seed = 0; seed < 100; ++seed) {
    TemporaryFolder folder;
    TorchModel model(cpu_options(save_random_nanodet(folder, seed)));
    ASSERT_EQ(model.type(), at::kDouble);
    std::mt19937 random(seed);
    const unsigned width = 20 + random() % 30, height = 12 + random() % 20;  // so that most are resized, both ways
    if (seed % 3 == 1) model.set_input_size(64, 48);
    if (seed % 3 == 2) model.set_input_size(16, 16);
    at::manual_seed(seed + 1000);
    const at::Tensor y = at::rand({1, 3, height, width}, at::TensorOptions().dtype(at::kDouble));
    const auto z_of = [&](const at::Tensor &at_y) {
      at::NoGradGuard no_grad;
      const Elements e = model.forward(model.prepare(at_y), model.description().floor);
      return utility(e.scores, model.theta(), model.description().slope).item<double>();
    };
    double z = 0;
    model.run_for_gradient(y.clone());
    const at::Tensor g = model.pixel_gradient(z);
    ASSERT_EQ(g.sizes(), y.sizes());
    EXPECT_NEAR(z, z_of(y), 1e-9);
    const double largest = g.max().item<double>();
    if (largest <= 0) continue;
    ++with_elements;

    double error = 0, norm = 0;
    const double h = 1e-6;
    std::vector<std::int64_t> where{g.argmax().item<std::int64_t>()};
    for (int i = 0; i < 12; ++i) where.push_back(std::int64_t(random() % std::size_t(y.numel())));
    for (std::int64_t i : where) {
      at::Tensor up = y.clone(), down = y.clone();
      up.view(-1)[i] += h;
      down.view(-1)[i] -= h;
      const double numeric = std::abs(z_of(up) - z_of(down)) / (2 * h);
      const double analytic = g.view(-1)[i].item<double>();
      error += (numeric - analytic) * (numeric - analytic);
      norm += numeric * numeric;
    }
    const double relative = std::sqrt(error / norm);
    worst = std::max(worst, relative);
    EXPECT_LE(relative, 1e-3) << "seed " << seed;
  }
  EXPECT_GE(with_elements, 95u);
  RecordProperty("worst_relative_error", std::to_string(worst));
  std::cout << "worst relative error " << worst << " over " << with_elements << " seeds\n";
}

TEST(DnnGrad, BlockMapIsTheMeanOfThePixelGradient) {
  TemporaryFolder folder;
  TorchModel model(cpu_options(save_random_nanodet(folder, 7)));
  std::mt19937 random(3);
  std::vector<std::uint8_t> pixels(37 * 21 * 3);
  for (auto &p : pixels) p = std::uint8_t(random());
  const RgbFrame frame = frame_of(pixels, 37, 21);
  model.infer_for_gradient(frame);
  double z = 0;
  const at::Tensor g = model.pixel_gradient(z).squeeze(0).sum(0);
  model.infer_for_gradient(frame);
  Gradient gradient;
  model.backward(gradient);
  EXPECT_EQ(gradient.z, z);
  ASSERT_EQ(gradient.map.columns(), 3u);
  ASSERT_EQ(gradient.map.rows(), 2u);
  for (unsigned r = 0; r < 2; ++r)
    for (unsigned c = 0; c < 3; ++c) {
      double sum = 0;
      for (unsigned y = 16 * r; y < std::min(21u, 16 * r + 16); ++y)
        for (unsigned x = 16 * c; x < std::min(37u, 16 * c + 16); ++x) sum += g[y][x].item<double>();
      EXPECT_NEAR(gradient.map.at(c, r), sum / gradient.map.pixels(c, r), 1e-6 * sum);
    }
  EXPECT_GT(total(gradient.map), 0);
}

TEST(DnnGrad, NoWeightEverGetsAGradient) {
  TemporaryFolder folder;
  TorchModel model(cpu_options(save_random_nanodet(folder, 1)));
  const auto pixels = plain_rgb(32, 32, 200, 10, 90);
  for (int i = 0; i < 3; ++i) {
    model.infer_for_gradient(frame_of(pixels, 32, 32));
    Gradient g;
    model.backward(g);
  }
  int weights = 0;
  for (const at::Tensor &t : model.module().parameters()) {
    ++weights;
    EXPECT_FALSE(t.requires_grad());
    EXPECT_FALSE(t.grad().defined());
  }
  EXPECT_EQ(weights, 3);
  for (const at::Tensor &t : model.module().buffers()) EXPECT_FALSE(t.requires_grad() || t.grad().defined());
}

TEST(DnnGrad, BothForwardPassesGiveTheSameResults) {
  TemporaryFolder folder;
  TorchModel model(cpu_options(save_random_nanodet(folder, 5)));
  std::mt19937 random(3);
  std::vector<std::uint8_t> pixels(64 * 48 * 3);
  for (auto &p : pixels) p = std::uint8_t(random());
  const RgbFrame frame = frame_of(pixels, 64, 48);
  for (int round = 0; round < 3; ++round) {
    const auto a = model.infer(frame), b = model.infer_for_gradient(frame);
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].label, b[i].label);
      EXPECT_NEAR(a[i].score, b[i].score, 1e-12);
      EXPECT_NEAR(a[i].box.x0, b[i].box.x0, 1e-12);
    }
    Gradient g;
    model.backward(g);
  }
}

TEST(DnnGrad, NeedsAGraph) {
  TemporaryFolder folder;
  const auto model = Model::load(cpu_options(save_colours(folder)));
  Gradient g;
  error_of(Kind::Run, [&] { model->backward(g); });
  const auto pixels = plain_rgb(32, 24, 255, 0, 0);
  const RgbFrame frame = frame_of(pixels, 32, 24);
  model->infer_for_gradient(frame);
  model->backward(g);
  error_of(Kind::Run, [&] { model->backward(g); });
  model->infer_for_gradient(frame);
  model->infer(frame);
  error_of(Kind::Run, [&] { model->backward(g); });
  model->infer_for_gradient(frame);
  model->drop_graph();
  error_of(Kind::Run, [&] { model->backward(g); });
}

// ---- files that are no model

TEST(BadModel, EachFileHasItsOwnSentence) {
  TemporaryFolder folder;
  const std::string good = save_colours(folder), bytes = read_file(good);
  const auto file = [&](const char *name, const std::string &content) {
    write_file(folder.file(name), content);
    return cpu_options(folder.file(name));
  };
  EXPECT_TRUE(has(load_error(Kind::File, cpu_options("")), "no model file"));
  EXPECT_TRUE(has(load_error(Kind::File, cpu_options(folder.file("none.pt"))), "does not exist"));
  EXPECT_TRUE(has(load_error(Kind::File, cpu_options(folder.path())), "is a directory"));
  EXPECT_TRUE(has(load_error(Kind::Format, file("empty.pt", "")), "is empty"));
  EXPECT_TRUE(has(load_error(Kind::Format, file("short.pt", "P")), "is not TorchScript"));
  EXPECT_TRUE(has(load_error(Kind::Format, file("random.pt", std::string(5000, 'x'))), "is not TorchScript"));
  EXPECT_TRUE(has(load_error(Kind::Format, file("pickle.pt", "\x80\x02}q\x01.")), "pickled Python object"));
  save_pickled_weights(folder.file("weights.pt"));
  EXPECT_TRUE(has(load_error(Kind::Format, cpu_options(folder.file("weights.pt"))), "state_dict"));
  for (std::size_t keep : {std::size_t(30), bytes.size() / 3, bytes.size() / 2, bytes.size() - 30})
    EXPECT_TRUE(has(load_error(Kind::Format, file("cut.pt", bytes.substr(0, keep))), "is truncated")) << keep;
  // An end without a beginning: some other zip.
  EXPECT_TRUE(has(load_error(Kind::Format, file("zip.pt", "PK\x03\x04" + std::string(40, 'x') + "PK\x05\x06" +
                                                              std::string(18, '\0'))),
                  "zip archive but not TorchScript"));
}

TEST(BadModel, DamageAnywhereIsAnErrorNotACrash) {
  TemporaryFolder folder;
  const std::string bytes = read_file(save_colours(folder));
  std::mt19937 random(11);
  for (int i = 0; i < 60; ++i) {
    std::string damaged = bytes;
    for (int k = 0; k < 8; ++k) damaged[random() % damaged.size()] = char(random());
    write_file(folder.file("damaged.pt"), damaged);
    try {
      Model::load(cpu_options(folder.file("damaged.pt")));
    } catch (const ModelError &e) {
      EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos) << e.what();
    }
  }
}

TEST(BadModel, DescriptionIsMissing) {
  TemporaryFolder folder;
  save_module(folder.file("m.pt"), colours_forward(), "");
  const std::string text = load_error(Kind::Description, cpu_options(folder.file("m.pt")));
  EXPECT_TRUE(has(text, "m.pt.json")) << text;
  EXPECT_TRUE(has(text, "\"layout\"")) << text;
}

TEST(BadModel, DescriptionNamesFileAndKey) {
  TemporaryFolder folder;
  save_module(folder.file("m.pt"), colours_forward(), colours_description(R"({"slope": -1})"));
  std::string text = load_error(Kind::Description, cpu_options(folder.file("m.pt")));
  EXPECT_TRUE(has(text, "\"slope\"") && has(text, "oneadapt.json")) << text;
  write_file(folder.file("m.pt.json"), R"({"floor": "low"})");
  text = load_error(Kind::Description, cpu_options(folder.file("m.pt")));
  EXPECT_TRUE(has(text, "m.pt.json")) << text;
  write_file(folder.file("m.pt.json"), "{");
  EXPECT_TRUE(has(load_error(Kind::Description, cpu_options(folder.file("m.pt"))), "JSON"));
}

TEST(Sidecar, StandsAloneOrIsLaidOver) {
  TemporaryFolder folder;
  save_module(folder.file("m.pt"), colours_forward(), "");
  write_file(folder.file("m.json"), colours_description(R"({"name": "beside"})"));
  EXPECT_EQ(Model::load(cpu_options(folder.file("m.pt")))->description().name, "beside");
  write_file(folder.file("m.pt.json"), colours_description(R"({"name": "first choice"})"));
  EXPECT_EQ(Model::load(cpu_options(folder.file("m.pt")))->description().name, "first choice");

  save_module(folder.file("n.pt"), colours_forward(), colours_description());
  write_file(folder.file("n.pt.json"), R"({"threshold": 0.25})");
  const auto model = Model::load(cpu_options(folder.file("n.pt")));
  EXPECT_EQ(model->theta(), 0.25);
  EXPECT_EQ(model->description().name, "colours");

  save_module(folder.file("o.pt"), colours_forward(), colours_description());
  write_file(folder.file("o.json"), R"({"format": "graph-model", "modelTopology": {}})");  // a TensorFlow.js graph
  EXPECT_EQ(Model::load(cpu_options(folder.file("o.pt")))->description().name, "colours");
}

TEST(Labels, FileMustMatch) {
  TemporaryFolder folder;
  auto options = cpu_options(save_colours(folder));
  options.labels_file = folder.file("labels.txt");
  EXPECT_TRUE(has(load_error(Kind::Labels, options), "cannot be read"));
  write_file(options.labels_file, "rot\r\ngrün\nblau\n\n");
  EXPECT_EQ(Model::load(options)->labels(), (std::vector<std::string>{"rot", "grün", "blau"}));
  options.classes = {"blau"};
  Model::load(options);
  write_file(options.labels_file, "rot\nblau\n");
  const std::string text = load_error(Kind::Labels, options);
  EXPECT_TRUE(has(text, "2 labels") && has(text, "3 classes")) << text;
}

TEST(Classes, UnknownOnesListWhatLooksLikeThem) {
  TemporaryFolder folder;
  auto options = cpu_options(save_colours(folder));
  options.classes = {"red thing", "grean thing"};
  const std::string text = load_error(Kind::Classes, options);
  EXPECT_TRUE(has(text, "\"grean thing\"; it has \"green thing\"")) << text;
}

TEST(Device, OnlyWhatThereIs) {
  TemporaryFolder folder;
  auto options = cpu_options(save_colours(folder));
  for (const char *name : {"cuda:9", "tpu", "cuda:", "cuda:x", "cuda:-1", "CPU"}) {
    options.device = name;
    EXPECT_TRUE(has(load_error(Kind::Device, options), name));
  }
  options.device = "auto";
  const auto model = Model::load(options);
  EXPECT_FALSE(model->device_reason().empty());
  EXPECT_TRUE(at::hasCUDA() || model->device() == "cpu") << model->device();
}

// ---- models that misbehave

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

TEST(BadModel, SixteenBitsOnTheCpu) {
  TemporaryFolder folder;
  torch::jit::Module module("Half");
  module.register_buffer("weight", at::ones({3}, at::kHalf));
  module.define("\ndef forward(self, x):\n    return x * self.weight.view(1, 3, 1, 1)\n");
  module.save(folder.file("m.pt"), {{"oneadapt.json", colours_description()}});
  EXPECT_TRUE(has(load_error(Kind::Format, cpu_options(folder.file("m.pt"))), "net.float()"));
}

TEST(BadModel, GradientThatIsNotFiniteLeavesTheResultAlone) {
  TemporaryFolder folder;
  // The root of 0 has an infinite slope.
  save_module(folder.file("m.pt"),
              "def forward(self, x):\n    s = 0.8 + torch.sqrt(x.mean() - x.mean())\n"
              "    return torch.tensor([[4., 4., 12., 12.]]), s.unsqueeze(0), torch.tensor([0])\n",
              colours_description());
  const auto model = Model::load(cpu_options(folder.file("m.pt")));
  const auto pixels = plain_rgb(32, 24, 200, 200, 200);
  EXPECT_EQ(model->infer_for_gradient(frame_of(pixels, 32, 24)).size(), 1u);
  Gradient g;
  g.z = 7;
  EXPECT_TRUE(has(error_of(Kind::NotFinite, [&] { model->backward(g); }), "not finite"));
  EXPECT_EQ(g.z, 7);
}

TEST(BadModel, CutOffFromItsInput) {
  TemporaryFolder folder;
  save_module(folder.file("m.pt"),
              "def forward(self, x):\n    return torch.tensor([[4., 4., 12., 12.]]), x.detach().mean().unsqueeze(0), "
              "torch.tensor([0])\n",
              colours_description());
  const auto model = Model::load(cpu_options(folder.file("m.pt")));
  const auto pixels = plain_rgb(32, 24, 200, 200, 200);
  EXPECT_EQ(model->infer_for_gradient(frame_of(pixels, 32, 24)).size(), 1u);
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

}  // namespace

TEST(ChannelMean, OneGradientForAllChannels) {
  const at::Tensor x = at::rand({1, 2, 16, 16}).requires_grad_(true);
  const at::Tensor w = at::tensor({3.f, 4.f}).reshape({1, 2, 1, 1});
  const at::Tensor mean = gradient_of_leaf(at::conv2d(x, w).sum(), x, {8});
  EXPECT_TRUE(at::allclose(mean, at::full({1, 2, 16, 16}, std::sqrt((9. + 16.) / 2))));
  // Cells too large for it: backpropagation.
  const at::Tensor exact = gradient_of_leaf(at::conv2d(x, w).sum(), x, {1});
  EXPECT_TRUE(at::allclose(exact, w.expand({1, 2, 16, 16})));
}

TEST(ChannelMean, TermsAddUpAsIfTheirSignsWereRandom) {
  const at::Tensor x = at::rand({1, 1, 16, 16}).requires_grad_(true);
  const at::Tensor y = at::conv2d(x, at::ones({1, 1, 3, 3}), {}, 1, 1);
  const at::Tensor g = gradient_of_leaf(y.sum(), x, {8})[0][0];
  EXPECT_NEAR(g[5][5].item<float>(), 3, 1e-5);  // √9
  EXPECT_NEAR(g[0][0].item<float>(), 2, 1e-5);  // √4: the corner is in four windows
  EXPECT_NEAR(g[0][7].item<float>(), std::sqrt(6.), 1e-5);
}

TEST(ChannelMean, GroupsStridesAndBroadcasts) {
  const at::Tensor x = at::rand({1, 2, 16, 16}).requires_grad_(true);
  const at::Tensor w = at::cat({at::ones({1, 1, 2, 2}), at::full({1, 1, 2, 2}, 2.)});
  // Windows side by side, a group a channel: nothing is averaged. The product is broadcast.
  const at::Tensor y =
      at::conv2d(x, w, at::Tensor(), at::IntArrayRef{2, 2}, at::IntArrayRef{0, 0}, at::IntArrayRef{1, 1}, 2)
          .mean({2, 3}, true) *
      at::full({1, 2, 8, 8}, -1.);
  const at::Tensor g = gradient_of_leaf(y.sum(), x, {8});
  EXPECT_TRUE(at::allclose(g, at::tensor({1.f, 2.f}).reshape({1, 2, 1, 1}).expand({1, 2, 16, 16})));
}

TEST(ChannelMean, EndsWhereCellsAreSmall) {
  const at::Tensor x = at::rand({1, 1, 16, 16}).requires_grad_(true);
  const at::Tensor w = at::full({4, 1, 4, 4}, 3.);
  const auto z = [&] { return at::conv2d(x, w, {}, 4).sum(); };  // cells of 4 pixels, 4 channels
  at::Tensor ends;
  EXPECT_FALSE(gradient_of_leaf(z(), x, {8, 4, false}, &ends).defined());
  EXPECT_TRUE(at::equal(ends, at::full({1, 1, 16, 16}, 2.)));  // √(1 + 1 + 1 + 1)
  ends = at::Tensor();
  const at::Tensor both = gradient_of_leaf(z(), x, {8, 4, true}, &ends);
  EXPECT_TRUE(at::equal(ends, at::full({1, 1, 16, 16}, 2.)));
  EXPECT_TRUE(at::allclose(both, at::full({1, 1, 16, 16}, 6.)));  // √(4 · 3²)
  ends = at::Tensor();
  EXPECT_TRUE(at::allclose(gradient_of_leaf(z(), x, {8, 3.9, false}, &ends), both));
  EXPECT_FALSE(ends.defined());
}

TEST(ChannelMean, AModelTellsTheMagnitudeOnce) {
  TemporaryFolder folder;
  const std::string path = folder.file("m.pt");
  torch::jit::Module module("M");
  at::manual_seed(3);
  module.register_buffer("a", at::randn({8, 3, 4, 4}));
  module.define(
      "\ndef forward(self, x):\n    y = torch.relu(torch.conv2d(x, self.a, None, [4, 4]))\n"
      "    return torch.zeros([1, 4]) + 5, torch.sigmoid(y.mean()).unsqueeze(0) * 0.999, torch.zeros([1])\n");
  module.save(path, {{"oneadapt.json", colours_description()}});
  const auto pixels = plain_rgb(32, 32, 200, 90, 30);
  TorchModel model(cpu_options(path));
  Gradient exact, first, next;
  const auto gradient = [&](Gradient &g) {
    model.infer_for_gradient(frame_of(pixels, 32, 32));
    model.backward(g);
  };
  gradient(exact);
  ASSERT_GT(total(exact.map), 0);
  model.set_gradient(GradientMethod::ChannelMean, GradientMemory::Exact);
  gradient(first);  // all the way
  gradient(next);   // only to where it ends, of the same magnitude
  EXPECT_GT(total(first.map), 0);
  EXPECT_NEAR(total(next.map), total(first.map), 1e-4 * total(first.map));
}

TEST(ShortWaysBack, AConvolutionOfMostlyZeros) {
  at::manual_seed(5);
  struct Case {
    std::int64_t stride, padding, dilation, window;
    at::ScalarType type;
  };
  for (const Case &c : {Case{1, 1, 1, 3, at::kFloat}, Case{2, 1, 1, 3, at::kFloat}, Case{1, 0, 1, 1, at::kFloat},
                        Case{1, 2, 2, 3, at::kFloat}, Case{1, 2, 1, 5, at::kDouble}, Case{2, 0, 1, 2, at::kDouble}}) {
    const at::Tensor x = at::rand({1, 24, 61, 58}, c.type).requires_grad_(true);
    const at::Tensor w = at::randn({40, 24, c.window, c.window}, c.type);
    const at::Tensor y = at::conv2d(x, w, {}, c.stride, c.padding, c.dilation);
    // Corners, edges, and somewhere: places at which a tap looks outside, or at what another one has seen.
    at::Tensor g = at::zeros(y.sizes(), c.type);
    const std::int64_t bottom = y.size(2) - 1, right = y.size(3) - 1;
    for (const auto &[row, column] : {std::pair<std::int64_t, std::int64_t>{0, 0},
                                      {0, right},
                                      {bottom, 0},
                                      {bottom, right},
                                      {7, 9},
                                      {7, 10},
                                      {8, 9},
                                      {bottom, 13}})
      g.select(2, row).select(2, column).copy_(at::randn({1, 40}, c.type));
    const at::Tensor theirs = torch::autograd::grad({y}, {x}, {g}, true)[0];
    const at::Tensor ours = short_convolution_gradient(*y.grad_fn(), g);
    ASSERT_TRUE(ours.defined());
    EXPECT_TRUE(at::allclose(ours, theirs, 1e-4, 1e-4)) << c.window << "/" << c.stride << "/" << c.dilation;
    EXPECT_TRUE(at::equal(short_convolution_gradient(*y.grad_fn(), at::zeros_like(g)), at::zeros_like(theirs)));
    EXPECT_FALSE(short_convolution_gradient(*y.grad_fn(), at::randn(y.sizes(), c.type)).defined()) << "not sparse";
  }
}

TEST(ShortWaysBack, ToAPicture) {
  at::manual_seed(6);
  for (const std::int64_t window : {3, 6, 7})
    for (const std::int64_t stride : {1, 2, 4})
      for (const std::int64_t dilation : {1, 2}) {
        const at::Tensor x = at::rand({1, 3, 45, 38}).requires_grad_(true);
        const at::Tensor y = at::conv2d(x, at::randn({8, 3, window, window}), {}, stride, window / 2, dilation);
        const at::Tensor g = at::randn(y.sizes());
        const at::Tensor ours = short_convolution_gradient(*y.grad_fn(), g);
        ASSERT_TRUE(ours.defined());
        EXPECT_TRUE(at::allclose(ours, torch::autograd::grad({y}, {x}, {g})[0], 1e-3, 1e-4)) << window << "/" << stride;
      }
}

TEST(ShortWaysBack, NotForOthers) {
  const at::Tensor x = at::rand({1, 8, 32, 32}).requires_grad_(true);
  const auto none = [&](const at::Tensor &y) {
    return !short_convolution_gradient(*y.grad_fn(), at::zeros(y.sizes())).defined();
  };
  EXPECT_TRUE(none(at::relu(x)));
  EXPECT_TRUE(none(at::conv_transpose2d(x, at::rand({8, 4, 3, 3}))));
  EXPECT_TRUE(none(at::conv2d(x, at::rand({8, 1, 3, 3}), {}, 1, 1, 1, 8)));          // in groups
  EXPECT_TRUE(none(at::conv2d(at::cat({x, x}), at::rand({8, 8, 3, 3}), {}, 1, 1)));  // two pictures
  EXPECT_TRUE(none(at::conv2d(x, at::rand({8, 8, 20, 20}))));                        // few places
  EXPECT_TRUE(none(at::conv1d(x.reshape({1, 8, 1024}), at::rand({8, 8, 3}))));
}

TEST(SavedTensors, NothingIsKeptBeforeTheWayEnds) {
  const at::Tensor leaf = at::rand({1, 3, 64, 64}).requires_grad_(true);
  const at::Tensor a = at::randn({16, 3, 4, 4}), b = at::randn({16, 16, 3, 3});
  const auto z_of = [&](double end) {
    const SavedTensorsGuard guard(GradientMemory::Exact, leaf.sizes(), end);
    at::Tensor x = at::conv2d(leaf, a, {}, 4);  // cells of 4 pixels
    x = x.relu_();                              // in place, as ResNets have it
    x = at::hardswish(at::hardswish(x));
    return at::silu(at::conv2d(x, b, {}, 2)).sum();
  };
  at::Tensor kept, whole;
  const double with = bytes_of_tensors([&] { kept = z_of(4); }).kept,
               without = bytes_of_tensors([&] { whole = z_of(0); }).kept;
  EXPECT_LT(with, 0.5 * without);
  at::Tensor ends, others;
  EXPECT_FALSE(gradient_of_leaf(kept, leaf, {8, 4, false}, &ends).defined());
  EXPECT_FALSE(gradient_of_leaf(whole, leaf, {8, 4, false}, &others).defined());
  ASSERT_TRUE(ends.defined());
  EXPECT_GT(ends.sum().item<double>(), 0);
  EXPECT_TRUE(at::equal(ends, others));
}

TEST(SavedTensors, LessIsKeptAndNothingIsLost) {
  at::manual_seed(1);
  const at::Tensor w = at::randn({16, 3, 3, 3}), v = at::randn({16, 16, 3, 3});
  const at::Tensor leaf = at::rand({1, 3, 64, 64}).requires_grad_(true);
  const auto gradient = [&](GradientMemory memory, double &peak) {
    at::Tensor g;
    peak = peak_of_tensors([&] {
      at::Tensor z;
      {
        const SavedTensorsGuard guard(memory);
        at::Tensor x = at::leaky_relu(at::conv2d(leaf, w, {}, 1, 1), 0.1);
        x = at::relu(at::conv2d(x, v, {}, 1, 1));
        x = at::hardtanh(at::conv2d(x, v, {}, 1, 1), 0, 6);
        x = at::batch_norm(at::conv2d(x, v, {}, 1, 1), {}, {}, at::zeros({16}), at::ones({16}), false, 0, 1e-5, false);
        for (int i = 0; i < 3; ++i) x = at::silu(at::conv2d(x, v * 0.1, {}, 1, 1));
        x = at::max_pool2d(x, 2);
        z = at::silu(at::conv2d(x, v, {}, 1, 1) * 0.01).sum();
      }
      g = torch::autograd::grad({z}, {leaf})[0];
    });
    return g;
  };
  double all = 0, exact = 0, half = 0;
  const at::Tensor a = gradient(GradientMemory::All, all), e = gradient(GradientMemory::Exact, exact),
                   h = gradient(GradientMemory::Half, half);
  EXPECT_TRUE(at::equal(a, e));
  EXPECT_TRUE(at::allclose(a, h, 1e-2, 1e-2 * a.abs().max().item<double>()));
  EXPECT_FALSE(at::equal(a, h));
  EXPECT_LT(exact, 0.6 * all);
  EXPECT_LT(half, exact);
}
