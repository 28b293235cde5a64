// SPDX-License-Identifier: LGPL-2.1-or-later
// Stands for onnx.cpp where libonnx was not there at build time.
#include "onnx.h"
#include "onnx_graph.h"

namespace oneadapt::import {

Graph read_onnx(const std::string &path) {
  throw ImportError(path + " is an ONNX model, and this oneadapt-import was built without ONNX; install libonnx-dev " +
                    "and libprotobuf-dev and build again (-Donnx=enabled)");
}

std::string onnx_graph(const std::string &, const Interface &) {
  throw ImportError("this oneadapt-import was built without ONNX");
}

std::vector<std::string> onnx_standard_operators() { return {}; }

}  // namespace oneadapt::import
