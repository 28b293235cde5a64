// SPDX-License-Identifier: LGPL-2.1-or-later
// A camera of a recipe: gives an appsrc its pictures, when it asks for them.
#pragma once
#include <gst/app/gstappsrc.h>

#include <functional>
#include <mutex>

#include "recipe.h"

namespace random_pipelines {

class Feeder {
 public:
  /// `before`: called ahead of each frame, in the thread that asks for it; false: not now, feed() will go on.
  Feeder(GstElement *source, const Camera &camera, std::function<bool(int frame)> before);
  ~Feeder() { gst_object_unref(source_); }
  Feeder(const Feeder &) = delete;
  Feeder &operator=(const Feeder &) = delete;

  /// Gives the next frame, or the end. Any thread.
  void feed();
  /// From the beginning. Nothing may flow.
  void rewind();
  GstElement *source() const { return source_; }

 private:
  gboolean seek(guint64 time);

  GstElement *source_;
  const Camera &camera_;
  const std::function<bool(int)> before_;
  std::recursive_mutex mutex_;
  std::size_t next_ = 0;  // under the mutex
};

}  // namespace random_pipelines
