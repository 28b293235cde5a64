// SPDX-License-Identifier: LGPL-2.1-or-later
// The ONNX graph that is kept beside the TorchScript file that was made of it, for ONNX Runtime. No LibTorch in here.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "graph.h"

namespace oneadapt::import {

/// What the conversion made of the graph's inputs and outputs.
struct Interface {
  std::string picture;                                   ///< the input that it is
  bool nhwc = false, follows_size = false;               ///< of the picture
  std::map<std::string, std::vector<double>> constants;  ///< values of all other inputs
  std::vector<std::string> outputs;                      ///< names of values, in order; empty: the graph's own
};

/// The file at `path` as one that takes what the TorchScript takes, a picture 1×3×H×W, and gives what that gives: other
/// inputs are weights, weights of other files are in it, and the size is open where the TorchScript follows it.
/// Returns its bytes. Throws ImportError with the reason why there can be none.
std::string onnx_graph(const std::string &path, const Interface &interface);

}  // namespace oneadapt::import
