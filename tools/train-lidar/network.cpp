// SPDX-License-Identifier: LGPL-2.1-or-later
#include "network.h"

#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/script.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <future>
#include <sstream>
#include <stdexcept>
#include <utility>
#include <vector>

namespace oneadapt_lidar {
namespace {

constexpr int kFeatures = 7;
constexpr double kBoxShare = 1.0;    // of the boxes' loss
constexpr double kFirstHeat = 0.02;  // few places have an object: the focal loss starts there (Lin et al., 2017, §3.3)
constexpr double kWarmSteps = 50;

/// The network is written in TorchScript, so that what is trained is what is saved. Words in capitals are constants of
/// targets.h.
///
/// pillars: points N×4 and presence N to 1 × (channels + 1) × CELLS × CELLS. A point whose presence is 0 changes
/// neither the greatest feature of its pillar, which is never negative, nor the number of points.
const char *const kPillars = R"(
def pillars(self, points, presence):
    seen = (points[:, 0].abs() < REACH) & (points[:, 1].abs() < REACH) & (points[:, 2] > -5.0) & (points[:, 2] < 4.0)
    index = torch.nonzero(seen).squeeze(1)
    p = points.index_select(0, index)
    w = presence.index_select(0, index)
    x = (p[:, 0] + REACH) / PILLAR
    y = (p[:, 1] + REACH) / PILLAR
    column = x.floor().clamp(0, CELLS - 1)
    row = y.floor().clamp(0, CELLS - 1)
    cell = (row * CELLS + column).long()
    away = torch.sqrt(p[:, 0] * p[:, 0] + p[:, 1] * p[:, 1]) / 20.0
    up = p[:, 2] + 1.0
    f = torch.stack([x - column - 0.5, y - row - 0.5, up, up * up * 0.5, torch.sin(3.0 * up), p[:, 3] * 2.0, away], 1)
    h = torch.relu(torch.addmm(self.b0, f, self.w0))
    h = torch.relu(torch.addmm(self.b1, h, self.w1)) * w.unsqueeze(1)
    n = h.size(1)
    grid = torch.zeros([CELLS * CELLS, n], dtype=points.dtype, device=points.device)
    grid = torch.scatter_reduce(grid, 0, cell.unsqueeze(1).expand(-1, n), h, "amax")
    count = torch.zeros([CELLS * CELLS], dtype=points.dtype, device=points.device).index_add(0, cell, w)
    grid = torch.cat([grid, torch.log1p(count).unsqueeze(1) * 0.4], 1)
    return grid.t().reshape(1, n + 1, CELLS, CELLS)
)";

/// Heat after the sigmoid, 1 × classes × MAPS × MAPS, and box, 1 × 8 × MAPS × MAPS (Targets), to boxes N×7, scores N,
/// labels N: those of the places that are hotter than the eight around them.
const char *const kDecode = R"(
def decode(self, heat, box):
    best = torch.max_pool2d(heat, [3, 3], [1, 1], [1, 1])
    scores, index = torch.topk((heat * (heat == best).to(heat.dtype)).reshape(-1), 160)
    cell = index % (MAPS * MAPS)
    labels = torch.div(index, MAPS * MAPS, rounding_mode="floor")
    b = box.reshape(8, -1).index_select(1, cell)
    x = ((cell % MAPS).to(b.dtype) + 0.5 + b[0]) * PLACE - REACH
    y = (torch.div(cell, MAPS, rounding_mode="floor").to(b.dtype) + 0.5 + b[1]) * PLACE - REACH
    sides = torch.exp(b[3:6].clamp(-4.0, 3.0))
    yaw = 0.5 * torch.atan2(b[6], b[7])
    boxes = torch.stack([x, y, b[2], sides[0], sides[1], sides[2], yaw], 1)
    return boxes, scores, labels
)";

const char *const kForward = R"(
def forward(self, points, presence):
    heat, box = self.maps(self.pillars(points, presence), False)
    return self.decode(torch.sigmoid(heat), box)
)";

std::string with_constants(std::string text) {
  const std::pair<const char *, std::string> constants[] = {{"REACH", std::to_string(kReachSeen)},
                                                            {"PILLAR", std::to_string(kPillar)},
                                                            {"PLACE", std::to_string(kPlace)},
                                                            {"CELLS", std::to_string(kCells)},
                                                            {"MAPS", std::to_string(kMaps)}};
  for (const auto &[word, value] : constants)
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at))
      text.replace(at, std::string(word).size(), value);
  return text;
}

/// Makes the module. Of the code of its layers, each is from x to x.
class Builder {
 public:
  torch::jit::Module build(const Widths &w) {
    const int points = int(w.points), near = int(w.near), deep = int(w.deep);
    linear("0", kFeatures, points);
    linear("1", points, points);
    std::string maps = "def maps(self, grid, training: bool):\n    x = grid\n";
    maps += layer(points + 1, near, 2) + layer(near, near) + layer(near, near) + "    near = x\n";
    maps += layer(near, deep, 2) + layer(deep, deep) + layer(deep, deep) + layer(deep, near, 1, 1);
    maps += "    x = near + torch.upsample_nearest2d(x, [near.size(2), near.size(3)])\n" + layer(near, near);
    maps += "    return torch.conv2d(x, self.heat, self.heat_bias), torch.conv2d(x, self.box, self.box_bias)\n";
    add("heat", torch::randn({kClasses, near, 1, 1}) * 0.01);
    add("heat_bias", torch::full({kClasses}, std::log(kFirstHeat / (1 - kFirstHeat))));
    add("box", torch::randn({kBoxNumbers, near, 1, 1}) * 0.01);
    add("box_bias", torch::zeros({kBoxNumbers}));
    module_.define(with_constants(kPillars));
    module_.define(maps);
    module_.define(with_constants(kDecode));
    module_.define(with_constants(kForward));
    return module_;
  }

 private:
  void add(const std::string &name, const at::Tensor &value) { module_.register_parameter(name, value, false); }

  void linear(const std::string &n, int in, int out) {
    add("w" + n, torch::randn({in, out}) * std::sqrt(2.0 / in));
    add("b" + n, torch::zeros({out}));
  }

  /// A convolution, batch normalisation and ReLU.
  std::string layer(int in, int out, int stride = 1, int side = 3) {
    const std::string n = std::to_string(layers_++), s = std::to_string(stride), p = std::to_string(side / 2);
    add("c" + n, torch::randn({out, in, side, side}) * std::sqrt(2.0 / (side * side * in)));
    add("g" + n, torch::ones({out}));
    add("o" + n, torch::zeros({out}));
    module_.register_buffer("m" + n, torch::zeros({out}));
    module_.register_buffer("v" + n, torch::ones({out}));
    return "    x = torch.conv2d(x, self.c" + n + ", None, [" + s + ", " + s + "], [" + p + ", " + p +
           "])\n    x = torch.relu(torch.batch_norm(x, self.g" + n + ", self.o" + n + ", self.m" + n + ", self.v" + n +
           ", training, 0.05, 1e-5, False))\n";
  }

  torch::jit::Module module_{"Pillars"};
  int layers_ = 0;
};

std::vector<at::Tensor> parameters_of(const torch::jit::Module &module) {
  std::vector<at::Tensor> all;
  for (const at::Tensor &parameter : module.parameters()) all.push_back(parameter);
  return all;
}

/// Parameters and buffers, always in the same order.
std::vector<at::Tensor> state_of(const torch::jit::Module &module) {
  std::vector<at::Tensor> all = parameters_of(module);
  for (const at::Tensor &buffer : module.buffers()) all.push_back(buffer);
  return all;
}

struct Losses {
  at::Tensor heat, box;
};

/// Of one turn: of places, CenterNet's focal loss for each object; of boxes, the mean of the absolute differences'
/// sums. `heat` and `box` are its maps, classes × MAPS × MAPS before the sigmoid and 8 × MAPS × MAPS.
Losses losses_of(const at::Tensor &heat, const at::Tensor &box, Targets wanted) {
  // Copies, because the backward pass comes after this function.
  const at::Tensor truth = at::from_blob(wanted.heat.data(), {kClasses, kMaps, kMaps}, at::kFloat).clone(),
                   numbers = at::from_blob(wanted.box.data(), {kBoxNumbers, kMaps, kMaps}, at::kFloat).clone(),
                   weight = at::from_blob(wanted.weight.data(), {kMaps, kMaps}, at::kFloat).clone();
  const at::Tensor p = torch::sigmoid(heat).clamp(1e-4, 1 - 1e-4), peak = truth.ge(0.999).to(at::kFloat);
  const at::Tensor found = (1 - p).pow(2) * p.log() * peak,
                   nothing = (1 - truth).pow(4) * p.pow(2) * (1 - p).log() * (1 - peak);
  return {-(found.sum() + nothing.sum()) / double(std::max(1U, wanted.objects)),
          ((box - numbers).abs() * weight).sum() / double(std::max(1.0F, wanted.total_weight))};
}

class PillarTrainer final : public Trainer {
 public:
  explicit PillarTrainer(torch::jit::Module module) : module_(std::move(module)) {
    for (at::Tensor parameter : parameters_of(module_)) parameter.requires_grad_(true);
    for (const at::Tensor &value : state_of(module_)) mean_.push_back(value.detach().clone());
  }

  void train(const std::function<Example()> &next, const TrainingOptions &options,
             const std::function<void(const Progress &)> &report) override {
    torch::jit::GraphOptimizerEnabledGuard plain(false);  // profiling and fusing gain nothing here
    const std::vector<at::Tensor> weights = parameters_of(module_);
    torch::optim::AdamW optimiser(weights, torch::optim::AdamWOptions(options.rate).weight_decay(1e-2));
    const auto make_batch = [&] {
      std::vector<Example> batch;
      for (unsigned i = 0; i < options.batch; i++) batch.push_back(next());
      return batch;
    };
    std::future<std::vector<Example>> ready = std::async(std::launch::async, make_batch);
    Progress sums;
    unsigned counted = 0;
    for (unsigned step = 1; step <= options.steps; step++) {
      const std::vector<Example> batch = ready.get();
      if (step < options.steps) ready = std::async(std::launch::async, make_batch);
      const double rate =
          options.rate * std::min(1.0, step / kWarmSteps) * (0.5 + 0.5 * std::cos(M_PI * double(step) / options.steps));
      static_cast<torch::optim::AdamWOptions &>(optimiser.param_groups()[0].options()).lr(rate);
      optimiser.zero_grad();
      const Losses losses = losses_of_batch(batch);
      (losses.heat + kBoxShare * losses.box).backward();
      torch::nn::utils::clip_grad_norm_(weights, 5.0);
      optimiser.step();
      follow(step);
      sums.heat += losses.heat.item<double>();
      sums.box += losses.box.item<double>();
      counted++;
      if (step % options.report_every && step != options.steps) continue;
      report({step, sums.heat / counted, sums.box / counted});
      sums = {};
      counted = 0;
    }
  }

  std::string save(const std::string &description) const override {
    at::NoGradGuard no_grad;
    torch::jit::Module copy = module_.deepcopy();
    const std::vector<at::Tensor> values = state_of(copy);
    for (std::size_t i = 0; i < values.size(); i++) at::Tensor(values[i]).copy_(mean_[i]);
    for (at::Tensor parameter : parameters_of(copy)) parameter.requires_grad_(false);
    copy.eval();
    torch::jit::ExtraFilesMap files;
    files["oneadapt.json"] = description;
    std::ostringstream out;
    copy.save(out, files);
    return out.str();
  }

  std::size_t parameters() const override {
    std::size_t count = 0;
    for (const at::Tensor &parameter : parameters_of(module_)) count += std::size_t(parameter.numel());
    return count;
  }

 private:
  Losses losses_of_batch(const std::vector<Example> &batch) {
    std::vector<at::Tensor> grids;
    for (const Example &example : batch) {
      const auto n = std::int64_t(example.points.size());
      // from_blob() wants what may be written to; nothing is.
      const at::Tensor points = at::from_blob(const_cast<oneadapt::Point *>(example.points.data()), {n, 4}, at::kFloat);
      grids.push_back(module_.get_method("pillars")({points, torch::ones({n})}).toTensor());
    }
    const auto outputs = module_.get_method("maps")({torch::cat(grids), true}).toTuple();
    const at::Tensor heat = outputs->elements()[0].toTensor(), box = outputs->elements()[1].toTensor();
    Losses sum{at::zeros({}), at::zeros({})};
    for (std::size_t i = 0; i < batch.size(); i++) {
      const auto n = std::int64_t(i);
      const Losses one = losses_of(heat[n], box[n], make_targets(batch[i].objects));
      sum.heat = sum.heat + one.heat / double(batch.size());
      sum.box = sum.box + one.box / double(batch.size());
    }
    return sum;
  }

  /// The mean of the weights: about of the last 100 steps, of fewer at the start.
  void follow(unsigned step) {
    at::NoGradGuard no_grad;
    const double keep = std::min(0.99, 1 - 1.0 / (1 + step / 10.0));
    const std::vector<at::Tensor> values = state_of(module_);
    for (std::size_t i = 0; i < values.size(); i++) mean_[i].mul_(keep).add_(values[i].detach(), 1 - keep);
  }

  torch::jit::Module module_;
  std::vector<at::Tensor> mean_;  ///< of what state_of() has
};

}  // namespace

std::unique_ptr<Trainer> Trainer::make(std::uint64_t seed, const Widths &widths) {
  torch::manual_seed(seed);
  return std::make_unique<PillarTrainer>(Builder().build(widths));
}

std::unique_ptr<Trainer> Trainer::load(const std::string &path) {
  try {
    torch::jit::Module module = torch::jit::load(path);
    if (!module.find_method("pillars") || !module.find_method("maps"))
      throw std::runtime_error("model file '" + path +
                               "' is not of oneadapt-train-lidar; name one that it has written");
    return std::make_unique<PillarTrainer>(std::move(module));
  } catch (const c10::Error &e) {
    throw std::runtime_error("model file '" + path + "' cannot be loaded: " + e.what_without_backtrace());
  }
}

}  // namespace oneadapt_lidar
