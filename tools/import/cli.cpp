// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli.h"

#include <CLI/CLI.hpp>
#include <fstream>
#include <ostream>
#include <string>

#include "config.h"
#include "convert.h"
#include "operators.h"
#include "presets.h"
#include "tfjs.h"

namespace oneadapt::import {
namespace {

struct Arguments {
  std::string model, output_file, preset, labels_file;
  std::vector<std::string> outputs;
  bool fixed = false, dynamic = false, list_operators = false, list_presets = false, print_source = false;
  // What was given of the description; applied over the preset.
  std::string name, source, licence, task, layout, colour;
  std::vector<double> mean, std;
  std::vector<int> strides, score_outputs, box_outputs;
  int width = 0, height = 0, multiple_of = 0, bins = 0, label_output = 0;
  double range = 0, nms_iou = 0, threshold = 0, slope = 0, floor = 0;
};

void declare(CLI::App &app, Arguments &a) {
  app.set_version_flag("--version", "oneadapt-import " VERSION);
  app.add_option("MODEL", a.model, "JSON file of the TensorFlow.js graph model; its weight files lie beside it");
  app.add_option("OUTPUT,-o,--output-file", a.output_file, "TorchScript file to write")->type_name("FILE");
  app.add_option("-p,--preset", a.preset, "describe the model as one of those that --presets lists");
  app.add_option("--output", a.outputs, "node to return, in order; repeat it (default: the preset's, else the graph's)")
      ->type_name("NODE")
      ->take_all();
  auto *dynamic = app.add_flag("--dynamic", a.dynamic,
                               "fail unless the model can follow the size of its input (default: where it can)");
  app.add_flag("--fixed", a.fixed, "keep the size that the graph has")->excludes(dynamic);
  app.add_flag("--operators", a.list_operators, "list the supported operators");
  app.add_flag("--presets", a.list_presets, "list the presets");
  app.add_flag("--print-source", a.print_source, "print the TorchScript source too");

  const std::string group = "Description";
  app.add_option("--name", a.name, "of the model")->group(group);
  app.add_option("--source", a.source, "where it is from")->group(group);
  app.add_option("--licence", a.licence, "of the model")->group(group);
  app.add_option("--task", a.task, "detection")->group(group);
  app.add_option("--layout", a.layout, "of the outputs: nanodet or boxes")->group(group);
  app.add_option("--labels", a.labels_file, "file with one label a line")->type_name("FILE")->group(group);
  app.add_option("--colour", a.colour, "order of the input's colours: RGB or BGR")->group(group);
  app.add_option("--range", a.range, "pixels reach the normalisation in [0, RANGE]: 1 or 255")->group(group);
  app.add_option("--mean", a.mean, "three numbers, in the input's colour order")->expected(3)->group(group);
  app.add_option("--std", a.std, "three numbers")->expected(3)->group(group);
  app.add_option("--width", a.width, "of the input, when the graph leaves it open")
      ->check(CLI::Range(1, 16384))
      ->group(group);
  app.add_option("--height", a.height, "of the input, when the graph leaves it open")
      ->check(CLI::Range(1, 16384))
      ->group(group);
  app.add_option("--multiple-of", a.multiple_of, "sizes that the model can follow (default: the largest stride)")
      ->check(CLI::Range(1, 1024))
      ->group(group);
  app.add_option("--strides", a.strides, "nanodet: e.g. 8,16,32")
      ->delimiter(',')
      ->check(CLI::Range(1, 1024))
      ->group(group);
  app.add_option("--score-outputs", a.score_outputs, "numbers of the score outputs: one a stride (nanodet) or one")
      ->delimiter(',')
      ->group(group);
  app.add_option("--box-outputs", a.box_outputs, "numbers of the box outputs: one a stride (nanodet) or one")
      ->delimiter(',')
      ->group(group);
  app.add_option("--label-output", a.label_output, "boxes: number of the labels' output")->group(group);
  app.add_option("--bins", a.bins, "nanodet: bins a side of the box distribution")
      ->check(CLI::Range(1, 1024))
      ->group(group);
  app.add_option("--nms-iou", a.nms_iou, "overlap above which the weaker box is dropped")
      ->check(CLI::Range(0.0, 1.0))
      ->group(group);
  app.add_option("--threshold", a.threshold, "θ: score from which an element counts as found")
      ->check(CLI::Range(0.0, 1.0))
      ->group(group);
  app.add_option("--slope", a.slope, "slope of the utility")->check(CLI::Range(0.001, 1000.0))->group(group);
  app.add_option("--floor", a.floor, "score from which an element counts in the utility")
      ->check(CLI::Range(0.0, 1.0))
      ->group(group);
}

std::vector<std::string> read_labels(const std::string &path) {
  std::ifstream in(path);
  if (!in) throw ImportError("the labels file " + path + " cannot be read");
  std::vector<std::string> labels;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) labels.push_back(line);
  }
  if (labels.empty()) throw ImportError("the labels file " + path + " holds no label");
  return labels;
}

ConvertOptions options_from(const CLI::App &app, const Arguments &a) {
  ConvertOptions options;
  options.sizes = a.fixed ? Sizes::Fixed : a.dynamic ? Sizes::Dynamic : Sizes::Auto;
  std::vector<std::string> outputs = a.outputs;
  if (!a.preset.empty()) {
    const Preset *preset = find_preset(a.preset);
    if (!preset) throw ImportError("there is no preset " + a.preset + "; --presets lists them");
    options.description = preset->description;
    if (outputs.empty()) outputs = preset->outputs;
  }
  for (const auto &name : outputs) options.outputs.push_back(parse_edge(name));

  ModelDescription &d = options.description;
  const auto given = [&](const char *option) { return app.count(option) > 0; };
  if (given("--name")) d.name = a.name;
  if (given("--source")) d.source = a.source;
  if (given("--licence")) d.licence = a.licence;
  if (given("--task")) d.task = a.task;
  if (given("--layout")) d.layout = a.layout;
  if (given("--labels")) d.labels = read_labels(a.labels_file);
  if (given("--colour")) d.colour = a.colour;
  if (given("--range")) d.range = a.range;
  if (given("--mean")) d.mean = a.mean;
  if (given("--std")) d.std = a.std;
  if (given("--width")) d.width = unsigned(a.width);
  if (given("--height")) d.height = unsigned(a.height);
  if (given("--multiple-of")) d.multiple_of = unsigned(a.multiple_of);
  if (given("--strides")) d.strides = a.strides;
  if (given("--score-outputs")) d.score_outputs = a.score_outputs;
  if (given("--box-outputs")) d.box_outputs = a.box_outputs;
  if (given("--label-output")) d.label_output = a.label_output;
  if (given("--bins")) d.bins = a.bins;
  if (given("--nms-iou")) d.nms_iou = a.nms_iou;
  if (given("--threshold")) d.threshold = a.threshold;
  if (given("--slope")) d.slope = a.slope;
  if (given("--floor")) d.floor = a.floor;
  if (d.layout.empty()) throw ImportError("nothing says what the outputs mean; give --preset or --layout");
  if (d.labels.empty()) throw ImportError("the model has no labels; give --labels FILE");
  return options;
}

std::string size_text(const ModelDescription &d) {
  return std::to_string(d.width) + "×" + std::to_string(d.height) +
         (d.multiple_of ? ", or any multiple of " + std::to_string(d.multiple_of) : "");
}

void import_model(const CLI::App &app, const Arguments &a, std::ostream &out) {
  if (a.model.empty()) throw ImportError("no model given; oneadapt-import MODEL.json OUTPUT.pt --preset NAME");
  if (a.output_file.empty()) throw ImportError("no file to write given; oneadapt-import MODEL.json OUTPUT.pt");
  const ConvertOptions options = options_from(app, a);
  Converted converted = convert(read_tfjs(a.model), options);
  // A description that its own reader would refuse must not leave this program.
  try {
    ModelDescription::parse(converted.description.to_json());
  } catch (const std::invalid_argument &error) {
    throw ImportError(std::string("the description is wrong: ") + error.what());
  }
  write_model(converted, a.output_file);
  if (a.print_source) out << converted.source;
  out << a.output_file << ": " << converted.description.name << ", input " << size_text(converted.description) << "\n";
  if (!a.fixed && !converted.fixed_because.empty()) out << "The size is fixed: " << converted.fixed_because << ".\n";
  for (std::size_t i = 0; i < converted.outputs.size(); ++i)
    out << "  output " << i << ": " << converted.outputs[i].node << " " << literal(converted.shapes[i]) << "\n";
}

}  // namespace

int run(int argc, const char *const *argv, std::ostream &out, std::ostream &err) {
  CLI::App app{"Turns a TensorFlow.js graph model into a TorchScript file that describes itself, for oneadaptdnn."};
  Arguments arguments;
  declare(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    return app.exit(error, out, err) ? 1 : 0;
  }
  try {
    if (arguments.list_operators)
      for (const auto &name : operator_names()) out << name << "\n";
    if (arguments.list_presets)
      for (const auto &preset : presets()) out << preset.name << "  " << preset.summary << "\n";
    if (arguments.list_operators || arguments.list_presets) return 0;
    import_model(app, arguments, out);
    return 0;
  } catch (const std::exception &error) {
    err << "oneadapt-import: " << error.what() << "\n";
    return 1;
  }
}

}  // namespace oneadapt::import
