// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include "video/seen_part.h"

using namespace oneadapt;

namespace {

/// A picture of 3 × 2 pixels, numbered from 1, with some bytes at each row's end.
struct Numbered {
  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(2 * 16, 255);
  RgbFrame frame;
  Numbered() {
    for (unsigned y = 0; y < 2; ++y)
      for (unsigned x = 0; x < 3; ++x)
        for (unsigned c = 0; c < 3; ++c) bytes[y * 16 + x * 3 + c] = std::uint8_t(10 * (y * 3 + x + 1) + c);
    frame.data = bytes.data();
    frame.stride = 16;
    frame.width = 3;
    frame.height = 2;
  }
};

/// The pixels' numbers, row by row.
std::vector<int> numbers(const RgbFrame &frame) {
  std::vector<int> result;
  for (unsigned y = 0; y < frame.height; ++y)
    for (unsigned x = 0; x < frame.width; ++x) {
      const std::uint8_t *p = frame.data + y * frame.stride + x * 3;
      EXPECT_EQ(p[1], p[0] + 1);
      EXPECT_EQ(p[2], p[0] + 2);
      result.push_back(p[0] / 10);
    }
  return result;
}

}  // namespace

TEST(SeenPart, Turns) {
  const Numbered picture;  // 1 2 3 / 4 5 6
  std::vector<std::uint8_t> storage;
  const auto turned = [&](Orientation o) {
    const RgbFrame seen = seen_part(picture.frame, FrameTransform::turned(o), storage);
    EXPECT_EQ(seen.width, swaps_sides(o) ? 2u : 3u);
    EXPECT_EQ(seen.height, swaps_sides(o) ? 3u : 2u);
    return numbers(seen);
  };
  using Pixels = std::vector<int>;
  EXPECT_EQ(turned(Orientation::Identity), (Pixels{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(turned(Orientation::Rotate90), (Pixels{4, 1, 5, 2, 6, 3}));
  EXPECT_EQ(turned(Orientation::Rotate180), (Pixels{6, 5, 4, 3, 2, 1}));
  EXPECT_EQ(turned(Orientation::Rotate270), (Pixels{3, 6, 2, 5, 1, 4}));
  EXPECT_EQ(turned(Orientation::FlipHorizontal), (Pixels{3, 2, 1, 6, 5, 4}));
  EXPECT_EQ(turned(Orientation::FlipVertical), (Pixels{4, 5, 6, 1, 2, 3}));
  EXPECT_EQ(turned(Orientation::Transpose), (Pixels{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(turned(Orientation::AntiTranspose), (Pixels{6, 3, 5, 2, 4, 1}));
}

TEST(SeenPart, CropsAndLeavesBordersOut) {
  const Numbered picture;
  std::vector<std::uint8_t> storage;
  const auto crop = FrameTransform::placed({1 / 3.0, 0, 1, 0.5}, {0, 0, 1, 1});  // 2 3
  EXPECT_EQ(numbers(seen_part(picture.frame, crop, storage)), (std::vector<int>{2, 3}));
  const auto framed = crop.then(FrameTransform::placed({0, 0, 1, 1}, {0.25, 0.25, 0.5, 0.75}));
  EXPECT_EQ(numbers(seen_part(picture.frame, framed, storage)), (std::vector<int>{2, 3}));
  const auto turned = framed.then(FrameTransform::turned(Orientation::Rotate90));
  const RgbFrame seen = seen_part(picture.frame, turned, storage);
  EXPECT_EQ(seen.width, 1u);
  EXPECT_EQ(numbers(seen), (std::vector<int>{2, 3}));
  const auto nothing = FrameTransform::placed({0, 0, 1, 1}, {1, 1, 2, 2});
  EXPECT_EQ(seen_part(picture.frame, nothing, storage).width, 0u);
}
