// SPDX-License-Identifier: LGPL-2.1-or-later
// Which of the conventions of boxes four numbers follow.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

namespace oneadapt::import {

struct BoxConvention {
  std::string box;  ///< as output.box; empty: none that is known
  std::string box_reason;
  bool normalised = false;
};

/// Of boxes n×4 for a picture of this size, most of them of nothing that is to be seen.
BoxConvention convention_of(const at::Tensor &boxes, std::int64_t height, std::int64_t width);

}  // namespace oneadapt::import
