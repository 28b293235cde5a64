// SPDX-License-Identifier: LGPL-2.1-or-later
#include "run.h"

#include <chrono>
#include <cstring>
#include <numeric>
#include <utility>

#include "audio/recogniser.h"
#include "model/sequence_model.h"
#include "video/detector.h"

GST_DEBUG_CATEGORY_EXTERN(oneadaptdnn_debug);
#define GST_CAT_DEFAULT oneadaptdnn_debug

namespace oneadapt {
namespace {

constexpr std::size_t kRecent = 10;

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
    case Kind::NotFinite:
      GST_ELEMENT_ERROR(element, STREAM, FAILED, ("Property \"model\": %s.", what), (nullptr));
      break;
  }
}

std::unique_ptr<Run> Run::start(GstElement *element, GstPad *sink, GstPad *src, const RunSettings &settings) {
  std::unique_ptr<Run> run;
  try {
    if (read_description(settings.model)->task == "ctc")
      run = std::make_unique<Recogniser>(element, sink, src, settings);
    else
      run = std::make_unique<Detector>(element, sink, src, settings);
  } catch (const ModelError &e) {
    post_model_error(element, e.kind(), e.what());
    return nullptr;
  } catch (const std::exception &e) {
    GST_ELEMENT_ERROR(element, LIBRARY, INIT, ("Property \"model\": it cannot be loaded: %s.", e.what()), (nullptr));
    return nullptr;
  }
  if (!run->open(settings)) return nullptr;
  return run;
}

bool Run::open(const RunSettings &settings) {
  results_location_ = settings.results_location;
  GError *error = nullptr;
  feedback_.reset(gst_oneadapt_feedback_new_sender(settings.feedback.c_str(), &error));
  if (!feedback_) {
    GST_ELEMENT_ERROR(
        element_, RESOURCE, OPEN_WRITE,
        ("Property \"feedback\": gradients cannot go to \"%s\": %s.", settings.feedback.c_str(), error->message),
        (nullptr));
    g_clear_error(&error);
    return false;
  }
  remote_ = g_str_has_prefix(settings.feedback.c_str(), "udp:") || g_str_has_prefix(settings.feedback.c_str(), "tcp:");
  GST_INFO_OBJECT(element_, "inference on %s (%s)", stats_.device.c_str(), stats_.device_reason.c_str());
  if (!settings.results_location.empty()) {
    if (const int code = results_.open(settings.results_location, settings.append_results)) {
      post_results_error(element_, settings.results_location, "open", code);
      return false;
    }
  }
  return true;
}

void Run::note_inference(guint64 took) {
  recent_.push_back(took);
  if (recent_.size() > kRecent) recent_.pop_front();
  std::lock_guard<std::mutex> lock(stats_mutex_);
  ++stats_.inferences;
  stats_.inference_time += took;
  stats_.latency = std::accumulate(recent_.begin(), recent_.end(), guint64(0)) / recent_.size();
}

void Run::note_gradient(guint64 took, const std::string &why, GstClockTime stream_time) {
  {
    std::lock_guard<std::mutex> lock(stats_mutex_);
    stats_.gradient_time += took;
    ++(why.empty() ? stats_.gradients : stats_.failed_gradients);
  }
  if (why.empty()) return;
  GST_WARNING_OBJECT(element_, "no gradient at %" GST_TIME_FORMAT ": %s", GST_TIME_ARGS(stream_time), why.c_str());
  if (!std::exchange(warned_gradient_, true))
    GST_ELEMENT_WARNING(element_, STREAM, FAILED,
                        ("Property \"model\": %s. Results go on, without this gradient.", why.c_str()),
                        ("said once a run; see failed-gradients in \"stats\""));
}

void Run::note_profile(guint64 took) {
  std::lock_guard<std::mutex> lock(stats_mutex_);
  ++stats_.profile_inferences;
  stats_.profile_time += took;
}

void Run::note_frame(guint objects) {
  const gint64 now = g_get_monotonic_time();
  if (first_frame_ < 0) first_frame_ = now;
  std::lock_guard<std::mutex> lock(stats_mutex_);
  ++stats_.frames;
  stats_.objects = objects;
  stats_.objects_total += objects;
  if (now > first_frame_) stats_.throughput = double(stats_.frames - 1) * 1e6 / double(now - first_frame_);
}

void Run::warn_of_no_time(const char *what) {
  if (std::exchange(warned_time_, true)) return;
  GST_ELEMENT_WARNING(element_, STREAM, FAILED,
                      ("%s; let the source stamp them in a time segment, or set gradient=false.", what),
                      ("segment format %s", gst_format_get_name(segment_.format)));
}

void Run::finish() {
  if (const int error = results_.close()) {
    if (!failed_) post_results_error(element_, results_location_, "complete", error);
    failed_ = true;
  }
}

bool Run::write_line(const std::string &line) {
  if (const int error = results_.write(line)) {
    post_results_error(element_, results_location_, "write", error);
    return false;
  }
  return true;
}

/// Without marks a camera in another process cannot know what a gradient is about, and ignores it.
void Run::warn_of_no_marks() {
  if (std::exchange(warned_marks_, true)) return;
  GST_ELEMENT_WARNING(element_, STREAM, FAILED,
                      ("Frames do not say which interval they belong to, so gradients mean nothing to a camera in "
                       "another process; put h264parse in front of the decoder."),
                      ("marks come with H.264 from oneadaptfilter (interval-marks=auto or on), as user data that "
                       "h264parse attaches to buffers and decoders and converters pass on; to silence this: "
                       "feedback=off"));
}

std::vector<PlacedGradient> Run::place(const Gradient &gradient) {
  std::vector<PlacedGradient> own;
  own.push_back({PadRef(GST_PAD(gst_object_ref(sink_))), gradient, false});
  return own;
}

/// An event to be pushed upstream on `pad`; null (with a critical) for a gradient that is none.
GstEvent *Run::gradient_event(const Gradient &gradient, GstPad *pad) const {
  const BlockMap &map = gradient.map;
  GstOneadaptGradient *message = gst_oneadapt_gradient_new(map.frame_width, map.frame_height, map.block_size);
  message->interval = gradient.interval;
  message->interval_duration = gradient.interval_duration;
  message->stream_time = gradient.stream_time;
  message->stream = camera_.known() ? camera_.mark().stream : gst_oneadapt_pad_stream(pad);
  message->z = gradient.z;
  message->elements = gradient.elements;
  message->confident = gradient.confident;
  message->theta = gradient.theta;
  message->slope = gradient.slope;
  message->early = gradient.early;
  if (camera_.known()) message->max_bytes = camera_.mark().feedback_bytes;
  std::memcpy(message->values, map.values.data(), map.values.size() * sizeof(gfloat));
  std::vector<GstOneadaptRegion> regions;
  for (const Box &box : gradient.regions) regions.push_back({box.x0, box.y0, box.x1, box.y1});
  gst_oneadapt_gradient_set_regions(message, regions.data(), guint(regions.size()));
  GstEvent *event = gst_event_new_oneadapt_gradient(message);
  gst_oneadapt_gradient_free(message);
  return event;
}

void Run::send_gradient(Gradient gradient, guint64 interval, GstClockTime stream_time) {
  gradient.interval = interval;
  gradient.interval_duration = interval_;
  gradient.stream_time = stream_time;
  {
    std::lock_guard<std::mutex> lock(stats_mutex_);
    stats_.z = gradient.z;
    stats_.elements = gradient.elements;
    stats_.interval = interval;
  }
  GST_DEBUG_OBJECT(element_, "interval %" G_GUINT64_FORMAT ": z %.3f of %u elements, %u confident", interval,
                   gradient.z, gradient.elements, gradient.confident);
  GstEvent *own = gradient_event(gradient, sink_);
  if (!own) return;
  const bool remote = gst_oneadapt_feedback_attach(feedback_.get(), sink_) > 0 || remote_;
  if (remote && !camera_.known()) warn_of_no_marks();
  const std::vector<PlacedGradient> placed = place(gradient);
  bool taken = false;
  for (const PlacedGradient &p : placed) {
    const bool same = p.sink.get() == sink_ && !p.moved;
    GstEvent *event = same ? gst_event_ref(own) : gradient_event(p.gradient, p.sink.get());
    if (!event) continue;
    // Cameras behind a mixer cannot be told apart: its pictures carry no marks.
    if (placed.size() == 1)
      taken = gst_oneadapt_feedback_send(feedback_.get(), gst_event_get_oneadapt_gradient_message(event)) || taken;
    taken = gst_pad_push_event(p.sink.get(), event) || taken;
  }
  if (taken)
    note_placed();
  else
    GST_DEBUG_OBJECT(element_, "nobody upstream took the gradient");
  // Feedback first; then downstream too, for who shows it, in time for the next frame.
  gst_pad_push_event(src_, gst_event_new_oneadapt_gradient_echo(own));
  gst_event_unref(own);
}

RunStats Run::stats() const {
  GstStructure *feedback = gst_oneadapt_feedback_get_stats(feedback_.get());
  std::lock_guard<std::mutex> lock(stats_mutex_);
  RunStats stats = stats_;
  stats.feedback = std::shared_ptr<GstStructure>(feedback, gst_structure_free);
  return stats;
}

}  // namespace oneadapt
