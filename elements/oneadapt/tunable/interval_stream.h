// SPDX-License-Identifier: LGPL-2.1-or-later
// The configurations of one run, interval by interval: pending → in force → announced → notified.
#pragma once
#include <gst/gst.h>

#include "tunable/adaptive_filter.h"

namespace oneadapt {

/// When an interval begins a filter calls take(), finds out what of it is possible, and calls begin(), announce() and
/// notify(). Belongs to the streaming thread.
class IntervalStream {
 public:
  /// `interval` in ns.
  IntervalStream(AdaptiveFilter &filter, GstClockTime interval)
      : filter_(filter), interval_(interval), applied_(filter.medium().knobs().neutral()), asked_(applied_) {}
  ~IntervalStream() { gst_clear_event(&announcement_); }

  /// What the user or the controller wants from interval `number` on; `inactive`: nothing goes on in it.
  Values take(guint64 number, bool inactive = false);
  /// The payload that was asked for when take() was called.
  const PayloadRef &payload() const { return payload_; }
  /// The payload of a pending configuration that changes nothing else: it need not wait for the next interval, but can
  /// be in force from the next frame of interval `number` on. NULL: there is none.
  PayloadRef take_early(guint64 number);
  /// A value that was taken is not possible: another is asked for instead, unless it was changed meanwhile.
  void replace(std::size_t knob, double asked, double instead);
  /// The configuration is in force.
  void begin(const Values &values) {
    applied_ = values;
    begun_ = true;
  }
  /// Makes the event that tells those downstream of an interval, before its first frame. It can be changed until it is
  /// pushed. `last_bytes`: IntervalRecord::bytes_before.
  GstEvent *announce(guint64 number, guint64 last_bytes);
  /// Pushes that event, once: after caps and segment, before the frame.
  void push_announcement(GstPad *pad);
  /// The properties say what is in force, unless they have been set to something else since take().
  void notify();
  /// A flush: the interval that a configuration was meant for may never come, so it is for the next frame.
  void forget();

  GstClockTime interval() const { return interval_; }
  const Values &applied() const { return applied_; }
  /// Whether applied() has been in force.
  bool begun() const { return begun_; }

 private:
  AdaptiveFilter &filter_;
  const GstClockTime interval_;
  Values applied_;
  bool begun_ = false;
  Values asked_;  // what was taken last, and for what
  bool inactive_ = false;
  PayloadRef payload_;
  GstEvent *announcement_ = nullptr;
};

/// Whether what is downstream of a source pad takes these caps; true when it cannot be asked. (transfer full)
/// A flush under way says nothing about them: true.
bool downstream_takes(GstPad *pad, GstCaps *caps);
/// What it means that caps could not be pushed on a source pad: a flush (seek) came between, or downstream refuses
/// them.
GstFlowReturn caps_not_pushed(GstPad *pad);

}  // namespace oneadapt
