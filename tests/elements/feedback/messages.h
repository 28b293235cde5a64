// SPDX-License-Identifier: LGPL-2.1-or-later
// Gradient messages for the tests of what carries them.
#pragma once
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "gradient_bytes.h"

/// A message about interval `interval`; of a frame of noise, near the largest that there is, or a small one.
inline Bytes message_of(guint64 interval, bool large = true) {
  static std::mt19937 random(7);
  GstOneadaptGradient *g = gst_oneadapt_gradient_new(large ? 1920 : 64, large ? 1080 : 64, 16);
  g->interval = interval;
  g->interval_duration = GST_SECOND;
  g->stream_time = interval * GST_SECOND;
  for (guint i = 0; i < g->columns * g->rows; ++i) g->values[i] = gfloat(random() % 1000);
  return bytes_of(g);
}

/// What came, in order.
struct Arrivals {
  std::mutex mutex;
  std::vector<Bytes> messages;  // under mutex
  static void take(GBytes *message, gpointer self) {
    gsize size = 0;
    const auto *data = static_cast<const guint8 *>(g_bytes_get_data(message, &size));
    std::lock_guard<std::mutex> lock(static_cast<Arrivals *>(self)->mutex);
    static_cast<Arrivals *>(self)->messages.emplace_back(data, data + size);
  }
  std::size_t count() {
    std::lock_guard<std::mutex> lock(mutex);
    return messages.size();
  }
};

inline guint64 stat(GstOneadaptFeedback *feedback, const char *name) {
  GstStructure *s = gst_oneadapt_feedback_get_stats(feedback);
  guint64 value = 0;
  guint small = 0;
  if (!gst_structure_get_uint64(s, name, &value)) {
    EXPECT_TRUE(gst_structure_get_uint(s, name, &small)) << name;
    value = small;
  }
  gst_structure_free(s);
  return value;
}

/// True once it holds; it is given up on after five minutes, which no busy machine needs.
inline bool eventually(const std::function<bool()> &holds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(5);
  while (std::chrono::steady_clock::now() < until) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return holds();
}

/// Bytes of memory that the process has, data only.
inline std::size_t memory() {
  std::size_t pages[6] = {};
  std::ifstream in("/proc/self/statm");
  for (std::size_t &p : pages) in >> p;
  return pages[1] * 4096;
}
