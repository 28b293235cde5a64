// SPDX-License-Identifier: LGPL-2.1-or-later
#include "video/picture_history.h"

namespace oneadapt {
namespace {

constexpr std::size_t kMostFrames = 600;  // of an interval, for replays; 20 MB at 1920×1080

}  // namespace

const std::vector<unsigned> &Ledger::distances() {
  static const std::vector<unsigned> all{0, 1, 2, 4, 9};
  return all;
}

void Ledger::set_input(const GstVideoInfo &info, bool h264, unsigned b_frames) {
  IntervalRecord &current = intervals_.under_way();
  pictures_.clear();
  current.pictures.clear();
  input_ = current.input = info;
  h264_ = current.h264 = h264;
  b_frames_ = current.b_frames = b_frames;
  has_input_ = true;
}

void Ledger::begin(std::uint64_t number, const Values &values, const std::vector<float> &offsets,
                   unsigned offset_columns, unsigned offset_rows) {
  if (const IntervalRecord *last = current()) counters.last_interval_bytes = last->bytes;
  counters.intervals++;
  IntervalRecord &current = intervals_.begin(number);
  current.values = values;
  current.offsets = offsets;
  current.offset_columns = offset_columns;
  current.offset_rows = offset_rows;
  current.h264 = h264_;
  current.b_frames = b_frames_;
  current.input = input_;
}

void Ledger::change_map(const std::vector<float> &offsets, unsigned offset_columns, unsigned offset_rows) {
  IntervalRecord &current = intervals_.under_way();
  current.offsets = offsets;
  current.offset_columns = offset_columns;
  current.offset_rows = offset_rows;
  current.map_changed = true;
}

void Ledger::arrived(BufferRef picture, std::uint64_t time) {
  IntervalRecord &current = intervals_.under_way();
  current.frames_in++;
  pictures_.emplace_front(time, std::move(picture));
  if (pictures_.size() > distances().back() + 1) pictures_.pop_back();
}

void Ledger::sent(std::uint64_t bytes, bool b) {
  IntervalRecord &current = intervals_.under_way();
  counters.frames_out++;
  counters.bytes += bytes;
  current.bytes += bytes;
  current.b_pictures += b;
}

void Ledger::kept() {
  IntervalRecord &current = intervals_.under_way();
  current.frames_out++;
  current.pictures.clear();
  for (unsigned distance : distances())
    if (distance < pictures_.size())
      current.pictures.push_back({distance, pictures_[distance].first, pictures_[distance].second});
}

void Ledger::filters(const FrameFilter &before, unsigned max_skip) {
  IntervalRecord &current = intervals_.under_way();
  current.filter = {before, {}, {}};
  current.max_skip = max_skip;
}

void Ledger::filtered(const FrameFilter::Frame &frame, bool must, bool kept) {
  IntervalRecord &current = intervals_.under_way();
  counters.filtered += !kept;
  if (current.filter.frames.size() >= kMostFrames) return;  // an interval of minutes: its beginning stands for it
  current.filter.frames.push_back(frame);
  current.filter.must.push_back(must);
}

void Ledger::dropped() { counters.dropped++; }

void Ledger::forget() {
  pictures_.clear();
  intervals_.forget();
  IntervalRecord &current = intervals_.under_way();
  current.input = input_;
  current.h264 = h264_;
  current.b_frames = b_frames_;
}

}  // namespace oneadapt
