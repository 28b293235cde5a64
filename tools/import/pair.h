// SPDX-License-Identifier: LGPL-2.1-or-later
// A converted ONNX graph and its TorchScript as a pair (lib/model/onnx_pair.h): made, and compared where this program
// has ONNX Runtime.
#pragma once
#include <iosfwd>
#include <string>

#include "convert.h"

namespace oneadapt::import {

struct Pair {
  std::string graph;      ///< bytes of the ONNX file; empty: there is none
  std::string why_none;   ///< as a part of a sentence
  bool differs = false;   ///< that is because ONNX Runtime gives something else
  bool compared = false;  ///< ONNX Runtime gives the same
};

/// Of the ONNX file that `graph` was read from. `chosen`: other outputs than the graph's own were asked for. The
/// TorchScript file at `model_path` will tell of the graph; a pipe or a device has no place beside it for one.
Pair make_pair_of(const Graph &graph, Converted &converted, bool chosen, const std::string &model_path);
/// Writes the graph beside the TorchScript file, and says so, or why there is none; nothing of an empty pair. Throws
/// OutputError.
void write_graph(const Pair &pair, const std::string &model_path, std::ostream &out);

}  // namespace oneadapt::import
