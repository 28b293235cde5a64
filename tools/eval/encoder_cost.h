// SPDX-License-Identifier: LGPL-2.1-or-later
// What another encoder than the filter costs: CPU time, and bytes.
#pragma once
#include <gst/gst.h>

#include <cstdint>
#include <ctime>

#include "eval/pads.h"

namespace oneadapt::eval {

/// Bytes of a buffer of H.264 in byte-stream form, without user data (SEI): x264enc begins a stream with 700 bytes of
/// text about its options, which are nothing in a stream that lasts and up to a tenth of a short clip.
inline std::uint64_t bytes_without_sei(GstBuffer *buffer) {
  GstMapInfo map;
  if (!gst_buffer_map(buffer, &map, GST_MAP_READ)) return gst_buffer_get_size(buffer);
  std::uint64_t bytes = 0;
  bool sei = false;
  for (gsize i = 0; i < map.size; ++i) {
    // A start code is 00 00 01, with one more 00 in front of some.
    const auto at = [&](gsize j) { return i + j < map.size ? map.data[i + j] : 255; };
    const bool longer = at(0) == 0 && at(1) == 0 && at(2) == 0 && at(3) == 1;
    if (longer || (at(0) == 0 && at(1) == 0 && at(2) == 1)) sei = (at(longer ? 4 : 3) & 31) == 6;
    bytes += !sei;
  }
  gst_buffer_unmap(buffer, &map);
  return bytes;
}

/// Of an encoder that works in the thread that brings its pictures, and whose buffers go to a queue: the thread's CPU
/// time from a picture, or an event that makes it drain, to what leaves. Must outlive the running pipeline.
class EncoderCost {
 public:
  void tap(GstBin *bin, const char *encoder) {
    const auto in = GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM);
    eval::tap(bin, encoder, "sink", on_input, this, in);
    eval::tap(bin, encoder, "src", on_output, this);
  }
  /// When the pipeline has stopped.
  double seconds() const { return seconds_; }

 private:
  static double now() {
    timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return double(t.tv_sec) + double(t.tv_nsec) / 1e9;
  }
  static GstPadProbeReturn on_input(GstPad *, GstPadProbeInfo *, gpointer data) {
    static_cast<EncoderCost *>(data)->since_ = now();
    return GST_PAD_PROBE_OK;
  }
  static GstPadProbeReturn on_output(GstPad *, GstPadProbeInfo *, gpointer data) {
    auto *self = static_cast<EncoderCost *>(data);
    const double time = now();
    self->seconds_ += time - self->since_;
    self->since_ = time;
    return GST_PAD_PROBE_OK;
  }

  double since_ = 0, seconds_ = 0;
};

}  // namespace oneadapt::eval
