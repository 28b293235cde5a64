// SPDX-License-Identifier: LGPL-2.1-or-later
// Fragments and interval marks.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "wire/fragments.h"
#include "wire/mark.h"

using namespace oneadapt;
using Bytes = std::vector<std::uint8_t>;

namespace {

std::vector<std::uint8_t> message(unsigned seed, unsigned side = 640) {
  std::mt19937 random(seed);
  Gradient g;
  g.interval_duration = 1000000000;
  g.map = BlockMap(side, side);
  for (float &v : g.map.values) v = float(random() % 1000);
  return encode_gradient(g);
}
std::vector<Bytes> pieces(const Bytes &m, std::size_t room) {
  std::vector<Bytes> out;
  for (std::size_t offset = 0; offset < m.size();) out.push_back(next_fragment(m, offset, room));
  return out;
}

}  // namespace

TEST(Fragments, ComeTogetherInAnyOrderAndHoweverOften) {
  std::mt19937 random(1);
  for (unsigned seed = 0; seed < 50; ++seed) {
    const Bytes m = message(seed, 16 + random() % 1000);
    for (std::size_t room : {12u, 13u, 64u, 500u, 1308u, 5000u}) {
      auto all = pieces(m, room);
      for (const Bytes &piece : all) {
        EXPECT_LE(piece.size(), room);
        EXPECT_EQ(piece.size() % 4, 0u);
      }
      std::shuffle(all.begin(), all.end(), random);
      Reassembler r;
      Bytes whole;
      for (std::size_t i = 0; i < all.size(); ++i) {
        const auto want = i + 1 == all.size() ? Reassembler::Result::Complete : Reassembler::Result::Partial;
        if (i + 1 < all.size()) {  // it comes twice
          EXPECT_EQ(r.take(7, all[i].data(), all[i].size(), whole), Reassembler::Result::Partial);
        }
        EXPECT_EQ(r.take(7, all[i].data(), all[i].size(), whole), want);
      }
      EXPECT_EQ(whole, m);
    }
  }
}

TEST(Fragments, OfTwoSourcesDoNotMix) {
  const Bytes a = message(1), b = message(2);
  const auto pa = pieces(a, 200), pb = pieces(b, 200);
  Reassembler r;
  Bytes whole;
  for (std::size_t i = 0; i + 1 < pa.size(); ++i) {
    EXPECT_EQ(r.take(1, pa[i].data(), pa[i].size(), whole), Reassembler::Result::Partial);
    if (i + 1 < pb.size()) {
      EXPECT_EQ(r.take(2, pb[i].data(), pb[i].size(), whole), Reassembler::Result::Partial);
    }
  }
  EXPECT_EQ(r.take(1, pa.back().data(), pa.back().size(), whole), Reassembler::Result::Complete);
  EXPECT_EQ(whole, a);
}

TEST(Fragments, ANewMessageTakesTheOldOnesPlace) {
  const Bytes a = message(1), b = message(2);
  const auto pa = pieces(a, 400), pb = pieces(b, 400);
  Reassembler r;
  Bytes whole;
  r.take(1, pa[0].data(), pa[0].size(), whole);
  for (const Bytes &piece : pb) r.take(1, piece.data(), piece.size(), whole);
  EXPECT_EQ(whole, b);
}

TEST(Fragments, NothingButMessagesComesOut) {
  std::mt19937 random(3);
  Reassembler r;
  const Bytes a = message(1);
  unsigned complete = 0;
  for (int i = 0; i < 300000; ++i) {
    std::size_t offset = random() % (a.size() / 4) * 4;
    Bytes p = next_fragment(a, offset, 12 + random() % 600);
    for (unsigned n = random() % 3; n--;) p[random() % p.size()] = std::uint8_t(random());
    if (random() % 8 == 0) p.resize(random() % (p.size() + 1));
    Bytes whole;
    if (r.take(random() % 8, p.data(), p.size(), whole) == Reassembler::Result::Complete) {
      ++complete;
      EXPECT_EQ(whole, a);
    } else {
      EXPECT_TRUE(whole.empty());
    }
  }
  EXPECT_LT(complete, 100000u);
}

TEST(Marks, ComeBack) {
  IntervalMark m{true, 0x89abcdef, 123456789012345, 2000000000, 512, 36, 18, true}, back;
  const Bytes bytes = encode_mark(m);
  ASSERT_TRUE(decode_mark(bytes.data(), bytes.size(), back));
  EXPECT_TRUE(back.last);
  EXPECT_EQ(back.stream, m.stream);
  EXPECT_EQ(back.stream_time, m.stream_time);
  EXPECT_EQ(back.interval_duration, m.interval_duration);
  EXPECT_EQ(back.interval(), 61728u);
  EXPECT_EQ(back.feedback_bytes, 512u);
  EXPECT_EQ(back.qp, 36);
  EXPECT_EQ(back.map_range, 18);
  EXPECT_TRUE(back.measure);
  m.measure = false;
  const Bytes not_wanted = encode_mark(m);
  ASSERT_TRUE(decode_mark(not_wanted.data(), not_wanted.size(), back));
  EXPECT_FALSE(back.measure);
  EXPECT_TRUE(back.last);
}

// Cameras of the version before say nothing of a QP.
TEST(Marks, WithoutAQpAreRead) {
  IntervalMark back;
  Bytes old = encode_mark({true, 7, 5000000000, 1000000000, 512, 36, 18});
  old.resize(old.size() - 2);
  ASSERT_TRUE(decode_mark(old.data(), old.size(), back));
  EXPECT_EQ(back.stream, 7u);
  EXPECT_EQ(back.feedback_bytes, 512u);
  EXPECT_EQ(back.qp, kUnknownQp);
  EXPECT_EQ(back.map_range, 0);
}

TEST(Marks, OthersAreRefused) {
  IntervalMark back;
  const Bytes good = encode_mark({false, 1, 5, 1000000000});
  EXPECT_FALSE(decode_mark(nullptr, 0, back));
  for (std::size_t n = 0; n < good.size(); ++n)
    EXPECT_EQ(decode_mark(good.data(), n, back), n == good.size() - 2) << "that one is of the version before";
  back = IntervalMark();
  for (const IntervalMark &m :
       {IntervalMark{false, 1, 5, 1000000000, 0, 52}, IntervalMark{false, 1, 5, 1000000000, 0, 36, 52}}) {
    const Bytes b = encode_mark(m);
    EXPECT_FALSE(decode_mark(b.data(), b.size(), back)) << "there is no QP above 51";
  }
  Bytes longer = good;
  longer.resize(good.size() + 1);
  EXPECT_FALSE(decode_mark(longer.data(), longer.size(), back));
  const Bytes flags = [&] {
    Bytes b = good;
    b[0] = 4;
    return b;
  }();
  EXPECT_FALSE(decode_mark(flags.data(), flags.size(), back));
  for (const IntervalMark &m :
       {IntervalMark{false, 1, 5, 0}, IntervalMark{false, 1, 5, 999999},
        IntervalMark{false, 1, ~std::uint64_t(0), 1000000000}, IntervalMark{false, 1, 5, ~std::uint64_t(0)}}) {
    const Bytes b = encode_mark(m);
    EXPECT_FALSE(decode_mark(b.data(), b.size(), back));
  }
  EXPECT_EQ(back.interval_duration, 0u);
}

TEST(Marks, MessagesAreToldByTheirBeginning) {
  const Bytes m = message(1);
  EXPECT_EQ(message_length(m.data(), kMessagePrefix), m.size());
  EXPECT_TRUE(is_message(m.data(), m.size()));
  EXPECT_FALSE(is_message(m.data(), m.size() - 1));
  EXPECT_EQ(message_length(m.data(), kMessagePrefix - 1), 0u);
  for (std::size_t i = 0; i < m.size(); ++i) {
    Bytes b = m;
    b[i] ^= 1;
    EXPECT_FALSE(is_message(b.data(), b.size())) << i;
  }
}
