// SPDX-License-Identifier: LGPL-2.1-or-later
// What the filter remembers of its last intervals, for probing, and its counters.
#pragma once
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "core/frames/frame_filter.h"
#include "tunable/interval_history.h"
#include "video/knobs.h"
#include "video/picture.h"

namespace oneadapt {

/// An input picture of the last few.
struct Remembered {
  unsigned distance = 0;   ///< frames before the last one that was passed on, which is at 0
  std::uint64_t time = 0;  ///< stream time in ns
  BufferRef buffer;
};

/// One adaptation interval, finished or so far.
struct IntervalRecord {
  std::uint64_t number = 0;
  Values values{};             ///< the configuration in force
  std::vector<float> offsets;  ///< the QP map's, row by row; empty: none
  unsigned offset_columns = 0, offset_rows = 0;
  bool map_changed = false;  ///< the map was another one at first
  bool h264 = false;
  unsigned b_frames = 0;    ///< most B pictures in a row
  GstVideoInfo input;       ///< of the pictures below
  std::uint64_t bytes = 0;  ///< that left the filter
  unsigned frames_in = 0, frames_out = 0;
  unsigned b_pictures = 0;           ///< of frames_out
  std::vector<Remembered> pictures;  ///< by distance, nearest first
  FilterRecord filter;               ///< frames that the frame rate let through; none where nobody asked for thresholds
  unsigned max_skip = 0;
};

/// Since the filter was started.
struct Counters {
  std::uint64_t frames_in = 0, frames_out = 0, dropped = 0;
  std::uint64_t filtered = 0;  ///< of those dropped: by thresholds
  std::uint64_t intervals = 0, bytes = 0, last_interval_bytes = 0;
  std::uint64_t encode_ns = 0, probe_ns = 0, probes = 0;  ///< CPU time of the threads that did it
};

/// Not thread-safe: the filter guards it.
class Ledger {
 public:
  /// Distances at which input pictures are remembered; in between, differences are interpolated.
  static const std::vector<unsigned> &distances();

  /// Another input format: pictures of the old one can no longer be compared with what comes.
  void set_input(const GstVideoInfo &info, bool h264, unsigned b_frames = 0);
  void begin(std::uint64_t number, const Values &values, const std::vector<float> &offsets = {},
             unsigned offset_columns = 0, unsigned offset_rows = 0);
  /// Another QP map for the rest of the interval under way.
  void change_map(const std::vector<float> &offsets, unsigned offset_columns, unsigned offset_rows);
  /// An input frame, before anything is known of it.
  void came() { counters.frames_in++; }
  /// Its picture, of that stream time in ns, in the interval that it belongs to, before it is known whether it will be
  /// kept.
  void arrived(BufferRef picture, std::uint64_t time);
  /// The frame filter as it stands before the interval's first frame, and its frames.
  void filters(const FrameFilter &before, unsigned max_skip);
  void filtered(const FrameFilter::Frame &frame, bool must, bool kept);
  /// The frame that arrived last is to go out, or is not.
  void kept();
  void dropped();
  /// A frame that was kept leaves as `bytes`; `b`: as a B picture. Or `count` of them never will.
  void sent(std::uint64_t bytes, bool b);
  void lost(unsigned count) { counters.dropped += count; }
  /// Forgets pictures and intervals (a flush); counters stay.
  void forget();

  const IntervalRecord *find(std::uint64_t number) const { return intervals_.find(number); }
  const IntervalRecord *pin(std::uint64_t number) { return intervals_.pin(number); }
  const IntervalRecord *current() const { return intervals_.current(); }
  bool has_input() const { return has_input_; }
  const GstVideoInfo &input() const { return input_; }
  bool h264() const { return h264_; }

  Counters counters;

 private:
  bool has_input_ = false, h264_ = false;
  unsigned b_frames_ = 0;
  GstVideoInfo input_{};
  Intervals<IntervalRecord> intervals_;
  std::deque<std::pair<std::uint64_t, BufferRef>> pictures_;  // with their stream times, the latest first
};

}  // namespace oneadapt
