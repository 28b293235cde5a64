// SPDX-License-Identifier: LGPL-2.1-or-later
// Big-endian numbers of messages. The caller checks that there is enough room.
#pragma once
#include <cstddef>
#include <cstdint>

namespace oneadapt {

template <class T>
void put(std::uint8_t *&p, T v) {
  for (int shift = int(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8) *p++ = std::uint8_t(v >> shift);
}
template <class T>
T get(const std::uint8_t *&p) {
  T v = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) v = T(T(v << 8) | *p++);
  return v;
}

}  // namespace oneadapt
