// SPDX-License-Identifier: GPL-2.0-or-later
// What was asked for is what is in the bitstream, and the reconstruction is what a decoder shows: read back by an
// independent decoder.
#include <gtest/gtest.h>

#include <algorithm>

#include "../../support/h264_reader.h"
#include "core/macroblock/allocation.h"
#include "pictures.h"

using oneadapt::AccessUnit;
using oneadapt::coded_qp;
using oneadapt::H264Encoder;
using oneadapt::H264Frame;
using oneadapt::H264Settings;
using oneadapt::Picture;

namespace {

/// A map of one of the kinds that may come: anything, a ladder's rungs, neighbours that differ by 1, and what is no
/// sound offset at all.
std::vector<float> random_map(std::size_t blocks, std::mt19937 &random) {
  const auto within = [&](int least, int most) { return least + int(random() % unsigned(most - least + 1)); };
  std::vector<float> map(blocks);
  const unsigned kind = random() % 5;
  const int step = within(1, 12), rungs = within(1, 8);
  int value = within(-51, 51);
  for (float &offset : map) switch (kind) {
      case 0:
        offset = float(within(-51, 51));
        break;
      case 1:
        offset = float(step * within(-rungs, rungs));
        break;
      case 2:
        value = std::min(51, std::max(-51, value + within(-1, 1)));
        offset = float(value);
        break;
      case 3:
        offset = float(within(-5100, 5100)) / 100;
        break;
      default: {
        const float all[] = {51, -51, 1e9f, -1e9f, NAN, INFINITY, -INFINITY, 0, 1, -1};
        offset = all[random() % 10];
      }
    }
  return map;
}

std::vector<int> asked_of(int base, const std::vector<float> &map) {
  std::vector<int> qps;
  for (float offset : map) qps.push_back(coded_qp(base, offset));
  return qps;
}

struct Round {
  unsigned width, height, maps;
  const char *preset;
  unsigned threads;
};

}  // namespace

TEST(Exact, RandomMapsAreInTheBitstream) {
  const Round rounds[] = {
      {16, 16, 150, "veryfast", 1},  {48, 34, 300, "veryfast", 1}, {178, 102, 200, "veryfast", 1},
      {642, 358, 16, "veryfast", 1}, {642, 358, 4, "veryfast", 3}, {98, 50, 100, "ultrafast", 1},
      {98, 50, 100, "superfast", 1}, {98, 50, 80, "medium", 1},    {34, 50, 30, "veryslow", 1},
      {34, 50, 20, "placebo", 1},
  };
  unsigned maps = 0;
  std::mt19937 random(1);
  for (const Round &round : rounds) {
    H264Settings s = settings(round.width, round.height, true);
    s.preset = round.preset;
    s.threads = round.threads;
    H264Encoder encoder(s);
    H264Reader reader;
    const std::size_t blocks = std::size_t((round.width + 15) / 16) * ((round.height + 15) / 16);
    // Below QP 12 the entropy coder of `ultrafast` may not be able to write what is in these pictures (h264.h).
    const bool cavlc = s.preset == "ultrafast";
    QpTally tally;
    for (unsigned i = 0; i < round.maps; i++, maps++) {
      H264Frame frame;
      frame.pts = i;
      frame.idr = random() % 4 == 0;
      frame.qp = int(random() % 52);
      frame.qp_offsets = random_map(blocks, random);
      if (cavlc) {
        frame.qp = std::max(frame.qp, 12);
        for (float &offset : frame.qp_offsets)
          if (coded_qp(frame.qp, offset) < 12) offset = 0;
      }
      const AccessUnit unit = encoder.encode(noise(round.width, round.height, random).picture(), frame);
      ASSERT_TRUE(reader.decode(unit.data, unit.size)) << i;
      tally.add(frame.qp, asked_of(frame.qp, frame.qp_offsets), reader.qps());
    }
    EXPECT_EQ(tally.blocks, blocks * round.maps);
    EXPECT_EQ(tally.wrong, 0u) << round.preset << ' ' << round.width << "×" << round.height;
    EXPECT_EQ(tally.odd, 0u) << round.preset;
    // A corner macroblock of which 2×2 pixels are in the picture may do without residual.
    EXPECT_LE(tally.without, tally.blocks / 100) << round.preset << ' ' << round.width << "×" << round.height;
  }
  EXPECT_EQ(maps, 1000u);
}

// A picture like those of a camera: some macroblocks have no residual, and so no QP.
TEST(Exact, SoTheyAreInPicturesOfTexture) {
  const unsigned w = 150, h = 90;
  for (const char *preset : {"ultrafast", "veryfast", "medium", "veryslow"}) {
    H264Settings s = settings(w, h, true);
    s.preset = preset;
    H264Encoder encoder(s);
    H264Reader reader;
    std::mt19937 random(3);
    QpTally tally;
    for (unsigned i = 0; i < 20; i++) {
      H264Frame frame;
      frame.pts = i;
      frame.qp = 28;
      frame.idr = i == 4;
      frame.qp_offsets = random_map(60, random);
      for (float &offset : frame.qp_offsets) offset /= 4;  // much coarser, and no residual would be left
      const AccessUnit unit = encoder.encode(Image(w, h, 31 * i).picture(), frame);
      ASSERT_TRUE(reader.decode(unit.data, unit.size));
      tally.add(28, asked_of(28, frame.qp_offsets), reader.qps());
    }
    EXPECT_EQ(tally.wrong, 0u) << preset;
    EXPECT_EQ(tally.odd, 0u) << preset;
    EXPECT_LE(tally.without, tally.blocks / 5) << preset;
  }
}

// QP may jump by any step, 1 included, from one picture to the next, on IDR pictures and others alike.
TEST(Exact, EveryPictureHasTheQpAskedFor) {
  const unsigned w = 150, h = 90;
  for (const char *preset : {"ultrafast", "veryfast", "placebo"})
    for (bool offsets : {false, true}) {
      H264Settings s = settings(w, h, offsets);
      s.preset = preset;
      H264Encoder encoder(s);
      H264Reader reader;
      const int qps[] = {26, 27, 25, 26, 20, 48, 47, 0, 51, 28, 27};
      for (unsigned i = 0; i < 22; i++) {
        H264Frame frame;
        frame.pts = i;
        frame.qp = qps[i % 11];
        frame.idr = i % 4 == 0;
        const AccessUnit unit = encoder.encode(Image(w, h, 3 * i).picture(), frame);
        ASSERT_TRUE(reader.decode(unit.data, unit.size)) << i;
        const auto found = reader.qps();
        ASSERT_EQ(found.size(), 10u * 6u);
        for (int qp : found) ASSERT_EQ(qp, frame.qp) << preset << ", picture " << i << ", offsets allowed: " << offsets;
      }
    }
}

TEST(Exact, ReconstructionIsTheDecodersOutputBitForBit) {
  std::mt19937 random(5);
  for (const char *preset : {"ultrafast", "veryfast", "medium"})
    for (const auto &[w, h] : {std::pair<unsigned, unsigned>{176, 144}, {178, 102}, {150, 90}, {34, 18}, {16, 16}})
      for (unsigned threads : {1u, 3u})
        for (bool offsets : {false, true}) {
          H264Settings s = settings(w, h, offsets);
          s.preset = preset;
          s.threads = threads;
          H264Encoder encoder(s);
          H264Reader reader;
          for (unsigned i = 0; i < 9; i++) {
            H264Frame frame;
            frame.pts = i;
            frame.qp = int(14 + 4 * i);
            frame.idr = i == 6;
            if (offsets && i % 3) frame.qp_offsets = random_map(((w + 15) / 16) * ((h + 15) / 16), random);
            const AccessUnit unit = encoder.encode(Image(w, h, 2 * i).picture(), frame);
            ASSERT_TRUE(reader.decode(unit.data, unit.size));
            ASSERT_EQ(reader.width(), w);
            ASSERT_EQ(reader.height(), h);
            const Picture &recon = unit.reconstruction;
            const auto where = [&] {
              return std::string(preset) + " " + std::to_string(w) + "×" + std::to_string(h) + ", picture " +
                     std::to_string(i);
            };
            for (unsigned y = 0; y < h; y++)
              ASSERT_EQ(0, std::memcmp(reader.row(0, y), recon.plane[0] + y * recon.stride[0], w)) << where();
            for (unsigned y = 0; y < h / 2; y++)
              for (unsigned x = 0; x < w / 2; x++)
                for (unsigned p = 0; p < 2; p++)
                  ASSERT_EQ(reader.row(1 + p, y)[x], recon.plane[1][y * recon.stride[1] + 2 * x + p]) << where();
          }
        }
}
