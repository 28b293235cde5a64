// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ledger.h"

namespace oneadapt {
namespace {

constexpr std::size_t kPastIntervals = 3;  // feedback may be this late
constexpr std::size_t kMostFrames = 600;   // of an interval, for replays; 20 MB at 1920×1080

}  // namespace

const std::vector<unsigned> &Ledger::distances() {
  static const std::vector<unsigned> all{0, 1, 2, 4, 9};
  return all;
}

void Ledger::set_input(const GstVideoInfo &info, bool h264, unsigned b_frames) {
  pictures_.clear();
  current_.pictures.clear();
  input_ = current_.input = info;
  h264_ = current_.h264 = h264;
  b_frames_ = current_.b_frames = b_frames;
  has_input_ = true;
}

void Ledger::close() {
  if (!any_) return;
  counters.last_interval_bytes = current_.bytes;
  past_.push_front(std::move(current_));
  if (past_.size() > kPastIntervals) past_.pop_back();
}

void Ledger::begin(std::uint64_t number, const KnobValues &values, const std::vector<float> &offsets,
                   unsigned offset_columns, unsigned offset_rows) {
  close();
  if (pinned_ && number <= pinned_->number) pinned_.reset();  // time went back: it would be another's
  any_ = true;
  counters.intervals++;
  current_ = IntervalRecord();
  current_.number = number;
  current_.values = values;
  current_.offsets = offsets;
  current_.offset_columns = offset_columns;
  current_.offset_rows = offset_rows;
  current_.h264 = h264_;
  current_.b_frames = b_frames_;
  current_.input = input_;
}

void Ledger::change_map(const std::vector<float> &offsets, unsigned offset_columns, unsigned offset_rows) {
  current_.offsets = offsets;
  current_.offset_columns = offset_columns;
  current_.offset_rows = offset_rows;
  current_.map_changed = true;
}

void Ledger::arrived(BufferRef picture, std::uint64_t time) {
  current_.frames_in++;
  pictures_.emplace_front(time, std::move(picture));
  if (pictures_.size() > distances().back() + 1) pictures_.pop_back();
}

void Ledger::sent(std::uint64_t bytes, bool b) {
  counters.frames_out++;
  counters.bytes += bytes;
  current_.bytes += bytes;
  current_.b_pictures += b;
}

void Ledger::kept() {
  current_.frames_out++;
  current_.pictures.clear();
  for (unsigned distance : distances())
    if (distance < pictures_.size())
      current_.pictures.push_back({distance, pictures_[distance].first, pictures_[distance].second});
}

void Ledger::filters(const FrameFilter &before, unsigned max_skip) {
  current_.filter = {before, {}, {}};
  current_.max_skip = max_skip;
}

void Ledger::filtered(const FrameFilter::Frame &frame, bool must, bool kept) {
  counters.filtered += !kept;
  if (current_.filter.frames.size() >= kMostFrames) return;  // an interval of minutes: its beginning stands for it
  current_.filter.frames.push_back(frame);
  current_.filter.must.push_back(must);
}

void Ledger::dropped() { counters.dropped++; }

void Ledger::forget() {
  any_ = false;
  pinned_.reset();
  past_.clear();
  pictures_.clear();
  current_ = IntervalRecord();
  current_.input = input_;
  current_.h264 = h264_;
  current_.b_frames = b_frames_;
}

const IntervalRecord *Ledger::find(std::uint64_t number) const {
  if (any_ && current_.number == number) return &current_;
  for (const IntervalRecord &record : past_)
    if (record.number == number) return &record;
  return nullptr;
}

const IntervalRecord *Ledger::pin(std::uint64_t number) {
  if (pinned_ && pinned_->number == number) return &*pinned_;
  const IntervalRecord *found = find(number);
  if (!found) return nullptr;
  pinned_ = *found;
  return &*pinned_;
}

}  // namespace oneadapt
