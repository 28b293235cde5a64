// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lidar/cloud_file.h"

#include <lzf.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "lidar/pcd_header.h"

namespace oneadapt {
namespace {

/// Keeps the points that have a place.
void add(CloudFile &file, const Point &point) {
  if (has_place(point))
    file.points.push_back(with_finite_intensity(point));
  else
    file.without_place++;
}

[[noreturn]] void cut_short(const PcdHeader &header, std::size_t there, const char *what) {
  throw CloudError("the PCD file is cut short: its header promises " + std::to_string(header.points) + " points, and " +
                   std::to_string(there) + " " + what + " are there; copy the file again");
}

/* ---- numbers ----- */

std::uint64_t little_endian(const std::uint8_t *p, unsigned bytes) {
  std::uint64_t value = 0;
  for (unsigned i = bytes; i-- > 0;) value = value << 8 | p[i];
  return value;
}

template <class Real, class Bits>
float real_of(std::uint64_t value) {
  const auto bits = Bits(value);
  Real real;
  std::memcpy(&real, &bits, sizeof real);
  return float(real);
}

float read_number(const std::uint8_t *p, const PcdField &field) {
  const std::uint64_t value = little_endian(p, field.size);
  if (field.type == 'F')
    return field.size == 8 ? real_of<double, std::uint64_t>(value) : real_of<float, std::uint32_t>(value);
  if (field.type == 'U') return float(value);
  const unsigned unused = 64 - 8 * field.size;
  return float(std::int64_t(value << unused) >> unused);  // with the sign
}

/* ---- the three kinds of data ----- */

/// `place(field)`: where the field's number is of the first point, and the bytes from one point to the next.
template <class Place>
void read_binary(const PcdHeader &header, CloudFile &file, Place place) {
  const std::uint8_t *at[4] = {};
  std::size_t step[4] = {};
  for (std::size_t use = 0; use < 4; use++)
    if (header.used[use] >= 0) std::tie(at[use], step[use]) = place(header.fields[std::size_t(header.used[use])]);
  for (std::size_t i = 0; i < header.points; i++) {
    float values[4] = {};
    for (std::size_t use = 0; use < 4; use++)
      if (at[use]) values[use] = read_number(at[use] + i * step[use], header.fields[std::size_t(header.used[use])]);
    add(file, {values[0], values[1], values[2], values[3]});
  }
}

void read_plain(const PcdHeader &header, const std::uint8_t *data, std::size_t size, CloudFile &file) {
  if (size / header.point_bytes < header.points) cut_short(header, size / header.point_bytes, "points");
  read_binary(header, file,
              [&](const PcdField &field) { return std::make_pair(data + field.offset, header.point_bytes); });
}

/// LZF over all numbers of the first field, then all of the second, and so on.
void read_compressed(const PcdHeader &header, const std::uint8_t *data, std::size_t size, CloudFile &file) {
  constexpr std::size_t kPrefix = 8, kMostGrowth = 264 / 3;  // LZF's longest match, and the bytes that it takes
  if (size < kPrefix) cut_short(header, size, "bytes of its data");
  const std::size_t packed = little_endian(data, 4), whole = little_endian(data + 4, 4);
  if (size - kPrefix < packed) cut_short(header, size - kPrefix, "bytes of its data");
  if (whole != header.points * header.point_bytes || whole / kMostGrowth > packed)
    throw CloudError("the PCD file's compressed data is of another size than its header says; write the file again");
  std::vector<std::uint8_t> bytes(whole);
  if (whole && lzf_decompress(data + kPrefix, unsigned(packed), bytes.data(), unsigned(whole)) != whole)
    throw CloudError("the PCD file's compressed data is damaged; copy the file again");
  read_binary(header, file, [&](const PcdField &field) {
    return std::make_pair(static_cast<const std::uint8_t *>(bytes.data()) + field.offset * header.points,
                          field.bytes());
  });
}

/// The words of a text, one after the other; empty at its end.
class Words {
 public:
  explicit Words(std::string_view text) : text_(text) {}
  std::string_view next() {
    while (at_ < text_.size() && is_space(text_[at_])) at_++;
    const std::size_t from = at_;
    while (at_ < text_.size() && !is_space(text_[at_])) at_++;
    return text_.substr(from, at_ - from);
  }

 private:
  static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
  std::string_view text_;
  std::size_t at_ = 0;
};

/// A number as printf writes it, "nan" included.
float read_word(std::string_view word, std::size_t point) {
  double value = 0;
  const char *begin = word.data() + (word[0] == '+'), *end = word.data() + word.size();
  const auto [to, error] = std::from_chars(begin, end, value);
  if (to != end || (error != std::errc() && error != std::errc::result_out_of_range))
    throw CloudError("point " + std::to_string(point) + " of the PCD file has \"" + std::string(word.substr(0, 40)) +
                     "\", which is no number; write the file again");
  return float(value);
}

void read_text(const PcdHeader &header, std::string_view text, CloudFile &file) {
  Words words(text);
  for (std::size_t i = 0; i < header.points; i++) {
    float values[4] = {};
    for (std::size_t column = 0; column < header.columns; column++) {
      const std::string_view word = words.next();
      if (word.empty()) cut_short(header, i, "points");
      for (std::size_t use = 0; use < 4; use++)
        if (header.used[use] >= 0 && header.fields[std::size_t(header.used[use])].column == column)
          values[use] = read_word(word, i);
    }
    add(file, {values[0], values[1], values[2], values[3]});
  }
}

}  // namespace

bool looks_like_pcd(const std::uint8_t *data, std::size_t size) {
  for (const std::string_view start : {"# .PCD", "VERSION", "FIELDS"})
    if (size >= start.size() && !std::memcmp(data, start.data(), start.size())) return true;
  return false;
}

CloudFile read_kitti(const std::uint8_t *data, std::size_t size) {
  if (size % sizeof(Point))
    throw CloudError(
        std::to_string(size) +
        " bytes are not a whole number of points of 16 bytes (float32 x, y, z, intensity): the file is cut "
        "short, or its points have other fields; a PCD file says which ones it has");
  const std::size_t points = size / sizeof(Point);
  if (points > kMostPoints)
    throw CloudError("it has more than " + std::to_string(kMostPoints) +
                     " points, the most that a cloud may have here; divide it");
  CloudFile file;
  file.points.reserve(points);
  for (std::size_t i = 0; i < points; i++) {
    float values[4];
    for (unsigned k = 0; k < 4; k++)
      values[k] = real_of<float, std::uint32_t>(little_endian(data + i * sizeof(Point) + 4 * k, 4));
    add(file, {values[0], values[1], values[2], values[3]});
  }
  return file;
}

CloudFile read_pcd(const std::uint8_t *data, std::size_t size) {
  const PcdHeader header = read_pcd_header(data, size);
  data += header.bytes;
  size -= header.bytes;
  CloudFile file;
  // A header may promise more than there is.
  file.points.reserve(std::min(header.points, size));
  switch (header.data) {
    case PcdData::Ascii:
      read_text(header, {reinterpret_cast<const char *>(data), size}, file);
      break;
    case PcdData::Binary:
      read_plain(header, data, size, file);
      break;
    case PcdData::Compressed:
      read_compressed(header, data, size, file);
      break;
  }
  return file;
}

CloudFile read_cloud(const std::uint8_t *data, std::size_t size) {
  return looks_like_pcd(data, size) ? read_pcd(data, size) : read_kitti(data, size);
}

}  // namespace oneadapt
