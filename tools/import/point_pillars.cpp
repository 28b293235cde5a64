// SPDX-License-Identifier: LGPL-2.1-or-later
// PointPillars (Lang et al., CVPR 2019) from the weights of OpenPCDet and mmdetection3d: which of them are what, and
// the numbers of KITTI.
#include <ATen/ATen.h>

#include <cmath>
#include <utility>

#include "networks.h"
#include "point_pillars_source.h"
#include "script.h"
#include "source_module.h"

namespace oneadapt::import {
namespace {

constexpr double kEpsilon = 1e-3;  // of batch normalisation, in both frameworks
constexpr int kMostLayers = 64;

/// How a framework calls its layers, and in what it differs.
struct Flavour {
  std::string name, point, blocks, upwards, cls, box, direction;
  int first;    ///< number of a block's first convolution: OpenPCDet has a layer of padding before it
  bool legacy;  ///< of mmdetection3d: what a point's place is
  double offset;
  std::vector<std::string> labels;
};

const std::vector<Flavour> &flavours() {
  static const std::vector<Flavour> all{
      {"OpenPCDet",
       "vfe.pfn_layers.0",
       "backbone_2d.blocks",
       "backbone_2d.deblocks",
       "dense_head.conv_cls",
       "dense_head.conv_box",
       "dense_head.conv_dir_cls",
       1,
       false,
       0.78539,
       {"Car", "Pedestrian", "Cyclist"}},
      {"mmdetection3d",
       "voxel_encoder.pfn_layers.0",
       "backbone.blocks",
       "neck.deblocks",
       "bbox_head.conv_cls",
       "bbox_head.conv_reg",
       "bbox_head.conv_dir_cls",
       0,
       true,
       -M_PI / 2,
       {"Pedestrian", "Cyclist", "Car"}},
  };
  return all;
}

/// KITTI's anchors, as both frameworks configure them: lower side, length, width, height, m.
std::vector<float> anchor_of(const std::string &label) {
  if (label == "Car") return {-1.78F, 3.9F, 1.6F, 1.56F};
  return {-0.6F, label == "Cyclist" ? 1.76F : 0.8F, 0.6F, 1.73F};
}

class Builder {
 public:
  Builder(const Weights &weights, const Flavour &flavour, torch::jit::Module &module)
      : weights_(weights), flavour_(flavour), module_(module) {}

  /// Features of a point that are read.
  std::int64_t read_points() {
    const at::Tensor w = weights_.get(flavour_.point + ".linear.weight", {-1, -1});
    const auto [scale, shift] = norm(flavour_.point + ".norm", w.size(0));
    module_.register_buffer("point_weight", w * scale.unsqueeze(1));
    module_.register_buffer("point_bias", shift);
    channels_ = w.size(0);
    return w.size(1);
  }

  /// The method maps(), from the grid of pillars to the outputs of the head; `stride` is that of each block.
  std::string read_maps(int stride) {
    std::string text = "def maps(self, x):\n";
    std::vector<std::string> parts;
    std::int64_t in = channels_, all = 0;
    for (int block = 0; weights_.has(upward(block) + ".0.weight"); block++) {
      text += read_block(block, stride, in);
      const std::string up = upward(block), part = "up" + std::to_string(block);
      const at::Tensor w = weights_.get(up + ".0.weight", {in, -1, -1, -1});
      const auto [scale, shift] = norm(up + ".1", w.size(1));
      const std::string factor = std::to_string(w.size(2));
      text += "    " + part + " = torch.relu(torch.conv_transpose2d(x, " + keep(w * scale.reshape({1, -1, 1, 1})) +
              ", " + keep(shift) + ", [" + factor + ", " + factor + "]))\n";
      parts.push_back(part);
      all += w.size(1);
    }
    if (parts.empty())
      throw ImportError(weights_.path() + " has no weight \"" + upward(0) + ".0.weight\"; it is of another network");
    text += "    x = torch.cat([" + join(parts) + "], 1)\n    return ";
    const std::int64_t outputs = weights_.get(flavour_.cls + ".weight", {-1, all, 1, 1}).size(0);
    // Two anchors for each of C classes have a score for each class.
    classes_ = std::int64_t(std::lround(std::sqrt(double(outputs) / 2)));
    if (2 * classes_ * classes_ != outputs || (classes_ != 1 && classes_ != 3))
      throw ImportError(weights_.path() + " is of a network with " + std::to_string(outputs) +
                        " scores a place; known are those of KITTI, 2 (cars) and 18 (three classes)");
    std::vector<std::string> heads;
    for (const auto &[name, n] : {std::pair(flavour_.cls, outputs), std::pair(flavour_.box, 14 * classes_),
                                  std::pair(flavour_.direction, 4 * classes_)})
      heads.push_back("torch.conv2d(x, " + keep(weights_.get(name + ".weight", {n, all, 1, 1})) + ", " +
                      keep(weights_.get(name + ".bias", {n})) + ")");
    return text + join(heads) + "\n";
  }

  std::vector<std::string> labels() const { return classes_ == 1 ? std::vector<std::string>{"Car"} : flavour_.labels; }

 private:
  std::string upward(int block) const { return flavour_.upwards + "." + std::to_string(block); }

  /// What batch normalisation multiplies by and adds.
  std::pair<at::Tensor, at::Tensor> norm(const std::string &name, std::int64_t n) const {
    const at::Tensor scale =
        weights_.get(name + ".weight", {n}) / (weights_.get(name + ".running_var", {n}) + kEpsilon).sqrt();
    return {scale, weights_.get(name + ".bias", {n}) - weights_.get(name + ".running_mean", {n}) * scale};
  }

  std::string keep(const at::Tensor &value) {
    const std::string name = "map_" + std::to_string(kept_++);
    module_.register_buffer(name, value);
    return "self." + name;
  }

  /// Convolutions, each with batch normalisation and a ReLU; `in` becomes their features.
  std::string read_block(int block, int stride, std::int64_t &in) {
    std::string text;
    for (int layer = 0; layer < kMostLayers; layer++) {
      const std::string name = flavour_.blocks + "." + std::to_string(block) + ".";
      const int number = flavour_.first + 3 * layer;
      const std::string weight = name + std::to_string(number) + ".weight";
      if (layer && !weights_.has(weight)) break;
      const at::Tensor w = weights_.get(weight, {-1, in, 3, 3});
      const auto [scale, shift] = norm(name + std::to_string(number + 1), w.size(0));
      const std::string step = std::to_string(layer ? 1 : stride);
      text += "    x = torch.relu(torch.conv2d(x, " + keep(w * scale.reshape({-1, 1, 1, 1})) + ", " + keep(shift) +
              ", [" + step + ", " + step + "], [1, 1]))\n";
      in = w.size(0);
    }
    return text;
  }

  const Weights &weights_;
  const Flavour &flavour_;
  torch::jit::Module &module_;
  std::int64_t channels_ = 0, classes_ = 0;
  int kept_ = 0;
};

const Flavour &flavour_of(const Weights &weights) {
  std::string names;
  for (const Flavour &flavour : flavours()) {
    if (weights.has(flavour.point + ".linear.weight")) return flavour;
    names += (names.empty() ? "\"" : " nor \"") + flavour.point + ".linear.weight\" (" + flavour.name + ")";
  }
  throw ImportError(weights.path() + " has neither " + names + "; it is of another network");
}

/// A row for each anchor: lower side, length, width, height, yaw.
at::Tensor anchors_of(const std::vector<std::string> &labels) {
  std::vector<float> numbers;
  for (const std::string &label : labels)
    for (const float yaw : {0.F, 1.57F}) {
      const std::vector<float> anchor = anchor_of(label);
      numbers.insert(numbers.end(), anchor.begin(), anchor.end());
      numbers.push_back(yaw);
    }
  return at::tensor(numbers).reshape({-1, 5});
}

/// Cells of a side; it has to be a multiple of what the blocks divide it by.
std::int64_t cells_of(const char *axis, double length, double side) {
  const double cells = length / side;
  if (!(cells >= 8 && cells <= 4096) || std::abs(cells - std::round(cells / 8) * 8) > 0.01)
    throw ImportError(std::string("from ") + axis + "-from to " + axis +
                      "-to there must be 8, 16, … or 4096 pillars, not " + literal(cells) + "; change --parameter " +
                      axis + "-to or side");
  return std::int64_t(std::lround(cells));
}

}  // namespace

Network build_point_pillars(const Weights &weights, Parameters &parameters) {
  const Flavour &flavour = flavour_of(weights);
  Network network{std::make_unique<Source::Module>(), {}};
  network.module->module = torch::jit::Module("PointPillars");
  torch::jit::Module &module = network.module->module;
  Builder builder(weights, flavour, module);
  const std::int64_t features = builder.read_points();
  if (features != 9 && features != 10)
    throw ImportError(weights.path() + " is of a network with " + std::to_string(features) +
                      " features of a point; known are 9 and 10");
  const std::string maps = builder.read_maps(int(parameters.number("stride", 2, 1, 4)));
  const auto labels = builder.labels();
  const at::Tensor anchors = anchors_of(labels);
  module.register_buffer("anchors", anchors);
  const double side = parameters.number("side", 0.16, 0.01, 10);
  const double x0 = parameters.number("x-from", 0, -1000, 1000), x1 = parameters.number("x-to", 69.12, -1000, 1000);
  const double y0 = parameters.number("y-from", -39.68, -1000, 1000);
  const double y1 = parameters.number("y-to", 39.68, -1000, 1000);
  const bool legacy = parameters.number("legacy", flavour.legacy ? 1 : 0, 0, 1) > 0;
  const Constants constants{
      {"X_FROM", literal(x0)},
      {"X_TO", literal(x1)},
      {"Y_FROM", literal(y0)},
      {"Y_TO", literal(y1)},
      {"Z_FROM", literal(parameters.number("z-from", -3, -1000, 1000))},
      {"Z_TO", literal(parameters.number("z-to", 1, -1000, 1000))},
      {"SIDE", literal(side)},
      {"COLUMNS", std::to_string(cells_of("x", x1 - x0, side))},
      {"ROWS", std::to_string(cells_of("y", y1 - y0, side))},
      {"MOST", std::to_string(int(parameters.number("points", 32, 1, 1e6)))},
      {"WAYS", std::to_string(features - 7)},
      {"CLASSES", std::to_string(labels.size())},
      {"ANCHORS", std::to_string(anchors.size(0))},
      {"OFFSET", literal(parameters.number("direction-offset", flavour.offset, -10, 10))},
      {"PI", literal(M_PI)},
  };
  module.define(with_constants(legacy ? point_pillars::kLegacyPlace : point_pillars::kPlace, constants));
  module.define(with_constants(point_pillars::kPillars, constants));
  module.define(maps);
  module.define(with_constants(point_pillars::kDecode, constants));
  ModelDescription &d = network.description;
  d.name = "PointPillars";
  d.source = flavour.name;
  d.task = "detection3d";
  d.layout = "boxes3d";
  d.box_outputs = {0};
  d.score_outputs = {1};
  d.label_output = 2;
  d.nms_iou = 0.01;
  d.labels = labels;
  d.threshold = 0.4;
  d.slope = 4;  // with the paper's 20, what the network is sure of has no gradient
  return network;
}

}  // namespace oneadapt::import
