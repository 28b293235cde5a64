// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadaptdnn on pictures.
#pragma once
#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "dnn_medium.h"
#include "model/model.h"
#include "video/gradient_placer.h"
#include "video/interval_clock.h"
#include "video/pair_check.h"
#include "video/requantised.h"
#include "video/rgb_reader.h"
#include "video/sample_detector.h"

namespace oneadapt {

/// Infers on every picture, or every n-th, and attaches what it finds.
class Detector final : public DnnMedium {
 public:
  /// Loads the model. Throws ModelError.
  Detector(const MediumPlace &place, const RunSettings &settings);

  LoadedModel &model() override { return *model_; }
  bool set_caps(const GstCaps *caps) override;
  bool ready() const override { return reader_.ready(); }
  void reset(bool flushed) override;
  void renew_intervals() override { clock_ = IntervalClock(place_.time.interval()); }
  const char *without_time() const override { return "Frames without stream time get results but no gradient"; }
  bool take_in(GstBuffer *buffer, const Stamp &stamp, const RunSettings &settings) override;
  std::optional<Pass> next() override;
  std::optional<Pass> end(guint64 interval) override;
  void let_go() override { held_.buffer.reset(); }
  bool infer(GstBuffer *buffer, bool with_gradient, const RunSettings &settings) override;
  Report report(BufferRef &buffer, bool line) override;
  void on_event(GstEvent *event) override { requantised_.on_event(event); }
  bool can_measure() const override { return second_ || requantised_.due(); }
  std::optional<RepeatedFrame> measure(const RunSettings &settings) override;
  std::vector<double> scores() const override;
  std::vector<ScoredBox> objects() const override;
  void complete(Gradient &gradient, const RunSettings &settings) const override;
  std::vector<Box> regions() const override;
  std::vector<PlacedGradient> place(const Gradient &gradient) override;
  void on_placed() override { placer_.warn(); }
  std::unique_ptr<Profile> profile(const RunSettings &settings) override;

 private:
  /// The picture that was taken in last, for end(). Kept only where somebody asks for it: a picture that is kept cannot
  /// be drawn on without a copy.
  struct Held {
    BufferRef buffer;
    bool counted = false;             ///< its gradient is part of the interval's mean
    std::optional<guint64> interval;  ///< under way
    bool asked = false;               ///< end() was called in it
    bool keep = true;                 ///< it was in the one before, or there was none
  };
  struct UnrefSample {
    void operator()(GstSample *sample) const { gst_sample_unref(sample); }
  };
  void hold(GstBuffer *buffer, const RunSettings &settings);
  std::vector<ScoredBox> found() const;
  std::vector<Box> on_input(std::vector<Box> boxes) const;
  std::optional<std::vector<ScoredBox>> detect_again(const RunSettings &settings);
  FrameSize frame_size() const;
  FrameSize shown_size() const;
  bool is_newest() const;
  GstClockTime duration_of(GstBuffer *buffer) const;
  std::optional<FrameTransform> transform_from_tunable(const char *impossible, const char *remedy,
                                                       std::atomic<bool> &warned);

  const std::unique_ptr<Model> model_;
  RgbReader reader_;
  PairCheck pair_;
  IntervalClock clock_;
  GradientPlacer placer_;
  std::atomic<bool> warned_profile_{false}, warned_measuring_{false};
  bool told_estimate_ = false;
  SampleDetector samples_;
  std::unique_ptr<GstSample, UnrefSample> second_;  ///< of the picture that was inferred last; taken by measure()
  Requantised requantised_;                         ///< where nobody hands on a second generation
  FrameSize largest_;                               ///< of the stream so far; changes with the model's turn
  std::optional<Pass> pass_;                        ///< of the picture that was taken in
  GstClockTime time_ = GST_CLOCK_TIME_NONE;
  guint64 frame_ = 0, since_inference_ = 0;
  std::optional<std::vector<Detection>> found_;  ///< by the last inference
  Held held_;
};

/// `a`, or `b` if that has more pixels.
FrameSize larger(FrameSize a, FrameSize b);
/// Sets the size of the DNN's input as the property says. `largest`: what "auto" stands for.
void set_input_size(Model &model, const InputSize &size, FrameSize largest);

}  // namespace oneadapt
