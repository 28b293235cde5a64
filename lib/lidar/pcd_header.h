// SPDX-License-Identifier: LGPL-2.1-or-later
// The header of a PCD file: lines of text that say what a point has.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace oneadapt {

/// One field of a point.
struct PcdField {
  std::string name;
  char type = 'F';         ///< F (floating point), I or U (integer with and without a sign)
  unsigned size = 4;       ///< bytes of a number
  unsigned count = 1;      ///< numbers
  std::size_t offset = 0;  ///< in a point's bytes
  std::size_t column = 0;  ///< of its first number, in a line of text
  std::size_t bytes() const { return std::size_t(size) * count; }
};

enum class PcdData { Ascii, Binary, Compressed };

struct PcdHeader {
  std::vector<PcdField> fields;
  std::size_t points = 0;
  std::size_t point_bytes = 0, columns = 0;  ///< of all fields together
  PcdData data = PcdData::Ascii;
  std::size_t bytes = 0;        ///< of the header: the data follows
  std::array<int, 4> used{{}};  ///< indices of x, y, z, intensity; the last may be -1
};

/// Throws CloudError.
PcdHeader read_pcd_header(const std::uint8_t *data, std::size_t size);

}  // namespace oneadapt
