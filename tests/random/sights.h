// SPDX-License-Identifier: LGPL-2.1-or-later
// Where the bright thing is in the pictures that filters and the DNN get, and whether gradients say the same.
#pragma once
#include <gst/gst.h>

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "gstoneadapt.h"
#include "recipe.h"

namespace random_pipelines {

/// A picture that came by.
struct Sight {
  GstClockTime time = GST_CLOCK_TIME_NONE;  ///< stream time
  int width = 0, height = 0;                ///< pixels
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;    ///< of the bright thing, pixels; x1 ≤ x0: it is not to be seen
  bool clear = false;                       ///< it is one square, and not two of them
  bool any() const { return x1 > x0 && y1 > y0; }
  bool is_as(const Sight &o) const {
    return width == o.width && height == o.height && x0 == o.x0 && y0 == o.y0 && x1 == o.x1 && y1 == o.y1;
  }
};

/// What became of the gradients.
struct Tally {
  unsigned gradients = 0;  ///< that reached a tunable
  unsigned placed = 0;     ///< where the thing is
  unsigned flat = 0;       ///< the same everywhere
  unsigned unseen = 0;     ///< the DNN does not see the thing, or too little of it
  unsigned excused = 0;    ///< elsewhere, but things were being moved at that time
  unsigned results = 0;    ///< of the DNN, on the thing
};

/// Watches a pipeline from the start to the end. Thread-safe.
class Sights {
 public:
  /// The pipeline must not play yet.
  Sights(GstElement *pipeline, const Recipe &recipe);
  ~Sights();
  Sights(const Sights &) = delete;
  Sights &operator=(const Sights &) = delete;

  /// Something is moved in the picture, beginning with frames of that stream time.
  void moved(GstClockTime time);
  /// The pipeline begins anew: counters of elements do.
  void restart();

  struct Counts {
    guint64 in = 0, out = 0;
  };
  /// Buffers that came by an element's pads since the start.
  Counts counts(GstElement *element);
  Tally tally();
  /// What was wrong; `warned`: somebody said that places cannot be followed. Empty: nothing.
  std::string verdict(bool warned);

 private:
  struct Watched;
  static GstPadProbeReturn on_input(GstPad *pad, GstPadProbeInfo *info, gpointer watched);
  static GstPadProbeReturn on_output(GstPad *pad, GstPadProbeInfo *info, gpointer watched);
  static GstOneadaptProbe *on_probe(GstOneadaptTunable *tunable, guint64 interval, const GstOneadaptGradient *gradient,
                                    const gchar *const *knobs, GError **error);
  void watch(GstElement *element, bool is_dnn);
  void judge(GstElement *filter, const GstOneadaptGradient &gradient);
  void judge_place(const Watched &filter, const Sight &seen, const GstOneadaptGradient &gradient);
  void judge_result(const Watched &dnn, GstBuffer *buffer, GstClockTime time);
  GstClockTime step() const;
  bool excused(GstClockTime time) const;
  double cell(int frame, int input, int largest) const;

  const Recipe &recipe_;
  std::mutex mutex_;
  std::map<GstElement *, Watched> watched_;  // everything from here on under the mutex
  std::vector<GstClockTime> moves_;
  int largest_width_ = 0, largest_height_ = 0;  // that the DNN has got
  bool sizes_change_ = false;
  int frame_width_ = 0;  // of the last gradient
  Tally tally_;
  std::vector<std::string> misplaced_, wrong_;
};

}  // namespace random_pipelines
