// SPDX-License-Identifier: LGPL-2.1-or-later
#include "describe.h"

#include <caffe2/serialize/inline_container.h>
#include <torch/script.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "check.h"
#include "common/output.h"
#include "graph.h"
#include "model/description.h"
#include "model/files.h"
#include "model/model.h"
#include "model/shared_module.h"
#include "source_module.h"

namespace oneadapt::import {
namespace {

const char *const kFile = "oneadapt.json";
/// Sides of the inputs that models are usually exported with.
constexpr std::int64_t kSides[] = {640, 416, 320, 512, 224, 256, 300, 384, 608, 768, 800, 1024, 1280};
constexpr std::int64_t kMostClasses = 1024;
const std::vector<int> kStrides{8, 16, 32};

std::int64_t cells(std::int64_t height, std::int64_t width, std::int64_t stride) {
  return ((height + stride - 1) / stride) * ((width + stride - 1) / stride);
}

/// What forward() gave: its tensors in order, or one of torchvision's dictionaries.
struct Result {
  std::vector<at::Tensor> tensors;
  bool dictionary = false, masks = false;  ///< of boxes, scores and labels; and masks
};

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

/// Without the batch of 1.
std::vector<std::int64_t> shape_of(const at::Tensor &tensor, std::int64_t rank) {
  auto shape = tensor.sizes().vec();
  if (std::int64_t(shape.size()) == rank + 1 && shape[0] == 1) shape.erase(shape.begin());
  return shape;
}

bool is_share(const at::Tensor &tensor) {
  if (!tensor.is_floating_point() || !tensor.numel()) return tensor.is_floating_point();
  return tensor.min().item<double>() >= 0 && tensor.max().item<double>() <= 1;
}

std::string list(const std::vector<int> &values) {
  std::string text;
  for (const int value : values) text += (text.empty() ? "" : ",") + std::to_string(value);
  return "[" + text + "]";
}

/// One rule a kind of output; each returns false when it does not look like that.
class Layouts {
 public:
  Layouts(const Result &result, std::int64_t height, std::int64_t width, Guesses &guesses)
      : tensors_(result.tensors), height_(height), width_(width), guesses_(guesses) {
    for (const int stride : kStrides) cells_ += cells(height, width, stride);
  }

  void find() {
    if (candidates() || nanodet() || boxes() || centernet() || semantic()) return;
    std::string shapes;
    for (const at::Tensor &tensor : tensors_) shapes += (shapes.empty() ? "" : ", ") + words(tensor.sizes().vec());
    guesses_.problem = "outputs of " + (shapes.empty() ? "no tensor" : shapes) +
                       " are of no layout that is known; say what they are with --set output.layout=…";
  }

 private:
  void say(const std::string &key, const std::string &value, const std::string &reason) {
    guesses_.found.push_back({key, value, reason});
  }
  void layout(const std::string &name, const std::string &reason) { say("output.layout", "\"" + name + "\"", reason); }
  void classes(std::int64_t count) { guesses_.classes = int(count); }

  /// YOLO in its variants: one tensor with a row or a column for each candidate.
  bool candidates() {
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      const auto shape = shape_of(tensors_[i], 2);
      if (shape.size() != 2) continue;
      for (const bool turned : {false, true}) {
        const auto count = shape[turned ? 1 : 0], columns = shape[turned ? 0 : 1];
        const at::Tensor flat = tensors_[i].reshape(shape);
        const at::Tensor rows = turned ? flat.t() : flat;
        if (columns < 5 || (count != cells_ && count != 3 * cells_)) continue;
        const std::string what = "output " + std::to_string(i) + " is " + words(tensors_[i].sizes().vec()) + ": " +
                                 std::to_string(count) + " candidates are ";
        if (i) say("output.predictions", "[" + std::to_string(i) + "]", "that is the output with a row a candidate");
        if (count == 3 * cells_) {
          if (!is_share(rows.narrow(1, 4, columns - 4))) continue;
          layout("yolo", what + "three anchors for each cell of strides 8, 16 and 32, as YOLOv5 and v7 have");
          say("output.objectness", "true", "these have one");
          classes(columns - 5);
          return true;
        }
        const std::string cell = what + "one for each cell of strides 8, 16 and 32";
        if (!is_share(rows.narrow(1, 4, columns - 4))) {
          if (is_share(rows.narrow(1, 0, 1))) {
            guesses_.problem = cell +
                               ", but scores and box distributions in one tensor, as NanoDet's own export has "
                               "them, are of no layout that is known: export an output for each";
            return true;
          }
          continue;
        }
        if (turned) {
          layout("yolo", cell + ", a column each, as YOLOv8 has");
          classes(columns - 4);
          return true;
        }
        const bool logarithms = rows.narrow(1, 2, 2).min().item<double>() <= 0;
        layout(logarithms ? "yolox" : "yolo",
               cell + ", a row each, as YOLOX has; width and height are " +
                   (logarithms ? "logarithms: some are negative" : "pixels already: none is negative"));
        if (logarithms)
          say("output.strides", list(kStrides), "these make that many cells");
        else
          say("output.objectness", "true", "YOLOX has one");
        classes(columns - 5);
        return true;
      }
    }
    return false;
  }

  /// An output of scores and one of distributions a stride.
  bool nanodet() {
    std::vector<int> strides, scores, distributions;
    std::int64_t class_count = 0, sides = 0;
    for (const int stride : {8, 16, 32, 64}) {
      const auto count = cells(height_, width_, stride);
      int score = -1, box = -1;
      for (std::size_t i = 0; i < tensors_.size(); ++i) {
        const auto shape = shape_of(tensors_[i], 2);
        if (shape.size() != 2 || shape[0] != count) continue;
        const bool is_score = is_share(tensors_[i]);
        if (is_score && score < 0 && (!class_count || class_count == shape[1])) {
          score = int(i);
          class_count = shape[1];
        } else if (!is_score && box < 0 && shape[1] % 4 == 0 && shape[1] >= 8 && (!sides || sides == shape[1])) {
          box = int(i);
          sides = shape[1];
        }
      }
      if (score < 0 || box < 0) continue;
      strides.push_back(stride);
      scores.push_back(score);
      distributions.push_back(box);
    }
    if (strides.size() < 2) return false;
    layout("nanodet", "for each of " + std::to_string(strides.size()) +
                          " strides there are an output of scores and one of " + std::to_string(sides) +
                          " numbers a cell");
    say("output.strides", list(strides), "these make as many cells as the outputs have rows");
    say("output.scores", list(scores), "their numbers are from 0 to 1");
    say("output.boxes", list(distributions), "theirs are not, and there are four sides to them");
    say("output.bins", std::to_string(sides / 4), std::to_string(sides) + " numbers are 4 sides");
    classes(class_count);
    return true;
  }

  bool boxes() {
    for (std::size_t b = 0; b < tensors_.size(); ++b) {
      const auto shape = shape_of(tensors_[b], 2);
      if (shape.size() != 2 || shape[1] != 4) continue;
      std::vector<std::size_t> rows;
      for (std::size_t i = 0; i < tensors_.size(); ++i)
        if (i != b && shape_of(tensors_[i], 1) == std::vector<std::int64_t>{shape[0]}) rows.push_back(i);
      if (rows.size() != 2) continue;
      const auto whole = [&](std::size_t i) {
        return !tensors_[i].is_floating_point() || (tensors_[i].numel() && !is_share(tensors_[i]));
      };
      if (whole(rows[0])) std::swap(rows[0], rows[1]);
      if (!whole(rows[1])) continue;
      const std::string n = std::to_string(shape[0]);
      layout("boxes", "there are " + n + " boxes of 4 numbers and two outputs of " + n);
      say("output.boxes", "[" + std::to_string(b) + "]", "it has 4 numbers a row");
      say("output.scores", "[" + std::to_string(rows[0]) + "]", "its numbers are from 0 to 1");
      say("output.labels", std::to_string(rows[1]), "its numbers are whole, or not from 0 to 1");
      return true;
    }
    return false;
  }

  bool centernet() {
    if (tensors_.size() < 2 || tensors_.size() > 3) return false;
    const auto heat = shape_of(tensors_[0], 3);
    if (heat.size() != 3 || !is_share(tensors_[0])) return false;
    for (std::size_t i = 1; i < tensors_.size(); ++i)
      if (shape_of(tensors_[i], 3) != std::vector<std::int64_t>{2, heat[1], heat[2]}) return false;
    layout("centernet", "output 0 is a map from 0 to 1, and the others have two planes of its size");
    say("output.scores", "[0]", "the map");
    say("output.boxes", "[1]", "sizes come first");
    if (tensors_.size() == 3) say("output.offsets", "2", "offsets come after");
    classes(heat[0]);
    return true;
  }

  /// One tensor with a plane for each class, not much coarser than the picture, and of its shape.
  bool semantic() {
    const auto shape = tensors_.size() == 1 ? shape_of(tensors_[0], 3) : std::vector<std::int64_t>{};
    if (shape.size() != 3 || shape[0] < 1 || shape[0] > kMostClasses || shape[1] * 16 < height_) return false;
    const double across = double(shape[2]) / double(width_), down = double(shape[1]) / double(height_);
    if (std::abs(across - down) > 0.1 * down) return false;
    const std::string n = std::to_string(shape[0]);
    layout("semantic", "the output is " + words(tensors_[0].sizes().vec()) +
                           ": a map of the picture, a plane for each of " + n + (shape[0] > 1 ? " classes" : " class"));
    const bool shares = is_share(tensors_[0]);
    const at::Tensor sums = tensors_[0].reshape(shape).sum(0);
    const bool whole = shares && shape[0] > 1 && sums.sub(1).abs().max().item<double>() < 1e-3;
    say("output.probabilities", shares ? "true" : "false",
        whole    ? "its planes add up to 1"
        : shares ? "its numbers are from 0 to 1"
                 : "its numbers are not from 0 to 1, so the softmax is still to come");
    if (shares && !whole && shape[0] > 1)
      say("output.background", "-1", "its planes do not add up to 1, so none of them is the rest");
    else if (shape[0] > 1)
      say("output.background", "0", "it is the usual one; a run does not show it");
    classes(shape[0]);
    return true;
  }

  const std::vector<at::Tensor> &tensors_;
  const std::int64_t height_, width_;
  Guesses &guesses_;
  std::int64_t cells_ = 0;
};

}  // namespace

struct ModelFile::Contents {
  std::string path, description;
  torch::jit::Module module;   ///< as it is in the file
  torch::jit::Module running;  ///< one that may change as it runs
  torch::jit::ExtraFilesMap extra;
  bool takes_list = false;
  c10::ScalarType type = torch::kFloat;

  Result run(std::int64_t height, std::int64_t width, std::int64_t channels = 3) {
    torch::NoGradGuard no_grad;
    torch::jit::GraphOptimizerEnabledGuard plain_executor{false};
    at::Tensor x = picture(height, width).to(type);
    if (takes_list) x = x.squeeze(0).clamp(0, 1);
    x = x.narrow(takes_list ? 0 : 1, 0, channels);
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
  std::optional<Result> try_run(std::int64_t height, std::int64_t width, std::string *why, std::int64_t channels = 3) {
    try {
      return run(height, width, channels);
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
  const auto method = contents_->module.find_method("forward");
  if (!method) throw ImportError(path + " has no method forward()");
  const auto &arguments = method->function().getSchema().arguments();
  contents_->takes_list = arguments.size() > 1 && arguments[1].type()->kind() == c10::TypeKind::ListType;
  for (const at::Tensor &tensor : contents_->module.parameters())
    if (tensor.is_floating_point()) contents_->type = tensor.scalar_type();
}

ModelFile::~ModelFile() = default;

const std::string &ModelFile::description() const { return contents_->description; }

Guesses ModelFile::guess(unsigned width, unsigned height) {
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
  if (!result) {
    const auto side = given ? h : kSides[0];
    if (contents_->try_run(side, given ? w : side, nullptr, 1))
      throw ImportError(contents_->path + " takes pictures of one colour; oneadaptdnn has three");
    throw ImportError(contents_->path + " ran on no picture of 3 colours" +
                      (given ? " of " + std::to_string(w) + "×" + std::to_string(h)
                             : ": give its size with --input-size WIDTHxHEIGHT") +
                      " (" + why + ")");
  }
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
  } else {
    const auto other = contents_->try_run(h + 32, w + 64, nullptr);
    bool follows = other && w % 32 == 0 && h % 32 == 0 && other->tensors.size() == result->tensors.size();
    bool grows = false;
    for (std::size_t i = 0; follows && i < other->tensors.size(); ++i)
      grows = grows || other->tensors[i].sizes() != result->tensors[i].sizes();
    follows = follows && grows;
    say("input.multiple_of", follows ? "32" : "0",
        follows ? "it also ran on " + std::to_string(w + 64) + "×" + std::to_string(h + 32) + ", and its outputs grew"
                : "it did not follow another size");
    Layouts(*result, h, w, guesses).find();
  }
  std::string layout;
  for (const Guess &guess : guesses.found)
    if (guess.key == "output.layout") layout = guess.value;
  const bool segments = result->masks || layout == "\"semantic\"";
  guesses.found.insert(guesses.found.begin(), {"task", segments ? "\"segmentation\"" : "\"detection\"",
                                               segments ? "it gives masks" : "it gives no masks"});
  const bool yolox = layout == "\"yolox\"";
  const std::string assumed = yolox ? "YOLOX is trained like this" : "it is the usual one; a run does not show it";
  say("input.colour", yolox ? "\"BGR\"" : "\"RGB\"", assumed);
  say("input.range", yolox ? "255" : "1", assumed);
  if (!yolox && !result->dictionary) {
    say("input.mean", "[0,0,0]", "a run does not show it; for ImageNet's, --set input.mean=[0.485,0.456,0.406]");
    say("input.std", "[1,1,1]", "a run does not show it; for ImageNet's, --set input.std=[0.229,0.224,0.225]");
  }
  return guesses;
}

void ModelFile::check(const std::string &description) {
  const ModelDescription d = ModelDescription::parse(description);
  const std::int64_t height = d.height ? d.height : d.multiple_of * 4, width = d.width ? d.width : d.multiple_of * 4;
  std::string why;
  if (d.task == "ctc") {
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
    return;
  }
  // torchvision's resizes by itself, and finds what it finds.
  if (d.layout == "torchvision") {
    if (d.task != "segmentation") return;
    const auto result = contents_->try_run(std::max(height, kSides[0]), std::max(width, kSides[0]), &why);
    if (result && result->masks) return;
    throw ImportError(result ? "the model gives no masks; --set task=detection" : "the model does not run: " + why);
  }
  const auto result = contents_->try_run(height, width, &why);
  if (!result)
    throw ImportError("the model does not run on a picture of " + std::to_string(width) + "×" + std::to_string(height) +
                      ": " + why);
  check_outputs(d, result->tensors, height, width);
}

void ModelFile::write(const std::string &path, const std::string &option, const std::string &description) const {
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

}  // namespace oneadapt::import
