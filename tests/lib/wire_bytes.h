// SPDX-License-Identifier: LGPL-2.1-or-later
// Gradients to encode, and messages to take apart.
#pragma once
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "../support/block_total.h"
#include "wire/message.h"

namespace wire_test {

using namespace oneadapt;
using oneadapt_test::total;

using Bytes = std::vector<std::uint8_t>;
constexpr std::size_t kFlagsAt = 5, kPoolingAt = 6, kLevelsAt = 7, kLengthAt = 8, kBlockAt = 10, kWidthAt = 12,
                      kHeightAt = 14, kBehindAt = 24, kDurationAt = 26, kZAt = 42, kRegionsAt = 54, kMeasuredAt = 55,
                      kMeasured = 6, kReuseAt = kMeasuredAt + kMeasured, kReuse = 4, kEnd = kReuseAt + kReuse,
                      kLevel = 2, kWide = 6;  // docs/wire-format.md

inline Gradient example(unsigned width = 768, unsigned height = 576, unsigned block = 16) {
  Gradient g;
  g.interval = 41;
  g.interval_duration = 1000000000;
  g.stream_time = 41900000000;
  g.stream = 0xdeadbeef;
  g.z = 7.25;
  g.elements = 12;
  g.confident = 9;
  g.theta = 0.375;
  g.regions = {{0.25, 0.5, 0.75, 1}, {0, 0, 0.1, 0.2}};
  g.measured = {2, 1, 0.75, 9};
  g.reuse.frames = 9;
  g.reuse.accuracy = {1, 0.8, 0.6, 0.4, 0.2, 0};
  g.map = BlockMap(width, height, block);
  std::mt19937 random(7);
  std::normal_distribution<float> octaves(-6, 4);
  for (float &v : g.map.values) v = std::exp2(octaves(random));
  return g;
}

inline Gradient filled(unsigned width, unsigned height, unsigned block, const std::function<double()> &value) {
  Gradient g = example(width, height, block);
  for (float &v : g.map.values) v = float(value());
  return g;
}

inline std::string refusal(const Bytes &bytes) {
  Gradient g;
  g.interval = 1234;
  std::string why;
  const bool ok = decode_gradient(bytes.data(), bytes.size(), g, why);
  EXPECT_EQ(ok, why.empty());
  if (!ok) {
    EXPECT_EQ(g.interval, 1234u) << "touched by a message that was refused";
  }
  return why;
}
inline bool decodes(const Bytes &bytes) { return refusal(bytes).empty(); }

inline Gradient decoded(const Bytes &bytes) {
  Gradient g;
  std::string why;
  EXPECT_TRUE(decode_gradient(bytes.data(), bytes.size(), g, why)) << why;
  return g;
}

/// Length and checksum as they must be.
inline Bytes sealed(Bytes bytes) {
  bytes[kLengthAt] = std::uint8_t(bytes.size() >> 8);
  bytes[kLengthAt + 1] = std::uint8_t(bytes.size());
  const uLong crc = crc32(0, bytes.data(), uInt(bytes.size() - 4));
  for (std::size_t i = 0; i < 4; ++i) bytes[bytes.size() - 4 + i] = std::uint8_t(crc >> (24 - 8 * i));
  return bytes;
}
inline Bytes with(Bytes bytes, std::size_t at, const Bytes &change) {
  for (std::size_t i = 0; i < change.size(); ++i) bytes.at(at + i) = change[i];
  return sealed(bytes);
}

/// The same message as writers of an older version made it: version 6 did not say what reused results are worth, and
/// versions 4 and 5 did not say what was measured either.
inline Bytes as_version(std::uint8_t version, Bytes bytes) {
  bytes.erase(bytes.begin() + (version < 6 ? kMeasuredAt : kReuseAt), bytes.begin() + kEnd);
  bytes.at(4) = version;
  if (version == 4) bytes.at(kFlagsAt) = 0;
  return sealed(bytes);
}

inline Bytes inflated(const Bytes &bytes, std::size_t from, std::size_t size) {
  Bytes out(size + 1), in(bytes.begin() + std::ptrdiff_t(from), bytes.end() - 4);
  z_stream z{};
  inflateInit2(&z, -15);
  z.next_in = in.data();
  z.avail_in = uInt(in.size());
  z.next_out = out.data();
  z.avail_out = uInt(out.size());
  EXPECT_EQ(inflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(out.size() - z.avail_out);
  inflateEnd(&z);
  return out;
}

constexpr std::uint32_t kLargestSide = std::numeric_limits<std::uint32_t>::max();
constexpr double kSum = 1.0 / 512;  // a level has 8 bits of mantissa, and is rounded

}  // namespace wire_test
