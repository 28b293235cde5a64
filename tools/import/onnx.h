// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads an ONNX model: one file of protocol buffers and the weight files that it may name. No LibTorch in here.
#pragma once
#include <string>
#include <vector>

#include "graph.h"

namespace oneadapt::import {

/// Versions of ONNX's operators that are understood.
constexpr int kOldestOpset = 6, kNewestOpset = 22;

/// Throws ImportError: file missing, truncated, no ONNX model, of an opset outside the range, weights missing, of the
/// wrong length or an unknown type; or this program was built without ONNX.
Graph read_onnx(const std::string &path);
/// One tensor in a file of its own, as ONNX's test data are. Throws ImportError.
Array read_onnx_tensor(const std::string &path);
/// ONNX's own operators of the newest opset that is understood, alphabetical; none when built without ONNX.
std::vector<std::string> onnx_standard_operators();

}  // namespace oneadapt::import
