// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadapt-train-speech: trains a recogniser of spoken digits, scores it, and makes clips to try it on.
#include <gst/gst.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <stdexcept>

#include "common/interruption.h"
#include "common/output.h"
#include "config.h"
#include "core/output/line_file.h"
#include "mix.h"
#include "network.h"
#include "words.h"

using namespace oneadapt_speech;
using namespace oneadapt::tools;

namespace {

struct Options {
  std::string data, extra, noise, leave_out, output, curve, model, speaker, mix = "street", truth;
  TrainingOptions training;
  double seconds = 60;
  int rate = 16000;
  std::uint64_t seed = 1;
};

std::string description() {
  nlohmann::ordered_json d;
  d["format"] = 1;
  d["name"] = "digits-ctc";
  d["source"] = "trained with oneadapt-train-speech " VERSION " (digits-ctc.md)";
  d["licence"] = "CC-BY-SA-4.0";
  d["task"] = "ctc";
  d["input"] = {{"sample_rate", kRate}, {"context", 1.0}, {"lookahead", 0.3}};
  d["output"] = {{"layout", "ctc"}, {"scores", {0}}, {"blank", 0}, {"temperature", kTemperature}};
  d["labels"] = {"<blank>"};
  for (const std::string &word : word_names()) d["labels"].push_back(word);
  d["threshold"] = kThreshold;
  d["slope"] = kSlope;
  return d.dump(2);
}

std::vector<int> heard(Recogniser &recogniser, const Sound &sound) {
  std::vector<int> words;
  for (const Word &w : decode(recogniser.logits(sound), kClasses, kTemperature))
    if (w.score >= kThreshold) words.push_back(w.word);
  return words;
}

/// F1 of the words of each speaker, at each sampling rate: a minute of every mix.
void score(Recogniser &recogniser, const Options &o) {
  const Corpus all = load_corpus(o.data, kRate, "", o.speaker);
  const std::vector<Sound> surroundings = o.noise.empty() ? std::vector<Sound>{} : load_surroundings(o.noise, kRate);
  const int rates[] = {1000, 1500, 2000, 3000, 4000, 6000, 8000};
  std::printf("%-12s %-8s", "speaker", "mix");
  for (int rate : rates) std::printf(" %6d", rate);
  std::printf(" Hz\n");
  std::map<int, Tally> whole;
  for (const auto &[speaker, words] : all.by_speaker) {
    const Corpus one = load_corpus(o.data, kRate, "", speaker);
    for (const char *name : {"quiet", "street", "busy", "bursts"}) {
      MixOptions options = named_mix(name);
      options.rate = kRate;
      options.seconds = o.seconds;
      if (surroundings.empty()) options.share[1] = options.share[3] = 0;
      Random random(o.seed);
      const Clip clip = mix(one, surroundings, options, random);
      std::vector<int> truth;
      for (const SaidWord &w : clip.words) truth.push_back(w.word);
      std::printf("%-12s %-8s", speaker.c_str(), name);
      for (int rate : rates) {
        Tally tally;
        tally.add(truth, heard(recogniser, band_limited(clip.sound, kRate, rate)));
        whole[rate].said += tally.said;
        whole[rate].heard += tally.heard;
        whole[rate].right += tally.right;
        std::printf(" %6.3f", tally.f1());
      }
      std::printf("\n");
      std::fflush(stdout);
    }
  }
  std::printf("%-12s %-8s", "all", "all");
  for (int rate : rates) std::printf(" %6.3f", whole[rate].f1());
  std::printf("\n");
}

void train(const Options &o) {
  check_output(o.output, "--output");
  oneadapt::LineFile curve;
  int curve_error = 0;  // the training goes on
  const auto require = [&](int error) {
    if (error) throw OutputError(cannot_write("--curve", o.curve, error));
  };
  if (!o.curve.empty()) {
    require(curve.open(o.curve, /*append=*/false));
    require(curve.write("step,loss"));
  }
  Sources sources;
  sources.rate = kRate;
  sources.data = load_corpus(o.data, kRate, o.leave_out);
  if (!o.extra.empty()) sources.extra = load_corpus(o.extra, kRate);
  if (!o.noise.empty()) sources.surroundings = load_surroundings(o.noise, kRate);
  const auto trainer = Trainer::make(o.training.seed);
  std::fprintf(stderr, "%zu recordings of %zu speakers, %zu more of %zu voices, %zu surroundings; %zu parameters\n",
               sources.data.words.size(), sources.data.by_speaker.size(), sources.extra.words.size(),
               sources.extra.by_speaker.size(), sources.surroundings.size(), trainer->parameters());
  trainer->train(sources, o.training, [&](const Progress &p) {
    std::fprintf(stderr, "step %u: loss %.4f\n", p.step, p.loss);
    if (!curve.is_open()) return;
    std::ostringstream line;
    line << p.step << "," << p.loss;
    curve_error = curve.write(line.str());
    if (curve_error) curve.close();
  });
  trainer->save(o.output, description());
  std::printf("Written: %s\n", o.output.c_str());
  require(curve_error);
}

void make_clip(const Options &o) {
  MixOptions options = named_mix(o.mix);
  options.rate = o.rate;
  options.seconds = o.seconds;
  const Corpus corpus = load_corpus(o.data, o.rate, o.leave_out, o.speaker);
  const std::vector<Sound> surroundings = o.noise.empty() ? std::vector<Sound>{} : load_surroundings(o.noise, o.rate);
  if (surroundings.empty()) options.share[1] = options.share[3] = 0;
  Random random(o.seed);
  const Clip clip = mix(corpus, surroundings, options, random);
  save_wav(o.output, clip.sound, o.rate);
  if (!o.truth.empty()) write_file(o.truth, truth_lines(clip), "--truth");
  std::printf("Written: %s, %.1f s, %zu words\n", o.output.c_str(), double(clip.sound.size()) / o.rate,
              clip.words.size());
}

}  // namespace

int main(int argc, char **argv) {
  Options o;
  CLI::App app{"Trains a small recogniser of spoken digits (task \"ctc\"), scores it, and makes clips to try it on."};
  app.name("oneadapt-train-speech");
  app.set_version_flag("--version", VERSION);
  app.require_subcommand(1);
  const auto folders = [&](CLI::App *command) {
    command
        ->add_option("--data", o.data,
                     "Folder of recordings, WORD_SPEAKER_INDEX.wav, WORD a digit (others are speech without words)")
        ->required()
        ->check(CLI::ExistingDirectory)
        ->type_name("DIR");
    command->add_option("--noise", o.noise, "Folder of recordings without words: rain, streets, engines …")
        ->check(CLI::ExistingDirectory)
        ->type_name("DIR");
    command->add_option("--seed", o.seed, "Seed; another one makes other strings and mixes")
        ->type_name("N")
        ->capture_default_str();
  };
  auto *training = app.add_subcommand("train", "Train, and write a model file");
  folders(training);
  training->add_option("--extra", o.extra, "Folder of more voices (voices.sh makes one)")
      ->check(CLI::ExistingDirectory)
      ->type_name("DIR");
  training->add_option("--leave-out", o.leave_out, "Speaker who is not trained on, to be scored with")
      ->type_name("NAME");
  training->add_option("--steps", o.training.steps, "Steps of the optimiser")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  training->add_option("--batch", o.training.batch, "Strings a step")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  training->add_option("--curve", o.curve, "CSV of the loss")->type_name("FILE");
  training->add_option("-o,--output", o.output, "Model file")->required()->type_name("FILE");
  auto *scoring = app.add_subcommand("score", "F1 of the words, by speaker, mix and sampling rate");
  folders(scoring);
  scoring->add_option("--model", o.model, "Model file")->required()->check(CLI::ExistingFile)->type_name("FILE");
  scoring->add_option("--speaker", o.speaker, "This one only")->type_name("NAME");
  scoring->add_option("--seconds", o.seconds, "Of each mix")->check(CLI::Range(5.0, 3600.0))->capture_default_str();
  auto *mixing = app.add_subcommand("mix", "Make a clip of silence, surroundings and speech");
  folders(mixing);
  mixing->add_option("--mix", o.mix, "quiet, street, busy or bursts")->capture_default_str();
  mixing->add_option("--speaker", o.speaker, "This one only")->type_name("NAME");
  mixing->add_option("--seconds", o.seconds, "At least")->check(CLI::Range(5.0, 3600.0))->capture_default_str();
  mixing->add_option("--rate", o.rate, "Sampling rate in Hz")->check(CLI::Range(1000, 192000))->capture_default_str();
  mixing->add_option("--truth", o.truth, "JSON lines of the words and when they are said")->type_name("FILE");
  mixing->add_option("-o,--output", o.output, "WAV file")->required()->type_name("FILE");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    std::fprintf(stderr, "oneadapt-train-speech: %s\n", e.what());
    return 2;
  }
  gst_init(nullptr, nullptr);
  end_on_interrupts("oneadapt-train-speech", "what was not finished is not written; --curve has what was learnt");
  o.training.seed = o.seed;
  try {
    if (training->parsed()) train(o);
    if (scoring->parsed()) score(*load_recogniser(o.model), o);
    if (mixing->parsed()) make_clip(o);
    check_standard_output();
    return 0;
  } catch (const std::exception &e) {
    std::fprintf(stderr, "oneadapt-train-speech: %s\n", e.what());
    return 1;
  }
}
