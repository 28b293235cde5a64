// SPDX-License-Identifier: LGPL-2.1-or-later
// A run that sends parts of pictures, which the DNN sees laid over those of an earlier, coarser pass (policy dds).
#pragma once
#include <gst/gst.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "eval/run.h"

namespace oneadapt::eval {

/// The camera's and the server's part of a second pass, as pad probes: outside a frame's blocks it is blackened before
/// it is coded, and replaced by the first pass's picture after it is decoded. The first pass is coded again beside it.
/// Lives longer than the pipeline runs; its probes may be called from different threads.
class PassOverlay {
 public:
  explicit PassOverlay(std::shared_ptr<const SecondPass> pass) : pass_(std::move(pass)) {}
  /// Launch fragments: before the controller, and between decoder and DNN.
  static std::string camera();
  static std::string server();
  void tap(GstBin *bin);
  /// Whether a picture of the first pass was not there when it was wanted.
  bool lost() const { return lost_; }

 private:
  static GstPadProbeReturn on_first(GstPad *pad, GstPadProbeInfo *info, gpointer data);
  static GstPadProbeReturn on_frame(GstPad *pad, GstPadProbeInfo *info, gpointer data);
  static GstPadProbeReturn on_decoded(GstPad *pad, GstPadProbeInfo *info, gpointer data);
  const BlockMap *blocks_at(GstClockTime stream_time) const;

  struct BufferUnref {
    void operator()(GstBuffer *b) const { gst_buffer_unref(b); }
  };
  std::shared_ptr<const SecondPass> pass_;
  std::mutex mutex_;
  std::map<GstClockTime, std::unique_ptr<GstBuffer, BufferUnref>> first_;  ///< decoded, by stream time
  bool lost_ = false;
};

}  // namespace oneadapt::eval
