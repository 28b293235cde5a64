// SPDX-License-Identifier: LGPL-2.1-or-later
#include "frame_queue.h"

#include <utility>

namespace oneadapt {

void FrameQueue::start(GstClockTime most_age) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (flushing_) return;
    most_age_ = most_age;
  }
  running_ = true;
  gst_pad_start_task(src_, run, this, nullptr);
}

/// What a new frame makes superfluous.
std::vector<BufferRef> FrameQueue::make_room(FrameNeed need, gint64 now) {
  const auto superfluous = [need](FrameNeed waiting) {
    return waiting == FrameNeed::None || (waiting == FrameNeed::Gradient && need != FrameNeed::None);
  };
  std::vector<BufferRef> out;
  for (auto it = items_.begin(); it != items_.end();) {
    const bool late = most_age_ ? guint64(now - it->came) * 1000 > most_age_ : superfluous(it->need);
    if (it->buffer && late) {
      out.push_back(std::move(it->buffer));
      it = items_.erase(it);
    } else {
      ++it;
    }
  }
  return out;
}

GstFlowReturn FrameQueue::push(BufferRef buffer, FrameNeed need) {
  std::vector<BufferRef> left_out;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (flushing_) return GST_FLOW_FLUSHING;
    if (flow_ != GST_FLOW_OK) return flow_;
    const gint64 now = g_get_monotonic_time();
    left_out = make_room(need, now);
    Item item;
    item.buffer = std::move(buffer);
    item.need = need;
    item.came = now;
    items_.push_back(std::move(item));
    changed_.notify_all();
  }
  for (const BufferRef &late : left_out) work_.left_out(late.get());
  return GST_FLOW_OK;
}

gboolean FrameQueue::push(GstEvent *event) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (flushing_) {
    gst_event_unref(event);
    return FALSE;
  }
  ended_ = GST_EVENT_TYPE(event) == GST_EVENT_EOS;
  Item item;
  item.event = event;
  items_.push_back(std::move(item));
  changed_.notify_all();
  return TRUE;
}

gboolean FrameQueue::push(GstQuery *query) {
  Question question{query};
  std::unique_lock<std::mutex> lock(mutex_);
  if (flushing_) return FALSE;
  Item item;
  item.question = &question;
  items_.push_back(std::move(item));
  changed_.notify_all();
  changed_.wait(lock, [&] { return question.answered; });
  return question.answer;
}

void FrameQueue::step() {
  Item item;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return flushing_ || !items_.empty(); });
    if (flushing_) {
      gst_pad_pause_task(src_);
      return;
    }
    item = std::move(items_.front());
    items_.pop_front();
  }
  work_on(std::move(item));
}

void FrameQueue::work_on(Item item) {
  if (item.event) work_.event(item.event);
  if (item.question) {
    const gboolean answer = work_.query(item.question->query);
    const std::lock_guard<std::mutex> lock(mutex_);
    item.question->answer = answer;
    item.question->answered = true;
    changed_.notify_all();
  }
  if (!item.buffer) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (flow_ != GST_FLOW_OK) return;
  }
  const GstFlowReturn flow = work_.chain(item.buffer.release());
  bool nobody_asks = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (flushing_) return;
    flow_ = flow;
    nobody_asks = ended_;
  }
  // The source pushes no more, so it does not hear of it.
  GstElement *element = GST_PAD_PARENT(src_);
  if (nobody_asks && (flow == GST_FLOW_NOT_LINKED || flow < GST_FLOW_EOS)) GST_ELEMENT_FLOW_ERROR(element, flow);
}

/// A flush leaves what the stream says of itself, but for its segment.
void FrameQueue::clear(bool flush) {
  std::deque<Item> kept;
  for (Item &item : items_) {
    if (item.question) item.question->answered = true;
    if (!item.event) continue;
    const GstEventType type = GST_EVENT_TYPE(item.event);
    if (flush && GST_EVENT_IS_STICKY(item.event) && type != GST_EVENT_SEGMENT && type != GST_EVENT_EOS)
      kept.push_back(std::move(item));
    else
      gst_event_unref(item.event);
  }
  items_ = std::move(kept);
  ended_ = false;
  changed_.notify_all();
}

void FrameQueue::flush_start() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    flushing_ = true;
    clear(true);
  }
  if (GST_PAD_MODE(src_) == GST_PAD_MODE_PUSH) gst_pad_pause_task(src_);
}

void FrameQueue::flush_stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    clear(true);
    flow_ = GST_FLOW_OK;
    flushing_ = false;
  }
  if (running_) gst_pad_start_task(src_, run, this, nullptr);
}

void FrameQueue::activate() {
  const std::lock_guard<std::mutex> lock(mutex_);
  flow_ = GST_FLOW_OK;
  flushing_ = false;
  running_ = false;
}

void FrameQueue::deactivate() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    flushing_ = true;
    clear(false);
  }
  gst_pad_stop_task(src_);
}

}  // namespace oneadapt
