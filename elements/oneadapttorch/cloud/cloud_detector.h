// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadaptdnn on point clouds.
#pragma once
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "dnn_medium.h"
#include "model/cloud_model.h"
#include "video/interval_clock.h"

namespace oneadapt {

/// Infers on every turn, or every n-th, and attaches the boxes that it finds. Its gradient is of the blocks that the
/// caps name, else of the usual ones.
class CloudDetector final : public DnnMedium {
 public:
  /// Loads the model. Throws ModelError.
  CloudDetector(const MediumPlace &place, const RunSettings &settings);

  LoadedModel &model() override { return *model_; }
  bool set_caps(const GstCaps *caps) override;
  bool ready() const override { return ready_; }
  void reset(bool flushed) override;
  void renew_intervals() override { clock_ = IntervalClock(place_.time.interval()); }
  const char *without_time() const override { return "Point clouds without stream time get results but no gradient"; }
  bool take_in(GstBuffer *buffer, const Stamp &stamp, const RunSettings &settings) override;
  std::optional<Pass> next() override { return std::exchange(pass_, std::nullopt); }
  std::optional<Pass> end(guint64 interval) override;
  void let_go() override { held_.reset(); }
  bool infer(GstBuffer *buffer, bool with_gradient, const RunSettings &settings) override;
  Report report(BufferRef &buffer, bool line) override;
  void on_event(GstEvent *event) override;
  bool can_measure() const override { return half_.has_value(); }
  std::optional<RepeatedFrame> measure(const RunSettings &settings) override;
  std::vector<double> scores() const override;
  std::vector<Box> regions() const override;
  std::unique_ptr<Profile> profile(const RunSettings &settings) override;

 private:
  const std::unique_ptr<CloudModel> model_;
  PolarGrid grid_;
  bool ready_ = false;
  IntervalClock clock_;
  std::optional<Pass> pass_;  ///< of the turn that was taken in
  BufferRef held_;            ///< that turn, for end(), until its interval's gradient has been taken
  bool counted_ = false;      ///< its gradient is part of the interval's mean
  GstClockTime time_ = GST_CLOCK_TIME_NONE;
  guint64 frame_ = 0, since_inference_ = 0;
  std::optional<std::vector<ScoredBox3d>> found_;  ///< by the last inference
  bool accuracy_wanted_ = false;                   ///< by the controller
  unsigned since_measured_ = 0;                    ///< inferences
  std::optional<PointCloud> half_;                 ///< of the turn that was inferred last, to measure with
};

}  // namespace oneadapt
