// SPDX-License-Identifier: LGPL-2.1-or-later
// Inside oneadaptfilter.
//
// Locks, outermost first:
//   stream lock (GstVideoEncoder's)  State; held by the streaming thread through a frame
//   Probing::lock                    the prober; held by whoever probes, never by the streaming thread
//   FilterImpl::ledger_lock          the ledger; held for moments
//   OBJECT_LOCK                      Settings; held for moments
// No other lock is taken under ledger_lock or OBJECT_LOCK, and neither is held while pushing, encoding or notifying.
#pragma once
#include <gst/video/gstvideoencoder.h>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "coder.h"
#include "frameclock.h"
#include "knobs.h"
#include "ledger.h"
#include "prober.h"

/// A configuration that the controller wants from some interval on.
struct PendingConfiguration {
  guint64 interval = 0;
  std::array<std::optional<double>, oneadapt::kKnobs> values;
};

/// What the user asked for. OBJECT_LOCK.
struct FilterSettings {
  oneadapt::KnobValues values = oneadapt::neutral_values();   ///< what the properties say
  std::array<std::string, oneadapt::kKnobs> ladder_texts;     ///< as they were set; empty: default
  std::array<std::vector<double>, oneadapt::kKnobs> ladders;  ///< the user's; empty: default
  std::optional<PendingConfiguration> pending;
  GstClockTime interval = GST_SECOND;
  int preset = 0;  ///< of kPresets
  guint threads = 1;
};

/// One run. Stream lock.
struct FilterState {
  FilterSettings fixed;  ///< interval, preset, threads as they were at the start
  GstVideoCodecState *input = nullptr;
  bool h264 = false;
  std::unique_ptr<oneadapt::FrameClock> clock;
  std::unique_ptr<oneadapt::Coder> coder;
  oneadapt::KnobValues applied = oneadapt::neutral_values();
  bool configured = false;  ///< `applied` is in force, not just a start
  bool idr_due = true;      ///< the next frame that is passed on starts a GOP
  bool fresh = true;        ///< the next frame must be passed on: first, after a flush or new caps
  bool regions = false;     ///< QP regions were seen: the encoder must take offsets
  oneadapt::Size output;    ///< as negotiated; 0×0: not yet
  GstClockTime last_pts = GST_CLOCK_TIME_NONE;
  GstBufferPool *pool = nullptr;  ///< of the last input buffer; not a reference, only to recognise it
  bool pool_is_limited = false;
  GstEvent *announcement = nullptr;  ///< the configuration event of the interval whose first frame is to go out

  ~FilterState() {
    if (input) gst_video_codec_state_unref(input);
    gst_clear_event(&announcement);
  }
};

struct FilterImpl {
  FilterSettings settings;
  std::unique_ptr<FilterState> state{new FilterState};
  oneadapt::KnobValues notified = oneadapt::neutral_values();  ///< streaming thread only

  std::mutex ledger_lock;
  oneadapt::Ledger ledger;
  /// While a frame is dropped on purpose: the base class would post a QoS message, as if it had been late.
  std::atomic<bool> dropping{false};

  struct Probing {
    std::mutex lock;
    oneadapt::Prober prober;
  } probing;
};

G_BEGIN_DECLS
#define GST_TYPE_ONEADAPT_FILTER (gst_oneadapt_filter_get_type())
G_DECLARE_FINAL_TYPE(GstOneadaptFilter, gst_oneadapt_filter, GST, ONEADAPT_FILTER, GstVideoEncoder)
struct _GstOneadaptFilter {
  GstVideoEncoder parent;
  FilterImpl *impl;
};
G_END_DECLS

GST_DEBUG_CATEGORY_EXTERN(oneadapt_filter_debug);

extern const char *const kPresets[];  ///< x264's names, NULL at the end

/// CPU time of the calling thread, in ns.
guint64 thread_cpu_ns();

// filter.cpp
GParamSpec *filter_knob_pspec(std::size_t knob);
// filterstream.cpp
/// Chooses the output for new input caps and negotiates. FALSE: an error was posted.
gboolean filter_set_format(GstOneadaptFilter *self, GstVideoCodecState *input);
GstFlowReturn filter_handle_frame(GstOneadaptFilter *self, GstVideoCodecFrame *frame);
/// Flush: forgets the interval, keeps the format.
void filter_forget(GstOneadaptFilter *self);
// filtertunable.cpp
void filter_tunable_init(gpointer iface, gpointer data);
/// The ladders in force; empty ones for knobs that cannot be adapted now. Takes ledger_lock, then OBJECT_LOCK.
std::array<std::vector<double>, oneadapt::kKnobs> filter_ladders(GstOneadaptFilter *self);
