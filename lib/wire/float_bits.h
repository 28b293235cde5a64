// SPDX-License-Identifier: LGPL-2.1-or-later
// Floating-point numbers of messages: their bits, as IEEE 754 has them.
#pragma once
#include <cstdint>
#include <cstring>
#include <limits>

namespace oneadapt {

static_assert(std::numeric_limits<float>::is_iec559, "IEEE 754");
inline std::uint32_t bits_of(float v) {
  std::uint32_t bits;
  std::memcpy(&bits, &v, sizeof bits);
  return bits;
}
inline float float_of(std::uint32_t bits) {
  float v;
  std::memcpy(&v, &bits, sizeof v);
  return v;
}

}  // namespace oneadapt
