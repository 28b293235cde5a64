// SPDX-License-Identifier: LGPL-2.1-or-later
// Tensors of ONNX: every form and type that weights have in a file.
#pragma once
#include <onnx/onnx_pb.h>

#include <filesystem>

#include "graph.h"

namespace oneadapt::import {

/// `folder`: where files of weights lie. Throws ImportError: a type or form that is not supported, an impossible size,
/// or a file that is missing, too short or elsewhere.
Array read_tensor(const onnx::TensorProto &tensor, const std::filesystem::path &folder);
/// Its numbers as they are in its file of weights. Throws ImportError as read_tensor() does.
std::string external_bytes(const onnx::TensorProto &tensor, const std::filesystem::path &folder);
/// A constant that is written as an attribute: value_float, value_floats, value_int, or value_ints.
Array read_list(const onnx::AttributeProto &attribute);

}  // namespace oneadapt::import
