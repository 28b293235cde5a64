// SPDX-License-Identifier: LGPL-2.1-or-later
// Layout: docs/wire-format.md. All numbers are big-endian.
#include "wire/message.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <stdexcept>
#include <tuple>

#include "wire/big_endian.h"
#include "wire/float_bits.h"
#include "wire/map_code.h"

namespace oneadapt {
namespace {

constexpr std::uint8_t kMagic[4] = {'O', 'A', 'G', 'R'};
constexpr std::uint8_t kVersion = 7, kOldestVersion = 4, kMeasuringVersion = 6, kReuseVersion = 7;
constexpr std::uint8_t kEarly = 1, kWide = 2;  // flags
constexpr unsigned kDomainShift = 4;           // the flags' upper half is the domain
constexpr std::size_t kHeaderBytes = 55, kCrcBytes = 4;
constexpr std::size_t kMeasuredBytes = 6;  // measured accuracy, behind the header
constexpr std::size_t kReuseBytes = 1 + std::tuple_size_v<decltype(ReuseAccuracy::accuracy)> / 2;  // behind that
constexpr std::size_t kWideBytes = 6;  // the upper halves of three sides, behind that
constexpr double kAccuracySteps = 65535, kReuseSteps = 15;
constexpr std::size_t kRegionBytes = 6;
constexpr unsigned kMaxPooling = 20;           // by then one cell covers any frame of kMaxMessageBlocks blocks
constexpr std::uint64_t kMostBehind = 0xffff;  // intervals
constexpr double kRegionSteps = 4095;          // a coordinate has 12 bits
static_assert(kHeaderBytes + kWideBytes + kMeasuredBytes + kReuseBytes + kLeastMapBytes + kCrcBytes <=
                  kLeastMessageBudget,
              "room for any map");

void put_float(std::uint8_t *&p, double v) { put(p, bits_of(float(v))); }
float get_float(const std::uint8_t *&p) { return float_of(get<std::uint32_t>(p)); }

/// A level is not negative, so that of a float's bits the sign goes, and the lower 15, which are rounded: ± 0.2 %.
std::uint16_t level_code(float level) {
  constexpr std::uint32_t kLargest = 0xfeff;  // above it are infinity and what is no number
  return std::uint16_t(std::min(kLargest, (bits_of(level) + (1u << 14)) >> 15));
}
float level_of(std::uint16_t code) { return float_of(std::uint32_t(code) << 15); }

unsigned region_step(double v) {
  return unsigned(std::lround(std::clamp(std::isfinite(v) ? v : 0.0, 0.0, 1.0) * kRegionSteps));
}
/// A corner: x in the upper, y in the lower 12 of 24 bits.
void put_corner(std::uint8_t *&p, unsigned x, unsigned y) {
  put<std::uint8_t>(p, std::uint8_t(x >> 4));
  put<std::uint16_t>(p, std::uint16_t((x & 15) << 12 | y));
}
void get_corner(const std::uint8_t *&p, double &x, double &y) {
  const unsigned upper = get<std::uint8_t>(p), lower = get<std::uint16_t>(p);
  x = (upper << 4 | lower >> 12) / kRegionSteps;
  y = (lower & 0xfff) / kRegionSteps;
}
void put_measured(std::uint8_t *&p, const MeasuredAccuracy &m) {
  put<std::uint8_t>(p, std::uint8_t(std::min(m.frames, 0xffu)));
  put<std::uint8_t>(p, std::uint8_t(std::min(m.occupied, 0xffu)));
  put<std::uint16_t>(p, std::uint16_t(std::lround(std::clamp(m.accuracy, 0.0, 1.0) * kAccuracySteps)));
  put<std::uint16_t>(p, std::uint16_t(std::min(m.objects, 0xffffu)));
}
MeasuredAccuracy get_measured(const std::uint8_t *&p) {
  MeasuredAccuracy m;
  m.frames = get<std::uint8_t>(p);
  m.occupied = get<std::uint8_t>(p);
  m.accuracy = get<std::uint16_t>(p) / kAccuracySteps;
  m.objects = get<std::uint16_t>(p);
  return m;
}
/// Two losses a byte, each as a fifteenth of its root: small ones matter most.
void put_reuse(std::uint8_t *&p, const ReuseAccuracy &r) {
  const auto step = [](double accuracy) {
    return unsigned(std::lround(std::sqrt(std::clamp(1 - accuracy, 0.0, 1.0)) * kReuseSteps));
  };
  put<std::uint8_t>(p, std::uint8_t(std::min(r.frames, 0xffu)));
  for (std::size_t i = 0; i < r.accuracy.size(); i += 2)
    put<std::uint8_t>(p, std::uint8_t(step(r.accuracy[i]) << 4 | step(r.accuracy[i + 1])));
}
ReuseAccuracy get_reuse(const std::uint8_t *&p) {
  const auto accuracy = [](unsigned step) { return 1 - std::pow(step / kReuseSteps, 2); };
  ReuseAccuracy r;
  r.frames = get<std::uint8_t>(p);
  for (std::size_t i = 0; i < r.accuracy.size(); i += 2) {
    const unsigned both = get<std::uint8_t>(p);
    r.accuracy[i] = accuracy(both >> 4);
    r.accuracy[i + 1] = accuracy(both & 15);
  }
  return r;
}
/// What stands before regions, levels and map.
std::size_t header_bytes(unsigned version, bool wide) {
  return kHeaderBytes + (wide ? kWideBytes : 0) + (version >= kMeasuringVersion ? kMeasuredBytes : 0) +
         (version >= kReuseVersion ? kReuseBytes : 0);
}

void put_region(std::uint8_t *&p, const Box &box) {
  const unsigned x0 = region_step(box.x0), y0 = region_step(box.y0);
  put_corner(p, x0, y0);
  put_corner(p, std::max(x0, region_step(box.x1)), std::max(y0, region_step(box.y1)));
}

/// The three sides of a map, as they stand in a message.
template <class Map>
auto sides(Map &map) {
  return std::array{&map.block_size, &map.frame_width, &map.frame_height};
}
/// Whether a side needs more than 16 bits.
bool is_wide(const BlockMap &map) { return (map.block_size | map.frame_width | map.frame_height) > 0xffff; }

/// Version 4 did not say the domain; there, only sound had a height of one.
std::optional<Domain> read_domain(unsigned version, unsigned flags, const BlockMap &map) {
  if (version == kOldestVersion) return map.frame_height == 1 ? Domain::Signal : Domain::Grid;
  return domain_of(flags >> kDomainShift);
}

/// Whether a writer may have pooled so often: it stops where one cell covers the frame.
bool possible_pooling(unsigned pooling, const BlockMap &map) {
  if (pooling == 0) return true;
  return pooling <= kMaxPooling &&
         std::uint64_t(map.block_size) << (pooling - 1) < std::max(map.frame_width, map.frame_height);
}

std::uint32_t checksum(const std::uint8_t *data, std::size_t size) { return std::uint32_t(crc32(0, data, uInt(size))); }

void check(const Gradient &g, std::size_t byte_budget) {
  const BlockMap &map = g.map;
  const std::size_t blocks = std::size_t(map.columns()) * map.rows();
  if (blocks == 0 || blocks > kMaxMessageBlocks || map.values.size() != blocks)
    throw std::invalid_argument("a gradient's map must have between 1 and 2^20 blocks, as many as its frame has");
  if (!g.fits_domain()) throw std::invalid_argument("the gradient of a signal must be one high");
  for (float v : map.values)
    if (!std::isfinite(v) || v < 0) throw std::invalid_argument("a gradient's values must be finite and not negative");
  // As floats, which is how they travel.
  if (!std::isfinite(float(g.z)) || !std::isfinite(float(g.theta)) || !std::isfinite(float(g.slope)))
    throw std::invalid_argument("a gradient's z, θ and slope must be finite");
  if (!std::isfinite(g.measured.accuracy) || g.measured.occupied > g.measured.frames)
    throw std::invalid_argument("a gradient's measured accuracy must be finite, and of no more frames than compared");
  if (!std::all_of(g.reuse.accuracy.begin(), g.reuse.accuracy.end(), [](double a) { return std::isfinite(a); }))
    throw std::invalid_argument("a gradient's accuracies of reused results must be finite");
  if (g.interval_duration == 0) throw std::invalid_argument("a gradient's interval must have a duration");
  const std::uint64_t latest = interval_of(g.stream_time, g.interval_duration);
  if (g.interval > latest || latest - g.interval > kMostBehind)
    throw std::invalid_argument(
        "a gradient's interval must be the one that its stream time falls in, or one of the 65535 before");
  if (byte_budget < kLeastMessageBudget)
    throw std::invalid_argument("a gradient message takes up to " + std::to_string(kLeastMessageBudget) +
                                " bytes; give it a greater budget");
}

}  // namespace

std::vector<std::uint8_t> encode_gradient(const Gradient &g, std::size_t byte_budget) {
  check(g, byte_budget);
  const bool wide = is_wide(g.map);
  const std::size_t fixed = header_bytes(kVersion, wide) + kCrcBytes;
  const std::size_t budget = std::min(byte_budget, kMaxMessageBytes);
  // Rather fewer regions than a coarse map: the surest come first.
  const std::size_t regions = std::min({g.regions.size(), kMaxMessageRegions, (budget - fixed) / 4 / kRegionBytes});
  const std::optional<CodedMap> map = code_map(g.map, budget - fixed - regions * kRegionBytes);
  if (!map) throw std::logic_error("the coarsest map did not fit");

  std::vector<std::uint8_t> out(fixed + regions * kRegionBytes + map->bytes());
  std::uint8_t *p = out.data();
  p = std::copy(std::begin(kMagic), std::end(kMagic), p);
  put<std::uint8_t>(p, kVersion);
  put<std::uint8_t>(p, std::uint8_t((g.early ? kEarly : 0) | (wide ? kWide : 0) | unsigned(g.domain) << kDomainShift));
  put<std::uint8_t>(p, std::uint8_t(map->pooling));
  put<std::uint8_t>(p, std::uint8_t(map->levels.size()));
  put<std::uint16_t>(p, std::uint16_t(out.size()));
  for (const std::uint32_t *side : sides(g.map)) put<std::uint16_t>(p, std::uint16_t(*side));
  put<std::uint32_t>(p, g.stream);
  put<std::uint16_t>(p, std::uint16_t(std::min(g.elements, 0xffffu)));
  put<std::uint16_t>(p, std::uint16_t(std::min(g.confident, 0xffffu)));
  put<std::uint16_t>(p, std::uint16_t(interval_of(g.stream_time, g.interval_duration) - g.interval));
  put<std::uint64_t>(p, g.interval_duration);
  put<std::uint64_t>(p, g.stream_time);
  put_float(p, g.z);
  put_float(p, g.theta);
  put_float(p, g.slope);
  put<std::uint8_t>(p, std::uint8_t(regions));
  put_measured(p, g.measured);
  put_reuse(p, g.reuse);
  if (wide)
    for (const std::uint32_t *side : sides(g.map)) put<std::uint16_t>(p, std::uint16_t(*side >> 16));
  for (std::size_t i = 0; i < regions; ++i) put_region(p, g.regions[i]);
  for (float level : map->levels) put<std::uint16_t>(p, level_code(level));
  p = std::copy(map->packed.begin(), map->packed.end(), p);
  put<std::uint32_t>(p, checksum(out.data(), out.size() - kCrcBytes));
  return out;
}

bool decode_gradient(const std::uint8_t *data, std::size_t size, Gradient &gradient, std::string &error) {
  auto fail = [&](const char *why) {
    error = why;
    return false;
  };
  if (!data || size < kHeaderBytes + kCrcBytes) return fail("shorter than a gradient message's header");
  if (size > kMaxMessageBytes) return fail("longer than a gradient message may be");
  const std::uint8_t *p = data, *crc = data + size - kCrcBytes;
  if (!std::equal(std::begin(kMagic), std::end(kMagic), p)) return fail("no gradient message");
  p += 4;
  const unsigned version = get<std::uint8_t>(p);
  if (version < kOldestVersion || version > kVersion) return fail("a gradient message of another version");
  const unsigned flags = get<std::uint8_t>(p), pooling = get<std::uint8_t>(p);
  const std::size_t level_count = get<std::uint8_t>(p);
  if (get<std::uint16_t>(p) != size) return fail("a gradient message that is cut or has something behind it");
  if (get<std::uint32_t>(crc) != checksum(data, size - kCrcBytes))
    return fail("a gradient message with a wrong checksum");
  crc -= kCrcBytes;
  const unsigned known = version == kOldestVersion ? kEarly : kEarly | kWide | 0xfu << kDomainShift;
  if (flags & ~known) return fail("a gradient message with unknown flags");
  const bool wide = flags & kWide;
  const std::size_t fixed = header_bytes(version, wide) + kCrcBytes;
  if (size < fixed) return fail("shorter than a gradient message's header");

  Gradient g;
  g.early = flags & kEarly;
  for (std::uint32_t *side : sides(g.map)) *side = get<std::uint16_t>(p);
  g.stream = get<std::uint32_t>(p);
  g.elements = get<std::uint16_t>(p);
  g.confident = get<std::uint16_t>(p);
  const std::uint64_t behind = get<std::uint16_t>(p);
  g.interval_duration = get<std::uint64_t>(p);
  g.stream_time = get<std::uint64_t>(p);
  g.z = get_float(p);
  g.theta = get_float(p);
  g.slope = get_float(p);
  const std::size_t regions = get<std::uint8_t>(p);
  if (version >= kMeasuringVersion) g.measured = get_measured(p);
  if (version >= kReuseVersion) g.reuse = get_reuse(p);
  if (wide)
    for (std::uint32_t *side : sides(g.map)) *side |= std::uint32_t(get<std::uint16_t>(p)) << 16;
  if (g.measured.occupied > g.measured.frames)
    return fail("a gradient message with an accuracy of more frames than were compared");
  if (!std::isfinite(g.z) || !std::isfinite(g.theta) || !std::isfinite(g.slope))
    return fail("a gradient message with numbers that are not finite");
  if (g.interval_duration == 0) return fail("a gradient message of an interval without duration");
  const std::uint64_t latest = interval_of(g.stream_time, g.interval_duration);
  if (behind > latest) return fail("a gradient message of an interval before the first");
  g.interval = latest - behind;
  if (g.map.block_size == 0 || g.map.frame_width == 0 || g.map.frame_height == 0)
    return fail("a gradient message without a frame or blocks");
  if (std::uint64_t(g.map.columns()) * g.map.rows() > kMaxMessageBlocks)
    return fail("a gradient message with too many blocks");
  const std::optional<Domain> domain = read_domain(version, flags, g.map);
  if (!domain) return fail("a gradient message of an unknown domain");
  g.domain = *domain;
  if (!g.fits_domain()) return fail("a gradient message of a signal that is not one high");
  if (!possible_pooling(pooling, g.map)) return fail("a gradient message with impossible pooling");
  if (level_count == 0 || level_count > kMaxMapLevels)
    return fail("a gradient message with an impossible number of levels");
  if (regions > kMaxMessageRegions || fixed + regions * kRegionBytes + level_count * kLevelBytes > size)
    return fail("a gradient message with more regions and levels than it holds");
  for (std::size_t i = 0; i < regions; ++i) {
    Box box;
    get_corner(p, box.x0, box.y0);
    get_corner(p, box.x1, box.y1);
    if (box.x1 < box.x0 || box.y1 < box.y0) return fail("a gradient message with a region that is turned over");
    g.regions.push_back(box);
  }
  std::vector<float> levels(level_count);
  for (float &level : levels) {
    const auto code = get<std::uint16_t>(p);
    level = level_of(code);
    if (!std::isfinite(level)) return fail("a gradient message with a level that is not finite");
  }
  if (!decode_map(pooling, levels, p, std::size_t(crc - p), g.map))
    return fail("a gradient message whose map does not unpack to its size");
  gradient = std::move(g);
  return true;
}

std::size_t message_length(const std::uint8_t *data, std::size_t size) {
  if (!data || size < kMessagePrefix || !std::equal(std::begin(kMagic), std::end(kMagic), data) ||
      data[4] < kOldestVersion || data[4] > kVersion)
    return 0;
  const std::uint8_t *p = data + 8;
  const std::size_t length = get<std::uint16_t>(p);
  return length >= kHeaderBytes + kCrcBytes && length <= kMessageBudget ? length : 0;
}

bool is_message(const std::uint8_t *data, std::size_t size) {
  if (message_length(data, size) != size || size == 0) return false;
  const std::uint8_t *crc = data + size - kCrcBytes;
  return get<std::uint32_t>(crc) == checksum(data, size - kCrcBytes);
}

}  // namespace oneadapt
