// SPDX-License-Identifier: LGPL-2.1-or-later
// A kind of footage that policies are compared on: how a run over it is built, what is recorded of it, how two runs'
// results agree, and what it refuses. A medium is a file that defines one function, which media.cpp lists.
#pragma once
#include <gst/gst.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "common/discover.h"
#include "eval/run.h"

namespace oneadapt::eval {

/// A medium's part in one run. It outlives the running pipeline. Its probes run in streaming threads; the vectors that
/// they fill belong to these until the pipeline has stopped.
class MediumRun {
 public:
  virtual ~MediumRun() = default;
  /// Puts its probes on the pipeline. They must record RunResult::input and the results.
  virtual void tap(GstBin *pipeline) = 0;
  /// What a buffer that leaves the filter would come to on a network, in bytes. Called from the filter's thread.
  virtual std::uint64_t sent_bytes(GstBuffer *buffer) { return gst_buffer_get_size(buffer); }
  /// What an element says, other than the controller's decisions.
  virtual void on_message(const GstStructure *) {}
  /// When the stream has ended, while the pipeline still stands: what is to be read from its elements.
  virtual void on_end(RunResult &) {}
  /// When the pipeline has stopped: input, results, seconds, and what else there is. Throws RunError.
  virtual void finish(RunResult &result) = 0;
};

/// What is known of a medium without asking it anything.
struct MediumTraits {
  std::string name;                   ///< as messages say it, and the field of results.json that holds what only it has
  std::string filter;                 ///< name of the element whose knobs are adapted
  std::string knob;                   ///< that is adapted unless others are named
  bool scored_results = true;         ///< results have scores, and those below the DNN's threshold can be kept
  bool inputs_are_intervals = false;  ///< RunResult::input is of adaptation intervals, not of frames
  bool coded = false;                 ///< what is sent is coded with losses, unless it goes raw (RunOptions::raw)
  bool looks_ahead = false;           ///< the filter has a property `look-ahead`
  bool folders = false;               ///< its clips are folders
  std::vector<double> more_lambdas = {};  ///< λ that the default has besides, for curves that go down further
};

class Medium {
 public:
  explicit Medium(MediumTraits traits) : traits_(std::move(traits)) {}
  virtual ~Medium() = default;
  const MediumTraits &traits() const { return traits_; }
  const std::string &name() const { return traits_.name; }

  /// Whether such a file is footage of this medium. Of several media, the first one that says so has it.
  virtual bool holds(const tools::FileFacts &file) const = 0;
  /// Throws RunError for the first option that the medium does not have.
  virtual void check(const EvalOptions &options) const = 0;
  /// What a run of an evaluation has besides. `file` is the clip.
  virtual void complete(RunOptions &run, const EvalOptions &options, const tools::FileFacts &file) const = 0;

  /// A pipeline with elements of the names source (with a property `location`, unless the options name a source),
  /// caps (a capsfilter in front of the controller), ctl, filter, dnn and sink. Throws RunError.
  virtual std::string launch(const RunOptions &options) const = 0;
  virtual std::string caps(const RunOptions &options) const = 0;
  /// Sets what only its own pipelines have. Throws RunError.
  virtual void configure(GstElement *, const RunOptions &) const {}
  virtual std::unique_ptr<MediumRun> begin(const RunOptions &options) const = 0;

  /// As the functions of the same names in run.h.
  virtual std::vector<double> frame_accuracy(const RunResult &result, const RunResult &reference,
                                             Metric metric) const = 0;
  virtual double mean_accuracy(const RunResult &result, const RunResult &reference, Metric metric) const;

  /// What each of frame_accuracy() counts for in mean_accuracy(), which is their weighted mean.
  virtual std::vector<double> frame_weights(const RunResult &, const RunResult &reference) const {
    return std::vector<double>(reference.input.size(), 1);
  }

  /// The clip in the terminal's table, such as "80 frames at …", from its part of results.json.
  virtual std::string headline(const nlohmann::json &clip) const = 0;
  /// Adds to the clip's part of results.json, and to the intervals of a point, what only this medium has.
  virtual void describe_clip(nlohmann::json &, const RunResult &, const EvalOptions &) const {}
  virtual void describe_intervals(nlohmann::json &, const RunResult &, const RunResult &) const {}

 private:
  MediumTraits traits_;
};

/// All of them. Any thread.
const std::vector<const Medium *> &media();
/// By its name. Throws RunError.
const Medium &find_medium(const std::string &name);
/// The one that a clip of results.json is of.
const Medium &medium_in(const nlohmann::json &clip);

struct Clip {
  const Medium *medium;  ///< never NULL
  tools::FileFacts file;
};
/// Throws RunError when the file cannot be read, or is of no medium.
Clip open_clip(const std::string &path);

/// The last result that is not later than `time`; NULL: there is none.
const FrameResult *result_in_force(const RunResult &run, std::uint64_t time);

/// Throws for the first of the options that are for video alone.
void refuse_options_of_video(const EvalOptions &options, const std::string &clips);
/// "OPTION is for A, and the clips are B; leave it out"
RunError only_for(const std::string &option, const std::string &medium, const std::string &clips);

}  // namespace oneadapt::eval
