// SPDX-License-Identifier: LGPL-2.1-or-later
// Inside oneadaptfilter.
//
// Locks, outermost first:
//   stream lock (GstVideoEncoder's)  State; held by the streaming thread through a frame
//   Probing::lock                    what probes use; held by whoever probes, never by the streaming thread
//   Locked                           history and weights, one at a time; held for moments
//   OBJECT_LOCK                      Settings; held for moments
// No other lock is taken under a Locked or OBJECT_LOCK, and neither is held while pushing, encoding or notifying.
#pragma once
#include <gst/video/gstvideoencoder.h>

#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/frames/frame_filter.h"
#include "tunable/locked.h"
#include "video/coder.h"
#include "video/frame_clock.h"
#include "video/knobs.h"
#include "video/picture_history.h"
#include "video/picture_measurement.h"

using oneadapt::QpMap;

/// A configuration that the controller wants from some interval on.
struct PendingConfiguration {
  guint64 interval = 0;
  oneadapt::PartialValues values;
  std::optional<QpMap> map;  ///< to go with values[kQpMap]
};

/// Whether frames say themselves where an interval begins and ends.
enum class Marks { Auto, Off, On };
/// What feedback may take of the stream's bytes: small beside it.
constexpr double kDefaultFeedbackShare = 0.01;

/// What the user asked for. OBJECT_LOCK.
struct FilterSettings {
  oneadapt::Values values = oneadapt::video_knobs().neutral();      ///< what the properties say
  std::array<std::string, oneadapt::kKnobs> ladder_texts;           ///< as they were set; empty: default
  oneadapt::Ladders ladders = oneadapt::Ladders(oneadapt::kKnobs);  ///< the user's; empty: default
  std::optional<PendingConfiguration> pending;
  QpMap map;
  int map_range = 18;
  guint map_granularity = 1;
  GstClockTime interval = GST_SECOND;
  int preset = 0;  ///< of kPresets
  guint threads = 1;
  guint max_skip = 0;
  guint b_frames = 0;
  Marks marks = Marks::Auto;
  double feedback_share = kDefaultFeedbackShare;
};

/// One run. Stream lock.
struct FilterState {
  FilterSettings fixed;  ///< interval, preset, threads as they were at the start
  GstVideoCodecState *input = nullptr;
  bool h264 = false;
  std::unique_ptr<oneadapt::FrameClock> clock;
  std::unique_ptr<oneadapt::Coder> coder;
  oneadapt::Values applied = oneadapt::video_knobs().neutral();
  bool configured = false;         ///< `applied` is in force, not just a start
  bool idr_due = true;             ///< the next frame that is passed on starts a GOP
  bool fresh = true;               ///< the next frame must be passed on: first, after a flush or new caps
  bool regions = false;            ///< QP regions were seen: the encoder must take offsets
  bool region_warned = false;      ///< that one is wrong was said
  QpMap map;                       ///< in force
  std::vector<float> map_offsets;  ///< the same, a macroblock of the output each; empty: none
  oneadapt::Size output;           ///< as negotiated; 0×0: not yet
  GstClockTime last_pts = GST_CLOCK_TIME_NONE;
  /// B pictures: frames that are held back, and the decoding times that the next ones to leave will have.
  unsigned held = 0;
  bool gop_ended = false;  ///< the last frame ended its interval
  std::deque<GstClockTime> decoding_times;
  oneadapt::FrameFilter frame_filter;
  std::optional<bool> marking;    ///< frames carry marks; empty: not looked at yet
  guint64 interval_bytes = 0;     ///< between the last two marks that end an interval; 0: none yet
  guint64 bytes_before = 0;       ///< that had left when the last mark was made that ends an interval
  bool filtering = false;         ///< frames go through the frame filter in this interval
  GstBufferPool *pool = nullptr;  ///< of the last input buffer; not a reference, only to recognise it
  bool pool_is_limited = false;
  guint64 last_bytes = 0;            ///< of the interval before; GST_ONEADAPT_BYTES_UNKNOWN
  GstEvent *announcement = nullptr;  ///< the configuration event of the interval whose first frame is to go out

  ~FilterState() {
    if (input) gst_video_codec_state_unref(input);
    gst_clear_event(&announcement);
  }
};

struct FilterImpl {
  FilterSettings settings;
  std::unique_ptr<FilterState> state{new FilterState};
  oneadapt::Values notified = oneadapt::video_knobs().neutral();  ///< streaming thread only

  oneadapt::Locked<oneadapt::PictureHistory> history;
  /// DNNGrad for the frame filter, which has not been told of it yet.
  struct Weights {
    oneadapt::BlockMap map;
    double confident;
  };
  oneadapt::Locked<std::optional<Weights>> weights;
  /// Gradients come, so an interval's last frame, which they are taken on, must be sent. Thresholds are to be adapted,
  /// so frames must be remembered even while none is set; of some, units too.
  std::atomic<bool> feedback{false}, thresholds_asked{false}, units_asked{false};
  /// While a frame is dropped on purpose: the base class would post a QoS message, as if it had been late.
  std::atomic<bool> dropping{false};

  struct Probing {
    std::mutex lock;
    oneadapt::ProbeTools tools;
    oneadapt::BlockMap gradient;  ///< of the last probe: what a map is made from
    unsigned confident = 0;       ///< elements behind it
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

// filter.cpp
GParamSpec *filter_knob_pspec(std::size_t knob);
// filterstream.cpp
/// Chooses the output for new input caps and negotiates. FALSE: an error was posted.
gboolean filter_set_format(GstOneadaptFilter *self, GstVideoCodecState *input);
GstFlowReturn filter_handle_frame(GstOneadaptFilter *self, GstVideoCodecFrame *frame);
/// A query that wants everything sent to be taken: has a decoder downstream give out the picture that it keeps for
/// reordering, where an interval has ended.
void filter_drain(GstOneadaptFilter *self);
/// Sends what is held back.
GstFlowReturn filter_finish(GstOneadaptFilter *self);
/// Flush: forgets the interval, keeps the format.
void filter_forget(GstOneadaptFilter *self);
// qpmap.cpp
/// "map,columns=C,rows=R,offsets=<…>". False, with `complaint`, for anything else, another number of offsets than C·R,
/// or one that is no number. Offsets beyond ±51 are clipped: true, with a `complaint` all the same. An empty structure
/// or NULL is no map.
bool qp_map_parse(const GstStructure *structure, QpMap &map, std::string &complaint);
/// NULL for no map.
GstStructure *qp_map_structure(const QpMap &map);
// filtertunable.cpp
void filter_tunable_init(gpointer iface, gpointer data);
/// The ladders in force; empty ones for knobs that cannot be adapted now. Takes the history's lock, then OBJECT_LOCK.
oneadapt::Ladders filter_ladders(GstOneadaptFilter *self);
