// SPDX-License-Identifier: LGPL-2.1-or-later
// A third party's tunable: an identity with one knob, "level", whose effects the test sets.
#pragma once
#include <gst/gst.h>

#include <atomic>
#include <mutex>
#include <vector>

#include "gstoneadapt.h"

struct FakeTunable {
  GstElement parent;
  GstPad *sink, *src;
  std::mutex *mutex;
  double value, output_grad, resource_change;
  unsigned probes;
  guint64 probed, applied_for;
  bool fail;
  unsigned frames;                          // that came in
  std::vector<guint64> *rendered;           // interval of each rendering
  std::vector<unsigned> *frames_at_render;  // `frames` then
  std::atomic<bool> *stuck;                 // a probe takes as long as this is set
  bool typical;                             // says what rungs usually come to
  GstOneadaptKnobFlags flags;               // of its knob
  unsigned applies;
  double rate;          // bytes of an interval at the top level; 0: 1000 at any
  int confident;        // of the last gradient it was probed with; -1: of none
  float least, most;    // its values
  bool passes_nothing;  // of the ten frames of an interval
  double activity;      // that it tells of; -1: unknown
  gboolean has_lookahead;
  double idle;                    // what was applied last for intervals without activity; -1: nothing
  GstOneadaptGradient *gradient;  // a copy of the last one that it was probed with; NULL: none yet
};
struct FakeTunableClass {
  GstElementClass parent;
};
GType fake_tunable_get_type();
/// Makes the element "faketunable" known to this program.
void register_fake_tunable();
