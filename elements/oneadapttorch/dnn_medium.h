// SPDX-License-Identifier: LGPL-2.1-or-later
// What a medium supplies to oneadaptdnn; a Run does the rest, which is the same for all.
#pragma once
#include <gst/gst.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/vision/repeated.h"
#include "gradient_due.h"
#include "gradient_sender.h"
#include "model/loaded_model.h"
#include "profile.h"
#include "run_settings.h"
#include "stream_time.h"

namespace oneadapt {

struct UnrefBuffer {
  void operator()(GstBuffer *buffer) const { gst_buffer_unref(buffer); }
};
using BufferRef = std::unique_ptr<GstBuffer, UnrefBuffer>;

/// One step of the work that a buffer causes: at most one inference, a report of the results, at most one gradient.
struct Pass {
  bool infer = true;     ///< false: the results of the last inference are reported again
  bool report = true;    ///< false: they have been reported
  GradientDue due = {};  ///< any(): the forward pass is with autograd, and the way back follows; without `infer` there
                         ///< are gradients of the interval already (gradient_every)
  GstClockTime time = GST_CLOCK_TIME_NONE;  ///< stream time that the gradient is of
};

/// What a pass found.
struct Report {
  guint objects = 0;
  std::string line;  ///< for the results file
};

/// The element that a medium is part of. All of this outlives the medium.
struct MediumPlace {
  GstElement *element;  ///< messages are posted on it
  GstPad *sink;
  const StreamTime &time;
};

/// Called from the streaming thread, one call at a time. Calls that may change what a profile uses (set_caps(),
/// reset(), infer()) have the model's turn.
class DnnMedium {
 public:
  explicit DnnMedium(const MediumPlace &place) : place_(place) {}
  virtual ~DnnMedium() = default;
  DnnMedium(const DnnMedium &) = delete;
  DnnMedium &operator=(const DnnMedium &) = delete;

  virtual LoadedModel &model() = 0;

  /// Of its own media type. False when it cannot read such input.
  virtual bool set_caps(const GstCaps *caps) = 0;
  virtual bool ready() const = 0;
  /// Forgets what came before, because a new stream begins, or (`flushed`) another part of the same one.
  virtual void reset(bool flushed) = 0;
  /// Intervals are counted anew, and may have another length.
  virtual void renew_intervals() {}
  /// The beginning of a warning: what is missing without stream time.
  virtual const char *without_time() const = 0;

  /// Takes in a buffer. False: it cannot be read, and an error has been posted.
  virtual bool take_in(GstBuffer *buffer, const Stamp &stamp, const RunSettings &settings) = 0;
  /// The next step for what has been taken in. None: there is nothing more to do until the next buffer. Where a
  /// gradient is due, its time is known.
  virtual std::optional<Pass> next() = 0;
  /// The same at the end of a stream, for what was held back until then.
  virtual std::optional<Pass> rest() { return std::nullopt; }
  /// The same at an interval's end, whose last buffer did not say that it is: the pass for the gradient that has not
  /// been taken. A controller in lockstep asks.
  virtual std::optional<Pass> end(guint64 interval) { return std::nullopt; }
  /// Lets go of buffers that are kept for that.
  virtual void let_go() {}
  /// Runs the model for the pass that next(), rest() or end() gave last, and keeps what it finds. `buffer`: the one
  /// that was taken in, or NULL if it has been pushed. False: it cannot be read, and an error has been posted. Throws
  /// ModelError.
  virtual bool infer(GstBuffer *buffer, bool with_gradient, const RunSettings &settings) = 0;
  /// Reports what was found last: on the buffer, unless that is NULL, and by messages. The line of the report is only
  /// needed if `line`.
  virtual Report report(BufferRef &buffer, bool line) = 0;

  /// An event of the stream that is none of those above, in its place among the buffers.
  virtual void on_event(GstEvent *) {}
  /// Whether the picture of the last pass came with what its accuracy can be measured by.
  virtual bool can_measure() const { return false; }
  /// Infers that, in the model's turn; once a pass. None: it failed, and the debug log has it. Throws ModelError.
  virtual std::optional<RepeatedFrame> measure(const RunSettings &) { return std::nullopt; }
  /// Of the objects that were found last, without classes; where there are none, accuracy is not measured.
  virtual std::vector<double> scores() const { return {}; }
  /// The same objects, where the medium can be sent less often and results are reused.
  virtual std::vector<ScoredBox> objects() const { return {}; }

  /// Changes the gradient of the last pass to what is sent.
  virtual void complete(Gradient &, const RunSettings &) const {}
  /// Where something was found, best first, on the gradient's map; each from 0 to 1.
  virtual std::vector<Box> regions() const { return {}; }
  /// Where a gradient belongs upstream; never none.
  virtual std::vector<PlacedGradient> place(const Gradient &gradient);
  /// Somebody upstream took what place() gave last.
  virtual void on_placed() {}

  /// Begins a profile; NULL: there can be none. Any thread.
  virtual std::unique_ptr<Profile> profile(const RunSettings &settings) = 0;

 protected:
  const MediumPlace place_;
};

/// Of boxes in a picture or in space.
template <class ScoredBoxes>
std::vector<double> scores_of(const ScoredBoxes &boxes) {
  std::vector<double> scores;
  for (const auto &box : boxes) scores.push_back(box.score);
  return scores;
}

/// A medium as the element knows it.
struct DnnMediumRow {
  const char *name;                ///< in messages
  const char *media_type;          ///< of its caps
  const char *caps;                ///< on both pads
  std::vector<std::string> tasks;  ///< of its models (docs/model-keys.md)
  /// Loads the model. Throws ModelError.
  std::unique_ptr<DnnMedium> (*make)(const MediumPlace &place, const RunSettings &settings);
  bool frames = true;  ///< each buffer is analysed by itself, and may be left out by itself
};
using DnnMedia = std::vector<DnnMediumRow>;

/// All media of this element.
const DnnMedia &dnn_media();

}  // namespace oneadapt
