// SPDX-License-Identifier: LGPL-2.1-or-later
// Accuracy of a stream's frames, when only some of them are inferred a second time after another coding
// (docs/accuracy.md). Beyond the paper.
#pragma once
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "core/gradient/gradient.h"
#include "core/vision/box3d.h"
#include "core/vision/metrics.h"

namespace oneadapt {

/// What a second coding made of the objects of one frame.
struct RepeatedFrame {
  struct Object {
    double score = 0;   ///< in the first results, [0, 1]
    bool kept = false;  ///< the second results have it, too
  };
  std::vector<Object> objects;  ///< of the first results
  unsigned gained = 0;          ///< objects of the second results alone
};

/// Both sides without classes (of_interest()), matched as by f1() at an IoU of 0.5.
RepeatedFrame repeated(const std::vector<ScoredBox> &first, const std::vector<ScoredBox> &second);
/// The same in space.
RepeatedFrame repeated(const std::vector<ScoredBox3d> &first, const std::vector<ScoredBox3d> &second);

/// F1 of second against first results, of all frames of an interval. A frame that was inferred once says how many
/// objects it has, and how near their scores are to the threshold; the frames that were inferred twice say how often an
/// object of about that score is kept. Where a frame has few objects this scatters less than the mean F1 of the frames
/// that were inferred twice (docs/design-accuracy.md). Thread-bound.
class AccuracyEstimate {
 public:
  /// Whether frames are compared at present. Where not, nobody needs frame().
  bool active() const;
  /// Every frame; one that was inferred twice, too. `scores`: of its objects.
  void frame(std::uint64_t interval, const std::vector<double> &scores);
  void repeat(std::uint64_t interval, const RepeatedFrame &frame);
  /// Of this interval; older ones are forgotten, but for what they say about the next. No frames: none of this interval
  /// was inferred twice.
  MeasuredAccuracy take(std::uint64_t interval);
  void reset() { *this = AccuracyEstimate(); }

 private:
  struct Interval {
    std::vector<std::vector<double>> frames;  ///< scores of the objects of each, as logits
    std::vector<RepeatedFrame> repeated;
  };
  struct Seen {
    double logit, kept, weight;
  };
  void learn(const std::vector<RepeatedFrame> &frames);
  double chance(double logit) const;

  std::map<std::uint64_t, Interval> intervals_;  ///< not taken
  std::vector<Seen> seen_;                       ///< objects that a second coding kept or lost, newest last
  double gained_ = 0, gained_frames_ = 0;        ///< weighted
};

}  // namespace oneadapt
