// SPDX-License-Identifier: LGPL-2.1-or-later
#include "video/detector.h"

#include <gst/video/video.h>

#include <utility>

#include "core/macroblock/allocation.h"
#include "element_transform.h"
#include "frame_mark.h"
#include "second_generation.h"
#include "video/frame_duration.h"
#include "video/picture_profile.h"
#include "video/results.h"

namespace oneadapt {
FrameSize larger(FrameSize a, FrameSize b) { return guint64(b.width) * b.height > guint64(a.width) * a.height ? b : a; }

void set_input_size(Model &model, const InputSize &size, FrameSize largest) {
  switch (size.mode) {
    case InputSize::Mode::Largest:
      return model.set_input_size(largest.width, largest.height);
    case InputSize::Mode::Frame:
      return model.set_input_size(0, 0);
    case InputSize::Mode::Fixed:
      return model.set_input_size(size.width, size.height);
  }
}

Detector::Detector(const MediumPlace &place, const RunSettings &settings)
    : DnnMedium(place),
      model_(Model::load(settings.model)),
      reader_(settings.gray16),
      clock_(settings.interval),
      placer_(place.element, place.sink),
      samples_(place.element, *model_, settings.gray16) {}

FrameSize Detector::frame_size() const {
  return {unsigned(GST_VIDEO_INFO_WIDTH(&reader_.info())), unsigned(GST_VIDEO_INFO_HEIGHT(&reader_.info()))};
}

/// Of the picture that boxes refer to.
FrameSize Detector::shown_size() const {
  const ModelDescription &d = model_->description();
  return d.is_tail() ? FrameSize{d.features.picture[0], d.features.picture[1]} : frame_size();
}

GstClockTime Detector::duration_of(GstBuffer *buffer) const {
  return frame_duration(buffer, GST_VIDEO_INFO_FPS_N(&reader_.info()), GST_VIDEO_INFO_FPS_D(&reader_.info()));
}

bool Detector::set_caps(const GstCaps *caps) {
  held_.buffer.reset();
  pair_.reset();
  if (!reader_.set_caps(caps)) return false;
  largest_ = larger(largest_, frame_size());
  return true;
}

void Detector::reset(bool flushed) {
  clock_.reset();
  held_ = {};
  found_.reset();  // what was seen before a seek says nothing about what comes after
  if (flushed) return;
  placer_.reset();
  largest_ = reader_.ready() ? frame_size() : FrameSize{};
}

bool Detector::take_in(GstBuffer *buffer, const Stamp &stamp, const RunSettings &settings) {
  time_ = stamp.time;
  pass_ = Pass{};
  pass_->time = time_;
  if (!settings.gradient) {
    clock_.reset();
  } else if (stamp.known()) {
    // Frames with marks say it themselves; with jitter, their time says it of the wrong one now and then.
    const GstClockTime duration = place_.time.camera().known() ? 0 : duration_of(buffer);
    pass_->due = clock_.frame(time_, duration, settings.gradient_every, settings.early_gradient, stamp.last);
  }
  pass_->infer = !found_ || pass_->due.any() || ++since_inference_ >= settings.inference_interval;
  hold(buffer, settings);
  return true;
}

void Detector::hold(GstBuffer *buffer, const RunSettings &settings) {
  held_.buffer.reset();
  if (!settings.gradient || !GST_CLOCK_TIME_IS_VALID(time_)) return;
  const guint64 interval = interval_of(time_, place_.time.interval());
  if (held_.interval && *held_.interval != interval) held_.keep = std::exchange(held_.asked, false);
  held_.interval = interval;
  held_.counted = pass_->due.also;
  if (held_.keep && !clock_.taken()) held_.buffer.reset(gst_buffer_ref(buffer));
}

std::optional<Pass> Detector::end(guint64 interval) {
  held_.asked = true;
  if (!held_.buffer || !clock_.end(interval)) return std::nullopt;
  Pass pass;
  pass.infer = !held_.counted;
  pass.report = false;
  pass.due.own = true;
  pass.time = time_;
  return pass;
}

std::optional<Pass> Detector::next() { return std::exchange(pass_, std::nullopt); }

bool Detector::infer(GstBuffer *buffer, bool with_gradient, const RunSettings &settings) {
  GstSample *second = buffer && settings.gradient ? second_generation_of(buffer) : nullptr;
  second_.reset(second ? gst_sample_ref(second) : nullptr);
  model_->set_gradient(settings.gradient_method, settings.gradient_memory);
  set_input_size(*model_, settings.input_size, largest_);
  std::string problem;
  const bool mapped = reader_.read(buffer ? buffer : held_.buffer.get(), [&](const RgbFrame &frame) {
    if (model_->description().is_tail()) problem = pair_.problem(frame, model_->description());
    if (!problem.empty()) return;
    found_ = with_gradient ? model_->infer_for_gradient(frame) : model_->infer(frame);
    requantised_.forget();
    if (buffer && !second_ && settings.gradient) requantised_.take(frame, mark_of(buffer));
  });
  if (!mapped)
    GST_ELEMENT_ERROR(place_.element, STREAM, FORMAT,
                      ("A video frame cannot be read as its caps say; put videoconvert in front of this element."),
                      ("buffer of %" G_GSIZE_FORMAT " bytes", gst_buffer_get_size(buffer)));
  if (!problem.empty())
    GST_ELEMENT_ERROR(place_.element, STREAM, WRONG_TYPE, ("Property \"model\": %s.", problem.c_str()), (nullptr));
  since_inference_ = 0;
  return mapped && problem.empty();
}

Report Detector::report(BufferRef &buffer, bool line) {
  FrameInfo frame;
  frame.frame = frame_++;
  frame.timestamp = time_;
  if (GST_CLOCK_TIME_IS_VALID(time_)) frame.interval = interval_of(time_, place_.time.interval());
  frame.width = shown_size().width;
  frame.height = shown_size().height;
  buffer.reset(gst_buffer_make_writable(buffer.release()));
  detach_second_generation(buffer.get());
  attach_results(buffer.get(), frame.width, frame.height, *found_, model_->labels());
  return {guint(found_->size()), line ? result_line(frame, *found_, model_->labels()) : std::string()};
}

void Detector::complete(Gradient &gradient, const RunSettings &settings) const {
  if (settings.raise_elements) raise_elements(gradient.map, on_input(model_->element_boxes()));
}

std::vector<Box> Detector::regions() const {
  std::vector<Box> regions;
  for (const Detection &d : *found_) regions.push_back(d.box);  // best first, as NMS leaves them
  return on_input(std::move(regions));
}

/// Boxes of what is shown, where it is in the input.
std::vector<Box> Detector::on_input(std::vector<Box> boxes) const {
  const ModelDescription &d = model_->description();
  return d.is_tail() ? boxes_in_tiles(boxes, d.features.mosaic) : boxes;
}

/// Whether the picture has the caps that are in force on the pad. A caps event gets here first, and only then are the
/// caps of the elements before this one the new ones.
bool Detector::is_newest() const {
  const auto now = picture_caps(place_.sink);
  const GstVideoInfo &own = reader_.info();
  return now && now->width == GST_VIDEO_INFO_WIDTH(&own) && now->height == GST_VIDEO_INFO_HEIGHT(&own) &&
         now->par_n == GST_VIDEO_INFO_PAR_N(&own) && now->par_d == GST_VIDEO_INFO_PAR_D(&own);
}

std::vector<PlacedGradient> Detector::place(const Gradient &gradient) {
  std::vector<PlacedGradient> placed = placer_.place(gradient, is_newest());
  requantised_.gradient(placed.front().gradient);
  return placed;
}

/// On the second generation of the picture that was inferred last. None: there is none after all.
std::optional<std::vector<ScoredBox>> Detector::detect_again(const RunSettings &settings) {
  const std::unique_ptr<GstSample, UnrefSample> second = std::move(second_);
  if (!is_newest()) return std::nullopt;
  const auto transform = transform_from_tunable(
      "Accuracy cannot be measured", "Put oneadaptshadow and this element on the same side of it", warned_measuring_);
  if (!transform || (second && !samples_.read_caps(second.get()))) return std::nullopt;
  set_input_size(*model_, settings.input_size, largest_);
  if (second) return samples_.detect(second.get(), *transform);
  if (!std::exchange(told_estimate_, true))
    GST_ELEMENT_INFO(place_.element, STREAM, FAILED,
                     ("Accuracy is estimated: pictures are quantised once more. Put oneadaptshadow behind the decoder, "
                      "where it is to be measured."),
                     ("said once a run"));
  std::vector<ScoredBox> boxes;
  for (Detection &d : model_->infer(requantised_.quantised(transform->is_whole())))
    boxes.push_back({d.box, d.score, d.label, std::move(d.mask)});
  return boxes;
}

std::vector<ScoredBox> Detector::found() const {
  std::vector<ScoredBox> boxes;
  for (const Detection &d : *found_) boxes.push_back({d.box, d.score, d.label, d.mask});
  return boxes;
}

std::optional<RepeatedFrame> Detector::measure(const RunSettings &settings) {
  const auto again = detect_again(settings);
  if (!again) return std::nullopt;
  return repeated(found(), *again);
}

std::vector<double> Detector::scores() const { return scores_of(objects()); }

std::vector<ScoredBox> Detector::objects() const { return of_interest(found()); }

/// How this element sees what a tunable passes on. None, with a warning (once a run), when that cannot be told.
std::optional<FrameTransform> Detector::transform_from_tunable(const char *impossible, const char *remedy,
                                                               std::atomic<bool> &warned) {
  const UpstreamPictures upstream = upstream_pictures(place_.sink);
  const std::vector<UpstreamPicture::View> &views = upstream.pictures.front().views;
  if (upstream.pictures.size() == 1 && views.size() == 1 && views[0].known && !is_empty(views[0].transform.shown()))
    return views[0].transform;
  if (upstream.in_step && !warned.exchange(true))
    GST_ELEMENT_WARNING(
        place_.element, STREAM, FAILED,
        ("%s: the picture is put together or moved about between the tunable element and this one. %s, "
         "or put \"%s\" in front of oneadaptctl or behind this element.",
         impossible, remedy, upstream.obstacles.empty() ? "the mixer" : upstream.obstacles.front().name.c_str()),
        ("said once a run"));
  return std::nullopt;
}

std::unique_ptr<Profile> Detector::profile(const RunSettings &settings) {
  // Renderings are of the picture that a tunable passes on.
  const auto transform = transform_from_tunable("Configurations cannot be profiled",
                                                "Use a policy that does not profile", warned_profile_);
  if (!transform) return nullptr;
  return std::make_unique<PictureProfile>(place_.element, *model_, largest_, *transform, settings.input_size,
                                          settings.gray16);
}

}  // namespace oneadapt
