// SPDX-License-Identifier: LGPL-2.1-or-later
// What frame filtering comes to when what is not sent is all that changes: the DNN gets the camera's own pictures, so
// its result on a frame does not depend on what was sent before, and any choice of frames is a choice among the results
// of a run that analysed all of them (tests/pipelines/test_eval.cpp compares it with the elements).
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/frames/frame_filter.h"
#include "eval/run.h"

namespace oneadapt::eval {

class FrameStudy {
 public:
  /// `reference` analysed every frame of `options`' clip. Reads the clip again. Throws RunError.
  FrameStudy(const RunOptions &options, std::shared_ptr<const RunResult> reference);
  /// From pictures that are at hand.
  FrameStudy(std::vector<FrameFilter::Frame> frames, std::shared_ptr<const RunResult> reference);

  /// The same thresholds from beginning to end.
  RunResult fixed(const FilterThresholds &thresholds) const;
  /// Thresholds for each second; where `afresh`, each second begins with a frame that is sent, as Reducto's segments
  /// do.
  RunResult scheduled(const std::vector<FilterThresholds> &schedule, bool afresh) const;

  /// Reducto (SIGCOMM '20), on one feature: for each second of an offline pass, the greatest threshold (in shares of
  /// the frame, not in units of the stream) that keeps `target` accuracy; seconds clustered by their mean
  /// frame-to-frame difference, a threshold a cluster (geometric mean); on line, a second's threshold is that of the
  /// nearest cluster. The offline pass is of the clip itself, as in the paper's comparison, which is the best case for
  /// it.
  RunResult reducto(double target, bool area, Metric metric) const;

  const RunResult &reference() const { return *reference_; }

 private:
  /// The results of the frames that were sent, in order.
  RunResult chosen(const std::vector<std::size_t> &sent) const;

  std::vector<FrameFilter::Frame> frames_;
  std::shared_ptr<const RunResult> reference_;
};

}  // namespace oneadapt::eval
