// SPDX-License-Identifier: LGPL-2.1-or-later
// From a model's steps to words, and how right they are.
#pragma once
#include <cstddef>
#include <vector>

namespace oneadapt_speech {

struct Word {
  int word = 0;          ///< 0 … 9
  double score = 0;      ///< the largest posterior of its run of steps
  std::size_t step = 0;  ///< where that was
};

/// Best path decoding (core/sequence/sequence.h) of `logits`, steps × classes, row by row; class 0 is the blank, others
/// are word + 1. Logits are divided by `temperature` first.
std::vector<Word> decode(const std::vector<float> &logits, std::size_t classes, double temperature = 1);

/// Words in the longest common subsequence.
std::size_t matches(const std::vector<int> &a, const std::vector<int> &b);

struct Tally {
  std::size_t said = 0, heard = 0, right = 0;
  void add(const std::vector<int> &truth, const std::vector<int> &recognised);
  /// 2·right ÷ (said + heard); 1 where nothing was said and nothing heard.
  double f1() const;
};

}  // namespace oneadapt_speech
