// SPDX-License-Identifier: LGPL-2.1-or-later
// How the curve of one policy over one clip comes about: which runs it takes, and what points they make.
#pragma once
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "eval/compose.h"
#include "eval/evaluated_policies.h"
#include "eval/evaluation.h"
#include "eval/frame_study.h"

namespace oneadapt::eval {

/// What the curves of one clip have in common.
struct ClipRuns {
  Runner &runner;
  std::string clip, name;
  std::shared_ptr<const RunResult> reference;  ///< Reference::judge
  Recorded recorded;                           ///< fixed configurations
  std::unique_ptr<FrameStudy> study;           ///< where frames are the resource

  const EvalOptions &options() const { return runner.options(); }
  /// A run of a fixed configuration.
  RunOptions run_at(const Rungs &rungs) const;
  /// A point of a curve that goes along the ladder of the first knob.
  std::string setting_of(const Rungs &rungs) const;
  /// Along that ladder, the other knobs at their most expensive; most expensive first.
  std::vector<Rungs> along_first_knob() const;
  nlohmann::json point(const std::string &setting, const PolicyRun &run) const;
};

struct NamedRun {
  RunOptions options;
  std::string name;  ///< for people
};
using RunResults = std::vector<std::shared_ptr<const RunResult>>;

/// Makes one curve. The calls come in the order in which they stand here, once each.
class CurveMaker {
 public:
  explicit CurveMaker(const ClipRuns &clip) : clip_(clip) {}
  virtual ~CurveMaker() = default;
  /// Fixed configurations that must have been recorded before runs_after_recordings().
  virtual std::vector<Rungs> recordings() const { return {}; }
  /// Runs that depend on no other.
  virtual std::vector<NamedRun> runs() const { return {}; }
  /// Their results, in their order.
  virtual void keep_runs(const RunResults &) {}
  /// Runs that follow from the recordings.
  virtual std::vector<NamedRun> runs_after_recordings() { return {}; }
  virtual void keep_runs_after_recordings(const RunResults &) {}
  /// Of results.json.
  virtual nlohmann::json points() const = 0;
  /// The run whose frames are shown in the report, and its setting; none: NULL.
  virtual std::pair<std::shared_ptr<const RunResult>, std::string> shown() const { return {}; }

 protected:
  const ClipRuns &clip_;
};

/// The curves of the registry's policies, by PolicyCurve::sweep.
std::unique_ptr<CurveMaker> make_sweep(const ClipRuns &clip, const EvaluatedPolicy &policy);

}  // namespace oneadapt::eval
