// SPDX-License-Identifier: LGPL-2.1-or-later
// Key-frame requests as bytes, and when a receiver asks for a key frame. Times in the test are ms.
#include <gtest/gtest.h>
#include <zlib.h>

#include <random>
#include <vector>

#include "wire/key_request.h"
#include "wire/loss_detector.h"
#include "wire/message.h"

using namespace oneadapt;
using Bytes = std::vector<std::uint8_t>;

namespace {

bool begins(const Bytes &payload) { return begins_key_picture(payload.data(), payload.size()); }

/// A stream of pictures, each in `packets` packets; any of them may be lost on the way to the detector.
class Stream {
 public:
  /// Returns how often a key frame was asked for. `lost`: index of a packet that is lost; −1: none.
  int picture(bool key, int lost = -1, int packets = 3) {
    int asked = 0;
    timestamp_ += 9000;
    for (int i = 0; i < packets; ++i) {
      const H264Packet packet{sequence++, timestamp_, i == packets - 1, key && i == 0};
      if (i != lost && detector.on_packet(packet, now * 1000000)) ++asked;
    }
    now += 100;
    return asked;
  }
  LossDetector detector;
  std::uint16_t sequence = 65530;  // it wraps soon
  std::uint64_t now = 5000;

 private:
  std::uint32_t timestamp_ = 0xfffff000;
};

}  // namespace

TEST(KeyRequest, ComesBack) {
  const Bytes bytes = encode_key_request({0x89abcdef});
  // docs/wire-transport.md
  const Bytes head = {'O', 'A', 'K', 'F', 1, 0, 0, 0, 0, 20, 0, 0, 0x89, 0xab, 0xcd, 0xef};
  ASSERT_EQ(bytes.size(), 20u);
  EXPECT_EQ(Bytes(bytes.begin(), bytes.end() - 4), head);
  const auto crc = std::uint32_t(crc32(0, head.data(), 16));
  EXPECT_EQ(Bytes(bytes.end() - 4, bytes.end()),
            (Bytes{std::uint8_t(crc >> 24), std::uint8_t(crc >> 16), std::uint8_t(crc >> 8), std::uint8_t(crc)}));
  KeyRequest back;
  ASSERT_TRUE(decode_key_request(bytes.data(), bytes.size(), back));
  EXPECT_EQ(back.ssrc, 0x89abcdefu);
  EXPECT_EQ(key_request_length(bytes.data(), kMessagePrefix), 20u);
}

TEST(KeyRequest, OthersAreRefused) {
  const Bytes good = encode_key_request({7});
  KeyRequest back;
  EXPECT_FALSE(decode_key_request(nullptr, 0, back));
  for (std::size_t n = 0; n < good.size(); ++n) EXPECT_FALSE(decode_key_request(good.data(), n, back)) << n;
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_FALSE(decode_key_request(longer.data(), longer.size(), back));
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= 1;
    EXPECT_FALSE(decode_key_request(bad.data(), bad.size(), back)) << i;
    if (i >= 16) continue;
    // With the right checksum only another stream makes another request.
    const auto crc = std::uint32_t(crc32(0, bad.data(), 16));
    for (std::size_t k = 0; k < 4; ++k) bad[16 + k] = std::uint8_t(crc >> (24 - 8 * k));
    EXPECT_EQ(decode_key_request(bad.data(), bad.size(), back), i >= 12) << i;
    back = {};
  }
  EXPECT_EQ(back.ssrc, 0u);
}

TEST(KeyRequest, IsNoGradient) {
  const Bytes bytes = encode_key_request({7});
  EXPECT_FALSE(is_message(bytes.data(), bytes.size()));
  EXPECT_EQ(message_length(bytes.data(), bytes.size()), 0u);
}

TEST(KeyPicture, IsToldByItsFirstPacket) {
  EXPECT_TRUE(begins({0x67, 0x64}));                              // sequence parameters
  EXPECT_TRUE(begins({0x65, 0x88}));                              // an IDR slice, first_mb_in_slice 0
  EXPECT_FALSE(begins({0x65, 0x48}));                             // another one: 010…, first_mb_in_slice 1
  EXPECT_FALSE(begins({0x68, 0xee}));                             // picture parameters
  EXPECT_FALSE(begins({0x41, 0x9a}));                             // a P slice
  EXPECT_FALSE(begins({0x06, 0x05}));                             // user data
  EXPECT_TRUE(begins({0x7c, 0x85, 0x88}));                        // FU-A, the beginning of an IDR slice
  EXPECT_FALSE(begins({0x7c, 0x85, 0x48}));                       // of its second slice
  EXPECT_FALSE(begins({0x7c, 0x05, 0x88}));                       // its middle
  EXPECT_FALSE(begins({0x7c, 0x45, 0x88}));                       // its end
  EXPECT_FALSE(begins({0x7c, 0x81, 0x88}));                       // of a P slice
  EXPECT_TRUE(begins({0x78, 0, 2, 9, 0x10, 0, 2, 0x67, 0x64}));   // STAP-A: delimiter, sequence parameters
  EXPECT_FALSE(begins({0x78, 0, 2, 9, 0x10, 0, 2, 0x41, 0x9a}));  // delimiter, P slice
  EXPECT_FALSE(begins({0x78, 0, 0, 0, 0}));
  EXPECT_FALSE(begins({}));
  EXPECT_FALSE(begins({0x67}));
  std::mt19937 random(1);
  for (int i = 0; i < 200000; ++i) {
    // Of just that size, so that a sanitizer sees a byte too many.
    const Bytes any = [&] {
      Bytes b(random() % 12);
      for (auto &v : b) v = std::uint8_t(random());
      if (!b.empty() && i % 2) b[0] = 0x78;
      return b;
    }();
    begins(any);
  }
}

TEST(Loss, AStreamFromItsBeginningAsksForNothing) {
  Stream s;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(s.picture(i % 25 == 0), 0) << i;
  EXPECT_TRUE(s.detector.intact());
}

TEST(Loss, WhoJoinsInMidStreamAsksAtOnceAndAgain) {
  Stream s;
  EXPECT_EQ(s.picture(false), 1);
  for (int i = 1; i < 10; ++i) EXPECT_EQ(s.picture(false), 0) << i;  // a second, before anything is known
  EXPECT_EQ(s.picture(false), 1);
  for (int i = 1; i < 20; ++i) EXPECT_EQ(s.picture(false), 0) << i;  // nobody answers: two seconds
  EXPECT_EQ(s.picture(false), 1);
  EXPECT_FALSE(s.detector.intact());
  EXPECT_EQ(s.picture(true), 0);
  EXPECT_TRUE(s.detector.intact());
  EXPECT_EQ(s.picture(false), 0);
}

TEST(Loss, NobodyWhoAnswersIsAskedSeldom) {
  Stream s;
  int asked = 0;
  for (int i = 0; i < 600; ++i) asked += s.picture(false);
  EXPECT_EQ(asked, 10);  // after 0, 1, 3, 7, 15, 23, 31, 39, 47, 55 s
}

TEST(Loss, AGapAsksOnceUntilAKeyFrameHasCome) {
  Stream s;
  s.picture(true);
  EXPECT_EQ(s.picture(false, 1), 1);
  EXPECT_FALSE(s.detector.intact());
  EXPECT_EQ(s.picture(false, 0), 0);  // what else is lost meanwhile makes no difference
  EXPECT_EQ(s.picture(false, 2), 0);
  EXPECT_EQ(s.picture(true), 0);
  EXPECT_TRUE(s.detector.intact());
  // It took 300 ms: the next request is repeated after 450, and the one after that later still.
  EXPECT_EQ(s.picture(false, 1), 1);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(s.picture(false), 0) << i;
  EXPECT_EQ(s.picture(false), 1);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(s.picture(false), 0) << i;
  EXPECT_EQ(s.picture(false), 1);
}

TEST(Loss, AKeyFrameThatIsDamagedIsAskedForAtOnce) {
  for (const int lost : {1, 2}) {
    Stream s;
    s.picture(true);
    EXPECT_EQ(s.picture(false, 0), 1);
    // Its end is missed when the next picture comes.
    EXPECT_EQ(s.picture(true, lost) + s.picture(false), 1) << lost;
    EXPECT_FALSE(s.detector.intact());
    EXPECT_EQ(s.picture(true), 0);
    EXPECT_TRUE(s.detector.intact());
  }
}

TEST(Loss, APicturesBeginningCountsAndThePacketBeforeItDoesNot) {
  Stream s;
  s.picture(true);
  EXPECT_EQ(s.picture(false, 2), 0);
  EXPECT_EQ(s.picture(true), 0);
  EXPECT_TRUE(s.detector.intact()) << "the gap was in front of a key frame";
  EXPECT_EQ(s.picture(true, 0), 1);
  EXPECT_FALSE(s.detector.intact()) << "without its beginning it is no key frame";
}

TEST(Loss, ReorderedAndDoubledPacketsAreNoLoss) {
  LossDetector d;
  EXPECT_FALSE(d.on_packet({10, 0, true, true}, 0));
  EXPECT_FALSE(d.on_packet({11, 1, false, false}, 0));
  EXPECT_FALSE(d.on_packet({11, 1, false, false}, 0));
  EXPECT_FALSE(d.on_packet({10, 0, true, true}, 0));
  EXPECT_FALSE(d.on_packet({12, 1, true, false}, 0));
  EXPECT_TRUE(d.intact());
}

TEST(Loss, ARestartedCameraIsANewBeginning) {
  Stream s;
  s.picture(true);
  s.sequence = std::uint16_t(s.sequence - 20000);
  EXPECT_EQ(s.picture(true), 0);
  EXPECT_TRUE(s.detector.intact());
  s.sequence = std::uint16_t(s.sequence - 20000);
  EXPECT_EQ(s.picture(false), 1);
}

TEST(Loss, AMarkerThatIsMissingEndsWithTheNextPicture) {
  LossDetector d;
  EXPECT_FALSE(d.on_packet({1, 100, false, true}, 0));
  EXPECT_FALSE(d.on_packet({2, 100, false, false}, 0));
  EXPECT_FALSE(d.intact());
  EXPECT_FALSE(d.on_packet({3, 200, false, false}, 0));
  EXPECT_TRUE(d.intact());
}
