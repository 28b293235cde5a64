// SPDX-License-Identifier: LGPL-2.1-or-later
#include "network_files.h"

#include <cmath>
#include <fstream>
#include <utility>

#include "common/random.h"

namespace import_test {
namespace {

/// A table of weights and its numbers.
class Table {
 public:
  explicit Table(float scale) : scale_(scale) {}

  void add(const std::string &name, const Dims &shape) {
    table_.push_back({{"name", name}, {"shape", shape}, {"offset", numbers_.size() * sizeof(float)}});
    std::int64_t count = 1;
    for (const std::int64_t side : shape) count *= side;
    for (; count > 0; count--) numbers_.push_back(scale_ * float(random_.normal()));
  }
  /// Layers one after another, as TensorFlow's slim calls them.
  void mlp(const std::string &scope, const Dims &widths) {
    for (std::size_t i = 0; i + 1 < widths.size(); i++) {
      const std::string name = scope + "/fully_connected" + (i ? "_" + std::to_string(i) : "");
      add(name + "/biases", {widths[i + 1]});
      add(name + "/weights", {widths[i], widths[i + 1]});
    }
  }
  /// Of batch normalisation, as PyTorch calls its weights.
  void norm(const std::string &name, std::int64_t n) {
    for (const char *part : {".weight", ".bias", ".running_mean"}) add(name + part, {n});
    add(name + ".running_var", {n});
    for (std::size_t i = numbers_.size() - std::size_t(n); i < numbers_.size(); i++)
      numbers_[i] = 0.5F + std::abs(numbers_[i]);
    add(name + ".num_batches_tracked", {});
  }
  std::string write(const Folder &folder, const std::string &name) const {
    std::ofstream(folder.path(name + ".f32"), std::ios::binary)
        .write(reinterpret_cast<const char *>(numbers_.data()), std::streamsize(numbers_.size() * sizeof(float)));
    std::ofstream(folder.path(name + ".json")) << table_.dump();
    return folder.path(name + ".json");
  }

 private:
  float scale_;
  oneadapt::tools::Random random_{5};
  Json table_ = Json::array();
  std::vector<float> numbers_;
};

}  // namespace

std::string write_point_gnn(const Folder &folder, int layers, float scale) {
  Table table(scale);
  table.mlp("layer1/extract_vertex_features", {4, 6, 8});
  table.mlp("layer1/combined_features", {8, 7, 7});
  for (int i = 2; i < layers + 2; i++) {
    const std::string layer = "layer" + std::to_string(i);
    table.mlp(layer, {7, 4, 3});
    table.mlp(layer + "/extract_vertex_features", {10, 9, 8});
    table.mlp(layer + "/combined_features", {8, 7, 7});
  }
  table.mlp("output/predictor/cls", {7, 4, 4});
  for (int i = 0; i < 4; i++) table.mlp("output/predictor/loc/cls_" + std::to_string(i), {7, 5, 5, 7});
  return table.write(folder, "gnn-weights");
}

std::string write_point_pillars(const Folder &folder, bool openpcdet) {
  Table table(0.4F);
  const std::string point = openpcdet ? "vfe.pfn_layers.0" : "voxel_encoder.pfn_layers.0";
  table.add(point + ".linear.weight", {6, openpcdet ? 10 : 9});
  table.norm(point + ".norm", 6);
  std::int64_t in = 6;
  for (int block = 0; block < 3; block++) {
    const std::string name = (openpcdet ? "backbone_2d.blocks." : "backbone.blocks.") + std::to_string(block) + ".";
    const std::int64_t out = 4 + 2 * block;
    for (int layer = 0; layer < (block ? 1 : 2); layer++) {
      const int number = 3 * layer + (openpcdet ? 1 : 0);
      table.add(name + std::to_string(number) + ".weight", {out, in, 3, 3});
      table.norm(name + std::to_string(number + 1), out);
      in = out;
    }
    const std::string up = (openpcdet ? "backbone_2d.deblocks." : "neck.deblocks.") + std::to_string(block);
    table.add(up + ".0.weight", {out, 5, 1 << block, 1 << block});
    table.norm(up + ".1", 5);
  }
  const std::string head = openpcdet ? "dense_head." : "bbox_head.";
  const std::pair<std::string, std::int64_t> outputs[] = {
      {"conv_cls", 18}, {openpcdet ? "conv_box" : "conv_reg", 42}, {"conv_dir_cls", 12}};
  for (const auto &[name, n] : outputs) {
    table.add(head + name + ".weight", {n, 15, 1, 1});
    table.add(head + name + ".bias", {n});
  }
  return table.write(folder, "pillars-weights");
}

}  // namespace import_test
