// SPDX-License-Identifier: LGPL-2.1-or-later
// One run of oneadaptfilter: what it does with caps and frames.
#pragma once
#include <gst/video/gstvideoencoder.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tunable/interval_stream.h"
#include "video/coder.h"
#include "video/frame_clock.h"
#include "video/gray16_pictures.h"
#include "video/interval_marker.h"
#include "video/key_frames.h"
#include "video/key_requests.h"
#include "video/medium.h"
#include "video/possible_output.h"
#include "video/threshold_filter.h"

namespace oneadapt {

/// Everything happens under the encoder's stream lock. No other lock is held while it pushes, encodes, or notifies.
class VideoStream {
 public:
  VideoStream(GstVideoEncoder *encoder, VideoMedium &medium, AdaptiveFilter &filter);
  ~VideoStream();

  /// Chooses the output for new input caps. FALSE: an error was posted.
  gboolean set_format(GstVideoCodecState *input);
  /// (transfer full)
  GstFlowReturn handle_frame(GstVideoCodecFrame *frame);
  /// A frame is about to be pushed; caps and segment have gone before.
  void pre_push(GstVideoCodecFrame *frame);
  /// Sends what is held back.
  GstFlowReturn finish();
  /// A query that wants everything sent to be taken: has a decoder downstream give out the picture that it keeps for
  /// reordering, where an interval has ended.
  void drain();
  /// Flush: forgets the interval, keeps the format.
  void forget();

  /// NULL before caps.
  const GstVideoCodecState *input() const { return input_; }
  bool h264() const { return format_.h264; }
  /// As negotiated; 0×0: not yet.
  Size output() const { return output_; }

 private:
  GstFlowReturn take(GstVideoCodecFrame *frame);
  GstFlowReturn begin(GstClockTime time, bool new_interval, bool requested);
  std::string size_refused(Size size) const;
  Values choose_configuration(guint64 number);
  void begin_interval(GstClockTime time);
  bool set_output();
  void lay_map();
  void change_map(const QpMap &map);
  void add_regions(GstBuffer *buffer, std::vector<float> &offsets);
  GstFlowReturn code(GstVideoCodecFrame *frame, GstClockTime time, bool last);
  GstFlowReturn drop(GstVideoCodecFrame *frame);
  GstFlowReturn send(Coded coded);
  GstFlowReturn send_held();
  void prepare_coder(Size size);
  GstClockTime frame_time() const;
  GstClockTime time_of(GstVideoCodecFrame *frame);
  BufferRef remember(GstBuffer *buffer);
  GstCaps *output_caps() const;

  GstVideoEncoder *encoder_;
  VideoMedium &medium_;
  AdaptiveFilter &filter_;
  const VideoSettings fixed_;  // as they were at the start
  IntervalStream intervals_;
  FrameClock clock_;
  ThresholdFilter thresholds_;
  Gray16Pictures gray16_;
  IntervalMarker marker_;

  GstVideoCodecState *input_ = nullptr;
  PictureFormat format_;  // of what is coded and measured
  std::string profile_;   // as downstream calls it; empty: it does not
  std::unique_ptr<Coder> coder_;
  Size output_;  // as negotiated; 0×0: not yet

  QpMap map_;                       // in force
  std::vector<float> map_offsets_;  // the same, one for each macroblock of the output; empty: none
  bool regions_ = false;            // QP regions were seen

  KeyFrames key_frames_;
  KeyRequests key_requests_;
  BufferRef mapped_;    // what the picture under way is coded and measured as, where that is another
  bool first_ = false;  // no frame of the interval has been passed on yet
  bool fresh_ = true;   // the next frame must be passed on: first, after a flush or new caps
  GstClockTime last_pts_ = GST_CLOCK_TIME_NONE;
  // The last frame of its interval, which is being coded, and the interval's end.
  std::optional<std::pair<guint32, GstClockTime>> last_frame_;
  // B pictures: frames that are held back, and the decoding times that the next ones to leave will have.
  unsigned held_ = 0;
  std::deque<GstClockTime> decoding_times_;
  bool gop_ended_ = false;  // the last frame ended its interval
  // Of the last input buffer; not a reference, only to recognise it.
  struct {
    GstBufferPool *pool = nullptr;
    bool limited = false;
  } upstream_;
  // What was said once a run: that a region is wrong, that caps are not possible, that a size is not.
  struct {
    bool region = false, refused = false, size = false;
  } said_;
};

}  // namespace oneadapt
