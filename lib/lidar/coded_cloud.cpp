// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lidar/coded_cloud.h"

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "lidar/draco_points.h"
#include "wire/big_endian.h"
#include "wire/float_bits.h"

namespace oneadapt {
namespace {

constexpr std::uint8_t kMagic[4] = {'O', 'A', 'P', 'C'}, kVersion = 1;
constexpr std::uint8_t kMarked = 1, kUniform = 2;  // flags
constexpr std::size_t kFixedBytes = 34, kChecksumBytes = 4, kLeastBytes = kFixedBytes + 1 + kChecksumBytes;

template <class T>
void append(std::vector<std::uint8_t> &out, T value) {
  out.resize(out.size() + sizeof(T));
  std::uint8_t *p = out.data() + out.size() - sizeof(T);
  put<T>(p, value);
}

/// 7 bits a byte, the low ones first; the highest bit says that more follow.
void append_varint(std::vector<std::uint8_t> &out, std::uint32_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(std::uint8_t(value | 0x80));
  out.push_back(std::uint8_t(value));
}

/// Reads within a piece of memory; nothing can be read once something has failed.
class Reader {
 public:
  Reader(const std::uint8_t *data, std::size_t size) : p_(data), end_(data + size) {}
  template <class T>
  T take() {
    return has(sizeof(T)) ? get<T>(p_) : T(0);
  }
  const std::uint8_t *take_bytes(std::size_t n) {
    if (!has(n)) return nullptr;
    const std::uint8_t *at = p_;
    p_ += n;
    return at;
  }
  std::uint32_t take_varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
      const auto byte = take<std::uint8_t>();
      value |= std::uint64_t(byte & 0x7f) << shift;
      if (!(byte & 0x80)) return value <= kMostPoints ? std::uint32_t(value) : fail();
    }
    return fail();
  }
  bool ok() const { return ok_; }
  bool done() const { return ok_ && p_ == end_; }

 private:
  bool has(std::size_t n) { return ok_ = ok_ && std::size_t(end_ - p_) >= n; }
  std::uint32_t fail() {
    ok_ = false;
    return 0;
  }
  const std::uint8_t *p_, *end_;
  bool ok_ = true;
};

void check(const PointCloud &points, const CloudHeader &header) {
  if (!header.grid.valid() || header.shares.size() != header.grid.blocks() ||
      header.counts.size() != header.grid.blocks())
    throw std::invalid_argument("shares and counts must be those of the grid's blocks");
  if (!(header.resolution >= kLeastResolution && header.resolution <= kMostResolution))
    throw std::invalid_argument("the resolution must be 0.001 to 1 m");
  if (points.size() > kMostPoints || !std::all_of(points.begin(), points.end(), has_place))
    throw std::invalid_argument("a point has no place, or there are too many");
  for (std::uint32_t count : header.counts)
    if (count > kMostPoints) throw std::invalid_argument("a block cannot have had so many points");
}

IntensityRange range_of(const PointCloud &points) {
  IntensityRange range;
  for (const Point &p : points) {
    if (!std::isfinite(p.intensity)) continue;
    range.low = std::min(range.low, p.intensity);
    range.high = std::max(range.high, p.intensity);
  }
  return range;
}

std::uint8_t share_byte(float share) { return std::uint8_t(std::lround(std::clamp(share, 0.0f, 1.0f) * 255)); }

/// All but the points. `payload`: the bytes that follow it.
bool read_header(Reader &reader, std::uint8_t flags, CloudHeader &header, std::size_t &count, IntensityRange &range,
                 std::size_t &payload) {
  header.grid.sectors = reader.take<std::uint8_t>();
  header.grid.rings = reader.take<std::uint8_t>();
  header.grid.first_ring = float_of(reader.take<std::uint32_t>());
  header.resolution = float_of(reader.take<std::uint32_t>());
  range.low = float_of(reader.take<std::uint32_t>());
  range.high = float_of(reader.take<std::uint32_t>());
  count = reader.take<std::uint32_t>();
  payload = reader.take<std::uint32_t>();
  if (!reader.ok() || !header.grid.valid() || count > kMostPoints) return false;
  if (!(header.resolution >= kLeastResolution && header.resolution <= kMostResolution)) return false;
  if (!std::isfinite(range.low) || !std::isfinite(range.high) || !(range.low <= 0) || !(range.high >= 1) ||
      !std::isfinite(range.high - range.low))
    return false;
  if (flags & kMarked) {
    const auto size = reader.take<std::uint8_t>();
    const std::uint8_t *bytes = reader.take_bytes(size);
    IntervalMark mark;
    if (!bytes || !decode_mark(bytes, size, mark)) return false;
    header.mark = mark;
  }
  header.shares.resize(header.grid.blocks());
  const float uniform = flags & kUniform ? float(reader.take<std::uint8_t>()) / 255 : 0;
  for (float &share : header.shares) share = flags & kUniform ? uniform : float(reader.take<std::uint8_t>()) / 255;
  header.counts.resize(header.grid.blocks());
  for (std::uint32_t &before : header.counts) before = reader.take_varint();
  return reader.done();
}

}  // namespace

std::vector<std::uint8_t> encode_cloud(const PointCloud &points, const CloudHeader &header, int speed) {
  check(points, header);
  const IntensityRange range = range_of(points);
  std::vector<std::uint8_t> shares;
  for (float share : header.shares) shares.push_back(share_byte(share));
  const bool uniform = std::all_of(shares.begin(), shares.end(), [&](std::uint8_t s) { return s == shares[0]; });
  if (uniform) shares.resize(1);

  std::vector<std::uint8_t> out(kMagic, kMagic + 4);
  append<std::uint8_t>(out, kVersion);
  append<std::uint8_t>(out, std::uint8_t((header.mark ? kMarked : 0) | (uniform ? kUniform : 0)));
  append<std::uint16_t>(out, 0);  // bytes of the header
  append<std::uint8_t>(out, std::uint8_t(header.grid.sectors));
  append<std::uint8_t>(out, std::uint8_t(header.grid.rings));
  append(out, bits_of(header.grid.first_ring));
  append(out, bits_of(header.resolution));
  append(out, bits_of(range.low));
  append(out, bits_of(range.high));
  append(out, std::uint32_t(points.size()));
  append<std::uint32_t>(out, 0);  // bytes of the points
  if (header.mark) {
    const std::vector<std::uint8_t> mark = encode_mark(*header.mark);
    append(out, std::uint8_t(mark.size()));
    out.insert(out.end(), mark.begin(), mark.end());
  }
  out.insert(out.end(), shares.begin(), shares.end());
  for (std::uint32_t count : header.counts) append_varint(out, count);
  const std::size_t bytes = out.size();
  if (!points.empty()) draco_encode(points, header.resolution, range, speed, out);
  std::uint8_t *p = out.data() + 6;
  put<std::uint16_t>(p, std::uint16_t(bytes));
  p = out.data() + 30;
  put<std::uint32_t>(p, std::uint32_t(out.size() - bytes));
  append(out, std::uint32_t(crc32(0, out.data(), uInt(out.size()))));
  return out;
}

bool decode_cloud(const std::uint8_t *data, std::size_t size, PointCloud &points, CloudHeader &header,
                  std::string &error) {
  const auto refuse = [&](const char *why) {
    error = why;
    return false;
  };
  error.clear();
  if (!data || size < kLeastBytes || !std::equal(kMagic, kMagic + 4, data)) return refuse("it is no coded point cloud");
  if (data[4] != kVersion) return refuse("it is of a version of the format that is not known here");
  const std::uint8_t flags = data[5];
  if (flags & ~unsigned(kMarked | kUniform)) return refuse("it has flags that are not known here");
  if (size > 0xffffffff) return refuse("it is too long");
  const std::uint8_t *p = data + size - kChecksumBytes;
  if (get<std::uint32_t>(p) != std::uint32_t(crc32(0, data, uInt(size - kChecksumBytes))))
    return refuse("its checksum is wrong: bytes were changed or lost on the way");
  p = data + 6;
  const std::size_t header_bytes = get<std::uint16_t>(p);
  if (header_bytes < kFixedBytes || header_bytes > kMostHeaderBytes || header_bytes > size - kChecksumBytes)
    return refuse("its header is longer than it is");

  CloudHeader read;
  std::size_t count = 0, payload = 0;
  IntensityRange range;
  Reader reader(data + 8, header_bytes - 8);
  if (!read_header(reader, flags, read, count, range, payload)) return refuse("its header makes no sense");
  if (payload != size - kChecksumBytes - header_bytes || (count == 0) != (payload == 0))
    return refuse("its points take other bytes than its header says");
  PointCloud decoded;
  if (count && !draco_decode(data + header_bytes, payload, count, range, decoded))
    return refuse("Draco cannot read its points");
  if (!std::all_of(decoded.begin(), decoded.end(), has_place)) return refuse("it has points without a place");
  points = std::move(decoded);
  header = std::move(read);
  return true;
}

}  // namespace oneadapt
