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

const std::vector<OperatorRow> &window_operators();  ///< operators_window.cpp: convolutions, pools, resizes
const std::vector<OperatorRow> &shape_operators();   ///< operators_shape.cpp: reshapes, slices, joins, pads

/// Activations by the name that fused operators use too; `value` is not padded. Throws ImportError when unknown.
Value activation(Context &context, const std::string &name, Value value);

}  // namespace oneadapt::import
