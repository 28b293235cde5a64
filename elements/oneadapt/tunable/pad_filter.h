// SPDX-License-Identifier: LGPL-2.1-or-later
// A filter that is a plain GstElement with one sink and one source pad: what its pads are asked goes to the run under
// way.
#pragma once
#include <gst/gst.h>

#include <atomic>
#include <memory>
#include <utility>

namespace oneadapt {

class PadFilter;

/// One run, from READY to PAUSED and back. Everything happens under the sink pad's stream lock.
class PadStream {
 public:
  explicit PadStream(PadFilter &pads) : pads_(pads) { gst_segment_init(&segment_, GST_FORMAT_UNDEFINED); }
  virtual ~PadStream() = default;
  /// New input caps. False: they, or those that follow for the output, are refused. By default the output has the same.
  virtual bool set_caps(GstCaps *caps);
  /// (transfer full)
  virtual GstFlowReturn chain(GstBuffer *buffer) = 0;
  virtual void set_segment(const GstSegment &segment) { segment_ = segment; }
  /// Puts out all that is held back: a gap, the end of the stream, or another one.
  virtual void finish() {}
  /// Any other event; it is passed on afterwards.
  virtual void on_event(GstEvent *) {}
  /// A query that wants everything sent to be taken.
  virtual void drain() {}
  /// A flush: forgets data and intervals, keeps the format.
  virtual void forget() = 0;

 protected:
  /// A position in the segment as stream time, in ns; beyond the segment as it is.
  guint64 stream_time(GstClockTime position) const;

  PadFilter &pads_;
  GstSegment segment_;
};

/// The element's pads. Its stream is made anew at the beginning and at the end of each run.
class PadFilter {
 public:
  /// Adds the pads to the element, which owns them and must outlive this; its class has templates "sink" and "src".
  explicit PadFilter(GstElement *element);
  PadFilter(const PadFilter &) = delete;
  PadFilter &operator=(const PadFilter &) = delete;

  GstElement *element() const { return element_; }
  GstPad *sink() const { return sink_; }
  GstPad *src() const { return src_; }
  PadStream &stream() { return *stream_; }
  /// A run begins, or is over: its latency is not known yet.
  void set_stream(std::unique_ptr<PadStream> stream) {
    stream_ = std::move(stream);
    latency_ = 0;
  }
  /// The filter's own latency, as it answers latency queries; a change is posted.
  void set_latency(GstClockTime latency);

 private:
  GstElement *element_;
  GstPad *sink_, *src_;
  std::unique_ptr<PadStream> stream_;
  std::atomic<GstClockTime> latency_{0};

  static GstFlowReturn on_chain(GstPad *pad, GstObject *parent, GstBuffer *buffer);
  static gboolean on_sink_event(GstPad *pad, GstObject *parent, GstEvent *event);
  static gboolean on_sink_query(GstPad *pad, GstObject *parent, GstQuery *query);
  static gboolean on_src_query(GstPad *pad, GstObject *parent, GstQuery *query);
};

}  // namespace oneadapt
