// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadapt-train-speech: words out of scores, clips out of recordings, training, and the model that comes with the
// source.
#include <glib/gstdio.h>
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "mix.h"
#include "network.h"
#include "sound.h"
#include "words.h"

using namespace oneadapt_speech;

namespace {

class Speech : public testing::Test {
 protected:
  void SetUp() override {
    char *made = g_dir_make_tmp("oneadapt-speech-XXXXXX", nullptr);
    ASSERT_NE(made, nullptr);
    folder = made;
    g_free(made);
  }
  void TearDown() override { std::filesystem::remove_all(folder); }
  /// Ten "words": tones of 400 ms, each higher than the one before.
  void save_tones() const {
    for (int word = 0; word < 10; word++) {
      Sound sound(kRate * 2 / 5);
      for (std::size_t i = 0; i < sound.size(); i++)
        sound[i] = float(0.3 * std::sin(2 * M_PI * (300 + 150 * word) * double(i) / kRate));
      save_wav(folder + "/" + std::to_string(word) + "_tone_0.wav", sound, kRate);
    }
  }
  static MixOptions without_surroundings(double seconds) {
    MixOptions options = named_mix("quiet");
    options.rate = kRate;
    options.seconds = seconds;
    options.share[1] = options.share[3] = 0;
    return options;
  }
  std::string folder;
};

TEST_F(Speech, RunsOfStepsAreWords) {
  // Best classes 0 8 8 0 8 4: seven, seven, three.
  const int best[] = {0, 8, 8, 0, 8, 4};
  std::vector<float> logits(6 * kClasses, 0.F);
  for (int i = 0; i < 6; i++) logits[i * kClasses + best[i]] = 5.F;
  const auto words = decode(logits, kClasses);
  ASSERT_EQ(words.size(), 3U);
  EXPECT_EQ(words[0].word, 7);
  EXPECT_EQ(words[1].word, 7);
  EXPECT_EQ(words[2].word, 3);
  EXPECT_EQ(words[1].step, 4U);
  // e^5 ÷ (e^5 + 10), and e^2.5 ÷ (e^2.5 + 10).
  EXPECT_NEAR(words[0].score, 0.9369, 1e-3);
  EXPECT_NEAR(decode(logits, kClasses, 2)[0].score, 0.5492, 1e-3);
}

TEST_F(Speech, F1OfWordsInOrder) {
  EXPECT_EQ(matches({1, 2, 3, 4}, {2, 4, 5}), 2U);
  EXPECT_EQ(matches({1, 2}, {2, 1}), 1U);
  Tally tally;
  EXPECT_DOUBLE_EQ(tally.f1(), 1);
  tally.add({1, 2, 3}, {1, 3, 4});
  EXPECT_NEAR(tally.f1(), 2. * 2 / 6, 1e-12);
}

TEST_F(Speech, ClipsSayWhereTheirWordsAre) {
  save_tones();
  const Corpus corpus = load_corpus(folder, kRate);
  Random random(3);
  const Clip clip = mix(corpus, {}, without_surroundings(30), random);
  ASSERT_GE(clip.sound.size(), std::size_t(30 * kRate));
  ASSERT_GT(clip.words.size(), 3U);
  double before = 0;
  for (const SaidWord &word : clip.words) {
    EXPECT_GE(word.start, before);
    EXPECT_GT(word.end, word.start);
    before = word.end;
    // A word of one tone crosses zero twice a period.
    std::size_t crossings = 0;
    const auto first = std::size_t((word.start + 0.1) * kRate), last = std::size_t((word.end - 0.1) * kRate);
    ASSERT_LE(last, clip.sound.size());
    for (std::size_t i = first + 1; i < last; i++) crossings += (clip.sound[i] > 0) != (clip.sound[i - 1] > 0);
    EXPECT_NEAR(double(crossings) * kRate / double(last - first) / 2, 300 + 150 * word.word, 60);
  }
  Random other(3);
  EXPECT_EQ(mix(corpus, {}, without_surroundings(30), other).sound, clip.sound);
  EXPECT_NE(truth_lines(clip).find("\"word\""), std::string::npos);
}

TEST_F(Speech, WrongMixesAndFoldersAreNamed) {
  try {
    named_mix("stadium");
    FAIL();
  } catch (const std::invalid_argument &e) {
    EXPECT_NE(std::string(e.what()).find("street"), std::string::npos) << e.what();
  }
  EXPECT_THROW(load_corpus(folder, kRate), std::exception);
  EXPECT_THROW(load_recogniser(folder + "/absent.pt"), std::runtime_error);
}

TEST_F(Speech, TrainingLowersTheLossAndIsSaved) {
  save_tones();
  Sources sources;
  sources.rate = kRate;
  sources.data = load_corpus(folder, kRate);
  TrainingOptions options;
  options.steps = 120;
  options.batch = 2;
  options.item_seconds = 1.3;
  const auto trainer = Trainer::make(1);
  EXPECT_LE(trainer->parameters(), 1000000U);
  std::vector<double> losses;
  trainer->train(sources, options, [&](const Progress &p) { losses.push_back(p.loss); });
  ASSERT_EQ(losses.size(), 2U);  // of steps 1 to 100, and of the rest
  EXPECT_LT(losses[1], 0.5 * losses[0]);
  const std::string file = folder + "/tones.pt";
  trainer->save(file, R"({"format": 1})");
  const Sound silence(kRate, 0.F);
  const auto expected = trainer->logits(silence), got = load_recogniser(file)->logits(silence);
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); i++) EXPECT_NEAR(got[i], expected[i], 1e-2);
}

TEST_F(Speech, ModelOfTheSourceHearsNothingInSilence) {
  const auto recogniser = load_recogniser(DIGITS_CTC);
  EXPECT_LE(recogniser->parameters(), 1000000U);
  const auto logits = recogniser->logits(Sound(10 * kRate, 0.F));
  EXPECT_TRUE(decode(logits, kClasses, kTemperature).empty());
}

TEST_F(Speech, ModelOfTheSourceHearsDigits) {
  char *flite = g_find_program_in_path("flite");
  if (!flite) GTEST_SKIP() << "needs flite, Debian's package flite";
  g_free(flite);
  const char *names[] = {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"};
  for (int word = 0; word < 10; word++) {
    const std::string command = "flite -voice kal -t " + std::string(names[word]) + ". -o " + folder + "/" +
                                std::to_string(word) + "_kal_0.wav";
    ASSERT_EQ(std::system(command.c_str()), 0);
  }
  Random random(5);
  const Clip clip = mix(load_corpus(folder, kRate), {}, without_surroundings(60), random);
  const auto recogniser = load_recogniser(DIGITS_CTC);
  const auto logits = recogniser->logits(clip.sound);
  std::vector<int> said, heard;
  for (const SaidWord &word : clip.words) said.push_back(word.word);
  for (const Word &word : decode(logits, kClasses, kTemperature))
    if (word.score >= kThreshold) heard.push_back(word.word);
  Tally tally;
  tally.add(said, heard);
  EXPECT_GE(tally.f1(), 0.9);
}

}  // namespace
