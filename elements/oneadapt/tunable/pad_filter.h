// SPDX-License-Identifier: LGPL-2.1-or-later
// A filter that is a plain GstElement with one sink and one source pad: what its pads are asked goes to the run under
// way.
#pragma once
#include <gst/gst.h>

#include <atomic>
#include <memory>
#include <utility>

namespace oneadapt {

/// One run, from READY to PAUSED and back. Everything happens under the sink pad's stream lock.
class PadStream {
 public:
  virtual ~PadStream() = default;
  /// New input caps. False: an error was posted.
  virtual bool set_caps(GstCaps *caps) = 0;
  /// (transfer full)
  virtual GstFlowReturn chain(GstBuffer *buffer) = 0;
  virtual void set_segment(const GstSegment &segment) = 0;
  /// Puts out all that is held back: a gap, the end of the stream, or another one.
  virtual void finish() {}
  /// A query that wants everything sent to be taken.
  virtual void drain() {}
  /// A flush: forgets data and intervals, keeps the format.
  virtual void forget() = 0;
};

/// The element's pads. Its stream is made anew at the beginning and at the end of each run.
class PadFilter {
 public:
  /// Adds the pads to the element, which owns them and must outlive this.
  PadFilter(GstElement *element, GstStaticPadTemplate *sink, GstStaticPadTemplate *src);
  virtual ~PadFilter() = default;
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
