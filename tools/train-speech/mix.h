// SPDX-License-Identifier: LGPL-2.1-or-later
// Long clips out of recordings: stretches of silence, surroundings and speech, with the truth about them.
#pragma once
#include <string>
#include <vector>

#include "corpus.h"
#include "random.h"

namespace oneadapt_speech {

enum class Stretch { silence, surroundings, speech, both };

struct MixOptions {
  double seconds = 60;  ///< at least; the last stretch ends there
  int rate = 16000;
  double share[4] = {0.25, 0.25, 0.25, 0.25};        ///< of the time, by Stretch; their sum need not be 1
  double shortest = 2, longest = 8;                  ///< a stretch, seconds
  double pause_shortest = 0.1, pause_longest = 0.8;  ///< between words, seconds
  double snr_low = 10, snr_high = 20;                ///< dB, where there is speech over surroundings
  double level = -20;                                ///< dB of full scale: root mean square of the speech
};

struct SaidWord {
  int word = 0;
  double start = 0, end = 0;  ///< seconds from the start of the clip
};

struct Clip {
  Sound sound;
  std::vector<SaidWord> words;  ///< in order of time
};

/// "quiet", "street", "busy" or "bursts". Throws std::invalid_argument that names those there are.
MixOptions named_mix(const std::string &name);
/// The recordings have the rate of the options. Throws std::invalid_argument if a share asks for what is not there.
Clip mix(const Corpus &corpus, const std::vector<Sound> &surroundings, const MixOptions &options, Random &random);
/// One line of JSON a word: {"end":1.52,"start":1.04,"word":"seven"}.
std::string truth_lines(const Clip &clip);

}  // namespace oneadapt_speech
