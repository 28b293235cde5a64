// SPDX-License-Identifier: LGPL-2.1-or-later
// Training items: strings of words in all kinds of surroundings.
#pragma once
#include <vector>

#include "augment.h"
#include "corpus.h"

namespace oneadapt_speech {

struct Sources {
  Corpus data, extra;  ///< extra may be empty
  std::vector<Sound> surroundings;
  int rate = 8000;
  double extra_share = 0.35;  ///< of the strings
  double limited = 0.4;       ///< of the items lose their high frequencies
};

struct Item {
  Sound sound;             ///< within ±1
  std::vector<int> words;  ///< 0 … 9, in the order said
};

/// `count` samples with what was said in them. Sources must hold some word of some speaker.
Item compose(const Sources &sources, std::size_t count, Random &random);

}  // namespace oneadapt_speech
