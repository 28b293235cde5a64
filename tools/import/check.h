// SPDX-License-Identifier: LGPL-2.1-or-later
// Does a model give what its description says?
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <exception>
#include <string>
#include <vector>

#include "model/description.h"

namespace oneadapt::import {

/// The first line of what LibTorch says, which appends a stack trace.
std::string first_line(const std::exception &error);
/// "1×3×8×8".
std::string words(const std::vector<std::int64_t> &shape);
/// A picture to try with, always the same.
at::Tensor picture(std::int64_t height, std::int64_t width, std::int64_t channels = 3);
/// Do the outputs look as the description says, for a picture of this size? Throws ImportError.
void check_outputs(const ModelDescription &d, const std::vector<at::Tensor> &outputs, std::int64_t height,
                   std::int64_t width);

}  // namespace oneadapt::import
