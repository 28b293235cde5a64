// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>

#include "wire/message.h"

using namespace oneadapt;

namespace {
Gradient example(unsigned width = 768, unsigned height = 576) {
  Gradient g;
  g.interval = 41;
  g.interval_duration = 1000000000;
  g.stream_time = 41900000000;
  g.stream = 0xdeadbeef;
  g.z = 7.25;
  g.elements = 12;
  g.confident = 9;
  g.theta = 0.4;
  g.regions = {{0.25, 0.5, 0.75, 1}, {0, 0, 0.1, 0.2}};
  g.map = BlockMap(width, height);
  std::mt19937 random(7);
  std::normal_distribution<float> octaves(-6, 4);
  for (float &v : g.map.values) v = std::exp2(octaves(random));
  return g;
}
bool decodes(const std::vector<std::uint8_t> &bytes) {
  Gradient g;
  std::string why;
  const bool ok = decode_gradient(bytes.data(), bytes.size(), g, why);
  EXPECT_EQ(ok, why.empty());
  return ok;
}
}  // namespace

TEST(Wire, RoundTrip) {
  const Gradient g = example();
  Gradient back;
  std::string why;
  const auto bytes = encode_gradient(g);
  ASSERT_TRUE(decode_gradient(bytes.data(), bytes.size(), back, why)) << why;
  EXPECT_EQ(back.interval, g.interval);
  EXPECT_EQ(back.interval_duration, g.interval_duration);
  EXPECT_EQ(back.stream_time, g.stream_time);
  EXPECT_EQ(back.stream, g.stream);
  EXPECT_EQ(back.z, g.z);
  EXPECT_EQ(back.elements, g.elements);
  EXPECT_EQ(back.confident, g.confident);
  EXPECT_EQ(back.theta, g.theta);
  EXPECT_EQ(back.slope, g.slope);
  EXPECT_EQ(back.map.frame_width, g.map.frame_width);
  EXPECT_EQ(back.map.block_size, g.map.block_size);
  ASSERT_EQ(back.regions.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(back.regions[i].x0, g.regions[i].x0, 1e-5);
    EXPECT_NEAR(back.regions[i].y0, g.regions[i].y0, 1e-5);
    EXPECT_NEAR(back.regions[i].x1, g.regions[i].x1, 1e-5);
    EXPECT_NEAR(back.regions[i].y1, g.regions[i].y1, 1e-5);
  }
  ASSERT_EQ(back.map.values.size(), g.map.values.size());
  for (std::size_t i = 0; i < g.map.values.size(); ++i)
    ASSERT_NEAR(back.map.values[i], g.map.values[i], 0.057 * g.map.values[i]) << i;
}
TEST(Wire, ZeroStaysZeroAndThePeakIsExact) {
  Gradient g = example(32, 16);
  g.map.values = {0.0f, 3.5f};
  const auto bytes = encode_gradient(g);
  EXPECT_EQ(bytes.size(), 96u + 2 * 8 + 2);  // two blocks do not shrink: stored as they are
  Gradient back;
  std::string why;
  ASSERT_TRUE(decode_gradient(bytes.data(), bytes.size(), back, why));
  EXPECT_EQ(back.map.values[0], 0.0f);
  EXPECT_EQ(back.map.values[1], 3.5f);
  g.map.values = {0.0f, 0.0f};
  EXPECT_TRUE(decodes(encode_gradient(g)));
}
TEST(Wire, FirstBytesAreDocumented) {
  const auto b = encode_gradient(example(32, 16));
  EXPECT_EQ(std::string(b.begin(), b.begin() + 4), "OAGR");
  EXPECT_EQ(b[4], 2);   // version
  EXPECT_EQ(b[7], 16);  // block size
  EXPECT_EQ(std::size_t(b[10]) * 256 + b[11], b.size());
  EXPECT_EQ(b[23], 41);  // interval
}
TEST(Wire, TheSurestRegionsGo) {
  Gradient g = example(64, 48);
  for (int i = 0; i < 100; ++i) g.regions.push_back({-1, 0, 2, std::nan("")});
  Gradient back;
  std::string why;
  const auto bytes = encode_gradient(g);
  ASSERT_TRUE(decode_gradient(bytes.data(), bytes.size(), back, why)) << why;
  ASSERT_EQ(back.regions.size(), 64u);
  EXPECT_NEAR(back.regions[0].x0, 0.25, 1e-5);
  EXPECT_EQ(back.regions[63].x1, 1.0) << "clipped to the frame";
}
TEST(Wire, RefusesWhatIsNoGradient) {
  Gradient g = example();
  g.map.values.pop_back();
  EXPECT_THROW(encode_gradient(g), std::invalid_argument);
  for (float bad : {-1.0f, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    g = example();
    g.map.values[5] = bad;
    EXPECT_THROW(encode_gradient(g), std::invalid_argument);
  }
  g = example();
  g.z = std::nan("");
  EXPECT_THROW(encode_gradient(g), std::invalid_argument);
  EXPECT_THROW(encode_gradient(Gradient()), std::invalid_argument);
}
TEST(Wire, EveryCutAndEveryFlippedBitIsSeen) {
  const auto bytes = encode_gradient(example(64, 48));
  for (std::size_t n = 0; n < bytes.size(); ++n)
    EXPECT_FALSE(decodes({bytes.begin(), bytes.begin() + std::ptrdiff_t(n)})) << n;
  auto longer = bytes;
  longer.push_back(0);
  EXPECT_FALSE(decodes(longer));
  for (std::size_t i = 0; i < bytes.size() * 8; ++i) {
    auto flipped = bytes;
    flipped[i / 8] ^= std::uint8_t(1u << (i % 8));
    EXPECT_FALSE(decodes(flipped)) << "bit " << i;
  }
}
TEST(Wire, RandomBytesAreNoMessage) {
  std::mt19937 random(1);
  for (int n = 0; n < 2000; ++n) {
    std::vector<std::uint8_t> bytes(random() % 300);
    for (auto &b : bytes) b = std::uint8_t(random());
    EXPECT_FALSE(decodes(bytes));
  }
}
