// SPDX-License-Identifier: LGPL-2.1-or-later
#include "audio/voice_detector.h"

#include <algorithm>
#include <cmath>

namespace oneadapt {
namespace {

constexpr int kFrames = 50;                                 // a second
constexpr int kWorkingRate = 8000;                          // at least so many samples a second are looked at
constexpr double kLeastPitch = 70, kMostPitch = 400;        // Hz
constexpr double kLeastLevel = -55, kAboveFloor = 6;        // dB
constexpr double kRise = 3.0 / kFrames;                     // dB a frame
constexpr double kHarmonic = 0.5, kDip = 0.3;               // likeness: of a pitch; that something before it is below
constexpr unsigned kRow = 3, kHangover = kFrames * 2 / 10;  // frames

/// Without what is below some 80 Hz, and without what is above half the new rate: each output is the mean of its
/// neighbourhood, the nearer the heavier.
std::vector<double> prepared(const std::vector<float> &in, std::size_t decimation, double rate) {
  std::vector<double> out;
  const double keep = std::exp(-2 * M_PI * 80 / rate);
  double before = 0, y = 0;
  for (std::size_t at = 0; at + 2 * decimation - 1 <= in.size(); at += decimation) {
    double x = 0;
    for (std::size_t i = 0; i < 2 * decimation - 1; i++)
      x += in[at + i] * double(std::min(i + 1, 2 * decimation - 1 - i));
    x /= double(decimation * decimation);
    y = out.empty() ? 0 : keep * (y + x - before);
    before = x;
    out.push_back(y);
  }
  return out;
}

/// Normalised cross-correlation of the sound with itself, `lag` samples later.
double likeness(const std::vector<double> &x, std::size_t lag, std::size_t n) {
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < n; i++) {
    ab += x[i] * x[i + lag];
    aa += x[i] * x[i];
    bb += x[i + lag] * x[i + lag];
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
}

/// The best likeness at a period of a pitch, where it is lower at some lag before; else 0.
double pitch(const std::vector<double> &x, double rate) {
  const auto least = std::max<std::size_t>(1, std::size_t(rate / kMostPitch)), most = std::size_t(rate / kLeastPitch);
  if (x.size() <= most) return 0;
  double best = 0, lowest = 1;
  for (std::size_t lag = std::max<std::size_t>(1, least / 4); lag <= most; lag++) {
    const double value = likeness(x, lag, x.size() - most);
    lowest = std::min(lowest, value);
    if (lag >= least && value - lowest >= kDip) best = std::max(best, value);
  }
  return best;
}

}  // namespace

VoiceDetector::VoiceDetector(int rate)
    : rate_(rate),
      frame_(std::size_t(std::lround(double(rate) / kFrames))),
      decimation_(std::max<std::size_t>(1, std::size_t(rate / kWorkingRate))) {}

void VoiceDetector::interrupt() {
  sound_.clear();
  row_ = hangover_ = 0;
}

bool VoiceDetector::judge() {
  const double rate = double(rate_) / double(decimation_);
  const std::vector<double> x = prepared(sound_, decimation_, rate);
  double energy = 0;
  for (double v : x) energy += v * v;
  level_ = 10 * std::log10(energy / double(std::max<std::size_t>(1, x.size())) + 1e-10);
  floor_ = any_ ? std::min(level_, floor_ + kRise) : std::min(level_, kLeastLevel);
  any_ = true;
  harmonicity_ = pitch(x, rate);
  const bool voiced = level_ >= kLeastLevel && level_ >= floor_ + kAboveFloor && harmonicity_ >= kHarmonic;
  row_ = voiced ? row_ + 1 : 0;
  if (row_ >= kRow)
    hangover_ = kHangover;
  else if (hangover_ > 0)
    hangover_--;
  return row_ >= kRow || hangover_ > 0;
}

std::vector<bool> VoiceDetector::push(const float *samples, std::size_t n) {
  std::vector<bool> voices;
  for (std::size_t at = 0; at < n;) {
    // The first frame of all has silence before it.
    if (sound_.empty()) sound_.assign(frame_, 0.0f);
    const std::size_t take = std::min(n - at, 2 * frame_ - sound_.size());
    sound_.insert(sound_.end(), samples + at, samples + at + take);
    at += take;
    if (sound_.size() < 2 * frame_) break;
    voices.push_back(judge());
    sound_.erase(sound_.begin(), sound_.begin() + std::ptrdiff_t(frame_));
  }
  return voices;
}

}  // namespace oneadapt
