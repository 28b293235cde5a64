// SPDX-License-Identifier: LGPL-2.1-or-later
// One run of oneadaptlidarfilter: what it does with caps and turns.
#pragma once
#include <gst/gst.h>

#include "lidar/thinning.h"
#include "medium.h"
#include "tunable/interval_stream.h"
#include "tunable/pad_filter.h"

namespace oneadapt {

/// Everything happens under the stream lock of the sink pad. No other lock is held while it pushes, codes, or notifies.
class CloudStream : public PadStream {
 public:
  CloudStream(PadFilter &pads, CloudMedium &medium, AdaptiveFilter &filter);

  bool set_caps(GstCaps *caps) override;
  GstFlowReturn chain(GstBuffer *buffer) override;
  void on_event(GstEvent *event) override;
  void forget() override;

 private:
  /// Where a turn stands in time.
  struct Place {
    guint64 time = 0;  ///< stream time
    bool first = false, last = false;
  };
  bool check(GstBuffer *buffer);
  Place place_of(GstBuffer *buffer);
  void begin_interval(guint64 number);
  GstFlowReturn send(GstBuffer *input);
  GstBuffer *code(ThinnedCloud thinned, const CloudHeader &header);
  CloudHeader header(const Turn &turn, const std::vector<float> &shares, const Place &place);

  CloudMedium &medium_;
  const CloudSettings fixed_;  // as they were at the start
  IntervalStream intervals_;
  ShareMap map_;  // in force
  bool ready_ = false, coded_ = false;
  bool accuracy_wanted_ = false;             // by the controller
  guint64 number_ = GST_CLOCK_TIME_NONE;     // of the interval under way
  guint64 last_time_ = GST_CLOCK_TIME_NONE;  // of the turn before
};

}  // namespace oneadapt
