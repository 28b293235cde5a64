// SPDX-License-Identifier: LGPL-2.1-or-later
// What oneadaptfilter remembers of its last intervals, for probing: pictures, and what the frame filter saw.
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "core/frames/frame_filter.h"
#include "core/gradient/gradient.h"
#include "core/macroblock/allocation.h"
#include "core/vision/mosaic.h"
#include "tunable/interval_history.h"
#include "video/knobs.h"
#include "video/picture.h"

namespace oneadapt {

/// QP offsets, laid over the frame by relative position. No columns: none.
struct QpMap {
  unsigned columns = 0, rows = 0;
  std::vector<float> offsets;  ///< row by row
  int range = 0;               ///< AllocationSettings::range that it was made with; 0: it was not made so
  bool operator==(const QpMap &other) const {
    return columns == other.columns && rows == other.rows && offsets == other.offsets;
  }
};

/// An input picture of the last few.
struct Remembered {
  unsigned distance = 0;   ///< frames before the last one that was passed on, which is at 0
  std::uint64_t time = 0;  ///< stream time in ns
  BufferRef buffer;
};

/// What comes in, and what becomes of it.
struct PictureFormat {
  GstVideoInfo info{};
  bool h264 = false;             ///< pictures are encoded; else they go out raw
  unsigned b_frames = 0;         ///< most B pictures in a row; more than 0: each interval is a closed GOP
  unsigned key_int_max = 0;      ///< most pictures from one IDR picture to the next
  std::string profile = "high";  ///< of H.264: baseline, main or high
  MosaicLayout mosaic = {};      ///< of features, if they are no pictures
  unsigned blocks = 0;           ///< of those, whose QP is the same in all tiles; 0: each macroblock has its own
  /// Frames a second; 0: unknown or varying.
  double rate() const { return info.fps_n > 0 && info.fps_d > 0 ? double(info.fps_n) / info.fps_d : 0; }
};

/// The QP offsets that a gradient makes for pictures of that format: allocate_qp(), of tied blocks where they are a
/// mosaic.
std::vector<float> allocate_for(const PictureFormat &format, const BlockMap &gradient, AllocationSettings settings);

struct PictureRecord : IntervalRecord {
  PictureFormat format;  ///< of the pictures below
  QpMap map;
  double frame_seconds = 0;     ///< from one input frame to the next, as they come; 0: not known yet
  bool map_changed = false;     ///< the map was another one at first
  unsigned b_pictures = 0;      ///< of frames_out
  unsigned idr_pictures = 0;    ///< of frames_out
  std::uint64_t idr_bytes = 0;  ///< what these took, of bytes
  bool idr_next = false;        ///< the next interval begins with one
  /// The last one so far, and the QP that it was coded over; 0 bytes: there was none yet.
  struct {
    std::uint64_t bytes = 0;
    double qp = 0;
  } last_idr;
  std::vector<Remembered> pictures;  ///< by distance, nearest first
  FilterRecord filter;               ///< frames that the frame rate let through; none unless thresholds were asked for
  unsigned max_skip = 0;
  /// Throws std::runtime_error where there is none at that distance.
  const Remembered &at(unsigned distance) const;
};

struct PictureCounters : IntervalCounters {
  std::uint64_t frames_in = 0, frames_out = 0, dropped = 0;
  std::uint64_t filtered = 0;  ///< of those dropped: by thresholds
};

/// Not thread-safe: the filter guards it.
class PictureHistory : public IntervalHistory<PictureRecord, PictureCounters> {
 public:
  /// Another input format: pictures of the old one can no longer be compared with what comes.
  void set_format(const PictureFormat &format);
  /// `frame_seconds`: as in the record.
  void begin(std::uint64_t number, const Values &values, const QpMap &map, double frame_seconds);
  /// Another QP map for the rest of the interval under way.
  void change_map(const QpMap &map);
  /// A frame came in; nothing is known of it yet.
  void on_frame_in() { counters.frames_in++; }
  /// Its picture, of that stream time in ns, in the interval that it belongs to; whether it will be kept is not known
  /// yet.
  void on_picture(BufferRef picture, std::uint64_t time);
  /// The frame filter as it is before the interval's first frame, and what it made of a frame.
  void on_filter(const FrameFilter &before, unsigned max_skip);
  void on_frame_filtered(const FrameFilter::Frame &frame, bool must, bool kept);
  /// The frame that came last will go out, or will not.
  void on_frame_kept();
  void on_frame_dropped() { counters.dropped++; }
  /// A frame that was kept leaves as `bytes`, as that kind of picture. Or `count` of them never will.
  enum class Kind { Idr, P, B };
  void on_frame_sent(std::uint64_t bytes, Kind kind);
  /// As far as is known now, the next interval begins with an IDR picture, or does not.
  void on_gop(bool idr_next) { under_way().idr_next = idr_next; }
  void on_frames_lost(unsigned count) { counters.dropped += count; }
  /// Forgets pictures and intervals (a flush); counters and the format stay.
  void forget();

  /// Of what comes in now; a width of 0: no caps yet.
  const PictureFormat &format() const { return format_; }

 private:
  PictureFormat format_;
  std::deque<std::pair<std::uint64_t, BufferRef>> pictures_;  // with their stream times, the latest first
};

}  // namespace oneadapt
