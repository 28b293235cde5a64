// SPDX-License-Identifier: LGPL-2.1-or-later
// What a fuzzing target starts from.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

using Bytes = std::vector<std::uint8_t>;

extern const char *const kTarget;       ///< its name
extern const std::size_t kHeaderBytes;  ///< of an input: sizes are there
/// Whole inputs, then bad ones made by hand.
std::vector<Bytes> corpus();
