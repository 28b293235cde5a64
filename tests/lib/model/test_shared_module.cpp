// SPDX-License-Identifier: LGPL-2.1-or-later
// One copy of the weights for all who use one file.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <thread>

#include "model/torch_model.h"
#include "model_rig.h"
#include "test_models.h"

namespace {

using namespace oneadapt;
using namespace oneadapt_test;

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

}  // namespace
