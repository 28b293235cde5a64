// SPDX-License-Identifier: LGPL-2.1-or-later
// In a live pipeline, frames wait here while the DNN is busy, and what is late is left out.
#pragma once
#include <gst/gst.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <vector>

#include "dnn_medium.h"
#include "interval_ends.h"

namespace oneadapt {

/// Between an element's sink pad and its work, which then has a thread of its own (a task of the source pad). What
/// waits is bounded: the newest frame, and the newest of those that must not be left out. Sound waits until it is too
/// old. Serialized events and queries keep their place among the frames.
class FrameQueue {
 public:
  /// Called by the task, one call at a time, but for `left_out`, which the pushing thread calls. Nothing is called
  /// under a lock.
  struct Work {
    std::function<GstFlowReturn(GstBuffer *)> chain;  ///< (transfer full)
    std::function<gboolean(GstEvent *)> event;        ///< (transfer full)
    std::function<gboolean(GstQuery *)> query;
    std::function<void(GstBuffer *)> left_out;  ///< (transfer none)
  };
  FrameQueue(GstPad *src, Work work) : src_(src), work_(std::move(work)) {}

  /// Begins to queue: the task runs from now on, until deactivate(). `most_age`: how long sound may wait, ns; 0: frames
  /// are pictures, and each may be left out by itself. From the thread that pushes.
  void start(GstClockTime most_age);
  /// What is pushed is queued. From the thread that pushes.
  bool running() const { return running_; }
  /// A frame. Returns what the work last returned.
  GstFlowReturn push(BufferRef buffer, FrameNeed need);
  /// A serialized event. (transfer full)
  gboolean push(GstEvent *event);
  /// A serialized query: waits until all that came before is done. (transfer none)
  gboolean push(GstQuery *query);

  /// Around the flush events: frames that wait are dropped, and the task stands still.
  void flush_start();
  void flush_stop();
  /// When the source pad is activated and deactivated.
  void activate();
  void deactivate();

 private:
  struct Question {
    GstQuery *query;
    bool answered = false;
    gboolean answer = FALSE;
  };
  /// One of the three.
  struct Item {
    BufferRef buffer;
    GstEvent *event = nullptr;
    Question *question = nullptr;
    FrameNeed need = FrameNeed::None;
    gint64 came = 0;  ///< monotonic time, µs
  };

  static void run(gpointer self) { static_cast<FrameQueue *>(self)->step(); }
  void step();
  std::vector<BufferRef> make_room(FrameNeed need, gint64 now);  // under mutex_
  void clear(bool flush);                                        // under mutex_
  void work_on(Item item);

  GstPad *const src_;
  const Work work_;
  std::atomic<bool> running_{false};
  GstClockTime most_age_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Under mutex_.
  std::deque<Item> items_;
  bool flushing_ = false, ended_ = false;
  GstFlowReturn flow_ = GST_FLOW_OK;
};

}  // namespace oneadapt
