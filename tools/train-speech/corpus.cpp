// SPDX-License-Identifier: LGPL-2.1-or-later
#include "corpus.h"

#include <algorithm>
#include <filesystem>
#include <stdexcept>

namespace oneadapt_speech {

namespace {

std::vector<std::filesystem::path> sound_files(const std::string &folder) {
  std::vector<std::filesystem::path> files;
  std::error_code ec;
  for (const auto &entry : std::filesystem::directory_iterator(folder, ec)) {
    const std::string ending = entry.path().extension();
    for (const char *known : {".wav", ".ogg", ".flac", ".mp3", ".opus"})
      if (ending == known) files.push_back(entry.path());
  }
  if (ec) throw std::runtime_error("cannot read the folder " + folder + ": " + ec.message());
  if (files.empty()) throw std::runtime_error("no sound files (.wav, .ogg, .flac, .mp3, .opus) in " + folder);
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

const std::vector<std::string> &word_names() {
  static const std::vector<std::string> names{"zero", "one", "two",   "three", "four",
                                              "five", "six", "seven", "eight", "nine"};
  return names;
}

void Corpus::add(Recording recording) {
  if (recording.word == no_word) {
    others.push_back(std::move(recording));
    return;
  }
  auto &lists = by_speaker[recording.speaker];
  lists.resize(word_count);
  lists[static_cast<std::size_t>(recording.word)].push_back(words.size());
  words.push_back(std::move(recording));
}

Recording parse_name(const std::string &file_name) {
  const std::string stem = std::filesystem::path(file_name).stem();
  const auto first = stem.find('_'), last = stem.rfind('_');
  if (first == std::string::npos || first == 0 || last <= first + 1 || last + 1 == stem.size())
    throw std::invalid_argument(file_name + ": the name is not WORD_SPEAKER_INDEX, as in 7_jackson_32.wav");
  const std::string word = stem.substr(0, first);
  Recording recording;
  recording.file = file_name;
  recording.speaker = stem.substr(first + 1, last - first - 1);
  const auto &names = word_names();
  const auto found = std::find(names.begin(), names.end(), word);
  if (found != names.end()) recording.word = static_cast<int>(found - names.begin());
  if (word.size() == 1 && word[0] >= '0' && word[0] <= '9') recording.word = word[0] - '0';
  return recording;
}

Corpus load_corpus(const std::string &folder, int rate, const std::string &leave_out, const std::string &only) {
  Corpus corpus;
  for (const auto &path : sound_files(folder)) {
    Recording recording = parse_name(path.filename());
    if ((!leave_out.empty() && recording.speaker == leave_out) || (!only.empty() && recording.speaker != only))
      continue;
    recording.sound = trimmed(load_sound(path, rate), rate);
    corpus.add(std::move(recording));
  }
  if (corpus.empty())
    throw std::runtime_error("no recordings of digits" + (only.empty() ? "" : " by " + only) + " in " + folder);
  return corpus;
}

std::vector<Sound> load_surroundings(const std::string &folder, int rate) {
  std::vector<Sound> sounds;
  for (const auto &path : sound_files(folder)) sounds.push_back(load_sound(path, rate));
  return sounds;
}

}  // namespace oneadapt_speech
