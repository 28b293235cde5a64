// SPDX-License-Identifier: LGPL-2.1-or-later
// What GStreamer's leaks tracer (GST_TRACERS=leaks) knows to be alive.
#pragma once
#include <gst/gst.h>

#include <map>
#include <string>
#include <utility>

namespace random_pipelines {

/// Elements, pads, buffers and the like that were made since. Without the tracer there is nothing to see.
class LiveObjects {
 public:
  LiveObjects();
  ~LiveObjects();
  LiveObjects(const LiveObjects &) = delete;
  LiveObjects &operator=(const LiveObjects &) = delete;

  /// Those that are still alive, after a moment for threads to end. Empty: none.
  std::string left_alive();

 private:
  void note();

  GstTracer *tracer_;
  std::map<std::pair<std::string, const void *>, int> alive_;
};

}  // namespace random_pipelines
