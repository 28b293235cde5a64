// SPDX-License-Identifier: LGPL-2.1-or-later
// What a message says of its domain, sides of more than 16 bits, and the version before.
#include "wire_bytes.h"

using namespace wire_test;

// Nine seconds of sound at 8 kHz in blocks of 10 ms: 900 blocks in a row of 72000 samples.
TEST(Wire, ALongSignalIsReadAsOne) {
  Gradient g = filled(72000, 1, 80, [] { return 0.25; });
  g.domain = Domain::Signal;
  g.early = true;
  const Bytes b = encode_gradient(g);
  EXPECT_EQ(b[kFlagsAt], 0x10 | 2 | 1) << "signal, wide, early";
  EXPECT_EQ((Bytes{b.begin() + kBlockAt, b.begin() + kHeightAt + 2}), (Bytes{0, 80, 0x19, 0x40, 0, 1})) << "lower";
  EXPECT_EQ((Bytes{b.begin() + kEnd, b.begin() + kEnd + kWide}), (Bytes{0, 0, 0, 1, 0, 0})) << "upper: 72000 = 0x11940";
  const Gradient back = decoded(b);
  EXPECT_EQ(back.domain, Domain::Signal);
  EXPECT_TRUE(back.early);
  EXPECT_EQ(back.map.frame_width, 72000u);
  EXPECT_EQ(back.map.frame_height, 1u);
  EXPECT_EQ(back.map.block_size, 80u);
  ASSERT_EQ(back.map.values.size(), 900u);
  EXPECT_FLOAT_EQ(back.map.values[899], 0.25f);
  EXPECT_EQ(back.regions.size(), g.regions.size());
}

TEST(Wire, ADomainIsNoMatterOfTheHeight) {
  Gradient g = filled(320, 1, 16, [] { return 1.0; });
  EXPECT_EQ(decoded(encode_gradient(g)).domain, Domain::Grid);
  g.domain = Domain::Signal;
  EXPECT_EQ(decoded(encode_gradient(g)).domain, Domain::Signal);
}

// 16 sectors of 4 rings: a block of one "pixel" each.
TEST(Wire, TheSpaceAroundASensorComesBack) {
  Gradient g = filled(16, 4, 1, [] { return 0.5; });
  g.domain = Domain::Space;
  g.map.at(3, 2) = 2;
  const Bytes b = encode_gradient(g);
  EXPECT_EQ(b[kFlagsAt], 0x20);
  const Gradient back = decoded(b);
  EXPECT_EQ(back.domain, Domain::Space);
  EXPECT_EQ(back.map.values, g.map.values);
}

TEST(Wire, TheLargestSidesComeBack) {
  Gradient g = filled(kLargestSide, kLargestSide - 1, 1u << 31, [] { return 3.0; });  // 2×2 blocks
  EXPECT_EQ(g.map.pixels(0, 0), std::uint64_t(1) << 62);
  EXPECT_EQ(g.map.pixels(1, 1), std::uint64_t((1u << 31) - 1) * ((1u << 31) - 2));
  for (std::size_t budget : {kLeastMessageBudget, kMessageBudget}) {
    const Bytes b = encode_gradient(g, budget);
    const Gradient back = decoded(b);
    EXPECT_EQ(back.map.frame_width, kLargestSide);
    EXPECT_EQ(back.map.frame_height, kLargestSide - 1);
    EXPECT_EQ(back.map.block_size, 1u << 31);
    EXPECT_EQ(back.map.values, (std::vector<float>{3, 3, 3, 3}));
  }
}

// Version 4 had neither domain nor wide sides; only sound was one high.
TEST(Wire, MessagesOfVersionFourAreRead) {
  const auto of_version_four = [](const Gradient &g) { return as_version(4, encode_gradient(g)); };
  Gradient g = filled(800, 1, 80, [] { return 0.5; });
  g.domain = Domain::Signal;
  const Gradient sound = decoded(of_version_four(g));
  EXPECT_EQ(sound.domain, Domain::Signal);
  EXPECT_EQ(sound.map.values, g.map.values);
  const Bytes picture = of_version_four(example(64, 48));
  EXPECT_EQ(decoded(picture).domain, Domain::Grid);
  EXPECT_TRUE(is_message(picture.data(), picture.size()));
  EXPECT_EQ(message_length(picture.data(), picture.size()), picture.size());
  for (std::uint8_t flag : {2, 4, 0x10})
    EXPECT_NE(refusal(with(picture, kFlagsAt, {flag})).find("flags"), std::string::npos);
}

// Version 5 did not say what was measured.
TEST(Wire, MessagesOfVersionFiveAreRead) {
  Gradient g = filled(72000, 1, 80, [] { return 0.25; });
  g.domain = Domain::Signal;
  const Bytes old = as_version(5, encode_gradient(g));
  const Gradient back = decoded(old);
  EXPECT_EQ(back.domain, Domain::Signal);
  EXPECT_EQ(back.map.frame_width, 72000u);
  EXPECT_EQ(back.map.values, g.map.values);
  EXPECT_EQ(back.regions.size(), g.regions.size());
  EXPECT_EQ(back.measured.frames, 0u);
  EXPECT_EQ(message_length(old.data(), old.size()), old.size());
}

// Version 6 did not say what reused results are worth.
TEST(Wire, MessagesOfVersionSixAreRead) {
  const Gradient g = example(64, 48);
  const Bytes old = as_version(6, encode_gradient(g));
  const Gradient back = decoded(old);
  EXPECT_EQ(back.measured.objects, 9u);
  EXPECT_EQ(back.reuse.frames, 0u);
  EXPECT_EQ(back.regions.size(), g.regions.size());
  EXPECT_EQ(message_length(old.data(), old.size()), old.size());
}

TEST(Wire, DomainsAndWideSidesAreChecked) {
  const auto says = [](const Bytes &bytes, const char *what) {
    EXPECT_NE(refusal(bytes).find(what), std::string::npos) << refusal(bytes) << ", not " << what;
  };
  const Bytes picture = encode_gradient(example(64, 40));
  says(with(picture, kFlagsAt, {0x10}), "not one high");
  says(with(picture, kFlagsAt, {0x30}), "unknown domain");
  says(with(picture, kFlagsAt, {0xf0}), "unknown domain");
  Gradient g = filled(72000, 1, 80, [] { return 0.25; });
  g.domain = Domain::Signal;
  g.regions.clear();
  const Bytes good = encode_gradient(g);
  ASSERT_TRUE(decodes(good));
  says(sealed({good.begin(), good.begin() + kEnd + 4 + 5}), "shorter");  // the flag, and five of the six bytes
  says(with(good, kEnd + 2, {0, 0}), "unpack");                          // 6464 samples: 81 blocks
  says(with(good, kEnd + 2, {0x7f, 0xff}), "too many blocks");
  says(with(good, kEnd + 4, {0, 1}), "not one high");
  says(with(good, kFlagsAt, {0x10}), "unpack");   // the same without its wide sides
  says(with(good, kPoolingAt, {11}), "pooling");  // 80 · 2^10 is more than the frame
  for (std::size_t n = 0; n < good.size(); ++n) EXPECT_FALSE(decodes({good.begin(), good.begin() + std::ptrdiff_t(n)}));
}
