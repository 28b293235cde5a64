// SPDX-License-Identifier: LGPL-2.1-or-later
// Layout: docs/wire-format.md. All numbers are big-endian.
#include "wire/message.h"

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

namespace oneadapt {
namespace {

constexpr std::uint8_t kMagic[4] = {'O', 'A', 'G', 'R'};
constexpr std::uint8_t kVersion = 2;
constexpr std::size_t kHeaderBytes = 96;  // fixed part, before the map; the CRC-32 is its last field
constexpr std::size_t kCrcOffset = kHeaderBytes - 4;
constexpr std::size_t kMaxBlocks = 1u << 20;
constexpr std::uint8_t kDeflated = 1, kEarly = 2;
constexpr std::size_t kRegionBytes = 8, kMaxRegions = 64;  // the surest ones; more would not fit a datagram
// 255 levels over 40 binary orders: neighbouring levels differ by 2^(40/254) = 11.5 %, so a rounded value is off by
// at most 5.6 %.
constexpr double kOctaves = 40.0, kLevels = 254.0;

template <class T>
void put(std::uint8_t *&p, T v) {
  for (int shift = int(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8) *p++ = std::uint8_t(v >> shift);
}
void put_double(std::uint8_t *&p, double v) {
  std::uint64_t bits;
  std::memcpy(&bits, &v, 8);
  put(p, bits);
}
template <class T>
T get(const std::uint8_t *&p) {
  T v = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) v = T(T(v << 8) | *p++);
  return v;
}
double get_double(const std::uint8_t *&p) {
  const std::uint64_t bits = get<std::uint64_t>(p);
  double v;
  std::memcpy(&v, &bits, 8);
  return v;
}

}  // namespace

std::vector<std::uint8_t> encode_gradient(const Gradient &g) {
  const BlockMap &map = g.map;
  const std::size_t blocks = std::size_t(map.columns()) * map.rows();
  if (blocks == 0 || blocks > kMaxBlocks || map.values.size() != blocks || map.block_size > 0xffff)
    throw std::invalid_argument("a gradient's map must have between 1 and 2^20 blocks, as many as its frame has");
  float peak = 0;
  for (float v : map.values) {
    if (!std::isfinite(v) || v < 0) throw std::invalid_argument("a gradient's values must be finite and not negative");
    peak = std::max(peak, v);
  }
  if (!std::isfinite(g.z) || !std::isfinite(g.theta) || !std::isfinite(g.slope))
    throw std::invalid_argument("a gradient's z, θ and slope must be finite");

  std::vector<std::uint8_t> levels(blocks, 0);
  for (std::size_t i = 0; i < blocks && peak > 0; ++i) {
    if (map.values[i] <= 0) continue;
    const double level = 255.0 + std::log2(double(map.values[i]) / peak) * (kLevels / kOctaves);
    levels[i] = std::uint8_t(std::clamp(std::lround(level), 0l, 255l));
  }
  std::vector<std::uint8_t> packed(compressBound(uLong(blocks)));
  uLongf packed_size = uLongf(packed.size());
  const bool deflated =
      compress2(packed.data(), &packed_size, levels.data(), uLong(blocks), 9) == Z_OK && packed_size < blocks;
  if (deflated) {
    packed.resize(packed_size);
  } else {
    packed = levels;
  }

  const std::size_t regions = std::min(g.regions.size(), kMaxRegions);
  std::vector<std::uint8_t> out(kHeaderBytes + regions * kRegionBytes + packed.size());
  std::uint8_t *p = out.data();
  std::copy(std::begin(kMagic), std::end(kMagic), p);
  p += 4;
  put<std::uint8_t>(p, kVersion);
  put<std::uint8_t>(p, std::uint8_t((deflated ? kDeflated : 0) | (g.early ? kEarly : 0)));
  put<std::uint16_t>(p, std::uint16_t(map.block_size));
  put<std::uint32_t>(p, std::uint32_t(out.size()));
  put<std::uint32_t>(p, g.stream);
  put<std::uint64_t>(p, g.interval);
  put<std::uint64_t>(p, g.interval_duration);
  put<std::uint64_t>(p, g.stream_time);
  put<std::uint32_t>(p, map.frame_width);
  put<std::uint32_t>(p, map.frame_height);
  put<std::uint32_t>(p, g.elements);
  put<std::uint32_t>(p, g.confident);
  put_double(p, g.z);
  put_double(p, g.theta);
  put_double(p, g.slope);
  put_double(p, double(peak));
  put<std::uint32_t>(p, std::uint32_t(regions));
  p += 4;  // CRC-32, below
  for (std::size_t i = 0; i < regions; ++i)
    for (double v : {g.regions[i].x0, g.regions[i].y0, g.regions[i].x1, g.regions[i].y1})
      put<std::uint16_t>(p, std::uint16_t(std::lround(std::clamp(std::isfinite(v) ? v : 0.0, 0.0, 1.0) * 65535)));
  std::copy(packed.begin(), packed.end(), p);
  uLong crc = crc32(0, out.data(), uInt(kCrcOffset));
  crc = crc32(crc, out.data() + kHeaderBytes, uInt(out.size() - kHeaderBytes));
  p = out.data() + kCrcOffset;
  put<std::uint32_t>(p, std::uint32_t(crc));
  return out;
}

bool decode_gradient(const std::uint8_t *data, std::size_t size, Gradient &gradient, std::string &error) {
  auto fail = [&](const char *why) {
    error = why;
    return false;
  };
  if (!data || size < kHeaderBytes) return fail("shorter than a gradient message's header");
  if (size > kMaxMessageBytes) return fail("longer than a gradient message may be");
  const std::uint8_t *p = data;
  if (!std::equal(std::begin(kMagic), std::end(kMagic), p)) return fail("no gradient message");
  p += 4;
  if (get<std::uint8_t>(p) != kVersion) return fail("a gradient message of another version");
  const std::uint8_t flags = get<std::uint8_t>(p);
  if (flags & ~(kDeflated | kEarly)) return fail("a gradient message with unknown flags");
  Gradient g;
  g.early = flags & kEarly;
  g.map.block_size = get<std::uint16_t>(p);
  if (get<std::uint32_t>(p) != size) return fail("a gradient message that is cut or has something behind it");
  const std::uint8_t *c = data + kCrcOffset;
  uLong crc = crc32(0, data, uInt(kCrcOffset));
  crc = crc32(crc, data + kHeaderBytes, uInt(size - kHeaderBytes));
  if (get<std::uint32_t>(c) != std::uint32_t(crc)) return fail("a gradient message with a wrong checksum");
  g.stream = get<std::uint32_t>(p);
  g.interval = get<std::uint64_t>(p);
  g.interval_duration = get<std::uint64_t>(p);
  g.stream_time = get<std::uint64_t>(p);
  g.map.frame_width = get<std::uint32_t>(p);
  g.map.frame_height = get<std::uint32_t>(p);
  g.elements = get<std::uint32_t>(p);
  g.confident = get<std::uint32_t>(p);
  g.z = get_double(p);
  g.theta = get_double(p);
  g.slope = get_double(p);
  const double peak = get_double(p);
  if (!std::isfinite(g.z) || !std::isfinite(g.theta) || !std::isfinite(g.slope) || !std::isfinite(peak) || peak < 0 ||
      peak > 3e38)
    return fail("a gradient message with numbers that are not finite");
  constexpr std::uint32_t kMaxSide = 1u << 16;
  if (g.map.block_size == 0 || g.map.frame_width == 0 || g.map.frame_height == 0 || g.map.frame_width > kMaxSide ||
      g.map.frame_height > kMaxSide)
    return fail("a gradient message with an impossible frame size");
  const std::size_t regions = get<std::uint32_t>(p);
  const std::size_t map_offset = kHeaderBytes + regions * kRegionBytes;
  if (regions > kMaxRegions || map_offset > size) return fail("a gradient message with too many regions");
  p += 4;  // CRC-32
  for (std::size_t i = 0; i < regions; ++i) {
    double v[4];
    for (double &each : v) each = double(get<std::uint16_t>(p)) / 65535;
    if (v[2] < v[0] || v[3] < v[1]) return fail("a gradient message with a region that is turned over");
    g.regions.push_back({v[0], v[1], v[2], v[3]});
  }
  const std::size_t blocks = std::size_t(g.map.columns()) * g.map.rows();
  if (blocks > kMaxBlocks) return fail("a gradient message with too many blocks");
  std::vector<std::uint8_t> levels(blocks);
  if (flags & kDeflated) {
    uLongf got = uLongf(blocks);
    uLong used = uLong(size - map_offset);
    if (uncompress2(levels.data(), &got, data + map_offset, &used) != Z_OK || got != blocks ||
        used != size - map_offset)
      return fail("a gradient message whose map does not unpack to its size");
  } else {
    if (size - map_offset != blocks) return fail("a gradient message whose map has another size than its frame");
    std::copy(data + map_offset, data + size, levels.begin());
  }
  g.map.values.resize(blocks);
  for (std::size_t i = 0; i < blocks; ++i)
    g.map.values[i] = levels[i] ? float(peak * std::exp2((double(levels[i]) - 255.0) * (kOctaves / kLevels))) : 0.0f;
  gradient = std::move(g);
  return true;
}

}  // namespace oneadapt
