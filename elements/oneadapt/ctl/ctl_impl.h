// SPDX-License-Identifier: LGPL-2.1-or-later
// What oneadaptctl's files share: its state, its properties (ctlproperties.cpp), the worker that probes, decides and
// applies (ctlworker.cpp), and profiles (ctlprofile.cpp).
#pragma once
#include <gst/gst.h>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/gradient/gradient_join.h"
#include "ctl/buffer_clock.h"
#include "ctl/ctl.h"
#include "ctl/decider.h"
#include "ctl/tunables.h"
#include "gstoneadapt.h"

GST_DEBUG_CATEGORY_EXTERN(oneadaptctl_debug);

constexpr guint64 kNone = G_MAXUINT64;

/// What the user asked for; under OBJECT_LOCK.
struct CtlSettings {
  std::string tunables, knobs, policy = oneadapt::default_policy().name, policy_file, feedback = "auto";
  double alpha = 0.5, lambda = 1.0, smoothing = 0.5, profile_budget = 0.5;
  double min_accuracy = -1;
  bool weighs = false;  ///< λ of any kind was set
  double lambda_bandwidth = -1, lambda_compute = 0, max_frames_per_second = 0;
  guint64 max_bitrate = 0;
  guint feedback_timeout = 3;
  guint profile_interval = 10, profile_configurations = 12, profile_top = 3;
  guint64 interval = GST_SECOND, lockstep_timeout = 30 * GST_SECOND;
  bool lockstep = false, warm_start = true;
};

struct CtlCounters {
  guint64 buffers = 0, decisions = 0, gradients = 0, early = 0, ignored = 0, without_feedback = 0, timeouts = 0;
  guint64 profiles = 0, extra_inferences = 0;
};

/// A question on its way to its answer.
struct CtlProfile {
  ProfileQuestion question;
  guint64 epoch = 0, begun = 0;  ///< CtlCounters::buffers when it was asked
};
/// One that is back.
struct CtlAnswer {
  ProfileAnswer answer;
  guint64 due = 0;  ///< CtlCounters::buffers from which on a decision may know it
};

/// How far data has come.
struct CtlReached {
  guint64 current = kNone;                 ///< interval
  GstClockTime now = GST_CLOCK_TIME_NONE;  ///< stream time
  std::deque<guint64> begun;               ///< the last intervals that had data, the newest last
  guint64 frames = 0;                      ///< since the start, or the last flush
};

/// What has come back, and for how long nothing has.
struct CtlFeedback {
  oneadapt::GradientJoin gradients, early;  ///< those that were taken
  bool heard = true;                        ///< one came in the interval under way, or none could have
  bool closed = false;  ///< one has come since the start, or the last flush: there is feedback to lose
  guint silent = 0;     ///< intervals in a row in which none came
  bool safe = false;    ///< what there is to do about that is done
};

/// The question of the last decision that had one.
struct CtlProfiling {
  std::optional<CtlProfile> asked;  ///< by a live decision, not begun
  std::optional<CtlAnswer> answer;  ///< of this epoch
  bool under_way = false;
  bool warned = false;  ///< that there can be none was said
};

/// Shared by the streaming thread, the event's thread, the worker and the profiler.
struct CtlLoop {
  std::mutex mutex;
  std::condition_variable wake, decided, paced;
  // under mutex
  bool running = false, flushing = false;
  CtlReached reached;
  CtlFeedback feedback;
  CtlProfiling profile;
  guint64 done = kNone;        // newest interval decided (or given up)
  guint64 epoch = 0;           // grows with every flush: what belongs to an older one is forgotten
  bool reset = false;          // the worker is to forget the past before its next decision
  bool busy = false;           // the worker is at a decision
  bool needs_gradient = true;  // the policy's; fixed for a run
  bool warned_held_back = false;
  struct Job {
    guint64 interval, epoch, frames;             // frames: buffers that had come by the interval's end
    std::optional<oneadapt::Gradient> gradient;  // none: no feedback; an early one changes maps, and decides nothing
  };
  std::deque<Job> jobs;
  CtlCounters counters;
  GstStructure *last = nullptr;  // newest decision
  std::thread worker, profiler;
};

struct CtlState {
  CtlSettings settings;
  std::optional<std::string> policy_file;  // its contents, of a policy that has one; fixed for a run
  CtlLoop loop;
  oneadapt::BufferClock clock;              // streaming thread
  TunableList tunables;                     // found by the streaming thread, used by the worker; under tunables_mutex
  std::mutex tunables_mutex;                // a leaf: nothing else is taken under it
  std::mutex feedback_mutex;                // guards the two pointers below
  GstOneadaptFeedback *feedback = nullptr;  // while in PAUSED or PLAYING
  GstStructure *feedback_stats = nullptr;   // of the run before
  bool wants_more = false;                  // streaming thread: some sinks want more than one buffer to begin with
  bool settled = false;                     // streaming thread: the first interval is over
  bool looked = false;                      // streaming thread: tunables were looked for
  bool had_tunables = false;                // streaming thread: some were found
  bool begun = false;                       // streaming thread: the warm start is over
  std::optional<bool> asks;                 // streaming thread: whether accuracy is to be measured, as was said last
  bool warned = false;                      // streaming thread: that there are none was said
  bool warned_time = false;                 // streaming thread: that time is missing, or goes backwards, was said
};

struct _GstOneadaptCtl {
  GstElement parent;
  GstPad *sinkpad, *srcpad;
  CtlState *state;
};

/// Installs the properties with their documentation.
void ctl_install_properties(GObjectClass *object);
/// A copy; takes OBJECT_LOCK.
CtlSettings ctl_settings(GstOneadaptCtl *self);
/// The accuracy that is to be kept, as kept_accuracy() takes it. Who says what accuracy is worth (λ) wants none kept,
/// unless that is said, too.
double ctl_asked_accuracy(const CtlSettings &settings);

/// Looks for the tunables. False after an element error.
bool ctl_find_tunables(GstOneadaptCtl *self);
/// Has the tunables begin where the policy says, before the first frame of `interval`. Streaming thread.
void ctl_warm_start(GstOneadaptCtl *self, guint64 interval);
/// The tunables found; takes tunables_mutex.
TunableList ctl_tunables(CtlState *state);

/// Takes a gradient message, or says why not. `dnn`: which one of this process it is of (0: unknown). `network`: it
/// comes from another process, and must say which stream it is of. Any thread.
void ctl_take_gradient(GstOneadaptCtl *self, GBytes *message, guint64 dnn, bool network);
/// Has an interval decided by the gradients that have come, whoever has sent none. `frames`: buffers that had come by
/// its end. Under the loop's mutex.
void ctl_decide_on_sum(CtlLoop &loop, guint64 interval, guint64 frames, bool lockstep);
/// Notes that an interval is over, or (lockstep) that it gets no gradient. True: none came, and a decision without one
/// is due. Under the loop's mutex.
bool ctl_note_silence(CtlLoop &loop);
/// Opens the way that `feedback` names. False after an element error.
bool ctl_open_feedback(GstOneadaptCtl *self);
/// Closes it; a gradient that is being taken is waited for.
void ctl_close_feedback(GstOneadaptCtl *self);
/// Looks for RTP sessions downstream. Streaming thread.
void ctl_attach_feedback(GstOneadaptCtl *self);
/// (transfer full), NULL when there is none. Any thread.
GstStructure *ctl_feedback_stats(GstOneadaptCtl *self);

/// Starts the worker with the policy as it is set. False after an element error.
bool ctl_start_worker(GstOneadaptCtl *self);
/// Ends it; a decision that is under way is waited for.
void ctl_stop_worker(GstOneadaptCtl *self);

/// Finds the answer out, and leaves it in the loop. `paced`: no faster than the budget allows. The worker's thread
/// (lockstep) or the profiler's.
void ctl_profile(GstOneadaptCtl *self, CtlProfile profile, bool paced);
/// Has the profiler do it; starts that on the first call. From the worker.
void ctl_profile_later(GstOneadaptCtl *self, CtlProfile profile);
/// There can be no answer: says why (once a run), and leaves word of it in the loop.
void ctl_profile_impossible(GstOneadaptCtl *self, const CtlProfile &profile, const std::string &why);

/// Forgets the past: a flush, a new stream, time that went back. Under the loop's mutex.
void ctl_forget(CtlLoop &loop);
