// SPDX-License-Identifier: LGPL-2.1-or-later
// Recordings of single words, and of surroundings without words.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "sound.h"

namespace oneadapt_speech {

constexpr int word_count = 10;
constexpr int no_word = -1;  ///< speech that is none of the words
/// "zero" … "nine".
const std::vector<std::string> &word_names();

struct Recording {
  int word = no_word;  ///< 0 … 9, or no_word
  std::string speaker, file;
  Sound sound;  ///< without the silence before and after
};

struct Corpus {
  std::vector<Recording> words, others;  ///< others: speech without words
  /// speaker → word → indices into `words`
  std::map<std::string, std::vector<std::vector<std::size_t>>> by_speaker;

  void add(Recording recording);
  bool empty() const { return words.empty(); }
};

/// What a file's name says: WORD_SPEAKER_INDEX.ending, WORD a digit or its English name; another WORD is no_word.
/// `sound` is left empty. Throws std::invalid_argument for a name of another form.
Recording parse_name(const std::string &file_name);
/// All sound files of the folder, in the order of their names, without the speaker `leave_out`; with `only`, those of
/// that speaker alone. Throws std::runtime_error.
Corpus load_corpus(const std::string &folder, int rate, const std::string &leave_out = "",
                   const std::string &only = "");
/// Each file of the folder, as it is. Throws std::runtime_error.
std::vector<Sound> load_surroundings(const std::string &folder, int rate);

}  // namespace oneadapt_speech
