// SPDX-License-Identifier: LGPL-2.1-or-later
#include "detector.h"

#include <chrono>
#include <cstring>
#include <numeric>
#include <utility>

#include "gstoneadapt.h"

GST_DEBUG_CATEGORY_EXTERN(oneadaptdnn_debug);
#define GST_CAT_DEFAULT oneadaptdnn_debug

namespace oneadapt {
namespace {

constexpr std::size_t kRecent = 10;

guint64 now_ns() {
  return guint64(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count());
}

void post_model_error(GstElement *element, ModelError::Kind kind, const char *what) {
  using Kind = ModelError::Kind;
  // One sentence: the property at fault, then what is wrong with it and the remedy.
  switch (kind) {
    case Kind::File:
      GST_ELEMENT_ERROR(element, RESOURCE, NOT_FOUND, ("Property \"model\": %s.", what), (nullptr));
      break;
    case Kind::Format:
    case Kind::Description:
      GST_ELEMENT_ERROR(element, STREAM, FORMAT, ("Property \"model\": %s.", what), (nullptr));
      break;
    case Kind::Device:
      GST_ELEMENT_ERROR(element, RESOURCE, NOT_FOUND, ("Property \"device\": %s.", what), (nullptr));
      break;
    case Kind::Labels:
      GST_ELEMENT_ERROR(element, RESOURCE, READ, ("Property \"labels-file\": %s.", what), (nullptr));
      break;
    case Kind::Classes:
      GST_ELEMENT_ERROR(element, RESOURCE, SETTINGS, ("Property \"classes\": %s.", what), (nullptr));
      break;
    case Kind::Input:
      GST_ELEMENT_ERROR(element, STREAM, FORMAT, ("%s.", what), (nullptr));
      break;
    case Kind::Run:
      GST_ELEMENT_ERROR(element, STREAM, FAILED, ("Property \"model\": %s.", what), (nullptr));
      break;
  }
}

void post_results_error(GstElement *element, const std::string &location, const char *action, int error) {
  const std::string text = "Property \"results-location\": cannot " + std::string(action) + " '" + location +
                           "': " + g_strerror(error) + "; name a file that can be written, on a disk with room.";
  if (error == ENOSPC)
    GST_ELEMENT_ERROR(element, RESOURCE, NO_SPACE_LEFT, ("%s", text.c_str()), (nullptr));
  else if (std::strcmp(action, "open") == 0)
    GST_ELEMENT_ERROR(element, RESOURCE, OPEN_WRITE, ("%s", text.c_str()), (nullptr));
  else
    GST_ELEMENT_ERROR(element, RESOURCE, WRITE, ("%s", text.c_str()), (nullptr));
}

}  // namespace

bool InputSize::parse(const std::string &text, InputSize &size) {
  if (text == "auto") {
    size = {Mode::Largest, 0, 0};
  } else if (text == "frame") {
    size = {Mode::Frame, 0, 0};
  } else {
    const std::size_t cross = text.find('x');
    if (cross == std::string::npos) return false;
    guint64 width = 0, height = 0;
    if (!g_ascii_string_to_unsigned(text.substr(0, cross).c_str(), 10, 1, 16384, &width, nullptr) ||
        !g_ascii_string_to_unsigned(text.substr(cross + 1).c_str(), 10, 1, 16384, &height, nullptr))
      return false;
    size = {Mode::Fixed, unsigned(width), unsigned(height)};
  }
  return true;
}

std::unique_ptr<Detector> Detector::start(GstElement *element, GstPad *sink, GstPad *src,
                                          const DetectorSettings &settings) {
  std::unique_ptr<Detector> d(new Detector(element, sink, src));
  d->interval_ = settings.interval;
  d->clock_ = IntervalClock(settings.interval);
  d->results_location_ = settings.results_location;
  gst_segment_init(&d->segment_, GST_FORMAT_UNDEFINED);
  try {
    d->model_ = Model::load(settings.model);
  } catch (const ModelError &e) {
    post_model_error(element, e.kind(), e.what());
    return nullptr;
  } catch (const std::exception &e) {
    GST_ELEMENT_ERROR(element, LIBRARY, INIT, ("Property \"model\": it cannot be loaded: %s.", e.what()), (nullptr));
    return nullptr;
  }
  GError *error = nullptr;
  d->feedback_.reset(gst_oneadapt_feedback_new_sender(settings.feedback.c_str(), &error));
  if (!d->feedback_) {
    GST_ELEMENT_ERROR(
        element, RESOURCE, OPEN_WRITE,
        ("Property \"feedback\": gradients cannot go to \"%s\": %s.", settings.feedback.c_str(), error->message),
        (nullptr));
    g_clear_error(&error);
    return nullptr;
  }
  d->remote_ =
      g_str_has_prefix(settings.feedback.c_str(), "udp:") || g_str_has_prefix(settings.feedback.c_str(), "tcp:");
  d->stats_.device = d->model_->device();
  d->stats_.device_reason = d->model_->device_reason();
  d->stats_.model_threshold = d->model_->description().threshold;
  GST_INFO_OBJECT(element, "inference on %s (%s)", d->model_->device().c_str(), d->model_->device_reason().c_str());
  if (!settings.results_location.empty()) {
    if (const int code = d->results_.open(settings.results_location, settings.append_results)) {
      post_results_error(element, settings.results_location, "open", code);
      return nullptr;
    }
  }
  return d;
}

bool Detector::set_caps(const GstCaps *caps) {
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

void Detector::finish() {
  if (const int error = results_.close()) {
    if (!failed_) post_results_error(element_, results_location_, "complete", error);
    failed_ = true;
  }
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
  const guint64 took = now_ns() - begin;
  recent_.push_back(took);
  if (recent_.size() > kRecent) recent_.pop_front();
  inferred_ = true;
  since_inference_ = 0;
  std::lock_guard<std::mutex> lock(stats_mutex_);
  ++stats_.inferences;
  stats_.inference_time += took;
  stats_.latency = std::accumulate(recent_.begin(), recent_.end(), guint64(0)) / recent_.size();
  return true;
}

bool Detector::write_line(const std::string &line) {
  if (const int error = results_.write(line)) {
    post_results_error(element_, results_location_, "write", error);
    return false;
  }
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

/// Without marks a camera in another process cannot know what a gradient is about, and ignores it.
void Detector::warn_of_no_marks() {
  if (std::exchange(warned_marks_, true)) return;
  GST_ELEMENT_WARNING(element_, STREAM, FAILED,
                      ("Frames do not say which interval they belong to, so gradients mean nothing to a camera in "
                       "another process; put h264parse in front of the decoder."),
                      ("marks come with H.264 from oneadaptfilter (interval-marks=auto or on), as user data that "
                       "h264parse attaches to buffers and decoders and converters pass on; to silence this: "
                       "feedback=off"));
}

GstFlowReturn Detector::chain(GstBuffer *buffer, const DetectorSettings &settings) {
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
  } else if (!warned_time_) {
    warned_time_ = true;
    GST_ELEMENT_WARNING(element_, STREAM, FAILED,
                        ("Frames without stream time get results but no gradient; let the source stamp them in a time "
                         "segment, or set gradient=false."),
                        ("segment format %s", gst_format_get_name(segment_.format)));
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
  if (!last_.empty()) {
    buffer = gst_buffer_make_writable(buffer);
    attach_results(buffer, frame.width, frame.height, last_, model_->labels());
  }
  const gint64 now = g_get_monotonic_time();
  if (first_frame_ < 0) first_frame_ = now;
  {
    std::lock_guard<std::mutex> lock(stats_mutex_);
    ++stats_.frames;
    stats_.objects = guint(last_.size());
    stats_.objects_total += last_.size();
    if (now > first_frame_) stats_.throughput = double(stats_.frames - 1) * 1e6 / double(now - first_frame_);
  }

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
  const guint64 took = now_ns() - begin;
  {
    std::lock_guard<std::mutex> lock(stats_mutex_);
    stats_.gradient_time += took;
    ++(why.empty() ? stats_.gradients : stats_.failed_gradients);
  }
  if (!why.empty()) {
    GST_WARNING_OBJECT(element_, "no gradient at %" GST_TIME_FORMAT ": %s", GST_TIME_ARGS(stream_time), why.c_str());
    if (!warned_gradient_)
      GST_ELEMENT_WARNING(element_, STREAM, FAILED,
                          ("Property \"model\": %s. Results go on, without this gradient.", why.c_str()),
                          ("said once a run; see failed-gradients in \"stats\""));
    warned_gradient_ = true;
  }
  if (due.missed) {
    if (why.empty()) mean_.add(*due.missed, gradient);
    send_mean(*due.missed, stream_time);
  }
  const guint64 interval = interval_of(stream_time, interval_);
  if (why.empty() && (due.own || due.also)) mean_.add(interval, gradient);
  if (due.own) send_mean(interval, stream_time);
  if (due.first && why.empty()) {
    gradient.early = true;
    send_gradient(gradient, interval, stream_time);
  }
}

void Detector::send_mean(guint64 interval, GstClockTime stream_time) {
  if (const std::optional<Gradient> gradient = mean_.take(interval))  // else none was finite
    send_gradient(*gradient, interval, stream_time);
}

void Detector::send_gradient(const Gradient &gradient, guint64 interval, GstClockTime stream_time) {
  {
    std::lock_guard<std::mutex> lock(stats_mutex_);
    stats_.z = gradient.z;
    stats_.elements = gradient.elements;
    stats_.interval = interval;
  }
  const BlockMap &map = gradient.map;
  GstOneadaptGradient *message = gst_oneadapt_gradient_new(map.frame_width, map.frame_height, map.block_size);
  message->interval = interval;
  message->interval_duration = interval_;
  message->stream_time = stream_time;
  message->stream = camera_.known() ? camera_.mark().stream : gst_oneadapt_pad_stream(sink_);
  message->z = gradient.z;
  message->elements = gradient.elements;
  message->confident = gradient.confident;
  message->theta = gradient.theta;
  message->slope = gradient.slope;
  message->early = gradient.early;
  std::memcpy(message->values, map.values.data(), map.values.size() * sizeof(gfloat));
  std::vector<GstOneadaptRegion> regions;  // best first, as NMS leaves them
  for (const Detection &d : last_) regions.push_back({d.box.x0, d.box.y0, d.box.x1, d.box.y1});
  gst_oneadapt_gradient_set_regions(message, regions.data(), guint(regions.size()));
  GST_DEBUG_OBJECT(element_, "interval %" G_GUINT64_FORMAT ": z %.3f of %u elements, %u confident", interval,
                   message->z, message->elements, message->confident);
  GstEvent *event = gst_event_new_oneadapt_gradient(message);
  gst_oneadapt_gradient_free(message);
  if (!event) return;
  const bool remote = gst_oneadapt_feedback_attach(feedback_.get(), sink_) > 0 || remote_;
  if (remote && !camera_.known()) warn_of_no_marks();
  gst_oneadapt_feedback_send(feedback_.get(), gst_event_get_oneadapt_gradient_message(event));
  // Feedback first; then downstream too, for who shows it, in time for the next frame.
  GstEvent *echo = gst_event_new_oneadapt_gradient_echo(event);
  if (!gst_pad_push_event(sink_, event)) GST_DEBUG_OBJECT(element_, "nobody upstream took the gradient");
  gst_pad_push_event(src_, echo);
}

DetectorStats Detector::stats() const {
  GstStructure *feedback = gst_oneadapt_feedback_get_stats(feedback_.get());
  std::lock_guard<std::mutex> lock(stats_mutex_);
  DetectorStats stats = stats_;
  stats.feedback = std::shared_ptr<GstStructure>(feedback, gst_structure_free);
  return stats;
}

}  // namespace oneadapt
