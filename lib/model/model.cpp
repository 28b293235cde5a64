// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/model.h"

#include <torch/csrc/api/include/torch/version.h>
#include <torch/csrc/autograd/autograd.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "model/backward.h"
#include "model/engine_tensors.h"
#include "model/files.h"
#include "model/gradient_check.h"
#include "model/heads_common.h"
#include "model/onnx_engine.h"
#include "model/saved_tensors.h"
#include "model/torch_model.h"

namespace oneadapt {
namespace {

using Kind = ModelError::Kind;

/// Convolutions whose cells are smaller than this (pixels of the frame) only spread a gradient within the 16×16 blocks
/// over which it is averaged, so their channels may go together (docs/elements/oneadaptdnn-gradient.md has figures).
constexpr double kFineCell = 8;
/// Where they are no larger than this, the gradient is not followed any further.
constexpr double kEndCell = 4;
/// Gradients from one that is followed all the way, which tells its magnitude, to the next.
constexpr unsigned kFollowed = 32;
// Its maps stand out more than exact ones: over blocks, log(exact) rises by 0.90 to 0.98 of log(channel-mean). With
// this power of it macroblocks get the same QPs in the mean (docs/elements/oneadaptdnn-gradient.md).
constexpr double kChannelMeanPower = 0.9;
// Plans are tried on a picture of this size, where the model takes any.
constexpr unsigned kExampleWidth = 320, kExampleHeight = 256;
/// Directions along which a gradient is compared with differences: where somebody asks, and once when plans are tried.
constexpr int kDirections = 3, kDirectionsOfLoading = 1;

/// The first dictionary that holds boxes, scores and labels, however deep: torchvision's scripted detectors give
/// (losses, [detections]), traced ones differ.
const c10::IValue *find_detections(const c10::IValue &value) {
  if (value.isGenericDict()) {
    const auto dictionary = value.toGenericDict();
    for (const char *name : {"boxes", "scores", "labels"})
      if (!dictionary.contains(name) || !dictionary.at(name).isTensor()) return nullptr;
    return &value;
  }
  const auto search = [](const auto &elements) {
    const c10::IValue *found = nullptr;
    for (const c10::IValue &element : elements)
      if (!found) found = find_detections(element);
    return found;
  };
  if (value.isTuple()) return search(value.toTupleRef().elements());
  if (value.isList()) return search(value.toListRef());
  return nullptr;
}

/// boxes, scores, labels, and masks for segmentation.
std::vector<at::Tensor> torchvision_tensors(const c10::IValue &value, bool masks) {
  const c10::IValue *found = find_detections(value);
  if (!found)
    throw ModelError(Kind::Run, "the model gave a " + value.tagKind() +
                                    " without a dictionary \"boxes\", \"scores\", \"labels\"; is output.layout "
                                    "\"torchvision\" right?");
  const auto dictionary = found->toGenericDict();
  std::vector<at::Tensor> tensors{dictionary.at("boxes").toTensor(), dictionary.at("scores").toTensor(),
                                  dictionary.at("labels").toTensor()};
  if (masks) {
    if (!dictionary.contains("masks") || !dictionary.at("masks").isTensor())
      throw ModelError(
          Kind::Run,
          "the model's dictionary has no \"masks\"; it gives boxes only, so write \"task\": \"detection\" in its "
          "description");
    tensors.push_back(dictionary.at("masks").toTensor());
  }
  return tensors;
}

/// torchvision's segmentation networks give a dictionary whose "out" it is; others a tensor, or several.
std::vector<at::Tensor> semantic_tensors(const c10::IValue &value) {
  if (!value.isGenericDict()) return tensors_of(value);
  const auto dictionary = value.toGenericDict();
  if (!dictionary.contains("out") || !dictionary.at("out").isTensor())
    throw ModelError(Kind::Run,
                     "the model gave a dictionary without a tensor \"out\"; is output.layout \"semantic\" right?");
  return {dictionary.at("out").toTensor()};
}

/// A picture with edges and gradients at many scales, the same each time, as 1×3×H×W in [0, 1].
at::Tensor example_picture(std::int64_t width, std::int64_t height, const c10::Device &device, at::ScalarType type) {
  const auto options = at::TensorOptions().dtype(at::kDouble).device(device);
  const at::Tensor x = at::arange(width, options).view({1, 1, 1, width});
  const at::Tensor y = at::arange(height, options).view({1, 1, height, 1});
  const at::Tensor c = at::arange(3, options).view({1, 3, 1, 1});
  const at::Tensor smooth = (x * 0.031 + c).sin() * (y * 0.043 - c).cos();
  const at::Tensor fine = (x * y * 0.0021 + c * 2).sin(),
                   edges = ((x * 0.11).sin() * (y * 0.17).sin() + 0.2 * c).sign();
  return (0.5 + 0.2 * smooth + 0.15 * fine + 0.12 * edges).clamp(0, 1).to(type);
}

/// For errors.
std::string picture_of(const at::Tensor &input) {
  return "a picture of " + std::to_string(input.size(3)) + "×" + std::to_string(input.size(2)) + " (tensor " +
         shape_text(input) + ")";
}

double clip01(double value) { return std::min(1.0, std::max(0.0, value)); }

}  // namespace

at::Tensor block_means(const at::Tensor &plane, std::int64_t block) {
  // ceil_mode keeps the cut blocks, and a cut block's divisor counts only what lies inside.
  return at::avg_pool2d(plane.unsqueeze(0).unsqueeze(0), {block, block}, {block, block}, {0, 0}, /*ceil_mode=*/true)
      .squeeze(0)
      .squeeze(0);
}

std::unique_ptr<Model> Model::load(const ModelOptions &options) {
  return loading(options, [&]() -> std::unique_ptr<Model> { return std::make_unique<TorchModel>(options); });
}

TorchModel::TorchModel(const ModelOptions &options)
    : LoadedFile(options, {"one tensor 1×3×H×W, or a list of one 3×H×W", "frame"}) {
  const ModelDescription &d = description_;
  if (d.takes_sound() || d.takes_points())
    throw ModelError(Kind::Description, "model file '" + path_ + "' is for " + d.medium() + " (\"task\": \"" + d.task +
                                            "\"), but the input is pictures; use "
                                            "a model of task \"detection\" or \"segmentation\"");
  if (d.is_head())
    throw ModelError(Kind::Description, "model file '" + path_ +
                                            "' is the first half of a detector, which is for oneadaptfeatures; set "
                                            "the second half here");
  const std::vector<bool> wanted = select_classes(labels_, options.classes);
  at::Tensor mask = at::zeros({std::int64_t(wanted.size())}, at::TensorOptions().dtype(at::kBool));
  for (std::size_t i = 0; i < wanted.size(); ++i) mask.data_ptr<bool>()[i] = wanted[i];
  wanted_ = mask.to(device_.device);

  input_ = std::make_unique<PictureInput>(d, device_.device, type_);
  choose_plans(options);
}

/// Plans other than the plain one are for the CPU.
void TorchModel::choose_plans(const ModelOptions &options) {
  const auto &names = plan_names();
  if (options.plan != "auto" && std::find(names.begin(), names.end(), options.plan) == names.end())
    throw ModelError(Kind::Input, "there is no plan \"" + options.plan +
                                      "\"; write auto, plain, channels-last, onednn or onnxruntime");
  results_.module = gradients_.module = module_;
  if (!device_.device.is_cpu()) return;
  const OnnxPair pair(path_, shared_->onnx_record);
  if (options.plan == kOnnxRuntimePlan && !pair.problem().empty())
    throw ModelError(Kind::Plan, "there can be no \"" + options.plan + "\": " + pair.problem());
  const TensorPool::Use pool(shared_->pool);
  PlanSearch search = plan_search(options, pair, threads_.use());
  Plans plans = shared_->plans([&] {
    const PlanKey key = plan_key(pair), wanted{key.path + " " + options.plan, key.state};
    search.remembered = decided_plan(wanted);
    if (!search.remembered && options.plan == "auto") search.remembered = remembered_plan(key);
    // One that changes itself is tried as a copy.
    Plans found = find_plans(shared_->stateful ? shared_->to_run() : module_, search);
    if (!search.remembered && options.plan == "auto" && !found.report.trials.empty() && !shared_->stateful) {
      results_ = found.results;
      gradients_ = found.gradients;
      try {
        found.report.gradient_problem = gradient_problem_on(search.input, kDirectionsOfLoading);
      } catch (const std::exception &) {
        // A frame says what is wrong with the model.
      }
    }
    // Where nothing was tried there is nothing to remember, and a graph that is of no use is said each time.
    const bool useless = search.engine && !found.report.problem.empty();
    if (!search.remembered && options.plan == "auto" && !found.report.trials.empty() && !useless)
      remember_plan(key, found.report);
    decide_plan(wanted, found.report);
    return found;
  });
  if (shared_->stateful) {
    search.remembered = plans.report;
    plans = find_plans(module_, search);
  }
  results_ = plans.results;
  gradients_ = plans.gradients;
  plan_report_ = plans.report;
  // Another user's may have another number of threads.
  if (results_.engine && search.engine) results_.engine = search.engine();
}

PlanSearch TorchModel::plan_search(const ModelOptions &options, const OnnxPair &pair, unsigned threads) {
  PlanSearch search;
  search.wanted = options.plan;
  search.seconds = options.plan_seconds;
  search.input = prepare(example_picture(kExampleWidth, kExampleHeight, device_.device, type_));
  search.call = [this](torch::jit::Module program, const at::Tensor &input) {
    return call(program, input, "an example picture", "that it is a model of pictures");
  };
  const bool tried = options.plan == "auto" || options.plan == kOnnxRuntimePlan;
  const bool fits = type_ == at::kFloat && !takes_list_;
  if (tried && pair.problem().empty())
    search.engine = [pair, fits, threads, shared = shared_] {
      if (!fits) throw std::runtime_error("the model takes no single picture of 32-bit floats");
      return shared->engine(threads, [&] { return make_onnx_engine(pair.read(), threads); });
    };
  return search;
}

PlanKey TorchModel::plan_key(const OnnxPair &pair) const {
  std::error_code none;
  const auto path = std::filesystem::canonical(path_, none);
  const auto size = std::filesystem::file_size(path, none);
  const auto time = std::filesystem::last_write_time(path, none).time_since_epoch().count();
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  return {path.string(), std::to_string(size) + " " + std::to_string(time) + " LibTorch " TORCH_VERSION " " + host +
                             " plans " + std::to_string(kPlansVersion) + pair.identity()};
}

void TorchModel::set_input_size(unsigned width, unsigned height) { input_->set_size(width, height); }

const Plan &TorchModel::plan_now() const { return at::GradMode::is_enabled() ? gradients_ : results_; }

std::vector<at::Tensor> TorchModel::outputs_of(const at::Tensor &input) {
  if (plan_now().engine) {
    try {
      return run_engine(*plan_now().engine, input);
    } catch (const std::exception &e) {
      // Sizes that the example has not; LibTorch may take them.
      lost_plan_ = "plan \"" + results_.name + "\" failed on " + picture_of(input) + ", so that \"" + gradients_.name +
                   "\" is used from now on: " + first_sentence(e);
      results_ = gradients_;
      plan_report_.results = results_.name;
    }
  }
  return torch_outputs(plan_now(), input);
}

std::vector<at::Tensor> TorchModel::torch_outputs(const Plan &plan, const at::Tensor &input) {
  const c10::IValue value = call(plan.module, input.contiguous(plan.layout), picture_of(input),
                                 "that it is a model of pictures, and input.width, input.height and input.multiple_of "
                                 "of its description");
  if (description_.layout == "torchvision") return torchvision_tensors(value, description_.task == "segmentation");
  return description_.layout == "semantic" ? semantic_tensors(value) : tensors_of(value);
}

std::string TorchModel::gradient_problem(const RgbFrame *frame) {
  graph_ = {};
  return guarded("the model failed", [&] {
    const TensorPool::Use pool(shared_->pool);
    threads_.use();
    at::Tensor input;
    {
      const at::NoGradGuard no_grad;
      input = frame ? prepare_frame(*frame)
                    : prepare(example_picture(kExampleWidth, kExampleHeight, device_.device, type_));
    }
    return gradient_problem_on(input, kDirections);
  });
}

std::string TorchModel::gradient_problem_on(const at::Tensor &input, int directions) {
  const std::string problem = gradient_problem_at(input, directions);
  return problem.empty() ? "" : gradient_problem_at(off_kinks(input, input_->scale().div(255.0)), directions);
}

std::string TorchModel::gradient_problem_at(const at::Tensor &input, int directions) {
  CheckedGradient checked;
  checked.input = input.detach();
  checked.unit = input_->scale().div(255.0);
  checked.directions = directions;
  {
    const at::AutoGradMode with_grad(true);
    const at::Tensor leaf = checked.input.clone(plan_now().layout).requires_grad_(true);
    const at::Tensor sum = [&] {
      const SavedTensorsGuard less(GradientMemory::Exact, leaf.sizes(), 0);
      return sum_of_scores(description_, outputs_of(leaf.mul(1)));  // a leaf cannot be changed in place
    }();
    if (!sum.defined() || !sum.requires_grad()) return "";  // said elsewhere
    WayBack way;
    way.with_signs = true;
    checked.gradient = gradient_of_leaf(sum, leaf, way);
  }
  const at::NoGradGuard no_grad;
  // The engine's rounding is another than that of the program whose gradient it is.
  const Plan &plan = results_.engine ? gradients_ : results_;
  checked.sum = [&](const at::Tensor &x) { return sum_of_scores(description_, torch_outputs(plan, x)).item<double>(); };
  return ::oneadapt::gradient_problem(compare_with_differences(checked));
}

Elements TorchModel::forward(const at::Tensor &input, double least) {
  const auto outputs = outputs_of(input);
  // One number a class for the whole picture; a detector's single candidate has those of a box, too.
  if (outputs.size() == 1 && outputs[0].dim() == 2 && outputs[0].size(0) == 1 &&
      outputs[0].size(1) != 4 + std::int64_t(labels_.size()) &&
      outputs[0].size(1) != 5 + std::int64_t(labels_.size()) && description_.layout != "detections")
    throw ModelError(Kind::Run, "the model gave one row of " + std::to_string(outputs[0].size(1)) +
                                    " numbers for a picture, as a classifier does; oneadaptdnn needs a detector, which "
                                    "gives boxes and their scores");
  Elements found = elements(description_, outputs, shown_width(input), shown_height(input), wanted_, least);
  if (box_problem_.empty() && !found.oddity.empty())
    box_problem_ = "the boxes that the model gave " + found.oddity + "; \"oneadapt-import --describe " + path_ +
                   " --set KEY=VALUE\" changes a key";
  return found;
}

std::vector<Detection> TorchModel::detections(const Elements &elements, std::int64_t width, std::int64_t height) const {
  std::vector<Detection> result;
  for (const ScoredBox &b : elements.boxes) {
    if (b.score < theta_) continue;
    Detection d;
    d.box = {clip01(b.box.x0 / double(width)), clip01(b.box.y0 / double(height)), clip01(b.box.x1 / double(width)),
             clip01(b.box.y1 / double(height))};
    d.score = std::min(1.0, b.score);
    d.label = b.label;
    d.mask = b.mask;
    if (!d.mask.none() && !covered_cells(d.mask)) continue;
    if (d.box.x1 > d.box.x0 && d.box.y1 > d.box.y0) result.push_back(d);
  }
  return result;
}

void TorchModel::release_larger(const RgbFrame &frame) {
  const FrameSize size = input_size({frame.width, frame.height});
  const std::uint64_t pixels = std::uint64_t(size.width) * size.height;
  if (pixels < pixels_) {
    graph_ = {};
    shared_->pool->release();
  }
  pixels_ = pixels;
}

std::vector<Detection> TorchModel::infer(const RgbFrame &frame) {
  release_larger(frame);
  return run_plain([&] {
    const at::Tensor input = prepare_frame(frame);
    // What is below θ cannot suppress what is above it: NMS goes by score.
    return detections(forward(input, theta_), shown_width(input), shown_height(input));
  });
}

std::vector<Detection> TorchModel::infer_for_gradient(const RgbFrame &frame) {
  release_larger(frame);
  return run_with_graph([&] { return run_for_gradient(upload(frame), /*keep_pixels=*/false); });
}

std::vector<Detection> TorchModel::run_for_gradient(at::Tensor rgb, bool keep_pixels) {
  at::AutoGradMode with_grad(true);
  rgb.requires_grad_(true);
  const at::Tensor input = prepare(rgb);
  // From here on only its form counts, and its place in the graph.
  if (!keep_pixels) rgb.set_data(at::empty({1}, rgb.options().requires_grad(false)).expand(rgb.sizes()));
  magnitude_.find = magnitude_.factor <= 0 || magnitude_.since >= kFollowed;
  const Elements all = [&] {
    // The gradients of weights need what the input's does not.
    const bool ends = method_ == GradientMethod::ChannelMean && !magnitude_.find;
    const SavedTensorsGuard less(weights_.empty() ? memory_ : GradientMemory::All, rgb.sizes(), ends ? kEndCell : 0);
    return forward(input, std::min(theta_, description_.floor));
  }();
  // Elements come best first: those that count in z stand in front.
  std::int64_t counted = 0;
  element_boxes_.clear();
  const double width = double(shown_width(input)), height = double(shown_height(input));
  for (const ScoredBox &b : all.boxes) {
    if (b.score < description_.floor) continue;
    ++counted;
    element_boxes_.push_back({b.box.x0 / width, b.box.y0 / height, b.box.x1 / width, b.box.y1 / height});
  }
  graph_ = {rgb, all.scores.narrow(0, 0, counted)};
  return detections(all, shown_width(input), shown_height(input));
}

at::Tensor TorchModel::gradient_of(const at::Tensor &sum, const at::Tensor &leaf) {
  if (weights_.empty())
    return method_ == GradientMethod::Exact ? gradient_of_leaf(sum, leaf) : approximate_gradient(sum, leaf);
  // Only to measure what is spared (§4.1).
  std::vector<at::Tensor> wanted{leaf};
  wanted.insert(wanted.end(), weights_.begin(), weights_.end());
  const auto grads = torch::autograd::grad({sum}, wanted, {}, /*retain_graph=*/false, /*create_graph=*/false,
                                           /*allow_unused=*/true);
  return grads[0].defined() ? grads[0].abs() : grads[0];
}

at::Tensor TorchModel::approximate_gradient(const at::Tensor &sum, const at::Tensor &leaf) {
  at::Tensor ends;
  const at::Tensor all = gradient_of_leaf(sum, leaf, {kFineCell, kEndCell, magnitude_.find}, &ends);
  ++magnitude_.since;
  if (!ends.defined()) return all;
  if (!magnitude_.find)
    return all.defined() ? all.sum(1, true).add_(ends, magnitude_.factor) : ends.mul_(magnitude_.factor);
  const double here = all.sum().item<double>(), there = ends.sum().item<double>();
  magnitude_.factor = std::isfinite(here) && there > 0 ? here / there : 0;
  magnitude_.since = 0;
  return all;
}

BlockMap TorchModel::map_of(const at::Tensor &gradient) {
  BlockMap map(unsigned(gradient.size(3)), unsigned(gradient.size(2)));
  // Sum over R, G, B, mean over the pixels of a block (§4.3).
  fill(map, block_means(gradient.squeeze(0).sum(0), map.block_size));
  if (method_ == GradientMethod::ChannelMean) raise_values(map, kChannelMeanPower);
  return map;
}

void TorchModel::set_gradient(GradientMethod method, GradientMemory memory) {
  method_ = method;
  memory_ = memory;
}

void TorchModel::set_weight_gradients(bool on) {
  drop_graph();
  weights_.clear();
  if (on) module_ = module_.deepcopy();  // others run the same weights
  if (on) results_ = gradients_ = {"plain", module_, at::MemoryFormat::Contiguous};
  auto take = [&](at::Tensor weight) {
    if (!weight.is_floating_point()) return;
    weight.requires_grad_(on);
    if (on) weights_.push_back(weight);
  };
  // Imported models keep their weights as buffers.
  for (const at::Tensor &weight : module_.parameters()) take(weight);
  for (const at::Tensor &weight : module_.buffers()) take(weight);
}

}  // namespace oneadapt
