// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadaptdnn on pictures.
#pragma once
#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "gradient_mean.h"
#include "run.h"
#include "video/interval_clock.h"
#include "video/rgb_reader.h"

namespace oneadapt {

/// Locks: see Run; `turns_` guards the sizes of `largest_*` too.
class Detector final : public Run {
 public:
  /// Loads the model. Throws ModelError.
  Detector(GstElement *element, GstPad *sink, GstPad *src, const RunSettings &settings);

  const char *media_type() const override { return "video/x-raw"; }
  bool set_caps(const GstCaps *caps) override;
  void new_stream() override;
  void flush() override;
  GstFlowReturn chain(GstBuffer *buffer, const RunSettings &settings) override;
  bool profile(guint count, const RenderingSource &source, const RunSettings &settings, std::vector<double> &accuracies,
               guint64 &inferences) override;

 protected:
  std::vector<PlacedGradient> place(const Gradient &gradient) override { return placer_.place(gradient); }
  void note_placed() override { placer_.warn(); }

 private:
  bool infer(GstBuffer *buffer, bool with_gradient);
  void take_gradient(const IntervalClock::Due &due, GstClockTime stream_time);
  void send_mean(guint64 interval, GstClockTime stream_time);
  void send(Gradient gradient, guint64 interval, GstClockTime stream_time);
  bool take_mark(GstBuffer *buffer, GstClockTime stream_time);
  void choose_input_size(const InputSize &size);
  std::optional<FrameTransform> transform_for_profile();

  std::unique_ptr<Model> model_;
  RgbReader reader_;
  IntervalClock clock_;
  GradientMean mean_;
  GradientPlacer placer_;
  std::atomic<bool> warned_profile_{false};
  unsigned largest_width_ = 0, largest_height_ = 0;
  std::vector<Detection> last_;
  guint64 frame_ = 0, since_inference_ = 0;
  bool inferred_ = false;
};

}  // namespace oneadapt
