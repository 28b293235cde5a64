// SPDX-License-Identifier: LGPL-2.1-or-later
#include "video/detector.h"

#include <gst/video/video.h>

#include <utility>

GST_DEBUG_CATEGORY_EXTERN(oneadaptdnn_debug);
#define GST_CAT_DEFAULT oneadaptdnn_debug

namespace oneadapt {
Detector::Detector(GstElement *element, GstPad *sink, GstPad *src, const RunSettings &settings)
    : Run(element, sink, src, settings.interval),
      model_(Model::load(settings.model)),
      clock_(settings.interval),
      placer_(element, sink) {
  stats_.device = model_->device();
  stats_.device_reason = model_->device_reason();
  stats_.model_threshold = model_->description().threshold;
}

bool Detector::set_caps(const GstCaps *caps) {
  if (gst_structure_has_name(gst_caps_get_structure(caps, 0), "audio/x-raw")) {
    if (!std::exchange(failed_, true))  // it is asked again with every buffer
      GST_ELEMENT_ERROR(
          element_, STREAM, WRONG_TYPE,
          ("Property \"model\": it is for pictures (task \"%s\"), but the stream is sound; set a model of "
           "task \"ctc\".",
           model_->description().task.c_str()),
          (nullptr));
    return false;
  }
  if (!reader_.set_caps(caps)) return false;
  const auto width = unsigned(GST_VIDEO_INFO_WIDTH(&reader_.info()));
  const auto height = unsigned(GST_VIDEO_INFO_HEIGHT(&reader_.info()));
  ModelTurns::Frame turn(turns_);
  turn.take();
  if (guint64(width) * height > guint64(largest_width_) * largest_height_) {
    largest_width_ = width;
    largest_height_ = height;
  }
  return true;
}

void Detector::new_stream() {
  clock_.reset();
  placer_.reset();
  camera_.reset();
  mean_ = {};
  ModelTurns::Frame turn(turns_);
  turn.take();
  largest_width_ = largest_height_ = 0;
  if (reader_.ready()) {
    largest_width_ = unsigned(GST_VIDEO_INFO_WIDTH(&reader_.info()));
    largest_height_ = unsigned(GST_VIDEO_INFO_HEIGHT(&reader_.info()));
  }
  inferred_ = false;
}

void Detector::flush() {
  clock_.reset();
  camera_.reset();
  mean_ = {};
  gst_segment_init(&segment_, GST_FORMAT_UNDEFINED);
  inferred_ = false;  // what was seen before a seek says nothing about what comes after
  ModelTurns::Frame turn(turns_);
  turn.take();
  model_->drop_graph();
}

void Detector::choose_input_size(const InputSize &size) {
  switch (size.mode) {
    case InputSize::Mode::Largest:
      model_->set_input_size(largest_width_, largest_height_);
      break;
    case InputSize::Mode::Frame:
      model_->set_input_size(0, 0);
      break;
    case InputSize::Mode::Fixed:
      model_->set_input_size(size.width, size.height);
      break;
  }
}

bool Detector::infer(GstBuffer *buffer, bool with_gradient) {
  const guint64 begin = now_ns();
  bool mapped = false;
  try {
    mapped = reader_.read(buffer, [&](const RgbFrame &frame) {
      last_ = with_gradient ? model_->infer_for_gradient(frame) : model_->infer(frame);
    });
  } catch (const ModelError &e) {
    post_model_error(element_, e.kind(), e.what());
    return false;
  } catch (const std::exception &e) {
    GST_ELEMENT_ERROR(element_, STREAM, FAILED, ("Property \"model\": the model failed: %s.", e.what()), (nullptr));
    return false;
  }
  if (!mapped) {
    GST_ELEMENT_ERROR(element_, STREAM, FORMAT,
                      ("A video frame cannot be read as its caps say; put videoconvert in front of this element."),
                      ("buffer of %" G_GSIZE_FORMAT " bytes", gst_buffer_get_size(buffer)));
    return false;
  }
  note_inference(now_ns() - begin);
  inferred_ = true;
  since_inference_ = 0;
  return true;
}

/// Takes the frame's mark, if it has one. Whether that says that it is the last of its interval.
bool Detector::take_mark(GstBuffer *buffer, GstClockTime stream_time) {
  const std::optional<IntervalMark> mark = mark_of(buffer);
  if (!mark) return false;
  if (!camera_.known() || camera_.take(*mark, stream_time)) {  // intervals are counted anew
    if (mark->interval_duration != interval_)
      GST_INFO_OBJECT(element_, "the camera's intervals last %" GST_TIME_FORMAT,
                      GST_TIME_ARGS(mark->interval_duration));
    interval_ = mark->interval_duration;
    clock_ = IntervalClock(interval_);
    mean_ = {};
    camera_.take(*mark, stream_time);
  }
  std::lock_guard<std::mutex> lock(stats_mutex_);
  ++stats_.marks;
  return mark->last;
}

GstFlowReturn Detector::chain(GstBuffer *buffer, const RunSettings &settings) {
  ModelTurns::Frame turn(turns_);
  const auto fail = [&](GstFlowReturn flow) {
    failed_ = true;
    if (turn.taken()) model_->drop_graph();
    gst_buffer_unref(buffer);
    return flow;
  };
  if (failed_) return fail(GST_FLOW_ERROR);  // one error is enough
  if (!reader_.ready()) return gst_buffer_unref(buffer), GST_FLOW_NOT_NEGOTIATED;

  const GstVideoInfo &info = reader_.info();
  GstClockTime stream_time = GST_CLOCK_TIME_NONE, duration = 0;
  if (segment_.format == GST_FORMAT_TIME && GST_BUFFER_PTS_IS_VALID(buffer))
    stream_time = gst_segment_to_stream_time(&segment_, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
  if (GST_BUFFER_DURATION_IS_VALID(buffer))
    duration = GST_BUFFER_DURATION(buffer);
  else if (GST_VIDEO_INFO_FPS_N(&info) > 0)
    duration =
        gst_util_uint64_scale(GST_SECOND, guint64(GST_VIDEO_INFO_FPS_D(&info)), guint64(GST_VIDEO_INFO_FPS_N(&info)));

  bool says_last = false;
  if (GST_CLOCK_TIME_IS_VALID(stream_time)) {
    says_last = take_mark(buffer, stream_time);
    if (camera_.known()) stream_time = camera_.of(stream_time);
  }

  model_->set_gradient(settings.gradient_method, settings.gradient_memory);
  IntervalClock::Due due;
  if (!settings.gradient) {
    clock_.reset();
    mean_ = {};
  } else if (GST_CLOCK_TIME_IS_VALID(stream_time)) {
    // Frames with marks say it themselves; with jitter, their time says it of the wrong one now and then.
    due = clock_.frame(stream_time, camera_.known() ? 0 : duration, settings.gradient_every, settings.early_gradient,
                       says_last);
  } else {
    warn_of_no_time("Frames without stream time get results but no gradient");
  }

  if (!inferred_ || due.any() || ++since_inference_ >= settings.inference_interval) {
    turn.take();
    choose_input_size(settings.input_size);
    if (!infer(buffer, due.any())) return fail(GST_FLOW_ERROR);
    if (!due.any()) turn.give_back();  // else the model keeps the graph for the gradient
  }

  FrameInfo frame;
  frame.frame = frame_++;
  frame.timestamp = stream_time;
  if (GST_CLOCK_TIME_IS_VALID(stream_time)) frame.interval = interval_of(stream_time, interval_);
  frame.width = unsigned(GST_VIDEO_INFO_WIDTH(&info));
  frame.height = unsigned(GST_VIDEO_INFO_HEIGHT(&info));
  if (results_.is_open() && !write_line(result_line(frame, last_, model_->labels()))) return fail(GST_FLOW_ERROR);
  buffer = gst_buffer_make_writable(buffer);
  attach_results(buffer, frame.width, frame.height, last_, model_->labels());
  note_frame(guint(last_.size()));

  // Downstream first: nobody waits for the backward pass.
  const GstFlowReturn flow = gst_pad_push(src_, buffer);
  if (due.any()) {
    if (flow == GST_FLOW_OK)
      take_gradient(due, stream_time);
    else
      model_->drop_graph();
  }
  return flow;
}

void Detector::take_gradient(const IntervalClock::Due &due, GstClockTime stream_time) {
  Gradient gradient;
  const guint64 begin = now_ns();
  std::string why;
  try {
    model_->backward(gradient);
  } catch (const std::exception &e) {
    why = e.what();
  }
  note_gradient(now_ns() - begin, why, stream_time);
  if (due.missed) {
    if (why.empty()) mean_.add(*due.missed, gradient);
    send_mean(*due.missed, stream_time);
  }
  const guint64 interval = interval_of(stream_time, interval_);
  if (why.empty() && (due.own || due.also)) mean_.add(interval, gradient);
  if (due.own) send_mean(interval, stream_time);
  if (due.first && why.empty()) {
    gradient.early = true;
    send(gradient, interval, stream_time);
  }
}

void Detector::send_mean(guint64 interval, GstClockTime stream_time) {
  constexpr guint64 kMostBehind = 0xffff;  // that a message can say (docs/wire-format.md); stale long before
  const std::optional<Gradient> gradient = mean_.take(interval);
  if (!gradient) return;  // none was finite
  if (interval_of(stream_time, interval_) - interval <= kMostBehind) send(*gradient, interval, stream_time);
}

void Detector::send(Gradient gradient, guint64 interval, GstClockTime stream_time) {
  gradient.regions.clear();
  for (const Detection &d : last_) gradient.regions.push_back(d.box);  // best first, as NMS leaves them
  send_gradient(std::move(gradient), interval, stream_time);
}

}  // namespace oneadapt
