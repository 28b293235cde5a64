// SPDX-License-Identifier: LGPL-2.1-or-later
#include <stdexcept>
#include <utility>

#include "core/macroblock/allocation.h"
#include "wire/map_code.h"
#include "wire_bytes.h"

using namespace wire_test;

TEST(Wire, RoundTrip) {
  const Gradient g = example();
  const Gradient back = decoded(encode_gradient(g));
  EXPECT_EQ(back.interval, g.interval);
  EXPECT_EQ(back.interval_duration, g.interval_duration);
  EXPECT_EQ(back.stream_time, g.stream_time);
  EXPECT_EQ(back.stream, g.stream);
  EXPECT_EQ(back.z, g.z);
  EXPECT_EQ(back.elements, g.elements);
  EXPECT_EQ(back.confident, g.confident);
  EXPECT_EQ(back.theta, g.theta);
  EXPECT_EQ(back.slope, g.slope);
  EXPECT_FALSE(back.early);
  EXPECT_EQ(back.map.frame_width, g.map.frame_width);
  EXPECT_EQ(back.map.frame_height, g.map.frame_height);
  EXPECT_EQ(back.map.block_size, g.map.block_size);
  EXPECT_EQ(back.measured.frames, 2u);
  EXPECT_EQ(back.measured.occupied, 1u);
  EXPECT_NEAR(back.measured.accuracy, 0.75, 1e-5);
  EXPECT_EQ(back.measured.objects, 9u);
  EXPECT_EQ(back.reuse.frames, 9u);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(back.reuse.accuracy[i], 1 - 0.2 * double(i), 0.065) << i;
  // Losses of 0.01 (1.5 fifteenths of the root) and 0.05 (3.4).
  Gradient small = g;
  small.reuse.accuracy = {0.99, 0.95, 1, 1, 1, 1};
  const Gradient read = decoded(encode_gradient(small));
  EXPECT_NEAR(read.reuse.accuracy[0], 1 - 4 / 225.0, 1e-12);
  EXPECT_NEAR(read.reuse.accuracy[1], 1 - 9 / 225.0, 1e-12);
  ASSERT_EQ(back.regions.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(back.regions[i].x0, g.regions[i].x0, 0.5001 / 4095);
    EXPECT_NEAR(back.regions[i].y0, g.regions[i].y0, 0.5001 / 4095);
    EXPECT_NEAR(back.regions[i].x1, g.regions[i].x1, 0.5001 / 4095);
    EXPECT_NEAR(back.regions[i].y1, g.regions[i].y1, 0.5001 / 4095);
  }
  // Levels are at most 0.24 octaves apart where this fits, down to 8 below the peak: so much a value may be off.
  ASSERT_EQ(back.map.values.size(), g.map.values.size());
  const float peak = *std::max_element(g.map.values.begin(), g.map.values.end());
  for (std::size_t i = 0; i < g.map.values.size(); ++i) {
    if (g.map.values[i] > peak / 128)
      ASSERT_LE(std::abs(std::log2(back.map.values[i] / g.map.values[i])), 0.24) << i;
    else
      ASSERT_LT(back.map.values[i], peak / 64) << i;
  }
  EXPECT_NEAR(total(back.map) / total(g.map), 1, kSum);
}

TEST(Wire, AnIntervalMayBeBehindItsStreamTime) {  // its last frame never came
  Gradient g = example(64, 48);
  for (std::uint64_t interval : {0u, 7u, 41u}) {
    g.interval = interval;
    const Gradient back = decoded(encode_gradient(g));
    EXPECT_EQ(back.interval, interval);
    EXPECT_EQ(back.stream_time, g.stream_time);
  }
}

TEST(Wire, BytesAreAsDocumented) {
  Gradient g = example(64, 16);
  g.interval_duration = 0x1112131415161718;
  g.stream_time = 0x2122232425262728;
  g.interval = 0;  // one behind: two durations would be 0x2224…
  g.elements = 70000;
  g.confident = 0x0304;
  g.early = true;
  g.z = 1.0;
  g.theta = -2.0;
  g.slope = 0.5;
  g.regions = {{0, 1, 0.5, 1}};  // 0, 4095, 2048 (2047.5, rounded), 4095
  // 8 and 7.75 are 0.046 octaves apart, the first two levels 0.1: one level, worth 7.875. 1 has one of its own, 0 the
  // lowest. Levels 2 2 1 0;
  // predicted 0 1 1 0 from the left alone; residuals 2 1 0 0 in the upper halves.
  g.map.values = {8, 7.75, 1, 0};
  const Bytes b = encode_gradient(g);
  const Bytes header = {
      'O',  'A',  'G',  'R',  7,    1,    0,    3,     // magic, version, flags, pooling, levels
      0,    0,    0,    16,   0,    64,   0,    16,    // length (below), block size, width, height
      0xde, 0xad, 0xbe, 0xef, 0xff, 0xff, 3,    4,     // stream, elements (at most 65535), confident
      0,    1,                                         // intervals behind
      0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18,  // interval duration
      0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28,  // stream time
      0x3f, 0x80, 0,    0,                             // z
      0xc0, 0,    0,    0,                             // θ
      0x3f, 0,    0,    0,                             // slope
      1,                                               // regions
      2,    1,    0xbf, 0xff, 0,    9,                 // measured: frames, occupied, 0.75 of 65535 (49151.25), objects
      9,    0x07, 0x9c, 0xdf,                          // reuse: frames, roots of losses: 0, 6.7, 9.5, 11.6, 13.4, 15
      0,    0x0f, 0xff, 0x80, 0x0f, 0xff,              // region: 000 fff, 800 fff
      0,    0,                                         // level 0
      0x7f, 0,                                         // level 1: 0x3f800000 without its sign and lower 15 bits
      0x81, 0xf8,                                      // level 7.875: 0x40fc0000
  };
  ASSERT_GT(b.size(), header.size() + 4);
  for (std::size_t i = 0; i < header.size(); ++i)
    if (i != kLengthAt && i != kLengthAt + 1) {
      EXPECT_EQ(b[i], header[i]) << i;
    }
  EXPECT_EQ(b[kLengthAt] * 256u + b[kLengthAt + 1], b.size());
  EXPECT_EQ(inflated(b, header.size(), 4), (Bytes{0x20, 0x10, 0, 0}));
  EXPECT_EQ(b, sealed(b)) << "the checksum, last, of all before it";
}

TEST(Wire, ResidualsStandInPairsAndWrap) {
  Gradient g = example(32, 40);  // 2×3 blocks, the last row 8 pixels high
  g.regions.clear();
  g.map.values = {5, 1, 1, 1, 4, 5};
  const Bytes b = encode_gradient(g);
  // Levels {1, 4, 5}: 2 0 / 0 0 / 1 2. Predicted 0 1 / 1 0 / 0 0; residuals modulo 3: 2 2 / 2 0 / 1 2.
  ASSERT_EQ(b[kLevelsAt], 3);
  EXPECT_EQ(inflated(b, kEnd + 3 * kLevel, 4), (Bytes{0x22, 0x20, 0x10, 0x20}));
  EXPECT_EQ(decoded(b).map.values, g.map.values);
}

TEST(Wire, OfManyLevelsEachResidualHasAByte) {
  Gradient g = example(320, 16);
  g.regions.clear();
  Bytes expected;
  for (unsigned i = 0; i < 20; ++i) {
    g.map.values[i] = float(std::exp2(-0.4 * i));  // level 19 − i
    expected.push_back(std::uint8_t(i ? 19 - i - (20 - i) / 2 : 19));
  }
  const Bytes b = encode_gradient(g);
  ASSERT_EQ(b[kLevelsAt], 20);
  EXPECT_EQ(inflated(b, kEnd + 20 * kLevel, 20), expected);
  const Gradient back = decoded(b);
  for (unsigned i = 0; i < 20; ++i) EXPECT_NEAR(back.map.values[i] / g.map.values[i], 1, kSum);
}

TEST(Wire, AMessageMadeByHandIsRead) {
  // 40×24 pixels in blocks of 16: 3×2. Pooled by 2: 2 cells in a row, of levels 1 and 0. A stored deflate block.
  Bytes b = {'O', 'A', 'G', 'R', 7, 0, 1, 2, 0, 0, 0, 16, 0, 40, 0, 24};
  b.resize(kEnd, 0);
  b[kDurationAt + 7] = 1;
  const Bytes rest = {0x7e, 0, 0x80, 0x80,                 // levels 0.5 (0x3f000000) and 3 (0x40400000)
                      1,    2, 0,    0xfd, 0xff, 0x10, 0,  // last block, stored, 2 bytes: residuals 1, 0
                      0,    0, 0,    0};
  b.insert(b.end(), rest.begin(), rest.end());
  EXPECT_EQ(decoded(sealed(b)).map.values, (std::vector<float>{3, 3, 0.5, 3, 3, 0.5}));
}

TEST(Wire, ALevelIsTheMeanOfItsPixels) {
  Gradient g = example(24, 16);  // the second block has 8 columns
  g.map.values = {1, 0.97f};     // 0.044 octaves apart: one level
  const Gradient back = decoded(encode_gradient(g));
  EXPECT_NEAR(back.map.values[0], (256 * 1 + 128 * 0.97) / 384, kSum);
  EXPECT_EQ(back.map.values[1], back.map.values[0]);
}

TEST(Wire, PoolingByHand) {
  BlockMap map(40, 24, 16);  // 16×16 16×16 8×16 / 16×8 16×8 8×8
  map.values = {1, 2, 3, 4, 5, 6};
  const BlockMap cells = pooled(map);
  ASSERT_EQ(cells.values.size(), 2u);
  EXPECT_EQ(cells.block_size, 32u);
  EXPECT_FLOAT_EQ(cells.values[0], (256 * 1 + 256 * 2 + 128 * 4 + 128 * 5) / 768.0f);
  EXPECT_FLOAT_EQ(cells.values[1], (128 * 3 + 64 * 6) / 192.0f);
  EXPECT_NEAR(total(cells), total(map), 1e-4);
}

TEST(Wire, PooledMapsComeBackOnTheFullGrid) {
  std::mt19937 random(3);
  const Gradient g = filled(1000, 600, 16, [&] { return std::exp2(-double(random() % 16)); });
  const Bytes b = encode_gradient(g, 400);
  ASSERT_GT(b[kPoolingAt], 0);
  const unsigned side = 1u << b[kPoolingAt];
  const Gradient back = decoded(b);
  ASSERT_EQ(back.map.values.size(), 63u * 38);
  for (unsigned row = 0; row < 38; ++row)
    for (unsigned column = 0; column < 63; ++column)
      ASSERT_EQ(back.map.at(column, row), back.map.at(column / side * side, row / side * side));
  EXPECT_NEAR(total(back.map) / total(g.map), 1, kSum);
}

TEST(Wire, NoMapBreaksTheBudget) {
  std::mt19937 random(11);
  std::uniform_real_distribution<double> unit(0, 1);
  unsigned n = 0;
  const std::vector<std::pair<const char *, std::function<double()>>> maps = {
      {"nothing", [] { return 0.0; }},
      {"all alike", [] { return 0.25; }},
      {"40 octaves of noise", [&] { return std::exp2(-40 * unit(random)); }},
      {"8 octaves of noise", [&] { return std::exp2(-8 * unit(random)); }},
      {"white noise", [&] { return unit(random); }},
      {"coins", [&] { return double(random() % 2); }},
      {"stripes", [&] { return double(++n % 2); }},
      {"few large", [&] { return random() % 50 ? 0.001 * unit(random) : 1.0; }},
      {"largest", [&] { return random() % 3 ? double(std::numeric_limits<float>::max()) : 0.0; }},
      {"smallest", [&] { return double(std::numeric_limits<float>::denorm_min()) * double(random() % 9); }},
  };
  struct Grid {
    unsigned width, height, block;
  };
  for (const Grid &grid :
       {Grid{1920, 1080, 16}, Grid{3840, 2160, 16}, Grid{1920, 1080, 8}, Grid{1024, 1024, 1}, Grid{65535, 16, 1},
        Grid{65535, 65535, 512}, Grid{1, 1, 65535}, Grid{17, 3, 1}, Grid{72000, 1, 80}, Grid{1u << 18, 1, 1},
        Grid{kLargestSide, kLargestSide, 1u << 24}, Grid{kLargestSide, 3, 1u << 31}, Grid{1, 1, kLargestSide}})
    for (const auto &[name, value] : maps) {
      SCOPED_TRACE(name);
      Gradient g = filled(grid.width, grid.height, grid.block, value);
      g.regions.assign(100, {0.1, 0.2, 0.3, 0.4});
      for (std::size_t budget : {kMessageBudget, kLeastMessageBudget, std::size_t(300)}) {
        if (budget != kMessageBudget && g.map.values.size() > 100000) continue;  // slow, and no other case
        const Bytes b = encode_gradient(g, budget);
        ASSERT_LE(b.size(), budget);
        const Gradient back = decoded(b);
        ASSERT_EQ(back.map.frame_width, grid.width);
        ASSERT_EQ(back.map.frame_height, grid.height);
        ASSERT_EQ(back.map.block_size, grid.block);
        ASSERT_EQ(back.map.values.size(), g.map.values.size());
        if (total(g.map) > 1e-30 * std::max(1.0, double(grid.width) * grid.height)) {
          ASSERT_NEAR(total(back.map) / total(g.map), 1, kSum);
        }
      }
    }
}

TEST(Wire, TheDefaultBudgetIsOnePacket) {
  EXPECT_EQ(kMessageBudget, 1300u);
  std::mt19937 random(5);
  const Gradient g = filled(1920, 1080, 16, [&] { return std::exp2(-double(random() % 1000) / 25); });
  const Bytes b = encode_gradient(g);
  EXPECT_EQ(b, encode_gradient(g, 1300));
  EXPECT_LE(b[kPoolingAt], 1) << "even noise in cells of at most 2×2 blocks";
}

TEST(Wire, AMapTakesNoMoreThanThreeBitsABlockIfItCan) {
  std::mt19937 random(5);
  // 432 blocks: 162 bytes, beside a header of 61 and a checksum of 4. Runs, as objects make them.
  double value = 1;
  unsigned i = 0;
  const Gradient g =
      filled(384, 288, 16, [&] { return i++ % 8 ? value : value = std::exp2(-double(random() % 40) / 10); });
  const std::size_t fixed = kEnd + 4 + 6 * g.regions.size();
  const Bytes b = encode_gradient(g);
  EXPECT_LE(b.size(), fixed + 162);
  EXPECT_GT(b.size(), fixed + 80);
  EXPECT_EQ(b[kPoolingAt], 0);
  // Noise takes more at 8 levels; rather that than larger cells.
  const Gradient noise = filled(384, 288, 16, [&] { return std::exp2(-double(random() % 1000) / 160); });
  const Bytes n = encode_gradient(noise);
  EXPECT_GT(n.size(), kEnd + 4 + 6 * noise.regions.size() + 162);
  EXPECT_EQ(n[kPoolingAt], 0);
}

// What a budget of feedback beside a thin stream leaves: header, checksum, and some thirty bytes of map.
TEST(Wire, ASmallBudgetHasAMapOfFewCells) {
  std::mt19937 random(5);
  Gradient g = filled(384, 288, 16, [&] { return 1e-3 * double(random() % 100); });
  for (unsigned row = 4; row < 8; ++row)
    for (unsigned column = 12; column < 16; ++column) g.map.at(column, row) = 1;
  g.regions.assign(5, {0.5, 0.2, 0.7, 0.5});
  const Bytes b = encode_gradient(g, 96);
  EXPECT_LE(b.size(), 96u);
  const Gradient back = decoded(b);
  EXPECT_EQ(back.regions.size(), 1u) << "a quarter of 96 bytes less 65";
  EXPECT_NEAR(total(back.map) / total(g.map), 1, kSum);
  EXPECT_GT(back.map.at(13, 5), 4 * back.map.at(2, 15)) << "still where the object is";
}

TEST(Wire, ALargerBudgetIsUsed) {
  std::mt19937 random(5);
  const Gradient g = filled(1920, 1080, 16, [&] { return std::exp2(-double(random() % 1000) / 125); });
  const std::vector<double> exact(g.map.values.begin(), g.map.values.end());
  double before = 0;
  for (std::size_t budget : {150, 500, 1300, 3200}) {
    const Bytes b = encode_gradient(g, budget);
    EXPECT_LE(b.size(), budget);
    const Gradient back = decoded(b);
    const double same = cosine(exact, {back.map.values.begin(), back.map.values.end()});
    EXPECT_GT(same, before) << budget;
    before = same;
  }
  EXPECT_GT(before, 0.99);
}

// Twenty objects of which the DNN minds the outlines, on a background that it minds a thousandth as much: what comes
// back asks for the same QPs (docs/results/wire.md has the figures of real maps).
TEST(Wire, MacroblockQualityIsTheSame) {
  std::mt19937 random(9);
  std::normal_distribution<double> octaves(0, 1.5);
  std::uniform_real_distribution<double> unit(0, 1);
  Gradient g = filled(1920, 1080, 16, [&] { return 1e-3 * std::exp2(octaves(random)); });
  for (int object = 0; object < 20; ++object) {
    const double x = 120 * unit(random), y = 68 * unit(random), size = 1 + 5 * unit(random);
    for (unsigned row = 0; row < 68; ++row)
      for (unsigned column = 0; column < 120; ++column) {
        const double away = std::hypot(column - x, row - y) / size;
        g.map.at(column, row) += float(std::exp2(octaves(random) - away * away));
      }
  }
  const Gradient back = decoded(encode_gradient(g));
  const auto wanted = allocate_qp(g.map), got = allocate_qp(back.map);
  ASSERT_EQ(got.size(), wanted.size());
  double change = 0;
  for (std::size_t i = 0; i < got.size(); ++i) change += std::abs(got[i] - wanted[i]) / double(got.size());
  EXPECT_LT(change, 0.3);
}

// One block far above all others, which hold the gradient: they are told apart all the same.
TEST(Wire, AStrayPeakHidesNothing) {
  Gradient g = filled(1920, 1080, 16, [] { return 1.0; });
  for (unsigned row = 0; row < 68; ++row)
    for (unsigned column = 60; column < 120; ++column) g.map.at(column, row) = 0.125f;
  g.map.at(20, 20) = 600;
  const Gradient back = decoded(encode_gradient(g));
  EXPECT_NEAR(back.map.at(20, 20), 600, 600 * kSum);
  EXPECT_NEAR(back.map.at(0, 0), 1, kSum);
  EXPECT_NEAR(back.map.at(119, 67), 0.125, kSum);
  EXPECT_EQ(allocate_qp(back.map), allocate_qp(g.map));
}

TEST(Wire, TheSurestRegionsGo) {
  Gradient g = example(64, 48);
  for (int i = 0; i < 100; ++i) g.regions.push_back({-1, 0, 2, std::nan("")});
  const Gradient back = decoded(encode_gradient(g));
  ASSERT_EQ(back.regions.size(), 51u) << "a quarter of 1300 bytes less 65";
  EXPECT_NEAR(back.regions[0].x0, 0.25, 0.5 / 4095);
  EXPECT_EQ(back.regions[50].x1, 1.0) << "clipped to the frame";
  EXPECT_EQ(decoded(encode_gradient(g, 5000)).regions.size(), 64u);
  EXPECT_EQ(decoded(encode_gradient(g, kLeastMessageBudget)).regions.size(), 0u);
  g.regions = {{0.5, 0.5, 0.25, 0.25}};
  const Box box = decoded(encode_gradient(g)).regions.at(0);
  EXPECT_EQ(box.x1, box.x0) << "one that is turned over is empty, and the message is read all the same";
  EXPECT_EQ(box.y1, box.y0);
}

TEST(Wire, WhatIsNoGradientIsNotEncoded) {
  const auto refused = [](const std::function<void(Gradient &)> &spoil, std::size_t budget = kMessageBudget) {
    Gradient g = example(64, 48);
    spoil(g);
    EXPECT_THROW(encode_gradient(g, budget), std::invalid_argument);
  };
  refused([](Gradient &g) { g.map.values.pop_back(); });
  for (float bad : {-1.0f, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
    refused([=](Gradient &g) { g.map.values[5] = bad; });
  refused([](Gradient &g) { g.z = std::nan(""); });
  refused([](Gradient &g) { g.theta = std::numeric_limits<double>::infinity(); });
  refused([](Gradient &g) { g.slope = std::nan(""); });
  refused([](Gradient &g) { g = Gradient(); });
  refused([](Gradient &g) { g.z = 1e39; });  // no float
  refused([](Gradient &g) { g.interval_duration = 0; });
  refused([](Gradient &g) { g.measured.accuracy = std::nan(""); });
  refused([](Gradient &g) { g.measured.occupied = 3; });  // of 2
  refused([](Gradient &g) { g.reuse.accuracy[3] = std::nan(""); });
  refused([](Gradient &g) { g.interval = 42; });  // later than its stream time
  refused([](Gradient &g) { g.stream_time *= 2000; });
  refused([](Gradient &g) { g.map = BlockMap(1025, 1024, 1); });
  refused([](Gradient &g) { g.domain = Domain::Signal; });  // 48 high
  refused([](Gradient &) {}, kLeastMessageBudget - 1);
}

TEST(Wire, EveryRefusalSaysWhy) {
  const Bytes good = encode_gradient(example(64, 40));  // 4×3 blocks, 2 regions
  ASSERT_TRUE(decodes(good));
  const std::size_t levels_at = kEnd + 2 * 6, map_at = levels_at + kLevel * good[kLevelsAt];
  const auto says = [](const Bytes &bytes, const char *what) {
    EXPECT_NE(refusal(bytes).find(what), std::string::npos) << refusal(bytes) << ", not " << what;
  };
  says({}, "shorter");
  says({good.begin(), good.begin() + 58}, "shorter");
  says(with(good, kMeasuredAt, {1, 2}), "more frames than were compared");
  says(Bytes(65536, 0), "longer");
  says(with(good, 0, {'X'}), "no gradient message");
  says(with(good, 4, {3}), "version");
  says(with(good, 4, {8}), "version");
  for (std::uint8_t flag : {4, 8}) says(with(good, kFlagsAt, {flag}), "flags");
  says({good.begin(), good.end() - 1}, "cut");
  Bytes other = good;
  other.push_back(0);
  says(other, "behind it");
  other = good;
  other.back() ^= 1;
  says(other, "checksum");
  for (std::size_t at : {kZAt, kZAt + 4, kZAt + 8}) says(with(good, at, {0x7f, 0x80, 0, 0}), "not finite");
  says(with(good, kDurationAt, {0, 0, 0, 0, 0, 0, 0, 0}), "without duration");
  says(with(good, kBehindAt, {0, 42}), "before the first");
  for (std::size_t at : {kBlockAt, kWidthAt, kHeightAt}) says(with(good, at, {0, 0}), "without a frame");
  says(with(good, kBlockAt, {0, 1, 0xff, 0xff, 0xff, 0xff}), "too many blocks");
  says(with(good, kPoolingAt, {17}), "pooling");
  says(with(good, kPoolingAt, {16}), "pooling");  // 16 pixels · 2^16
  says(with(good, kLevelsAt, {0}), "number of levels");
  says(with(good, kLevelsAt, {65}), "number of levels");
  says(with(good, kRegionsAt, {65}), "more regions");
  Bytes brief(good.begin(), good.begin() + 80);
  says(with(brief, kLevelsAt, {2}), "more regions");  // 61 + 12 + 4 + 4 > 80
  says(with(good, kEnd, {0xff, 0xff, 0xff}), "turned over");
  says(with(good, levels_at, {0xff, 0x00}), "level");  // infinity
  says(with(good, levels_at, {0xff, 0x80}), "level");
  says(with(good, kWidthAt, {0, 65}), "unpack");  // a column more
  says(with(good, kWidthAt, {0, 48}), "unpack");  // a column less
  says(with(good, map_at, {0x07}), "unpack");     // a block type that deflate has not
  other = good;
  other.insert(other.end() - 4, 0);
  says(sealed(other), "unpack");                                    // something behind the map
  const auto stored = [&](std::uint8_t levels, const Bytes &map) {  // 2×1 blocks
    Bytes b = {'O', 'A', 'G', 'R', 7, 0, 0, levels, 0, 0, 0, 16, 0, 32, 0, 16};
    b.resize(kEnd + levels * kLevel, 0);
    b[kDurationAt] = 1;
    const Bytes header = {1, std::uint8_t(map.size()), 0, std::uint8_t(~map.size()),
                          0xff};  // deflate: the last block, stored
    b.insert(b.end(), header.begin(), header.end());
    b.insert(b.end(), map.begin(), map.end());
    b.resize(b.size() + 4, 0);
    return sealed(b);
  };
  EXPECT_TRUE(decodes(stored(2, {0x10, 0x10})));
  EXPECT_TRUE(decodes(stored(17, {16, 0})));
  says(stored(17, {17, 0}), "unpack");
  says(stored(2, {0x20, 0x10}), "unpack");  // a level that there is not
  says(stored(2, {0x10, 0x11}), "unpack");  // below the last row
  says(stored(2, {0x10}), "unpack");
  says(stored(2, {0x10, 0x10, 0x10}), "unpack");
}

TEST(Wire, EveryCutAndEveryFlippedBitIsSeen) {
  const Bytes bytes = encode_gradient(example(64, 48));
  for (std::size_t n = 0; n < bytes.size(); ++n)
    EXPECT_FALSE(decodes({bytes.begin(), bytes.begin() + std::ptrdiff_t(n)})) << n;
  for (std::size_t i = 0; i < bytes.size() * 8; ++i) {
    Bytes flipped = bytes;
    flipped[i / 8] ^= std::uint8_t(1u << (i % 8));
    EXPECT_FALSE(decodes(flipped)) << "bit " << i;
  }
}

TEST(Wire, RandomBytesAreNoMessage) {
  std::mt19937 random(1);
  for (int n = 0; n < 2000; ++n) {
    Bytes bytes(random() % 300);
    for (auto &b : bytes) b = std::uint8_t(random());
    EXPECT_FALSE(decodes(bytes));
  }
}
