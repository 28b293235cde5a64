// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pair.h"

#include <torch/script.h>

#include <filesystem>
#include <ostream>

#include "check.h"
#include "common/output.h"
#include "model/engine_tensors.h"
#include "model/onnx_engine.h"
#include "model/onnx_pair.h"
#include "model/plans.h"
#include "onnx_graph.h"
#include "source_module.h"

namespace oneadapt::import {
namespace {

std::string name_of(const Graph &graph, const Edge &edge) {
  for (const auto &[name, made] : graph.values)
    if (made.node == edge.node && made.output == edge.output) return name;
  throw ImportError("its output " + edge.node + " has no name");
}

std::vector<at::Tensor> torch_outputs(const Converted &converted, const at::Tensor &x) {
  torch::NoGradGuard no_grad;
  torch::jit::GraphOptimizerEnabledGuard plain_executor{false};
  return tensors_within(converted.module->module.forward({x}));
}

/// Why ONNX Runtime gives something else for a picture of this size; empty: it gives the same.
std::string difference_at(PlainEngine &engine, const Converted &converted, unsigned width, unsigned height) {
  const at::Tensor x = picture(height, width, converted.description.channels());
  const std::string problem = engine_difference(torch_outputs(converted, x), run_engine(engine, x));
  return problem.empty() ? ""
                         : "for a picture of " + std::to_string(width) + "×" + std::to_string(height) + " " + problem;
}

/// Not of a pipe or a device.
bool has_place_beside(const std::string &model_path) {
  std::error_code error;
  const auto status = std::filesystem::status(model_path, error);
  return !std::filesystem::exists(status) || std::filesystem::is_regular_file(status);
}

void compare(const Converted &converted, Pair &pair) {
  const ModelDescription &d = converted.description;
  const auto engine = make_onnx_engine(pair.graph, 1);
  pair.why_none = difference_at(*engine, converted, d.width, d.height);
  if (pair.why_none.empty() && d.multiple_of)
    pair.why_none = difference_at(*engine, converted, d.width + 2 * d.multiple_of, d.height + d.multiple_of);
  pair.differs = !pair.why_none.empty();
  pair.compared = !pair.differs;
}

}  // namespace

Pair make_pair_of(const Graph &graph, Converted &converted, bool chosen, const std::string &model_path) {
  const ModelDescription &d = converted.description;
  Pair pair;
  if (!has_place_beside(model_path)) return pair;
  try {
    Interface interface {
      converted.picture, converted.nhwc, d.multiple_of != 0, converted.constants, {}
    };
    if (chosen)
      for (const Edge &output : converted.outputs) interface.outputs.push_back(name_of(graph, output));
    pair.graph = onnx_graph(graph.path, interface);
    if (!onnx_runtime_version().empty()) compare(converted, pair);
  } catch (const std::exception &error) {
    pair.why_none = first_line(error);
  }
  if (!pair.why_none.empty()) pair.graph.clear();
  if (!pair.graph.empty()) converted.onnx_record = onnx_record(pair.graph);
  return pair;
}

void write_graph(const Pair &pair, const std::string &model_path, std::ostream &out) {
  const std::string file = onnx_path(model_path);
  if (pair.differs) {
    out << "Warning: ONNX Runtime gives something else than " << model_path
        << ", so that no graph is kept for it: " << pair.why_none << ".\n";
  } else if (!pair.why_none.empty()) {
    out << "No graph is kept for ONNX Runtime: " << pair.why_none << ".\n";
  } else if (!pair.graph.empty()) {
    tools::write_file(file, pair.graph, "OUTPUT");
    out << file << ": the graph for ONNX Runtime"
        << (pair.compared ? ", which gives the same\n"
                          : "; not compared, because this program was built without ONNX Runtime\n");
  }
}

}  // namespace oneadapt::import
