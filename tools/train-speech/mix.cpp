// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mix.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "augment.h"

namespace oneadapt_speech {

namespace {

struct Named {
  const char *name;
  MixOptions options;
};

std::vector<Named> named() {
  MixOptions quiet, street, busy, bursts;
  const auto share = [](MixOptions &o, double silence, double surroundings, double speech, double both) {
    o.share[0] = silence;
    o.share[1] = surroundings;
    o.share[2] = speech;
    o.share[3] = both;
  };
  share(quiet, 0.50, 0.05, 0.40, 0.05);
  share(street, 0.05, 0.40, 0.05, 0.50);
  share(busy, 0.05, 0.05, 0.50, 0.40);
  busy.pause_longest = 0.35;
  share(bursts, 0.45, 0.30, 0.15, 0.10);
  bursts.shortest = 1;
  bursts.longest = 3;
  return {{"quiet", quiet}, {"street", street}, {"busy", busy}, {"bursts", bursts}};
}

}  // namespace

MixOptions named_mix(const std::string &name) {
  std::string all;
  for (const auto &mix : named()) {
    if (name == mix.name) return mix.options;
    all += std::string(all.empty() ? "" : ", ") + mix.name;
  }
  throw std::invalid_argument("no mix is named \"" + name + "\": there are " + all);
}

Clip mix(const Corpus &corpus, const std::vector<Sound> &surroundings, const MixOptions &options, Random &random) {
  double left[4], total = 0;
  for (int k = 0; k < 4; ++k) {
    if (!(options.share[k] >= 0)) throw std::invalid_argument("a share is below 0");
    total += options.share[k];
  }
  if (!(total > 0)) throw std::invalid_argument("all shares are 0");
  if (!(options.shortest > 0 && options.longest >= options.shortest))
    throw std::invalid_argument("the shortest stretch must be above 0 and not longer than the longest");
  for (int k = 0; k < 4; ++k) left[k] = options.share[k] / total * options.seconds;
  if ((left[2] > 0 || left[3] > 0) && corpus.empty())
    throw std::invalid_argument("there are no recordings of words for the speech");
  if ((left[1] > 0 || left[3] > 0) && surroundings.empty())
    throw std::invalid_argument("there are no recordings of surroundings");

  Clip clip;
  const auto count = static_cast<std::size_t>(std::ceil(options.seconds * options.rate));
  clip.sound.assign(count, 0.0F);
  const double loud = factor_of(options.level);
  std::size_t at = 0;
  while (at < count) {
    // What still lacks the most time comes with the greatest chance: shares hold over the clip, the order is random.
    double sum = 0;
    for (const double l : left) sum += std::max(0.0, l);
    int kind = 0;
    for (double pick = random.unit() * sum; kind < 3; ++kind) {
      pick -= std::max(0.0, left[kind]);
      if (pick < 0) break;
    }
    while (kind > 0 && left[kind] <= 0) --kind;
    double seconds = random.between(options.shortest, options.longest);
    if (left[kind] > 0) seconds = std::min(seconds, std::max(left[kind], 0.5));
    const std::size_t end =
        std::min(count, at + std::max<std::size_t>(1, static_cast<std::size_t>(seconds * options.rate)));
    left[kind] -= static_cast<double>(end - at) / options.rate;
    const auto stretch = static_cast<Stretch>(kind);
    if (stretch == Stretch::speech || stretch == Stretch::both) {
      const auto &speaker =
          std::next(corpus.by_speaker.begin(), static_cast<std::ptrdiff_t>(random.below(corpus.by_speaker.size())))
              ->second;
      auto word_at = at + static_cast<std::size_t>(random.between(0.05, options.pause_longest) * options.rate);
      for (;;) {
        const auto word = random.below(word_count);
        if (speaker[word].empty()) continue;
        const Sound &said = corpus.words[speaker[word][random.below(speaker[word].size())]].sound;
        if (word_at + said.size() > end) break;
        const double level = rms(said), gain = level > 0 ? loud * random.scaled(0.8, 1.25) / level : 0;
        for (std::size_t i = 0; i < said.size(); ++i) clip.sound[word_at + i] += static_cast<float>(gain * said[i]);
        clip.words.push_back({static_cast<int>(word), static_cast<double>(word_at) / options.rate,
                              static_cast<double>(word_at + said.size()) / options.rate});
        word_at += said.size() + static_cast<std::size_t>(
                                     random.between(options.pause_shortest, options.pause_longest) * options.rate);
      }
    }
    if (stretch == Stretch::surroundings || stretch == Stretch::both) {
      const Sound around = stretch_of(surroundings[random.below(surroundings.size())], end - at, random);
      add_at_snr(clip.sound, at, end, around, loud, random.between(options.snr_low, options.snr_high));
    }
    at = end;
  }
  return clip;
}

std::string truth_lines(const Clip &clip) {
  std::string lines;
  const auto rounded = [](double s) { return std::round(s * 1000) / 1000; };
  for (const auto &word : clip.words)
    lines += nlohmann::json{{"word", word_names()[static_cast<std::size_t>(word.word)]},
                            {"start", rounded(word.start)},
                            {"end", rounded(word.end)}}
                 .dump() +
             "\n";
  return lines;
}

}  // namespace oneadapt_speech
