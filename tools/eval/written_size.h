// SPDX-License-Identifier: LGPL-2.1-or-later
// The size of the pictures that a run writes.
#pragma once
#include <gst/video/video.h>

namespace oneadapt::eval {

/// Pins the written video and the stills to the clip's size, whatever `scale` is: text and lines are drawn for that
/// size, and a muxer takes no other caps later. Must outlive the running pipeline.
class WrittenSize {
 public:
  /// Listens at the elements "caps" and "dnn", and sets the caps of "size" and "still-size", where they are there.
  void tap(GstBin *pipeline);
  /// Of the clip's frames; 0: none came.
  unsigned width() const { return width_; }
  unsigned height() const { return height_; }

 private:
  static GstPadProbeReturn on_caps(GstPad *pad, GstPadProbeInfo *info, gpointer data);
  static GstPadProbeReturn on_frame(GstPad *pad, GstPadProbeInfo *info, gpointer data);
  static GstPadProbeReturn on_scaled_caps(GstPad *pad, GstPadProbeInfo *info, gpointer data);

  GstBin *pipeline_ = nullptr;
  bool begun_ = false;
  unsigned width_ = 0, height_ = 0;
  GstVideoInfo written_{};  ///< size and pixel aspect ratio of what is written, once `width_` is known
};

}  // namespace oneadapt::eval
