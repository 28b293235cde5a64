// SPDX-License-Identifier: LGPL-2.1-or-later
// The ONNX graph that a model was made of, which oneadapt-import keeps beside it: MODEL.pt.onnx. The model's archive
// says which graph that is. No LibTorch header in here.
#pragma once
#include <string>

namespace oneadapt {

/// The file in the model's archive that tells its graph.
constexpr const char *kOnnxRecordFile = "oneadapt-onnx.json";

/// Where a model's graph is.
std::string onnx_path(const std::string &model_path);
/// What the archive says of a graph with these bytes.
std::string onnx_record(const std::string &graph);

/// The pair of a model file and what its archive says (empty: nothing).
class OnnxPair {
 public:
  OnnxPair(std::string model_path, std::string record);

  /// Why there can be no ONNX Runtime for the model: this build has none, the model has no graph, or its file is not
  /// there; with the remedy. Empty: read() may be tried.
  std::string problem() const;
  /// The graph. Throws std::runtime_error: it cannot be read, or is not the model's.
  std::string read() const;
  /// Which graph and which ONNX Runtime it is, to be added to the state of a PlanKey; empty where there is a problem().
  std::string identity() const;

 private:
  const std::string model_, path_, record_;
};

}  // namespace oneadapt
