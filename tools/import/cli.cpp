// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>
#include <string>

#include "cli_split.h"
#include "cli_values.h"
#include "common/output.h"
#include "config.h"
#include "convert.h"
#include "describe.h"
#include "foreign.h"
#include "model/files.h"
#include "networks.h"
#include "onnx.h"
#include "operators.h"
#include "pair.h"
#include "presets.h"
#include "tfjs.h"

namespace oneadapt::import {
namespace {

struct Arguments {
  std::string model, output_file, preset, labels_file, description_file, input_size, split, network;
  std::vector<std::string> outputs, settings, constants, parameters;
  bool describe = false, fixed = false, dynamic = false, list_operators = false, list_presets = false,
       print_source = false;
  // What was given of the description; applied over the preset.
  std::string name, source, licence, task, layout, colour;
  std::vector<double> mean, std;
  std::vector<int> strides, score_outputs, box_outputs;
  int width = 0, height = 0, multiple_of = 0, bins = 0, label_output = 0;
  double range = 0, nms_iou = 0, threshold = 0, slope = 0, floor = 0;
};

void declare(CLI::App &app, Arguments &a) {
  app.set_version_flag("--version", "oneadapt-import " VERSION);
  app.add_option("MODEL", a.model,
                 "ONNX model, or JSON file of a TensorFlow.js graph model, whose weight files lie beside it; "
                 "with --network: weights; with --describe: TorchScript file");
  app.add_option("OUTPUT,-o,--output-file", a.output_file,
                 "TorchScript file to write; with --describe: instead of MODEL; FILE.json takes the "
                 "description alone")
      ->type_name("FILE");
  app.add_flag("--describe", a.describe,
               "write or change the description of a TorchScript file; of one that has none, guess it");
  app.add_option(
         "--split", a.split,
         "cut a described TorchScript file there: FILE.pt makes FILE-head.pt and FILE-tail.pt (docs/features.md); "
         "\"list\" shows where it can be cut")
      ->type_name("NODE");
  app.add_option("--set", a.settings,
                 "with --describe or --network: a key of the description (docs/model-keys.md); repeat it")
      ->type_name("KEY=VALUE")
      ->take_all();
  app.add_option("--description", a.description_file, "JSON file with the description, or with some of its keys")
      ->type_name("FILE");
  app.add_option("--network", a.network, "build this network from weights that come without one: " + network_names())
      ->type_name("NETWORK");
  app.add_option("--parameter", a.parameters, "with --network: one of its parameters (docs/lidar-models.md); repeat it")
      ->type_name("KEY=VALUE")
      ->take_all();
  app.add_option("--input-size", a.input_size, "of the input, when the model leaves it open")
      ->type_name("WIDTHxHEIGHT");
  app.add_option("-p,--preset", a.preset, "describe the model as one of those that --presets lists");
  app.add_option("--output", a.outputs, "node to return, in order; repeat it (default: the preset's, else the graph's)")
      ->type_name("NODE")
      ->take_all();
  app.add_option("--constant", a.constants,
                 "an input besides the picture, the same for every picture; repeat it (scale_factor, im_shape and "
                 "orig_target_sizes are known)")
      ->type_name("NAME=N,N,..")
      ->take_all();
  auto *dynamic = app.add_flag("--dynamic", a.dynamic,
                               "fail unless the model can follow the size of its input (default: where it can)");
  app.add_flag("--fixed", a.fixed, "keep the size that the graph has")->excludes(dynamic);
  app.add_flag("--operators", a.list_operators, "list the supported operators, and those of ONNX that are not");
  app.add_flag("--presets", a.list_presets, "list the presets");
  app.add_flag("--print-source", a.print_source, "print the TorchScript source too");

  const std::string group = "Description";
  app.add_option("--name", a.name, "of the model")->group(group);
  app.add_option("--source", a.source, "where it is from")->group(group);
  app.add_option("--licence", a.licence, "of the model")->group(group);
  app.add_option("--task", a.task, "detection or segmentation")->group(group);
  app.add_option("--layout", a.layout, "of the outputs: boxes, detections, nanodet, yolo, yolox, centernet or semantic")
      ->group(group);
  app.add_option("--labels", a.labels_file, "file with one label a line")->type_name("FILE")->group(group);
  app.add_option("--colour", a.colour, "order of the input's colours: RGB or BGR; or gray, one channel")->group(group);
  app.add_option("--range", a.range, "pixels reach the normalisation in [0, RANGE]: 1 or 255")->group(group);
  app.add_option("--mean", a.mean, "a number for each channel, in the input's colour order")
      ->expected(1, 3)
      ->group(group);
  app.add_option("--std", a.std, "a number for each channel")->expected(1, 3)->group(group);
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

using Json = nlohmann::json;

/// The description in a file over the preset's; the graph knows the size when neither says it.
ModelDescription described(const Arguments &a, const ModelDescription &preset, const Graph &graph) {
  Json json = Json::parse(preset.to_json());
  if (preset.layout.empty()) json = Json::object();
  json.merge_patch(read_json(a.description_file));
  if (!json.contains("format")) json["format"] = 1;
  Json &input = json["input"];
  if (!input.is_object()) input = Json::object();
  if (!input.contains("width") && !input.contains("height")) {
    const auto [width, height] = a.input_size.empty() ? picture_size(graph) : parse_size(a.input_size);
    if (!width) throw ImportError("the graph does not say how large its input is; give --input-size WIDTHxHEIGHT");
    input["width"] = width;
    input["height"] = height;
  }
  if (!a.labels_file.empty()) json["labels"] = read_labels(a.labels_file);
  try {
    return ModelDescription::parse(json.dump());
  } catch (const std::invalid_argument &error) {
    throw ImportError("the description " + a.description_file + ": " + error.what());
  }
}

ConvertOptions options_from(const CLI::App &app, const Arguments &a, const Graph &graph) {
  ConvertOptions options;
  options.sizes = a.fixed ? Sizes::Fixed : a.dynamic ? Sizes::Dynamic : Sizes::Auto;
  std::vector<std::string> outputs = a.outputs;
  if (!a.preset.empty()) {
    const Preset *preset = find_preset(a.preset);
    if (!preset) throw ImportError("there is no preset " + a.preset + "; --presets lists them");
    options.description = preset->description;
    if (outputs.empty()) outputs = preset->outputs;
  }
  for (const auto &name : outputs) options.outputs.push_back(graph.edge(name));
  for (const auto &text : a.constants) options.constants.insert(parse_constant(text));
  if (!a.description_file.empty()) options.description = described(a, options.description, graph);

  ModelDescription &d = options.description;
  const auto given = [&](const char *option) { return app.count(option) > 0; };
  if (given("--name")) d.name = a.name;
  if (given("--source")) d.source = a.source;
  if (given("--licence")) d.licence = a.licence;
  if (given("--task")) d.task = a.task;
  if (given("--layout")) d.layout = a.layout;
  if (given("--labels")) d.labels = read_labels(a.labels_file);
  if (given("--colour")) {
    d.colour = a.colour;
    d.mean.resize(d.channels());
    d.std.resize(d.channels(), 1);
  }
  if (given("--range")) d.range = a.range;
  if (given("--mean")) d.mean = a.mean;
  if (given("--std")) d.std = a.std;
  if (given("--width")) d.width = unsigned(a.width);
  if (given("--height")) d.height = unsigned(a.height);
  if (given("--input-size")) std::tie(d.width, d.height) = parse_size(a.input_size);
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
  const bool yolox = d.layout == "yolox";
  if ((yolox || d.layout == "yolo" || d.layout == "detections") && d.score_outputs.empty()) d.score_outputs = {0};
  if (d.layout == "yolo") d.box = "centre";
  d.objectness = d.objectness || yolox;
  if (d.layout == "semantic" && d.score_outputs.empty()) {
    d.task = "segmentation";
    d.score_outputs = {0};
    d.background = d.labels.size() > 1 ? 0 : -1;
  }
  // It may be described when it is written, from what it gives.
  if (d.layout.empty()) return options;
  if (d.labels.empty()) throw ImportError("the model has no labels; give --labels FILE");
  return options;
}

std::string size_text(const ModelDescription &d) {
  return std::to_string(d.width) + "×" + std::to_string(d.height) +
         (d.multiple_of ? ", or any multiple of " + std::to_string(d.multiple_of) : "");
}

bool ends_with_json(const std::string &path) {
  return path.size() > 5 && path.compare(path.size() - 5, 5, ".json") == 0;
}

void refuse_others(const CLI::App &app, const std::set<std::string> &known, const std::string &with) {
  for (const CLI::Option *option : app.get_options())
    if (option->count() && !known.count(option->get_name()))
      throw ImportError(option->get_name() + " does not go with " + with);
}

/// What the options say; it goes over what the file has or what is guessed.
Json wanted(const CLI::App &app, const Arguments &a) {
  refuse_others(app, {"--describe", "--set", "--description", "--input-size", "--labels", "MODEL", "--output-file"},
                "--describe; use --set KEY=VALUE");
  Json patch = a.description_file.empty() ? Json::object() : read_json(a.description_file);
  if (!a.labels_file.empty()) patch["labels"] = read_labels(a.labels_file);
  if (!a.input_size.empty()) {
    const auto [width, height] = parse_size(a.input_size);
    patch.merge_patch({{"input", {{"width", width}, {"height", height}}}});
  }
  for (const auto &text : a.settings) patch.merge_patch(setting(text));
  return patch;
}

/// A file of labels that has another number of names than the model has classes.
void expect_labels(const Json &patch, const Guesses &guesses) {
  const auto labels = patch.find("labels");
  if (labels == patch.end() || !labels->is_array() || !guesses.classes || int(labels->size()) == guesses.classes)
    return;
  throw ImportError("there are " + std::to_string(labels->size()) + " labels, but the outputs are of " +
                    std::to_string(guesses.classes) + " classes; give one name a class, in the model's order");
}

Json guessed(ModelFile &file, const Json &patch, std::ostream &out) {
  if (patch.value("task", Json()) == "ctc") return Json{{"format", 1}};  // of sound nothing is guessed
  const Json input = patch.value("input", Json::object());
  const auto side = [&](const char *key) {
    const auto found = input.find(key);
    return found != input.end() && found->is_number_unsigned() ? found->get<unsigned>() : 0U;
  };
  const int named = patch.contains("labels") && patch["labels"].is_array() ? int(patch["labels"].size()) : 0;
  const Guesses guesses = file.guess(side("width"), side("height"), named, input.value("colour", Json()) == "gray");
  const bool own_output = patch.contains("output") && patch["output"].contains("layout");
  Json json{{"format", 1}};
  out << "It does not describe itself. Guessed:\n";
  for (const Guess &guess : guesses.found) {
    if (own_output && (guess.key.rfind("output.", 0) == 0 || guess.key == "task")) continue;
    out << "  " << guess.key << " = " << guess.value << ", because " << guess.reason << "\n";
    json.merge_patch(setting(guess.key + "=" + guess.value));
  }
  if (own_output && patch["output"]["layout"] == "semantic") json["task"] = "segmentation";
  if (!own_output && !guesses.problem.empty()) throw ImportError(guesses.problem);
  const std::string count = guesses.classes ? std::to_string(guesses.classes) : "the classes'";
  if (guesses.classes && !own_output) out << "  " << count << " classes, because the outputs leave room for so many\n";
  if (!own_output) expect_labels(patch, guesses);
  if (patch.contains("labels")) return json;
  if (guesses.labels.empty() || own_output)
    throw ImportError("what the classes are called cannot be known: give --labels FILE with " + count +
                      " names, one a line");
  out << "  " << guesses.labels.size() << " labels from \"" << guesses.labels.front() << "\" to \""
      << guesses.labels.back() << "\", because " << guesses.labels_reason << "\n";
  json["labels"] = guesses.labels;
  return json;
}

void warn_of(const std::string &problem, std::ostream &out) {
  if (!problem.empty()) out << "Warning: " << problem << ".\n";
}

/// Describes what has just been written, as far as it shows what it is; else says how to go on.
void describe_imported(const Arguments &a, const ModelDescription &known, std::ostream &out) {
  const std::string size = std::to_string(known.width) + "x" + std::to_string(known.height);
  try {
    Json patch{{"input", {{"width", known.width}, {"height", known.height}}}};
    if (!a.labels_file.empty()) patch["labels"] = read_labels(a.labels_file);
    ModelFile file(a.output_file);
    Json json = guessed(file, patch, out);
    json.merge_patch(patch);
    const std::string text = ModelDescription::parse(json.dump()).to_json();
    warn_of(file.check(text), out);
    file.write(a.output_file, "OUTPUT", text);
    warn_of(gradient_doubt(a.output_file), out);
    out << a.output_file << " describes itself; --set KEY=VALUE with --describe changes what it says.\n";
  } catch (const std::exception &error) {
    out << "It does not describe itself yet (" << error.what() << "): oneadapt-import --describe " << a.output_file
        << " --input-size " << size << " --labels FILE\n";
  }
}

void import_model(const CLI::App &app, const Arguments &a, std::ostream &out) {
  if (a.model.empty()) throw ImportError("no model given; oneadapt-import MODEL.onnx OUTPUT.pt");
  if (a.output_file.empty()) throw ImportError("no file to write given; oneadapt-import MODEL OUTPUT.pt");
  refuse_foreign(a.model);
  tools::check_output(a.output_file, "OUTPUT");
  const Graph graph = is_onnx(a.model) ? read_onnx(a.model) : read_tfjs(a.model);
  const ConvertOptions options = options_from(app, a, graph);
  Converted converted = convert(graph, options);
  const bool undescribed = converted.description.layout.empty();
  // A description that its own reader would refuse must not leave this program.
  try {
    if (!undescribed) ModelDescription::parse(converted.description.to_json());
  } catch (const std::invalid_argument &error) {
    throw ImportError(std::string("the description is wrong: ") + error.what());
  }
  const Pair pair = graph.opset ? make_pair_of(graph, converted, !options.outputs.empty(), a.output_file) : Pair();
  write_model(converted, a.output_file);
  if (a.print_source) out << converted.source;
  const std::string &name = converted.description.name;
  out << a.output_file << ": " << name << (name.empty() ? "" : ", ") << "input " << size_text(converted.description)
      << "\n";
  if (!a.fixed && !converted.fixed_because.empty()) out << "The size is fixed: " << converted.fixed_because << ".\n";
  for (std::size_t i = 0; i < converted.outputs.size(); ++i)
    out << "  output " << i << ": " << converted.outputs[i].node << " " << literal(converted.shapes[i]) << "\n";
  for (const auto &constant : converted.given) out << "  input " << constant << ", for every picture\n";
  write_graph(pair, a.output_file, out);
  if (undescribed)
    describe_imported(a, converted.description, out);
  else
    warn_of(gradient_doubt(a.output_file), out);
}

void describe_model(const CLI::App &app, const Arguments &a, std::ostream &out) {
  if (a.model.empty()) throw ImportError("no model given; oneadapt-import --describe MODEL.pt");
  const Json patch = wanted(app, a);
  ModelFile file(a.model);
  Json json;
  const auto sidecar = read_sidecar(a.model);
  std::string base = file.description();
  if (!base.empty() || sidecar) {
    json = parse_json(base.empty() ? "{}" : base);
    if (!json.is_object()) throw ImportError("oneadapt.json in " + a.model + " is no JSON object");
    if (sidecar) {
      // What its users see; it goes on being laid over the file.
      const Json over = parse_json(sidecar->text);
      if (!over.is_object()) throw ImportError("the description " + sidecar->path + " is no JSON object");
      json.merge_patch(over);
      out << sidecar->path << " is laid over what the file says.\n";
    }
  } else {
    json = guessed(file, patch, out);
  }
  json.merge_patch(patch);
  std::string text;
  try {
    text = ModelDescription::parse(json.dump()).to_json();
  } catch (const std::invalid_argument &error) {
    throw ImportError(std::string("the description is wrong: ") + error.what());
  }
  warn_of(file.check(text), out);
  const bool had = !base.empty() || sidecar;
  if (had && patch.empty() && a.output_file.empty()) {
    warn_of(gradient_doubt(a.model), out);
    out << text << "\nThe model runs, and gives what this says.\n";
    return;
  }
  const std::string &target = a.output_file.empty() ? a.model : a.output_file;
  const char *const option = a.output_file.empty() ? "MODEL" : "OUTPUT";
  if (ends_with_json(target))
    tools::write_file(target, text + "\n", option);
  else
    file.write(target, option, text);
  warn_of(gradient_doubt(ends_with_json(target) ? a.model : target), out);
  out << target << " is described.\n";
}

void split(const CLI::App &app, const Arguments &a, std::ostream &out) {
  refuse_others(app, {"--split", "--input-size", "MODEL", "--output-file"}, "--split");
  if (a.model.empty()) throw ImportError("no model given; oneadapt-import --split NODE MODEL.pt OUTPUT.pt");
  const auto [width, height] = a.input_size.empty() ? std::pair(0U, 0U) : parse_size(a.input_size);
  split_model(a.model, a.split, width, height, a.output_file, out);
}

void build_network(const CLI::App &app, const Arguments &a, std::ostream &out) {
  Json patch = Json::object();
  for (const auto &text : a.settings) patch.merge_patch(setting(text));
  refuse_others(app, {"--network", "--parameter", "--set", "MODEL", "--output-file"}, "--network; use --set KEY=VALUE");
  import_network({a.network, a.model, a.output_file, a.parameters, patch.dump()}, out);
}

void list_operators(std::ostream &out) {
  out << "TensorFlow.js:\n";
  for (const auto &name : operator_names()) out << name << "\n";
  out << "\nONNX, opset " << kOldestOpset << " to " << kNewestOpset << ":\n";
  const auto supported = onnx_operator_names();
  for (const auto &name : supported) out << name << "\n";
  const auto standard = onnx_standard_operators();
  out << (standard.empty() ? "\nThis program was built without ONNX.\n" : "\nONNX, not supported:\n");
  for (const auto &name : standard)
    if (!std::binary_search(supported.begin(), supported.end(), name)) out << name << "\n";
}

}  // namespace

int run(int argc, const char *const *argv, std::ostream &out, std::ostream &err) {
  CLI::App app{
      "Turns an ONNX model or a TensorFlow.js graph model into a TorchScript file that describes itself, for "
      "oneadaptdnn.\n"
      "With --describe, writes or changes the description of a TorchScript file."};
  Arguments arguments;
  declare(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    return app.exit(error, out, err) ? 1 : 0;
  }
  try {
    if (arguments.list_operators) list_operators(out);
    if (arguments.list_presets)
      for (const auto &preset : presets()) out << preset.name << "  " << preset.summary << "\n";
    const bool lists = arguments.list_operators || arguments.list_presets;
    if (!lists && !arguments.split.empty())
      split(app, arguments, out);
    else if (!lists && !arguments.network.empty())
      build_network(app, arguments, out);
    else if (!lists && arguments.describe)
      describe_model(app, arguments, out);
    else if (!lists)
      import_model(app, arguments, out);
    tools::check_standard_output();
    return 0;
  } catch (const std::exception &error) {
    err << "oneadapt-import: " << error.what() << "\n";
    return 1;
  }
}

}  // namespace oneadapt::import
