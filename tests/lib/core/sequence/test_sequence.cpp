// SPDX-License-Identifier: LGPL-2.1-or-later
// CTC decoding and F1 over sequences, by hand.
#include <gtest/gtest.h>

#include <stdexcept>

#include "core/sequence/sequence.h"

using namespace oneadapt;

namespace {

// Three classes: blank, a (1), b (2).
const std::vector<float> kRows{
    1.0f,  0.0f,  0.0f,   // 0
    0.2f,  0.7f,  0.1f,   // 1 a
    0.1f,  0.9f,  0.0f,   // 2 a
    0.55f, 0.45f, 0.0f,   // 3 blank wins; a's tail touches a: no element of its own
    0.1f,  0.8f,  0.1f,   // 4 a again
    0.2f,  0.1f,  0.7f,   // 5 b without a blank between
    1.0f,  0.0f,  0.0f,   // 6
    0.7f,  0.05f, 0.25f,  // 7 nearly b
    0.6f,  0.1f,  0.3f,   // 8 nearly b
    0.95f, 0.05f, 0.0f,   // 9 below the floor
};

}  // namespace

TEST(Ctc, RunsOfTheLikeliestClassAndWhatNearlyWasOne) {
  const auto tokens = ctc_tokens(kRows, 3, 0, 0.1);
  ASSERT_EQ(tokens.size(), 4u);
  EXPECT_EQ(tokens[0], (CtcToken{1, 1, 2, 2, double(0.9f)}));
  EXPECT_EQ(tokens[1], (CtcToken{1, 4, 4, 4, double(0.8f)}));
  EXPECT_EQ(tokens[2], (CtcToken{2, 5, 5, 5, double(0.7f)}));
  EXPECT_EQ(tokens[3], (CtcToken{2, 7, 8, 8, double(0.3f)}));
}

TEST(Ctc, AFloorOfOneLeavesTheBestPath) {
  EXPECT_EQ(ctc_tokens(kRows, 3, 0, 1).size(), 3u);
  EXPECT_TRUE(ctc_tokens({}, 3, 0, 0.1).empty());
}

TEST(Ctc, OfTwoThatTouchAndNearlyWereTheLikelierStays) {
  const auto tokens = ctc_tokens({0.6f, 0.3f, 0.1f, 0.6f, 0.0f, 0.4f}, 3, 0, 0.1);
  ASSERT_EQ(tokens.size(), 1u);
  EXPECT_EQ(tokens[0].label, 2);
}

TEST(Ctc, TheBlankMayStandAnywhere) {
  const auto tokens = ctc_tokens({0.1f, 0.2f, 0.7f, 0.1f, 0.8f, 0.1f}, 3, 2, 0.5);
  ASSERT_EQ(tokens.size(), 1u);
  EXPECT_EQ(tokens[0].label, 1);
}

TEST(Ctc, WrongShapesAreRefused) {
  EXPECT_THROW(ctc_tokens({0.5f, 0.5f, 0.5f}, 2, 0, 0.1), std::invalid_argument);
  EXPECT_THROW(ctc_tokens({0.5f, 0.5f}, 2, 2, 0.1), std::invalid_argument);
  EXPECT_THROW(ctc_tokens({0.5f, 0.5f}, 2, -1, 0.1), std::invalid_argument);
}

TEST(SequenceF1, ByHand) {
  const std::vector<SequenceElement> reference{{"one", 1}, {"two", 2}, {"three", 3}, {"four", 4}};
  EXPECT_EQ(sequence_f1(reference, reference, 0.5), 1);
  EXPECT_EQ(sequence_f1({}, {}, 0.5), 1);
  EXPECT_EQ(sequence_f1({}, reference, 0.5), 0);
  // One lost, one wrong, one too many: 2 of 4 and 4.
  EXPECT_EQ(sequence_f1({{"one", 1.2}, {"three", 2}, {"three", 3}, {"nine", 3.9}}, reference, 0.5), 0.5);
}

TEST(SequenceF1, WhatIsFarAwayInTimeDoesNotMatch) {
  EXPECT_EQ(sequence_f1({{"one", 1.5}}, {{"one", 1}}, 0.5), 1);
  EXPECT_EQ(sequence_f1({{"one", 1.6}}, {{"one", 1}}, 0.5), 0);
}

TEST(SequenceF1, OrderCounts) {
  EXPECT_EQ(sequence_f1({{"b", 1.0}, {"a", 1.1}}, {{"a", 1.0}, {"b", 1.1}}, 0.5), 0.5);
  const auto pairs = match_sequences({{"x", 0}, {"a", 1}, {"b", 2}}, {{"a", 1}, {"y", 1.5}, {"b", 2}}, 0.5);
  ASSERT_EQ(pairs.size(), 2u);
  EXPECT_EQ(pairs[0], (std::pair<std::size_t, std::size_t>{1, 0}));
  EXPECT_EQ(pairs[1], (std::pair<std::size_t, std::size_t>{2, 2}));
}
