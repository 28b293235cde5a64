// SPDX-License-Identifier: LGPL-2.1-or-later
#include "describe.h"

#include <caffe2/serialize/inline_container.h>
#include <torch/script.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <tuple>
#include <utility>

#include "check.h"
#include "common/output.h"
#include "graph.h"
#include "hints.h"
#include "model/description.h"
#include "model/files.h"
#include "model/heads.h"
#include "model/labels.h"
#include "model/model.h"
#include "model/onnx_pair.h"
#include "model/shared_module.h"
#include "source_module.h"

namespace oneadapt::import {
namespace {

const char *const kFile = "oneadapt.json";
/// Sides of the inputs that models are usually exported with.
constexpr std::int64_t kSides[] = {640, 416, 320, 512, 224, 256, 300, 384, 608, 768, 800, 1024, 1280};

void collect(const c10::IValue &value, Result &result) {
  if (value.isTensor()) result.tensors.push_back(value.toTensor().to(torch::kCPU));
  if (value.isTensorList())
    for (const at::Tensor &tensor : value.toTensorVector()) result.tensors.push_back(tensor.to(torch::kCPU));
  else if (value.isList())
    for (const c10::IValue &element : value.toListRef()) collect(element, result);
  if (value.isTuple())
    for (const c10::IValue &element : value.toTupleRef().elements()) collect(element, result);
  if (value.isGenericDict()) {
    const auto dictionary = value.toGenericDict();
    result.dictionary = result.dictionary || (dictionary.contains("boxes") && dictionary.contains("scores") &&
                                              dictionary.contains("labels"));
    result.masks = result.masks || (result.dictionary && dictionary.contains("masks"));
    if (dictionary.contains("out") && dictionary.at("out").isTensor())
      result.tensors.push_back(dictionary.at("out").toTensor().to(torch::kCPU));
  }
}

/// The input that a family of detectors is trained with; the usual one for others.
struct UsualInput {
  const char *family, *colour;
  double range;
  const char *mean, *std;
};
constexpr UsualInput kInputs[] = {
    {"", "RGB", 1, "[0,0,0]", "[1,1,1]"},
    {"YOLOX", "BGR", 255, "[0,0,0]", "[1,1,1]"},
    {"NanoDet", "BGR", 255, "[103.53,116.28,123.675]", "[57.375,57.12,58.395]"},
    {"DETR", "RGB", 1, "[0.485,0.456,0.406]", "[0.229,0.224,0.225]"},
    {"UltraFace", "RGB", 255, "[127,127,127]", "[128,128,128]"},
};

const UsualInput &usual_input(const std::string &family) {
  for (const UsualInput &input : kInputs)
    if (family == input.family) return input;
  return kInputs[0];
}

std::string number_text(double value) { return nlohmann::json(value).dump(); }

/// Colour order and normalisation, which a run does not show.
void guess_input(Guesses &guesses, double known_range, const std::string &known_by, bool gray) {
  const auto say = [&](const std::string &key, const std::string &value, const std::string &reason) {
    guesses.found.push_back({key, value, reason});
  };
  const UsualInput &input = usual_input(guesses.family);
  const bool known = !guesses.family.empty();
  const std::string assumed =
      known ? guesses.family + " is trained like this" : "it is the usual one; a run does not show it";
  say("input.colour", gray ? "\"gray\"" : std::string("\"") + input.colour + "\"", gray ? "as given" : assumed);
  say("input.range", number_text(known_range > 0 ? known_range : input.range), known_range > 0 ? known_by : assumed);
  if (guesses.draft.layout == "torchvision" || gray) return;
  const std::string imagenet = "a run does not show it; for ImageNet's, --set input.";
  say("input.mean", input.mean, known ? assumed : imagenet + "mean=[0.485,0.456,0.406]");
  say("input.std", input.std, known ? assumed : imagenet + "std=[0.229,0.224,0.225]");
}

/// Ultralytics' names: {"0": "person", …}, or a list.
std::vector<std::string> names_in(const nlohmann::json &names) {
  std::vector<std::string> labels;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto &name = names.is_array() ? names[i] : names.value(std::to_string(i), nlohmann::json());
    if (!name.is_string() || name.get_ref<const std::string &>().empty()) return {};
    labels.push_back(name.get<std::string>());
  }
  return labels;
}

/// What Ultralytics' exporters put beside a program (config.txt), and what this program found in an ONNX graph.
Hints hints_in(const torch::jit::ExtraFilesMap &files) {
  Hints hints;
  for (const char *file : {kHintsFile, "config.txt"}) {
    const auto found = files.find(file);
    if (found == files.end()) continue;
    const auto json = nlohmann::json::parse(found->second, nullptr, false);
    if (!json.is_object()) continue;
    hints.of = std::string(file) == kHintsFile ? json.value("of", "the ONNX file") : "config.txt in the file";
    if (const auto names = json.find("names"); names != json.end() && names->is_structured())
      hints.labels = names_in(*names);
    if (const auto task = json.find("task"); task != json.end() && task->is_string()) hints.task = *task;
    if (const auto range = json.find("range"); range != json.end() && range->is_number()) hints.range = *range;
    if (const auto classes = json.find("classes"); classes != json.end() && classes->is_number_unsigned())
      hints.classes = *classes;
    const auto size = json.find("imgsz");
    if (size == json.end() || !size->is_array() || size->size() != 2) continue;
    if (!(*size)[0].is_number_unsigned() || !(*size)[1].is_number_unsigned()) continue;
    hints.height = (*size)[0];
    hints.width = (*size)[1];
  }
  return hints;
}

/// Why a model of Ultralytics is no detector, whose rows would be taken for one's; empty: it is, or it is not known.
std::string other_task(const Hints &hints) {
  for (const char *other : {"segment", "pose", "obb", "classify"})
    if (hints.task == other)
      return "it is a model of Ultralytics' task \"" + hints.task + "\", as " + hints.of +
             " says; export a detector: \"yolo export model=yolo11n.pt format=onnx\"";
  return "";
}

/// Names that are known without a file of them.
void name_classes(Guesses &guesses, const Hints &hints) {
  if (!hints.labels.empty() && (!guesses.classes || guesses.classes == int(hints.labels.size()))) {
    guesses.labels = hints.labels;
    guesses.labels_reason = "they are in " + hints.of;
    guesses.classes = int(hints.labels.size());
    return;
  }
  if (!guesses.classes) guesses.classes = hints.classes;
  if (!guesses.classes) return;
  guesses.labels = coco_labels_of(guesses.classes);
  if (!guesses.labels.empty())
    guesses.labels_reason = "there are " + std::to_string(guesses.classes) +
                            " classes, as detectors trained on COCO have; --labels FILE gives others";
}

}  // namespace

struct ModelFile::Contents {
  std::string path, description;
  torch::jit::Module module;   ///< as it is in the file
  torch::jit::Module running;  ///< one that may change as it runs
  torch::jit::ExtraFilesMap extra;
  Hints hints;
  bool takes_list = false;
  c10::ScalarType type = torch::kFloat;

  std::int64_t channels = 3;  ///< of the pictures that it runs on

  Result run(std::int64_t height, std::int64_t width) {
    torch::NoGradGuard no_grad;
    torch::jit::GraphOptimizerEnabledGuard plain_executor{false};
    at::Tensor x = picture(height, width, channels).to(type);
    if (takes_list) x = x.squeeze(0).clamp(0, 1);
    Result result;
    const c10::IValue input = takes_list ? c10::IValue(std::vector<at::Tensor>{x}) : c10::IValue(x);
    collect(running.forward({input}), result);
    return result;
  }
  /// A second of a tone.
  std::optional<Result> try_sound(unsigned sample_rate, std::string *why) {
    try {
      torch::NoGradGuard no_grad;
      torch::jit::GraphOptimizerEnabledGuard plain_executor{false};
      const at::Tensor x = torch::linspace(0, 1000, sample_rate).sin().mul(0.1).unsqueeze(0).to(type);
      Result result;
      collect(running.forward({x}), result);
      return result;
    } catch (const std::exception &error) {
      *why = first_line(error);
      return {};
    }
  }
  std::optional<Result> try_run(std::int64_t height, std::int64_t width, std::string *why) {
    try {
      return run(height, width);
    } catch (const std::exception &error) {
      if (why) *why = first_line(error);
      return {};
    }
  }
};

ModelFile::ModelFile(const std::string &path) : contents_(std::make_unique<Contents>()) {
  contents_->path = path;
  try {
    check_archive(path);
    // Finds the libraries of torchvision's operators, too.
    const auto shared = load_shared(path, torch::kCPU, "plain", {});
    contents_->description = shared->description;
    contents_->running = shared->to_run();
    // Other extra files are not ours to lose.
    caffe2::serialize::PyTorchStreamReader reader(path);
    for (const auto &record : reader.getAllRecords())
      if (record.rfind("extra/", 0) == 0) contents_->extra[record.substr(6)] = "";
    contents_->module = torch::jit::load(path, torch::kCPU, contents_->extra);
  } catch (const std::exception &error) {
    throw ImportError(first_line(error));
  }
  contents_->hints = hints_in(contents_->extra);
  const auto method = contents_->module.find_method("forward");
  if (!method) throw ImportError(path + " has no method forward()");
  const auto &arguments = method->function().getSchema().arguments();
  contents_->takes_list = arguments.size() > 1 && arguments[1].type()->kind() == c10::TypeKind::ListType;
  for (const at::Tensor &tensor : contents_->module.parameters())
    if (tensor.is_floating_point()) contents_->type = tensor.scalar_type();
  if (contents_->type == torch::kHalf || contents_->type == torch::kBFloat16)
    throw ImportError(path +
                      " has weights of 16 bits, which LibTorch does not compute with on the CPU; save it in 32 bits "
                      "(net.float() before it is traced or scripted), or describe it with \"MODEL.json\" beside it");
}

ModelFile::~ModelFile() = default;

const std::string &ModelFile::description() const { return contents_->description; }
const Hints &ModelFile::hints() const { return contents_->hints; }

void ModelFile::refuse(unsigned width, unsigned height, const std::string &why) const {
  const bool given = width && height, gray = contents_->channels == 1;
  const std::int64_t h = given ? height : kSides[0], w = given ? width : kSides[0];
  contents_->channels = 1;
  if (contents_->try_run(h, w, nullptr))
    throw ImportError(contents_->path +
                      " takes pictures of one colour, or spectrograms; say --set input.colour=gray if they are "
                      "pictures; oneadaptdnn takes sound as it is (docs/sound-models.md)");
  if (why.find("missing value for argument") != std::string::npos)
    throw ImportError(contents_->path + " takes more than a picture (" + why +
                      "): wrap it in a module whose forward() takes the picture alone, and script that");
  std::string none;
  if (const auto sound = contents_->try_sound(16000, &none))
    throw ImportError(contents_->path + " takes sound (a tensor 1×N), not pictures: describe it with --set task=ctc " +
                      "--set input.sample_rate=16000 --set output.layout=ctc --labels FILE, if it gives steps × " +
                      "classes (docs/sound-models.md); a second of it gives " +
                      (sound->tensors.empty() ? "no tensor" : words(sound->tensors[0].sizes().vec())));
  throw ImportError(contents_->path + " ran on no picture of " + (gray ? "one channel" : "3 colours") +
                    (given ? " of " + std::to_string(w) + "×" + std::to_string(h)
                           : ": give its size with --input-size WIDTHxHEIGHT") +
                    " (" + why + ")");
}

/// Whether it follows another size, and why (not).
std::pair<bool, std::string> ModelFile::follows(const Result &result, std::int64_t h, std::int64_t w,
                                                const Guesses &guesses) const {
  const std::int64_t height = h + 32, width = w + 64;
  const std::string size = std::to_string(width) + "×" + std::to_string(height);
  const auto other = w % 32 == 0 && h % 32 == 0 ? contents_->try_run(height, width, nullptr) : std::nullopt;
  if (!other || other->tensors.size() != result.tensors.size()) return {false, "it did not follow another size"};
  bool grows = false;
  for (std::size_t i = 0; i < other->tensors.size(); ++i)
    grows = grows || other->tensors[i].sizes() != result.tensors[i].sizes();
  if (!grows) return {false, "it did not follow another size"};
  ModelDescription d = guesses.draft;
  if (d.layout.empty()) return {true, "it also ran on " + size + ", and its outputs grew"};
  for (int i = 0; i < guesses.classes; ++i) d.labels.push_back("class");
  try {
    check_outputs(d, other->tensors, height, width);
  } catch (const ImportError &error) {
    return {false, "it ran on " + size + ", but there " + error.what()};
  }
  const bool dense = d.layout == "yolo" || (d.layout == "boxes" && !d.box_outputs.empty());
  const std::size_t boxes = dense ? std::size_t(d.layout == "yolo" ? d.score_outputs[0] : d.box_outputs[0]) : 0;
  if (dense && result.tensors[boxes].numel() > 4 * 64 &&
      !boxes_follow(d, result.tensors[boxes], other->tensors[boxes], double(width) / double(w)))
    return {false, "it ran on " + size + ", but its boxes lie where those of " + std::to_string(w) + "×" +
                       std::to_string(h) + " do: a size is fixed in the program"};
  return {true, "it also ran on " + size + ", and its outputs grew"};
}

Guesses ModelFile::guess(unsigned width, unsigned height, int classes, bool gray) {
  contents_->channels = gray ? 1 : 3;
  if (!width && !height) std::tie(width, height) = std::pair(contents_->hints.width, contents_->hints.height);
  Guesses guesses;
  std::string why;
  std::optional<Result> result;
  std::int64_t w = width, h = height;
  const bool given = width && height;
  if (given) {
    result = contents_->try_run(h, w, &why);
  } else {
    for (const auto side : kSides)
      if (!result && (result = contents_->try_run(side, side, &why))) w = h = side;
  }
  if (!result) refuse(width, height, why);
  const auto say = [&](const std::string &key, const std::string &value, const std::string &reason) {
    guesses.found.push_back({key, value, reason});
  };
  const std::string how = given ? "as given, and it ran" : "it ran with it";
  say("input.width", std::to_string(w), how);
  say("input.height", std::to_string(h), how);
  if (result->dictionary) {
    say("input.multiple_of", "1", "it takes a list of pictures, which it resizes by itself");
    say("output.layout", "\"torchvision\"",
        std::string("it gives a dictionary of boxes, scores and labels") + (result->masks ? ", and masks" : ""));
    guesses.draft.layout = "torchvision";
  } else {
    if (!classes) classes = int(contents_->hints.labels.size());
    guess_layout(*result, h, w, classes, guesses);
    if (const std::string other = other_task(contents_->hints); !other.empty()) guesses.problem = other;
    const auto [follow, reason] = follows(*result, h, w, guesses);
    guesses.found.insert(guesses.found.begin() + 2, {"input.multiple_of", follow ? "32" : "0", reason});
  }
  const bool segments = result->masks || guesses.draft.layout == "semantic";
  guesses.found.insert(guesses.found.begin(), {"task", segments ? "\"segmentation\"" : "\"detection\"",
                                               segments ? "it gives masks" : "it gives no masks"});
  guess_input(guesses, contents_->hints.range, "that is what " + contents_->hints.of + " takes", gray);
  name_classes(guesses, contents_->hints);
  return guesses;
}

std::string ModelFile::check(const std::string &description) {
  const ModelDescription d = ModelDescription::parse(description);
  contents_->channels = d.channels();
  const std::int64_t height = d.height ? d.height : d.multiple_of * 4, width = d.width ? d.width : d.multiple_of * 4;
  std::string why;
  // What points a model needs is known to whoever has some, and the first half of a detector has no results.
  if (d.takes_points() || d.is_head()) return "";
  if (d.takes_sound()) {
    const auto result = contents_->try_sound(d.sample_rate, &why);
    if (!result) throw ImportError("the model does not run on a second of sound (a tensor 1×N): " + why);
    const std::size_t index = std::size_t(d.score_outputs[0]);
    if (index >= result->tensors.size())
      throw ImportError("output.scores names output " + std::to_string(index) + ", but the model gives " +
                        std::to_string(result->tensors.size()));
    const auto shape = shape_of(result->tensors[index], 2);
    if (shape.size() != 2 || shape[1] != std::int64_t(d.labels.size()))
      throw ImportError("output.scores: the output is " + words(result->tensors[index].sizes().vec()) +
                        ", but steps × " + std::to_string(d.labels.size()) + " (one a label) are due");
    return "";
  }
  // torchvision's resizes by itself, and finds what it finds.
  if (d.layout == "torchvision") {
    if (d.task != "segmentation") return "";
    const auto result = contents_->try_run(std::max(height, kSides[0]), std::max(width, kSides[0]), &why);
    if (result && result->masks) return "";
    throw ImportError(result ? "the model gives no masks; --set task=detection" : "the model does not run: " + why);
  }
  const auto result = contents_->try_run(height, width, &why);
  if (!result)
    throw ImportError("the model does not run on a picture of " + std::to_string(width) + "×" + std::to_string(height) +
                      ": " + why);
  const std::int64_t shown_height = d.is_tail() ? d.features.picture[1] : height;
  const std::int64_t shown_width = d.is_tail() ? d.features.picture[0] : width;
  check_outputs(d, result->tensors, shown_height, shown_width);
  if (d.layout == "semantic") return "";
  torch::NoGradGuard no_grad;
  try {
    const at::Tensor all = torch::ones({std::int64_t(d.labels.size())}, torch::kBool);
    const std::string oddity = elements(d, result->tensors, shown_width, shown_height, all, 0).oddity;
    return oddity.empty() ? "" : "the boxes that it gives " + oddity;
  } catch (const std::exception &error) {
    return first_line(error);
  }
}

/// A copy of the model has a copy of its graph for ONNX Runtime.
void ModelFile::copy_graph(const std::string &path, const std::string &option) const {
  std::ifstream in(onnx_path(contents_->path), std::ios::binary);
  if (path == contents_->path || !contents_->extra.count(kOnnxRecordFile) || !in) return;
  tools::write_file(onnx_path(path), {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()}, option);
}

void ModelFile::write(const std::string &path, const std::string &option, const std::string &description) const {
  copy_graph(path, option);
  torch::jit::ExtraFilesMap extra = contents_->extra, kept{{kFile, ""}};
  extra[kFile] = description;
  tools::write_file(path, bytes_of(contents_->module, extra), option, [&](const std::string &copy) {
    try {
      torch::jit::load(copy, torch::kCPU, kept);
      if (kept[kFile] != description) throw ImportError("the description was not kept");
    } catch (const std::exception &error) {
      throw ImportError("cannot write " + path + ": " + first_line(error));
    }
  });
}

std::string gradient_doubt(const std::string &path) {
  ModelOptions options;
  options.path = path;
  options.device = "cpu";
  options.plan_seconds = 10;  // now, and not when a stream waits
  try {
    const auto description = read_description(options);
    return description->takes_sound() || description->takes_points() ? ""
                                                                     : Model::load(options)->gradient_problem(nullptr);
  } catch (const std::exception &) {
    return "";
  }
}

}  // namespace oneadapt::import
