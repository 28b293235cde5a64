// SPDX-License-Identifier: LGPL-2.1-or-later
// TensorFlow's operators, each written as TorchScript.
#pragma once
#include <string>
#include <vector>

#include "context.h"

namespace oneadapt::import {

/// nullptr: unknown.
Operator find_operator(const std::string &name);
/// Alphabetical, "Const" and "Placeholder" included.
std::vector<std::string> operator_names();

/// The same of ONNX.
Operator find_onnx_operator(const std::string &name);
/// Names of the node's attributes that its operator is not known to have: to leave them out may change what it gives.
/// For operators that find_onnx_operator() knows.
std::vector<std::string> onnx_unknown_attributes(const Node &node);
std::vector<std::string> onnx_operator_names();
/// What to do about an operator that is not supported, in words.
std::string onnx_remedy(const std::string &name);

const std::vector<OperatorRow> &onnx_axis_operators();      ///< operators_onnx_axis.cpp: reductions, products
const std::vector<OperatorRow> &onnx_shape_operators();     ///< operators_onnx_shape.cpp: shapes, slices, joins, pads
const std::vector<OperatorRow> &onnx_window_operators();    ///< operators_onnx_window.cpp: convolutions, pools
const std::vector<OperatorRow> &onnx_norm_operators();      ///< operators_onnx_norm.cpp: normalisations
const std::vector<OperatorRow> &onnx_resize_operators();    ///< operators_onnx_resize.cpp: resizes, samples of a grid
const std::vector<OperatorRow> &onnx_index_operators();     ///< operators_onnx_index.cpp: gathers, scatters, orders
const std::vector<OperatorRow> &onnx_sequence_operators();  ///< operators_onnx_sequence.cpp: RNN, GRU, LSTM

const std::vector<OperatorRow> &window_operators();  ///< operators_window.cpp: convolutions, pools, resizes
const std::vector<OperatorRow> &shape_operators();   ///< operators_shape.cpp: reshapes, slices, joins, pads

/// The sizes of a reshape that follow the picture's, with {} for the value's name.
std::string flexible_shape(Context &context, const Value &x, const Dims &target);

/// Activations by the name that fused operators use too; `value` is not padded. Throws ImportError when unknown.
Value activation(Context &context, const std::string &name, Value value);

}  // namespace oneadapt::import
