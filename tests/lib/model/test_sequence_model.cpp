// SPDX-License-Identifier: LGPL-2.1-or-later
// Models of sound: words, their utility's gradient, and what is wrong with a model, in one line.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "core/gradient/gradient.h"
#include "model/model.h"
#include "model/sequence_model.h"
#include "test_models.h"

using namespace oneadapt;
using namespace oneadapt_test;

namespace {

ModelOptions options_of(const std::string &path) {
  ModelOptions options;
  options.path = path;
  options.device = "cpu";
  return options;
}

/// Adds a tone from `from` to `to` seconds.
void tone(std::vector<float> &samples, double frequency, double amplitude, double from, double to) {
  for (std::size_t i = std::size_t(from * 8000); i < std::size_t(to * 8000); ++i)
    samples[i] += float(amplitude * std::sin(2 * M_PI * frequency * double(i) / 8000));
}

std::vector<float> two_words() {
  std::vector<float> samples(16000, 0.f);
  tone(samples, 500, 0.1, 0.2, 0.4);
  tone(samples, 3000, 0.1, 1.3, 1.5);
  return samples;
}

std::string error(const std::function<void()> &work) {
  try {
    work();
  } catch (const ModelError &e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST(SequenceModel, WordsAndWhen) {
  TemporaryFolder folder;
  const auto model = SequenceModel::load(options_of(save_tones(folder)));
  const auto words = model->infer(two_words());
  ASSERT_EQ(words.size(), 2u);
  EXPECT_EQ(words[0].text, "low");
  EXPECT_EQ(words[0].label, 1);
  EXPECT_NEAR(words[0].start, 0.2, 1e-9);
  EXPECT_NEAR(words[0].end, 0.4, 1e-9);
  EXPECT_EQ(words[1].text, "high");
  EXPECT_NEAR(words[1].peak, 1.4, 0.11);
  // logits 80·0.1 − 4 = 4 against 0 and −4
  EXPECT_NEAR(words[0].score, std::exp(4.0) / (std::exp(4.0) + 1 + std::exp(-4.0)), 1e-3);
}

TEST(SequenceModel, TemperatureDividesTheScores) {
  TemporaryFolder folder;
  const auto model = SequenceModel::load(options_of(save_tones(folder, R"({"output": {"temperature": 2}})")));
  const auto words = model->infer(two_words());
  ASSERT_EQ(words.size(), 2u);
  // logits (4, 0, −4) ÷ 2
  EXPECT_NEAR(words[0].score, std::exp(2.0) / (std::exp(2.0) + 1 + std::exp(-2.0)), 1e-3);
  EXPECT_NE(error([&] {
              SequenceModel::load(options_of(save_tones(folder, R"({"output": {"temperature": 0}})")));
            }).find("\"output.temperature\""),
            std::string::npos);
}

TEST(SequenceModel, ClassesAndThreshold) {
  TemporaryFolder folder;
  ModelOptions options = options_of(save_tones(folder));
  options.classes = {"high"};
  auto words = SequenceModel::load(options)->infer(two_words());
  ASSERT_EQ(words.size(), 1u);
  EXPECT_EQ(words[0].text, "high");
  options.threshold = 0.9999;
  EXPECT_TRUE(SequenceModel::load(options)->infer(two_words()).empty());
  options.classes = {"middle"};
  EXPECT_NE(error([&] { SequenceModel::load(options); }).find("no class \"middle\""), std::string::npos);
}

TEST(SequenceModel, TheGradientIsThatOfTheUtility) {
  TemporaryFolder folder;
  const auto model = SequenceModel::load(options_of(save_tones(folder, R"({"slope": 5})")));
  std::vector<float> samples(16000, 0.f);
  tone(samples, 500, 0.05, 0.3, 0.32);  // logit 0 against 0: one word that is not sure, at step 15 or 65
  tone(samples, 3000, 0.05, 1.3, 1.32);
  // Only the second lies in the interval.
  const auto z_of = [&](const std::vector<float> &y) {
    Gradient g;
    model->infer_for_gradient(y, 8000, 8000);
    model->backward(g);
    return g;
  };
  const Gradient g = z_of(samples);
  EXPECT_EQ(g.elements, 1u);
  EXPECT_EQ(g.map.frame_width, 8000u);
  EXPECT_EQ(g.map.frame_height, 1u);
  EXPECT_EQ(g.map.block_size, 80u);
  ASSERT_EQ(g.map.values.size(), 100u);
  for (std::size_t block = 0; block < 100; ++block) EXPECT_EQ(g.map.values[block] > 0, block == 30 || block == 31);
  double sum = 0;
  for (std::size_t i = 10400; i < 10480; ++i) {
    std::vector<float> up = samples, down = samples;
    up[i] += 1e-3f;
    down[i] -= 1e-3f;
    sum += std::abs(z_of(up).z - z_of(down).z) / 2e-3;
  }
  EXPECT_NEAR(g.map.values[30], sum / 80, 1e-3 * sum / 80 + 1e-4);
}

TEST(SequenceModel, SilenceHasNoWordAndNoGradient) {
  TemporaryFolder folder;
  const auto quiet = SequenceModel::load(options_of(save_tones(folder)));
  Gradient g;
  EXPECT_TRUE(quiet->infer_for_gradient(std::vector<float>(8000, 0.f), 0, 8000).empty());
  quiet->backward(g);
  EXPECT_EQ(g.z, 0);
  EXPECT_EQ(g.elements, 0u);
  for (const float value : g.map.values) EXPECT_EQ(value, 0);
  EXPECT_NE(error([&] { quiet->backward(g); }).find("no forward pass"), std::string::npos);
}

TEST(SequenceModel, ABlockCutByTheEndIsAveragedOverWhatItHas) {
  TemporaryFolder folder;
  const auto model = SequenceModel::load(options_of(save_tones(folder)));
  std::vector<float> samples(4120, 0.f);
  tone(samples, 500, 0.05, 0.4, 0.515);
  Gradient g;
  model->infer_for_gradient(samples, 0, 4120);
  model->backward(g);
  ASSERT_EQ(g.map.values.size(), 52u);  // 51 whole, and 40 samples
}

TEST(SequenceModel, LettersSpellWords) {
  TemporaryFolder folder;
  const std::string path = folder.file("letters.pt");
  // Steps: blank a b | b b blank | a; 10 ms each at 1000 Hz.
  save_module(path, R"(
def forward(self, x):
    steps = torch.tensor([0, 1, 2, 3, 2, 2, 0, 2, 3, 1])
    return torch.eye(4)[steps].unsqueeze(0) * 9.0 + x.mean() * 0, None
)",
              R"({"format": 1, "task": "ctc", "input": {"sample_rate": 1000},
                  "output": {"layout": "ctc", "separator": 3}, "labels": ["-", "a", "b", "|"]})");
  const auto words = SequenceModel::load(options_of(path))->infer(std::vector<float>(100, 0.f));
  ASSERT_EQ(words.size(), 3u);
  EXPECT_EQ(words[0].text, "ab");
  EXPECT_EQ(words[1].text, "bb");
  EXPECT_EQ(words[2].text, "a");
  EXPECT_NEAR(words[1].start, 0.04, 1e-9);
  EXPECT_NEAR(words[1].end, 0.08, 1e-9);
  EXPECT_EQ(words[0].label, -1);
}

TEST(SequenceModel, WrongModelsAreNamed) {
  TemporaryFolder folder;
  EXPECT_NE(error([&] { SequenceModel::load(options_of(save_colours(folder))); }).find("is for pictures"),
            std::string::npos);
  EXPECT_NE(error([&] { Model::load(options_of(save_tones(folder))); }).find("is for sound"), std::string::npos);
  EXPECT_NE(error([&] { SequenceModel::load(options_of(folder.file("none.pt"))); }).find("none.pt"), std::string::npos);
  const auto description = [&](const std::string &json) {
    return error([&] { SequenceModel::load(options_of(save_tones(folder, json))); });
  };
  EXPECT_NE(description(R"({"input": {"sample_rate": null}})").find("\"input.sample_rate\" is missing"),
            std::string::npos);
  EXPECT_NE(description(R"({"input": {"width": 3}})").find("\"input.width\" is not a key"), std::string::npos);
  EXPECT_NE(description(R"({"output": {"blank": 3}})").find("\"output.blank\""), std::string::npos);
  EXPECT_NE(description(R"({"output": {"separator": 0}})").find("must not be the blank"), std::string::npos);
  EXPECT_NE(description(R"({"output": {"layout": "boxes"}})").find("\"output.layout\" must be \"ctc\""),
            std::string::npos);
  const auto four = SequenceModel::load(options_of(save_tones(folder, R"({"labels": ["-", "a", "b", "c"]})")));
  EXPECT_NE(error([&] { four->infer(std::vector<float>(8000, 0.f)); }).find("4 (one a label)"), std::string::npos);
  EXPECT_NE(error([&] { four->infer(std::vector<float>(10, 0.f)); }).find("tenth of a second"), std::string::npos);
}

TEST(SequenceModel, ADescriptionComesBackAsItWas) {
  TemporaryFolder folder;
  const ModelDescription d =
      SequenceModel::load(
          options_of(save_tones(folder, R"({"input": {"normalise": true}, "output": {"separator": 1}})")))
          ->description();
  const ModelDescription again = ModelDescription::parse(d.to_json());
  EXPECT_EQ(again.to_json(), d.to_json());
  EXPECT_EQ(again.sample_rate, 8000u);
  EXPECT_TRUE(again.normalise);
  EXPECT_EQ(again.separator, 1);
  EXPECT_EQ(again.lookahead, 0.1);
}
