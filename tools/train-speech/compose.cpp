// SPDX-License-Identifier: LGPL-2.1-or-later
#include "compose.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace oneadapt_speech {

namespace {

const std::vector<std::vector<std::size_t>> &any_speaker(const Corpus &corpus, Random &random) {
  return std::next(corpus.by_speaker.begin(), static_cast<std::ptrdiff_t>(random.below(corpus.by_speaker.size())))
      ->second;
}

void scale(Sound &sound, double gain) {
  for (float &s : sound) s = static_cast<float>(s * gain);
}

void put(Sound &into, std::size_t at, const Sound &what) {
  for (std::size_t i = 0; i < what.size() && at + i < into.size(); ++i) into[at + i] += what[i];
}

/// A word as this speaker said it once, at root mean square 1.
Sound one_word(const Corpus &corpus, const std::vector<std::vector<std::size_t>> &speaker, int &word, double speed,
               Random &random) {
  const std::vector<std::size_t> *list = nullptr;
  do {
    word = static_cast<int>(random.below(word_count));
    list = &speaker[static_cast<std::size_t>(word)];
  } while (list->empty());
  Sound sound = at_speed(corpus.words[(*list)[random.below(list->size())]].sound, speed * random.between(0.95, 1.05));
  const double loud = rms(sound);
  if (loud > 0) scale(sound, random.scaled(0.6, 1.6) / loud);
  return sound;
}

/// Voices that say none of the words: other sentences, and words backwards.
void add_other_speech(Sound &sound, const Sources &sources, Random &random) {
  const Corpus &corpus = !sources.extra.others.empty() && random.chance(0.7) ? sources.extra : sources.data;
  if (!corpus.others.empty()) {
    Sound other = at_speed(corpus.others[random.below(corpus.others.size())].sound, random.scaled(0.8, 1.25));
    other = stretch_of(other, sound.size(), random);
    const double loud = rms(other);
    if (loud > 0) scale(other, 1 / loud);
    put(sound, 0, other);
    return;
  }
  std::size_t at = 0;
  int word = 0;
  const auto &speaker = any_speaker(corpus, random);
  while (at < sound.size()) {
    Sound backwards = one_word(corpus, speaker, word, random.scaled(0.8, 1.25), random);
    std::reverse(backwards.begin(), backwards.end());
    put(sound, at, backwards);
    at += backwards.size() + static_cast<std::size_t>(random.scaled(0.02, 0.6) * sources.rate);
  }
}

void add_string(Item &item, const Sources &sources, Random &random) {
  const bool extra = !sources.extra.empty() && random.chance(sources.extra_share);
  const Corpus &corpus = extra ? sources.extra : sources.data;
  const auto *speaker = &any_speaker(corpus, random);
  double speed = random.scaled(0.8, 1.25);
  const bool others_too = random.chance(0.2);
  const double longest_pause = random.scaled(0.03, 1.2);
  auto at = static_cast<std::size_t>(random.between(0, 0.6) * sources.rate);
  int word = 0;
  if (random.chance(0.12)) {  // the end of a word that began before
    Sound end = one_word(corpus, *speaker, word, speed, random);
    end.erase(end.begin(),
              end.begin() + static_cast<std::ptrdiff_t>(random.between(0.65, 0.95) * static_cast<double>(end.size())));
    put(item.sound, 0, end);
    at += end.size();
  }
  const std::size_t most = 1 + random.below(6);
  while (item.words.size() < most) {
    if (others_too) {
      speaker = &any_speaker(corpus, random);
      speed = random.scaled(0.8, 1.25);
    }
    Sound said = one_word(corpus, *speaker, word, speed, random);
    if (at + said.size() > item.sound.size()) {
      if (random.chance(0.3)) {  // the beginning of a word that goes on after
        said.resize(static_cast<std::size_t>(random.between(0.05, 0.3) * static_cast<double>(said.size())));
        if (at + said.size() < item.sound.size()) put(item.sound, item.sound.size() - said.size(), said);
      }
      break;
    }
    put(item.sound, at, said);
    item.words.push_back(word);
    at += said.size() + static_cast<std::size_t>(random.scaled(0.02, std::max(0.021, longest_pause)) * sources.rate);
  }
}

Sound surroundings(const Sources &sources, std::size_t count, Random &random) {
  if (sources.surroundings.empty() || random.chance(0.25)) return artificial_noise(count, sources.rate, random);
  Sound noise = stretch_of(sources.surroundings[random.below(sources.surroundings.size())], count + count / 2, random);
  noise = at_speed(noise, random.scaled(0.75, 1.33));
  noise.resize(count);
  if (random.chance(0.4)) random_equaliser(noise, sources.rate, 10, random);
  if (random.chance(0.2)) std::reverse(noise.begin(), noise.end());
  return noise;
}

}  // namespace

Item compose(const Sources &sources, std::size_t count, Random &random) {
  Item item;
  item.sound.assign(count, 0.0F);
  const double what = random.unit();
  bool voiced = true;
  if (what < 0.80)
    add_string(item, sources, random);
  else if (what < 0.90)
    add_other_speech(item.sound, sources, random);
  else
    voiced = false;

  if (voiced) {
    if (random.chance(0.7)) random_equaliser(item.sound, sources.rate, 10, random);
    if (random.chance(0.3))
      reverberate(item.sound, sources.rate, random.scaled(0.08, 0.6), random.scaled(0.02, 0.6), random);
    double power = 0;  // of what is not silent: the loudest half of 20 ms steps
    std::vector<double> steps;
    const auto step = static_cast<std::size_t>(sources.rate / 50);
    for (std::size_t i = 0; i + step <= count; i += step) {
      double sum = 0;
      for (std::size_t k = i; k < i + step; ++k) sum += static_cast<double>(item.sound[k]) * item.sound[k];
      if (sum > 1e-9) steps.push_back(sum / static_cast<double>(step));
    }
    std::sort(steps.begin(), steps.end(), std::greater<>());
    steps.resize((steps.size() + 1) / 2);
    for (const double s : steps) power += s / static_cast<double>(steps.size());
    if (random.chance(0.75)) {
      const double snr = random.chance(0.85) ? random.between(3, 35) : random.between(-5, 5);
      std::size_t begin = 0, end = count;
      if (random.chance(0.3)) {
        begin = random.below(count);
        end = begin + 1 + random.below(count - begin);
      }
      add_at_snr(item.sound, begin, end, surroundings(sources, end - begin, random), std::sqrt(power), snr);
    }
  } else if (random.chance(0.85)) {
    item.sound = surroundings(sources, count, random);
  }

  if (random.chance(sources.limited))
    item.sound = band_limited(item.sound, sources.rate,
                              100 * static_cast<int>(std::lround(random.scaled(10, sources.rate / 100.0))));
  float peak = 0;
  for (const float s : item.sound) peak = std::max(peak, std::abs(s));
  if (peak > 0) scale(item.sound, factor_of(random.between(-40, 0)) / peak);
  if (random.chance(0.06)) {
    const double more = random.between(1, 6);
    scale(item.sound, more);
  }
  const double dither = random.chance(0.7) ? factor_of(random.between(-100, -60)) : 0;
  for (float &s : item.sound) s = std::clamp(static_cast<float>(s + dither * random.between(-1, 1)), -1.0F, 1.0F);
  return item;
}

}  // namespace oneadapt_speech
