// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadapt-train-lidar: docs/train-lidar.md.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/cli.h"
#include "common/interruption.h"
#include "config.h"
#include "core/output/line_file.h"
#include "network.h"
#include "score.h"
#include "streets.h"

using namespace oneadapt_lidar;
using namespace oneadapt::tools;

namespace {

const char *const kProgram = "oneadapt-train-lidar";

struct Options {
  std::string output, curve, from, model;
  TrainingOptions training;
  std::uint64_t seed = 1;
  unsigned turns = 60, threads = 0;
  std::optional<double> threshold;
  Sensor sensor;
};

std::string description() {
  nlohmann::ordered_json d;
  d["format"] = 1;
  d["name"] = "pillars";
  d["source"] = "trained with oneadapt-train-lidar " VERSION " on cast streets (pillars.md)";
  d["licence"] = "LGPL-2.1-or-later";
  d["task"] = "detection3d";
  d["input"] = nlohmann::ordered_json::object();
  d["output"] = {{"layout", "boxes3d"}, {"boxes", {0}}, {"scores", {1}}, {"labels", 2}, {"nms_iou", 0.1}};
  d["labels"] = kClassNames;
  d["threshold"] = 0.4;
  d["slope"] = 4;  // with the paper's 20, what the network is sure of has no gradient
  return d.dump(2);
}

void print_score(const std::string &path, const Options &o) {
  oneadapt::ModelOptions options;
  options.path = path;
  options.device = "cpu";
  options.threads = o.threads;
  options.threshold = o.threshold;
  const auto model = oneadapt::CloudModel::load(options);
  const Score result = score(*model, o.turns, o.sensor);
  std::printf("%u turns of %u beams on streets that were not trained on, objects that %u points or more hit:\n%s",
              o.turns, o.sensor.beams, kLeastHits, table_of(result).c_str());
  std::printf("Inference: %.0f ms of CPU time a turn\n", result.milliseconds);
}

/// The model is written with each report, so that whatever ends the training leaves a usable one.
void train(const Options &o) {
  check_output(o.output, "--output");
  oneadapt::LineFile curve;
  const auto require = [&](int error) {
    if (error) throw OutputError(cannot_write("--curve", o.curve, error));
  };
  if (!o.curve.empty()) {
    require(curve.open(o.curve, /*append=*/!o.from.empty()));
    if (o.from.empty()) require(curve.write("step,places,boxes"));
  }
  const auto trainer = o.from.empty() ? Trainer::make(o.seed) : Trainer::load(o.from);
  std::fprintf(stderr, "%zu parameters\n", trainer->parameters());
  Random random(o.seed);
  const auto report = [&](const Progress &p) {
    std::fprintf(stderr, "step %u: places %.3f, boxes %.3f\n", p.step, p.heat, p.box);
    std::ostringstream line;
    line << p.step << "," << p.heat << "," << p.box;
    if (curve.is_open()) require(curve.write(line.str()));
    write_file(o.output, trainer->save(description()), "--output");
  };
  trainer->train([&] { return example_to_train(random); }, o.training, report);
}

void add_training(CLI::App *command, Options &o) {
  command->add_option("-o,--output", o.output, "Model file")->required()->type_name("FILE");
  command->add_option("--steps", o.training.steps, "Steps of the optimiser")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--batch", o.training.batch, "Turns a step")->check(CLI::Range(1, 64))->capture_default_str();
  command->add_option("--rate", o.training.rate, "Largest learning rate")->check(positive())->capture_default_str();
  command->add_option("--seed", o.seed, "Of weights and streets")->type_name("N")->capture_default_str();
  command->add_option("--from", o.from, "Go on with this model; use another --seed")
      ->check(CLI::ExistingFile)
      ->type_name("FILE");
  command->add_option("--curve", o.curve, "CSV of the losses")->type_name("FILE");
}

void add_scoring(CLI::App *command, Options &o) {
  command->add_option("--model", o.model, "Model file")->required()->check(CLI::ExistingFile)->type_name("FILE");
  command->add_option("--threshold", o.threshold, "Score that a box needs (default: the model's)")->check(share());
  command->add_option("--turns", o.turns, "Over ten streets")->check(CLI::Range(1, 100000))->capture_default_str();
  command->add_option("--beams", o.sensor.beams, "Of the sensor")->capture_default_str()->check(CLI::Range(1, 256));
  command->add_option("--columns", o.sensor.columns, "Beams once around")
      ->capture_default_str()
      ->check(CLI::Range(16, 8192));
  command->add_option("--top", o.sensor.top, "The uppermost beam, in degrees")->capture_default_str();
  command->add_option("--bottom", o.sensor.bottom, "The lowest one")->capture_default_str();
  command->add_option("--threads", o.threads, "Of LibTorch (0: as many as cores)")->capture_default_str();
}

}  // namespace

int main(int argc, char **argv) {
  Options o;
  CLI::App app{
      "Trains a small detector of cars, pedestrians and cyclists in point clouds (task \"detection3d\") on cast "
      "streets, and scores it on others."};
  app.name(kProgram);
  app.set_version_flag("--version", VERSION);
  app.require_subcommand(1);
  auto *training = app.add_subcommand("train", "Train, and write a model file");
  add_training(training, o);
  auto *scoring = app.add_subcommand("score", "F1 of boxes on streets that were not trained on");
  add_scoring(scoring, o);
  if (const auto status = parse_command_line(app, kProgram, argc, argv)) return *status;
  end_on_interrupts(kProgram, "the model is that of the last report");
  return run_program(kProgram, [&] {
    if (training->parsed()) {
      train(o);
      std::printf("Written: %s\n", o.output.c_str());
    }
    if (scoring->parsed()) print_score(o.model, o);
  });
}
