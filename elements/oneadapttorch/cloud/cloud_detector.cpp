// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cloud/cloud_detector.h"

#include <functional>
#include <utility>

#include "accuracy_request.h"
#include "buffer_memory.h"
#include "cloud/cloud_profile.h"
#include "cloud/results.h"
#include "cloud_caps.h"
#include "frame_mark.h"
#include "lidar/thinning.h"

namespace oneadapt {

constexpr unsigned kMeasuredOf = 7;  // one turn of so many is inferred twice; as oneadaptshadow's "every"

bool read_cloud(GstBuffer *buffer, const std::function<void(const Point *points, std::size_t n)> &work) {
  if (gst_buffer_get_size(buffer) % sizeof(Point) || gst_buffer_get_size(buffer) / sizeof(Point) > kMostPoints)
    return false;
  const MappedBuffer mapped(buffer);
  if (mapped.ok()) work(reinterpret_cast<const Point *>(mapped.data()), mapped.size() / sizeof(Point));
  return mapped.ok();
}

CloudDetector::CloudDetector(const MediumPlace &place, const RunSettings &settings)
    : DnnMedium(place), model_(CloudModel::load(settings.model)), clock_(settings.interval) {}

bool CloudDetector::set_caps(const GstCaps *caps) {
  held_.reset();
  grid_ = grid_of(caps).value_or(PolarGrid());
  return ready_ = true;
}

void CloudDetector::reset(bool) {
  clock_.reset();
  held_.reset();
  found_.reset();
}

bool CloudDetector::take_in(GstBuffer *buffer, const Stamp &stamp, const RunSettings &settings) {
  // Across a network the sensor's marks say what its controller wants.
  if (const auto mark = mark_of(buffer)) accuracy_wanted_ = mark->measure;
  time_ = stamp.time;
  pass_ = Pass{};
  pass_->time = time_;
  held_.reset();
  if (!settings.gradient) {
    clock_.reset();
  } else if (stamp.known()) {
    // Turns with marks say it themselves.
    const bool times = !place_.time.camera().known() && GST_BUFFER_DURATION_IS_VALID(buffer);
    pass_->due = clock_.frame(time_, times ? GST_BUFFER_DURATION(buffer) : 0, settings.gradient_every,
                              settings.early_gradient, stamp.last);
    counted_ = pass_->due.also;
    if (!clock_.taken()) held_.reset(gst_buffer_ref(buffer));
  }
  pass_->infer = !found_ || pass_->due.any() || ++since_inference_ >= settings.inference_interval;
  return true;
}

std::optional<Pass> CloudDetector::end(guint64 interval) {
  if (!held_ || !clock_.end(interval)) return std::nullopt;
  Pass pass;
  pass.infer = !counted_;
  pass.report = false;
  pass.due.own = true;
  pass.time = time_;
  return pass;
}

void CloudDetector::on_event(GstEvent *event) {
  if (const auto wanted = accuracy_request_of(event)) accuracy_wanted_ = *wanted;
}

/// What is left of the objects with half of the points, which is as if the sensor had sent half of what it sent.
std::optional<RepeatedFrame> CloudDetector::measure(const RunSettings &) {
  const PointCloud half = *std::exchange(half_, std::nullopt);
  return repeated(*found_, model_->infer(half.data(), half.size()));
}

std::vector<double> CloudDetector::scores() const { return scores_of(of_interest(*found_)); }

bool CloudDetector::infer(GstBuffer *buffer, bool with_gradient, const RunSettings &settings) {
  GstBuffer *turn = buffer ? buffer : held_.get();
  const bool measured = buffer && settings.gradient && accuracy_wanted_ && ++since_measured_ >= kMeasuredOf;
  if (measured) since_measured_ = 0;
  half_.reset();
  const bool read = read_cloud(turn, [&](const Point *points, std::size_t n) {
    found_ = with_gradient ? model_->infer_for_gradient(points, n, grid_) : model_->infer(points, n);
    if (measured) half_ = halved(points, n);
  });
  if (!read)
    GST_ELEMENT_ERROR(place_.element, STREAM, FORMAT,
                      ("A point cloud of %" G_GSIZE_FORMAT " bytes cannot be read: a point has 16, and there are at "
                       "most %" G_GSIZE_FORMAT " points.",
                       gst_buffer_get_size(turn), kMostPoints),
                      ("application/x-lidar is float32 x, y, z and intensity of each point"));
  since_inference_ = 0;
  return read;
}

Report CloudDetector::report(BufferRef &buffer, bool line) {
  std::optional<guint64> interval;
  if (GST_CLOCK_TIME_IS_VALID(time_)) interval = interval_of(time_, place_.time.interval());
  buffer.reset(gst_buffer_make_writable(buffer.release()));
  attach_boxes(buffer.get(), *found_, model_->labels());
  const guint64 frame = frame_++;
  return {guint(found_->size()), line ? boxes_line(frame, time_, interval, *found_, model_->labels()) : std::string()};
}

std::vector<Box> CloudDetector::regions() const { return polar_regions(*found_, grid_); }

std::unique_ptr<Profile> CloudDetector::profile(const RunSettings &) {
  return std::make_unique<CloudProfile>(place_.element, *model_);
}

}  // namespace oneadapt
