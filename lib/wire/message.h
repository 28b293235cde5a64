// SPDX-License-Identifier: LGPL-2.1-or-later
// The gradient message: versioned, length-checked, checksummed (docs/wire-format.md).
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/gradient.h"

namespace oneadapt {

/// Most bytes that a message may have; anything longer is refused before it is looked at.
constexpr std::size_t kMaxMessageBytes = 1u << 20;

/// Encodes a gradient. The map is quantised to one byte a block (logarithmic, ≤ 5.7 % error over 40 binary orders
/// below the largest value; smaller ones become 0) and deflated.
/// Throws std::invalid_argument when the map's size does not match its grid, a value is negative or not finite, or the
/// grid is empty or has more than 2^20 blocks.
std::vector<std::uint8_t> encode_gradient(const Gradient &gradient);

/// Decodes a message. On failure returns false and says why in `error`; `gradient` is then unchanged. Never throws on
/// bad input, never allocates more than the sizes it has checked.
bool decode_gradient(const std::uint8_t *data, std::size_t size, Gradient &gradient, std::string &error);

}  // namespace oneadapt
