// SPDX-License-Identifier: LGPL-2.1-or-later
#include "statistics.h"

#include <chrono>
#include <numeric>
#include <utility>

namespace oneadapt {

guint64 now_ns() {
  return guint64(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count());
}

void Statistics::set_model(RunStats::Model model) {
  std::lock_guard<std::mutex> lock(mutex_);
  stats_.model = std::move(model);
}

void Statistics::count_inference(guint64 took) {
  constexpr std::size_t kRecent = 10;  // as property "latency" says
  std::lock_guard<std::mutex> lock(mutex_);
  recent_.push_back(took);
  if (recent_.size() > kRecent) recent_.pop_front();
  ++stats_.inferences.count;
  stats_.inferences.time += took;
  stats_.inferences.latency = std::accumulate(recent_.begin(), recent_.end(), guint64(0)) / recent_.size();
}

void Statistics::count_frame(guint objects) {
  const gint64 now = g_get_monotonic_time();
  std::lock_guard<std::mutex> lock(mutex_);
  if (first_frame_ < 0) first_frame_ = now;
  RunStats::Results &r = stats_.results;
  ++r.frames;
  r.objects = objects;
  r.objects_total += objects;
  if (now > first_frame_) r.throughput = double(r.frames - 1) * 1e6 / double(now - first_frame_);
}

void Statistics::count_gradient(guint64 took, bool failed) {
  std::lock_guard<std::mutex> lock(mutex_);
  stats_.gradients.time += took;
  ++(failed ? stats_.gradients.failed : stats_.gradients.count);
}

void Statistics::count_sent(const Gradient &gradient) {
  std::lock_guard<std::mutex> lock(mutex_);
  stats_.gradients.z = gradient.z;
  stats_.gradients.elements = gradient.elements;
  stats_.gradients.interval = gradient.interval;
  if (gradient.measured.occupied) stats_.measurements.last = gradient.measured;
}

void Statistics::count_measurement(guint64 took) {
  std::lock_guard<std::mutex> lock(mutex_);
  ++stats_.measurements.count;
  stats_.measurements.time += took;
}

void Statistics::count_profile(guint64 took) {
  std::lock_guard<std::mutex> lock(mutex_);
  ++stats_.profiles.inferences;
  stats_.profiles.time += took;
}

void Statistics::count_mark() {
  std::lock_guard<std::mutex> lock(mutex_);
  ++stats_.marks;
}

void Statistics::count_skipped() {
  std::lock_guard<std::mutex> lock(mutex_);
  ++stats_.results.skipped;
}

RunStats Statistics::read() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return stats_;
}

}  // namespace oneadapt
