// SPDX-License-Identifier: LGPL-2.1-or-later
// Internal to libgstoneadapt: elements beyond a pad that something holds on to, for as long as they are there.
#pragma once
#include <gst/gst.h>

#include <algorithm>
#include <mutex>
#include <vector>

#include "walk.h"

namespace oneadapt {

/// A `Hold` has a member `there`, whether the last walk found it, and a function release(Hold &). Thread-safe but for
/// the destructor.
template <class Hold>
class HeldElements {
 public:
  ~HeldElements() {
    for (Hold &h : holds_) release(h);
  }
  /// Walks beyond `pad`. `visit(holds, element)` holds on to what is wanted, and returns whether the walk goes on
  /// beyond the element. Returns how many are held.
  template <class Visit>
  guint walk(GstPad *pad, const Visit &visit) {
    std::lock_guard<std::mutex> lock(mutex_);
    for (Hold &h : holds_) h.there = false;
    walk_pads(pad, [&](GstElement *element, GstPad *) { return visit(holds_, element); });
    // What the walk did not find is a connection that is gone.
    const auto gone = std::stable_partition(holds_.begin(), holds_.end(), [](const Hold &h) { return h.there; });
    for (auto h = gone; h != holds_.end(); ++h) release(*h);
    holds_.erase(gone, holds_.end());
    return guint(holds_.size());
  }
  guint size() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return guint(holds_.size());
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Hold> holds_;  // under mutex_
};

/// Whether an element is of the type with that name; no header declares the types of GStreamer's plugins.
inline bool is_a(GstElement *element, const char *type) { return !g_strcmp0(G_OBJECT_TYPE_NAME(element), type); }

}  // namespace oneadapt
