// SPDX-License-Identifier: LGPL-2.1-or-later
// What several of ONNX's operators need.
#pragma once
#include <ATen/ATen.h>

#include <string>

#include "context.h"

namespace oneadapt::import {

inline std::string text(std::int64_t number) { return std::to_string(number); }

/// From 0, below `rank`.
inline std::int64_t axis_of(const Context &context, std::int64_t axis, std::size_t rank) {
  const auto n = std::int64_t(rank);
  if (axis < -n || axis >= n) context.fail("the axis " + text(axis) + " is outside the input's shape");
  return axis < 0 ? axis + n : axis;
}

inline c10::ScalarType type_of(const Value &value) {
  return value.is_constant() ? value.constant.scalar_type() : value.probes[0].scalar_type();
}
inline bool is_float(const Value &value) { return at::isFloatingType(type_of(value)); }

/// Axes that are an attribute in old operators and an input in newer ones.
inline Dims axes_of(const Context &context, std::size_t input) {
  return context.has(input) ? context.ints(input) : context.node.ints("axes");
}

}  // namespace oneadapt::import
