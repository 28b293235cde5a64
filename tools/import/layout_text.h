// SPDX-License-Identifier: LGPL-2.1-or-later
// Words about outputs.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace oneadapt::import {

/// "[8,16,32]".
std::string list(const std::vector<int> &values);
/// Goes on after the outputs' shapes: what they are, where they are known but not supported, and what to type.
std::string unknown_layout(const std::vector<at::Tensor> &tensors, std::int64_t height);

/// The same, of boxes that are offsets; `strides`: how many outputs there are of them.
std::string heads_before_decoding(std::size_t strides);

}  // namespace oneadapt::import
