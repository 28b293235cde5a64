// SPDX-License-Identifier: LGPL-2.1-or-later
// Point-GNN, a detector that works on a graph of points: which of its weights are what, and its numbers.
#include <cmath>
#include <utility>

#include "networks.h"
#include "point_gnn_source.h"
#include "script.h"
#include "source_module.h"

namespace oneadapt::import {
namespace {

constexpr std::int64_t kPointFeatures = 4;  // intensity and the way from the key point
constexpr std::int64_t kClasses = 4;        // background, car along, car across, do not care
constexpr int kMostLayers = 8;

class Builder {
 public:
  Builder(const Weights &weights, torch::jit::Module &module) : weights_(weights), module_(module) {}

  /// Features of a key point, and the number of layers of the graph. `text` gets methods that give the weights.
  int read(std::string &text) {
    const std::int64_t n = wide("layer1/extract_vertex_features");
    text += mlp("layer1_point", "layer1/extract_vertex_features", kPointFeatures, n);
    const std::int64_t wide_key = wide("layer1/combined_features");
    text += mlp("layer1_key", "layer1/combined_features", n, wide_key);
    int layers = 0;
    while (layers < kMostLayers && weights_.has(scope(layers) + "/fully_connected/weights")) layers++;
    for (int i = 0; i < layers; i++) {
      const std::string number = std::to_string(i + 2);
      const std::int64_t of_edge = wide(scope(i) + "/extract_vertex_features");
      text += mlp("offset" + number, scope(i), wide_key, 3);
      text += mlp("edge" + number, scope(i) + "/extract_vertex_features", wide_key + 3, of_edge);
      text += mlp("key" + number, scope(i) + "/combined_features", of_edge, wide_key);
    }
    text += mlp("cls", "output/predictor/cls", wide_key, kClasses);
    text += mlp("box1", "output/predictor/loc/cls_1", wide_key, 7);
    text += mlp("box2", "output/predictor/loc/cls_2", wide_key, 7);
    return layers;
  }

 private:
  static std::string scope(int layer) { return "layer" + std::to_string(layer + 2); }
  static std::string name(const std::string &scope, int i) {
    return scope + "/fully_connected" + (i ? "_" + std::to_string(i) : "");
  }
  int depth(const std::string &scope) const {
    int n = 0;
    while (weights_.has(name(scope, n) + "/weights")) n++;
    return n;
  }
  /// What the last layer gives.
  std::int64_t wide(const std::string &scope) const {
    return weights_.get(name(scope, std::max(0, depth(scope) - 1)) + "/weights", {-1, -1}).size(1);
  }

  /// A method that gives weights and biases of layers one after another, from `in` to `out` features.
  std::string mlp(const std::string &method, const std::string &scope, std::int64_t in, std::int64_t out) {
    const int layers = std::max(1, depth(scope));
    std::vector<std::string> names;
    for (int i = 0; i < layers; i++) {
      const at::Tensor w = weights_.get(name(scope, i) + "/weights", {in, i + 1 < layers ? -1 : out});
      in = w.size(1);
      const at::Tensor b = weights_.get(name(scope, i) + "/biases", {in});
      for (const auto &[kind, value] : {std::pair(".w", w.t().contiguous()), std::pair(".b", b)}) {
        const std::string buffer = method + "_" + std::to_string(i) + (kind[1] == 'w' ? "_weight" : "_bias");
        module_.register_buffer(buffer, value);
        names.push_back("self." + buffer);
      }
    }
    return "def " + method + "(self):\n    return [" + join(names) + "]\n";
  }

  const Weights &weights_;
  torch::jit::Module &module_;
};

/// All layers of the graph, each for those key points of whom the next one needs to know.
std::string layers_of(int count) {
  std::string text = "def layers(self, v, keys, needs: List[Tensor], low, count, order):\n";
  for (int i = 0; i < count; i++) {
    const std::string n = std::to_string(i + 2);
    text += "    need = needs[min(" + std::to_string(i) + ", len(needs) - 1)]\n";
    text +=
        "    part = self.graph_layer(v, keys, need, low.index_select(0, need), count.index_select(0, need), order, ";
    text += "self.offset" + n + "(), self.edge" + n + "(), self.key" + n + "())\n";
    text += "    v = torch.zeros_like(v).index_copy(0, need, part)\n";
  }
  return text + "    return v\n";
}

ModelDescription description_of() {
  ModelDescription d;
  d.name = "Point-GNN, cars";
  d.source = "WeijingShi/Point-GNN, checkpoints, trained on KITTI by its authors";
  d.licence = "MIT";
  d.task = "detection3d";
  d.layout = "boxes3d";
  d.box_outputs = {0};
  d.score_outputs = {1};
  d.label_output = 2;
  d.nms_iou = 0.01;
  d.labels = {"car"};
  d.threshold = 0.5;
  d.slope = 4;  // with the paper's 20, what the network is sure of has no gradient
  return d;
}

}  // namespace

Network build_point_gnn(const Weights &weights, Parameters &parameters) {
  Network network{std::make_unique<Source::Module>(), description_of()};
  network.module->module = torch::jit::Module("PointGnn");
  torch::jit::Module &module = network.module->module;
  std::string text;
  const int layers = Builder(weights, module).read(text);
  const Constants constants{
      {"VOXEL", literal(parameters.number("voxel", 0.8, 0.05, 10))},
      {"REACH", literal(parameters.number("reach", 80, 1, 10000))},
      {"VIEW", literal(parameters.number("view", 360, 1, 360) * M_PI / 360 + 1e-6)},
      {"LEAST", literal(parameters.number("least-score", 0.25, 0.001, 0.99))},
      {"ENOUGH", literal(parameters.number("enough", 2, 0.01, 1000))},
      {"NEAR", "1.0"},  // m, from a key point to its points
      {"FAR", "4.0"},   // m, from key point to key point
      {"MOST", "16384"},
      {"PAIRS", "16384"},
      {"LAYERS", std::to_string(layers)},
      {"NAN", "float(\"nan\")"},
      {"PI", literal(M_PI)},
      {"LONG", std::to_string(int(at::kLong))},
      {"FLOAT", std::to_string(int(at::kFloat))},
  };
  module.define(text);
  module.define(with_constants(point_gnn::kNeighbours, constants));
  module.define(with_constants(point_gnn::kLayers, constants));
  module.define(layers_of(layers));
  module.define(with_constants(point_gnn::kMerge, constants));
  module.define(with_constants(point_gnn::kForward, constants));
  return network;
}

}  // namespace oneadapt::import
