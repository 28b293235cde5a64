// SPDX-License-Identifier: LGPL-2.1-or-later
// What can be told of a model without knowing what it is for; files of other kinds are told apart.
#include <gtest/gtest.h>
#include <torch/script.h>

#include "model/files.h"
#include "model/tensor_memory.h"
#include "model/torch_model.h"
#include "model/training_mode.h"
#include "test_models.h"

namespace {

using namespace oneadapt;
using namespace oneadapt_test;

std::string load_error(const std::string &path) {
  ModelOptions options;
  options.path = path;
  options.device = "cpu";
  try {
    Model::load(options);
  } catch (const ModelError &e) {
    return e.what();
  }
  return "";
}

void expect(const std::string &text, const std::string &part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos) << text;
}

std::unique_ptr<Model> load(const std::string &path) {
  ModelOptions options;
  options.path = path;
  options.device = "cpu";
  return Model::load(options);
}

TEST(OtherKinds, SayWhatConvertsThem) {
  TemporaryFolder folder;
  const auto file = [&](const char *name, const std::string &content) {
    write_file(folder.file(name), content);
    return load_error(folder.file(name));
  };
  const std::string to = folder.file("net") + ".pt\"";
  expect(file("net.onnx", "whatever"),
         "is an ONNX model; convert it first, with \"oneadapt-import " + folder.file("net.onnx") + " " + to);
  // The same by what is in it: ir_version 8, then the producer's name.
  expect(file("net.bin", "\x08\x08\x12\x07pytorch"),
         "is an ONNX model; convert it first, with \"oneadapt-import " + folder.file("net.bin") + " " + to);
  expect(file("net.json", " {\"modelTopology\": {}}"),
         "is a TensorFlow.js graph model; convert it first, with "
         "\"oneadapt-import " +
             folder.file("net.json") + " " + to);
  expect(file("about.json", colours_description()), "is a description (JSON)");
  expect(file("other.json", "{\"a\": 1}"), "is not TorchScript");
  expect(file("blank.json", " \n"), "is not TorchScript");
  expect(file("empty.onnx", ""), "is empty");
  expect(load_error(folder.file("none.onnx")), "does not exist");
  EXPECT_FALSE(is_onnx(save_colours(folder)));
}

TEST(OtherKinds, WithoutADescriptionTheToolThatWritesOne) {
  TemporaryFolder folder;
  save_module(folder.file("m.pt"), colours_forward(), "");
  expect(load_error(folder.file("m.pt")), "\"oneadapt-import --describe " + folder.file("m.pt") + "\"");
}

TEST(Weights, AreCountedOnceWhereverTheyAre) {
  TemporaryFolder folder;
  const ModelWeights none = load(save_colours(folder))->weights();
  EXPECT_EQ(none.type, "float32");
  torch::jit::Module module("Model");
  const at::Tensor shared = at::ones({2, 3});
  module.register_parameter("a", shared, false);
  module.register_parameter("again", shared, false);
  module.register_buffer("b", at::ones({5}, at::kLong));
  module.define(
      "\ndef forward(self, x):\n    y = (x * self.a.sum() + self.b.sum()).mean().unsqueeze(0)\n"
      "    return torch.zeros([1, 4]), y, torch.zeros([1])\n");
  const std::string description = colours_description();
  module.save(folder.file("m.pt"), {{"oneadapt.json", description}});
  ModelWeights weights = load(folder.file("m.pt"))->weights();
  EXPECT_EQ(weights.numbers, 11u);
  EXPECT_EQ(weights.bytes, 6 * 4u + 5 * 8u);
  // Frozen, they are constants of the program.
  torch::jit::Module frozen("Model");
  frozen.register_parameter("w", at::randn({1, 3, 4, 4}), false);
  frozen.define(
      "\ndef forward(self, x):\n    y = torch.conv2d(x, self.w).sigmoid().mean().unsqueeze(0)\n"
      "    return torch.zeros([1, 4]), y, torch.zeros([1])\n");
  frozen.eval();
  torch::jit::freeze(frozen).save(folder.file("f.pt"), {{"oneadapt.json", description}});
  weights = load(folder.file("f.pt"))->weights();
  EXPECT_GE(weights.numbers, 48u);
  EXPECT_LE(weights.numbers, 48u + 4 + 1) << "the zeros are constants, too";
  EXPECT_EQ(load(save_random_nanodet(folder, 1))->weights().type, "float64");
}

TEST(InputSize, IsWhatAFrameIsResizedTo) {
  TemporaryFolder folder;
  const auto any = load(save_colours(folder, R"({"input": {"multiple_of": 32}})"));
  EXPECT_EQ(any->input_size({100, 64}).width, 128u);
  EXPECT_EQ(any->input_size({100, 64}).height, 64u);
  any->set_input_size(300, 200);
  EXPECT_EQ(any->input_size({100, 64}).width, 320u);
  EXPECT_EQ(any->input_size({100, 64}).height, 224u);
  const auto fixed = load(save_colours(folder, R"({"input": {"multiple_of": null, "width": 48, "height": 40}})"));
  fixed->set_input_size(300, 200);
  EXPECT_EQ(fixed->input_size({100, 64}).width, 48u);
  EXPECT_EQ(fixed->input_size({100, 64}).height, 40u);
}

TEST(TensorBytes, PeakAndWhatIsKept) {
  at::Tensor kept;
  const TensorBytes bytes = bytes_of_tensors([&] {
    const at::Tensor gone = at::empty({1 << 16});
    kept = at::empty({1 << 14});
  });
  EXPECT_EQ(bytes.kept, 4 << 14);
  EXPECT_EQ(bytes.peak, (4 << 14) + (4 << 16));
}

TEST(TrainingCalls, AreSeenHoweverTheyCameIntoTheProgram) {
  const at::Tensor x = at::rand({1, 3, 8, 8}), three = at::ones({3});
  const auto count = [&](bool norm, bool drop) {
    return watch_training_calls([&] {
      at::batch_norm(x, three, three, three.clone(), three.clone(), norm, 0.1, 1e-5, false);
      at::dropout(x, 0.5, drop);
      at::dropout(x, 0, true);
      at::instance_norm(x, three, three, {}, {}, true, 0.1, 1e-5, false);
    });
  };
  EXPECT_EQ(count(false, false).batch_norms, 0u);
  EXPECT_EQ(count(false, false).dropouts, 0u);
  EXPECT_EQ(count(true, false).batch_norms, 1u);
  EXPECT_EQ(count(false, true).dropouts, 1u);
  at::dropout(x, 0.5, true);  // nobody is watching

  // In a program, as tracing leaves it there; evaluation mode does not reach it.
  TemporaryFolder folder;
  save_module(folder.file("m.pt"),
              "def forward(self, x):\n    m = torch.ones([3])\n"
              "    y = torch.batch_norm(x, None, None, m, m, True, 0.1, 1e-5, False)\n"
              "    return torch.tensor([[4., 4., 12., 12.]]), y.mean().sigmoid().unsqueeze(0), torch.tensor([0])\n",
              colours_description());
  const auto model = load(folder.file("m.pt"));
  const auto pixels = plain_rgb(32, 24, 200, 200, 200);
  const RgbFrame frame{pixels.data(), 96, 32, 24};
  EXPECT_EQ(watch_training_calls([&] { model->infer(frame); }).batch_norms, 1u);
}

/// An interpreter's stack holds what is still to be used, too: the other branch of a sum, parts of a list.
TEST(TrainingCalls, AreSeenBehindWhatWaitsOnTheStack) {
  TemporaryFolder folder;
  const auto count = [&](const std::string &body) {
    save_module(
        folder.file("m.pt"),
        "def forward(self, x):\n    m = torch.ones([3])\n" + body +
            "    return torch.tensor([[4., 4., 12., 12.]]), y.mean().sigmoid().unsqueeze(0), torch.tensor([0])\n",
        colours_description());
    const auto model = load(folder.file("m.pt"));
    const auto pixels = plain_rgb(32, 24, 200, 200, 200);
    return watch_training_calls([&] { model->infer({pixels.data(), 96, 32, 24}); });
  };
  const std::string norm = "torch.batch_norm(x, None, None, m, m, True, 0.1, 1e-5, False)";
  EXPECT_EQ(count("    y = x + " + norm + "\n").batch_norms, 1u);
  EXPECT_EQ(count("    y = torch.cat([x, x * 2, " + norm + "], 1)\n").batch_norms, 1u);
  EXPECT_EQ(count("    y = x * torch.sigmoid(" + norm + ") * torch.sigmoid(x)\n").batch_norms, 1u);
  EXPECT_EQ(count("    y = x * 2 + torch.dropout(x, 0.5, True)\n").dropouts, 1u);
  EXPECT_EQ(count("    y = torch.cat([x, torch.feature_dropout(x, 0.5, True)], 1)\n").dropouts, 1u);
  EXPECT_EQ(count("    y = torch.cat([x, torch.feature_dropout(x, 0.5, False)], 1)\n").dropouts, 0u);
  EXPECT_EQ(count("    y = x + torch.alpha_dropout(x, 0.5, True)\n").dropouts, 1u);
}

}  // namespace
