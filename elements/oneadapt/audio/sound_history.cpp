// SPDX-License-Identifier: LGPL-2.1-or-later
#include "audio/sound_history.h"

#include <algorithm>

namespace oneadapt {
namespace {

constexpr std::size_t kMostSamples = 1u << 23;  // 32 MiB: 43 s at 192 kHz, 8 minutes at 16 kHz
constexpr int kContext = 2;                     // a 2nd of a second on either side: more than any filter's reach
constexpr int kVoice = 5;  // a 5th of a second of voice in an interval, or a voice all along, is certainty

}  // namespace

std::shared_ptr<const Sound> SoundHistory::sound_of(const SoundRecord &record) const {
  const std::int64_t end = base_ + std::int64_t(sound_.size()), to = record.to < 0 ? end : record.to;
  if (record.from < base_ || to > end || to <= record.from) return nullptr;
  const std::int64_t context = formats_.in_rate / kContext;
  const std::int64_t first = std::max(base_, record.from - context), last = std::min(end, to + context);
  auto sound = std::make_shared<Sound>();
  sound->rate = formats_.in_rate;
  sound->samples.assign(sound_.begin() + (first - base_), sound_.begin() + (last - base_));
  sound->before = std::size_t(record.from - first);
  sound->length = std::size_t(to - record.from);
  return sound;
}

double SoundHistory::activity(std::int64_t first, std::int64_t last) const {
  std::int64_t known = 0, voice = 0;
  for (const Judged &j : judged_) {
    const std::int64_t from = std::max(j.from, first), to = last < 0 ? j.to : std::min(j.to, last);
    if (to <= from) continue;
    known += to - from;
    if (j.voice) voice += to - from;
  }
  if (!known) return -1;
  return std::min(1.0, double(voice) / double(std::min<std::int64_t>(known, formats_.in_rate / kVoice)));
}

bool SoundHistory::complete(SoundRecord &record) const {
  if (record.sound) return true;
  record.sound = sound_of(record);
  record.activity = activity(record.from, record.to);
  return record.sound != nullptr;
}

void SoundHistory::on_judged(std::int64_t from, std::int64_t to, bool voice) {
  if (voice && formats_.in_rate > 0)
    counters.voice_ns += gst_util_uint64_scale(guint64(to - from), GST_SECOND, guint64(formats_.in_rate));
  if (!judged_.empty() && judged_.back().to == from && judged_.back().voice == voice)
    judged_.back().to = to;
  else
    judged_.push_back({from, to, voice});
}

void SoundHistory::restart(const AudioFormats &formats, GstAudioFormat format, std::int64_t start) {
  for (SoundRecord &record : past()) complete(record);
  complete(under_way());
  sound_.clear();
  judged_.clear();
  base_ = start;
  formats_ = formats;
  format_ = format;
}

void SoundHistory::go_on(const Values &values, std::uint64_t time) {
  SoundRecord &current = under_way();
  current.sound.reset();
  current.activity = -1;
  current.from = base_;
  current.time = time;
  current.values = values;
  current.formats = formats_;
  current.format = format_;
}

void SoundHistory::append(const float *samples, std::size_t n) {
  counters.samples_in += n;
  sound_.insert(sound_.end(), samples, samples + n);
  if (sound_.size() > kMostSamples) {
    const std::size_t over = sound_.size() - kMostSamples / 2;
    sound_.erase(sound_.begin(), sound_.begin() + std::ptrdiff_t(over));
    base_ += std::int64_t(over);
  }
}

void SoundHistory::end(std::int64_t to) { under_way().to = std::max(to, base_); }

void SoundHistory::begin(std::uint64_t number, const Values &values, std::int64_t from, std::uint64_t time,
                         double expected_activity) {
  end(from);
  SoundRecord &record = IntervalHistory::begin(number, values);
  record.formats = formats_;
  record.format = format_;
  record.from = from;
  record.time = time;
  record.expected_activity = expected_activity;
  trim();
}

/// What is older than all that is remembered.
void SoundHistory::trim() {
  std::int64_t oldest = under_way().from;
  for (const SoundRecord &record : past())
    if (!record.sound) oldest = std::min(oldest, record.from);
  const std::int64_t over = oldest - formats_.in_rate / kContext - base_;
  if (over <= 0 || over > std::int64_t(sound_.size())) return;
  sound_.erase(sound_.begin(), sound_.begin() + over);
  base_ += over;
  while (!judged_.empty() && judged_.front().to <= base_) judged_.pop_front();
}

void SoundHistory::on_sent(std::uint64_t samples, double rate, std::uint64_t bytes) {
  counters.samples_out += samples;
  on_bytes(bytes);
  under_way().seconds += double(samples) / rate;
}

void SoundHistory::forget() {
  IntervalHistory::forget();
  sound_.clear();
  judged_.clear();
}

std::optional<SoundRecord> SoundHistory::find(std::uint64_t number) const {
  const SoundRecord *found = IntervalHistory::find(number);
  if (!found) return std::nullopt;
  SoundRecord record = *found;
  if (!complete(record)) return std::nullopt;
  return record;
}

std::optional<SoundRecord> SoundHistory::pin(std::uint64_t number) {
  const SoundRecord *pinned = IntervalHistory::pin(number, [this](SoundRecord &record) { return complete(record); });
  if (!pinned) return std::nullopt;
  return *pinned;
}

}  // namespace oneadapt
