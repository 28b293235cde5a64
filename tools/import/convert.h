// SPDX-License-Identifier: LGPL-2.1-or-later
// Graph and description → one self-describing TorchScript file.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "graph.h"
#include "model/description.h"
#include "source.h"

namespace oneadapt::import {

enum class Sizes {
  Auto,     ///< follow the input's size when the graph allows it
  Fixed,    ///< the graph's own size only
  Dynamic,  ///< follow the input's size, or fail
};

struct ConvertOptions {
  Sizes sizes = Sizes::Auto;
  std::vector<Edge> outputs;  ///< empty: the graph's signature
  /// Its width and height serve where the graph leaves them open; multiple_of 0 takes the largest stride; the outputs
  /// are checked against its layout, unless that is empty.
  ModelDescription description;
  /// Values of inputs other than the picture, by name.
  std::map<std::string, std::vector<double>> constants;
};

struct Converted {
  std::unique_ptr<Source::Module> module;
  ModelDescription description;                          ///< with width, height and multiple_of filled in
  std::string source;                                    ///< of forward()
  std::vector<Edge> outputs;                             ///< in the order of the tuple
  std::vector<Dims> shapes;                              ///< of the outputs at the nominal size
  std::string fixed_because;                             ///< why the size is fixed; empty when it is not
  std::string hints;                                     ///< for a description to come (hints.h)
  std::vector<std::string> given;                        ///< inputs that became constants, "name = values"
  std::string picture;                                   ///< the graph's input that it is
  bool nhwc = false;                                     ///< the graph has its colours last
  std::map<std::string, std::vector<double>> constants;  ///< the values of `given`
  std::string onnx_record;  ///< of the ONNX graph to be kept beside the file (lib/model/onnx_pair.h); empty: none is

  Converted();
  Converted(Converted &&) noexcept;
  ~Converted();
};

/// Throws ImportError; one line for each unknown operator.
Converted convert(const Graph &graph, const ConvertOptions &options);

/// Width and height that the graph gives its input; 0 where it leaves them open.
std::pair<unsigned, unsigned> picture_size(const Graph &graph);

/// Any graph as it is, for inputs of these shapes and types. The module's forward takes those that are not constant, in
/// this order. Throws ImportError.
struct GraphInput {
  std::string node;
  at::Tensor value;
  bool constant = false;
};
std::unique_ptr<Source::Module> translate(const Graph &graph, const std::vector<GraphInput> &inputs);

/// Writes the file beside `path` under another name, loads it, runs it, and moves it to `path` only when it gives the
/// same as the module. Throws ImportError; then `path` is as it was.
void write_model(const Converted &converted, const std::string &path);

}  // namespace oneadapt::import
