// SPDX-License-Identifier: LGPL-2.1-or-later
// Profiles: what a controller asks with a query (gst_query_new_oneadapt_profile()). In the asker's thread.
#pragma once
#include <gst/gst.h>

#include <functional>
#include <memory>
#include <optional>

#include "gstoneadapt.h"
#include "model_turns.h"
#include "statistics.h"

namespace oneadapt {

struct FreeRendering {
  void operator()(GstOneadaptRendering *rendering) const { gst_oneadapt_rendering_free(rendering); }
};
using RenderingRef = std::unique_ptr<GstOneadaptRendering, FreeRendering>;

/// One of a rendering's `times` or `wanted`.
inline GstClockTime time_at(const GArray *times, guint index) {
  return reinterpret_cast<const GstClockTime *>(static_cast<const void *>(times->data))[index];
}

/// Makes one of a profile's renderings; NULL: it cannot, or the profile is called off.
using RenderingSource = std::function<GstOneadaptRendering *(guint index)>;

/// A profile's inferences: each waits for the model's turn, and is counted.
class ProfileInferences {
 public:
  ProfileInferences(ModelTurns &turns, Statistics &statistics)
      : turns_(turns), statistics_(statistics), generation_(turns.generation()) {}
  /// Calls `work`, which infers once; false: it failed, or the profile was called off.
  bool run(const std::function<bool()> &work);
  guint64 count() const { return count_; }

 private:
  ModelTurns &turns_;
  Statistics &statistics_;
  const unsigned generation_;
  guint64 count_ = 0;
};

/// One profile of a medium.
class Profile {
 public:
  virtual ~Profile() = default;
  /// Runs a rendering through the model: F1 of its results at the wanted instants, against those of the first rendering
  /// that was given (paper §5.1). None: it was called off or failed; the debug log says why.
  virtual std::optional<double> accuracy(RenderingRef rendering, ProfileInferences &inferences) = 0;
};

}  // namespace oneadapt
