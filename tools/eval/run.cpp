// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/run.h"

#include <gst/gst.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <gst/video/video.h>

#include <algorithm>
#include <climits>
#include <cmath>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <thread>

#include "eval/clip_source.h"
#include "eval/lossy_feedback.h"
#include "eval/pads.h"
#include "eval/schedule.h"
#include "eval/second_pass.h"
#include "eval/stills.h"
#include "eval/taps.h"
#include "gstoneadapt.h"

namespace oneadapt::eval {
namespace {

double number(const GstStructure *s, const char *name, double otherwise) {
  double v = otherwise;
  gst_structure_get_double(s, name, &v);
  return v;
}

IntervalRow row_of(const GstStructure *s, double interval_seconds) {
  IntervalRow row;
  row.seconds = interval_seconds;
  guint64 v = 0;
  if (gst_structure_get_uint64(s, "interval", &v)) row.interval = v;
  if (gst_structure_get_uint64(s, "bytes", &v)) row.bytes = v;
  gboolean feedback = FALSE;
  gst_structure_get_boolean(s, "feedback", &feedback);
  row.feedback = feedback;
  guint objects = 0;
  gst_structure_get_uint(s, "confident", &objects);
  row.objects = objects;
  row.z = number(s, "z", 0);
  row.measured_resource = number(s, "measured-resource", -1);
  row.predicted_resource = number(s, "predicted-resource", -1);
  const GValue *knobs = gst_structure_get_value(s, "knobs");
  for (guint i = 0; knobs && i < gst_value_list_get_size(knobs); ++i) {
    const GstStructure *k = gst_value_get_structure(gst_value_list_get_value(knobs, i));
    KnobValue value;
    value.name = gst_structure_get_string(k, "name");
    value.value = number(k, "value", 0);
    value.output_grad_up = number(k, "output-grad-up", -1);
    value.output_grad_down = number(k, "output-grad-down", -1);
    value.acc_grad_up = number(k, "acc-grad-up", 0);
    value.acc_grad_down = number(k, "acc-grad-down", 0);
    value.resource_change_up = number(k, "resource-change-up", 0);
    value.resource_change_down = number(k, "resource-change-down", 0);
    value.next = number(k, "next", value.value);
    row.knobs.push_back(value);
  }
  return row;
}

bool have_overlay() {
  GstElementFactory *overlay = gst_element_factory_find("oneadaptoverlay");
  if (overlay) gst_object_unref(overlay);
  return overlay;
}

/// Buffers of 20 ms, so that none goes across the end of an interval: a controller in lockstep holds whole ones back.
const char kSoundLaunch[] =
    "filesrc name=source ! decodebin ! audioconvert ! capsfilter name=caps ! "
    "audiobuffersplit output-buffer-duration=1/50 ! oneadaptctl name=ctl lockstep=true ! "
    "oneadaptaudiofilter name=filter ! oneadaptdnn name=dnn ! fakesink name=sink async=false";

/// What a words message says goes to the interval that each word begins in.
void add_words(const GstStructure *s, GstClockTime interval, std::vector<FrameResult> &results) {
  const GValue *words = gst_structure_get_value(s, "words");
  for (guint i = 0; words && i < gst_value_list_get_size(words); ++i) {
    const GstStructure *w = gst_value_get_structure(gst_value_list_get_value(words, i));
    guint64 start = 0;
    gst_structure_get_uint64(w, "start", &start);
    const std::uint64_t begin = start / interval * interval;
    auto place =
        std::find_if(results.begin(), results.end(), [&](const FrameResult &f) { return f.stream_time >= begin; });
    if (place == results.end() || place->stream_time != begin) {
      place = results.insert(place, FrameResult{});
      place->stream_time = begin;
    }
    place->words.push_back({gst_structure_get_string(w, "word"), double(start) / GST_SECOND});
  }
}

Ref<GstElement> build(const RunOptions &o) {
  if (o.sound && !o.source.empty()) throw RunError("a source of one's own is for pictures");
  std::string launch = (o.source.empty() ? kClipSource : o.source) + " ! videorate ! capsfilter name=caps ! " +
                       (o.second_pass ? PassOverlay::camera() : "") +
                       "oneadaptctl name=ctl lockstep=true ! oneadaptfilter name=filter ! " +
                       (o.raw ? "video/x-raw ! " : "h264parse ! avdec_h264 max-threads=1 ! ") +
                       (o.second_pass ? PassOverlay::server() : "");
  launch += "videoconvert ! oneadaptdnn name=dnn ! ";
  // The overlay is a plugin of its own: without it the video has no boxes, and there are no stills.
  const std::string branch = "t. ! queue max-size-buffers=0 max-size-bytes=0 max-size-time=0 ";
  const std::string overlay = "oneadaptoverlay gradient=true gradient-opacity=0.3 ! ";
  const bool stills = o.stills > 0 && have_overlay();
  if (!o.video_location.empty() || stills) launch += "tee name=t ";
  // All frames at the clip's size, whatever `scale` is: text and lines are drawn for that size, and a muxer takes no
  // other caps later.
  const std::string scaled = "! videoconvertscale ! capsfilter name=";
  if (!o.video_location.empty())
    launch += branch + scaled + "size ! " + (have_overlay() ? overlay : "") +
              "videoconvert ! x264enc tune=zerolatency speed-preset=veryfast pass=quant quantizer=18 ! mp4mux ! "
              "filesink name=file async=false ";
  if (stills)
    launch += branch + "name=stills " + scaled + "still-size ! " + overlay +
              "videoconvert ! jpegenc quality=85 ! fakesink name=still-sink async=false sync=false ";
  if (!o.video_location.empty() || stills) launch += "t. ! ";
  launch += "fakesink name=sink async=false";
  if (o.sound) launch = kSoundLaunch;
  GError *error = nullptr;
  Ref<GstElement> pipeline(gst_parse_launch(launch.c_str(), &error));
  if (error) {
    const std::string text = error->message;
    g_clear_error(&error);
    throw RunError("the pipeline cannot be built: " + text + " (is everything installed, and GST_PLUGIN_PATH set?)");
  }
  return pipeline;
}

void set(GstElement *pipeline, const char *element, const char *property, const std::string &value) {
  Ref<GstElement> e(gst_bin_get_by_name(GST_BIN(pipeline), element));
  if (!g_object_class_find_property(G_OBJECT_GET_CLASS(e.get()), property))
    throw RunError(std::string(element) + " has no property \"" + property + "\"");
  gst_util_set_object_arg(G_OBJECT(e.get()), property, value.c_str());
}

void start_value(GstElement *pipeline, const char *element, const std::string &knob, double value) {
  Ref<GstElement> filter(gst_bin_get_by_name(GST_BIN(pipeline), element));
  if (!g_object_class_find_property(G_OBJECT_GET_CLASS(filter.get()), knob.c_str()))
    throw RunError("there is no knob \"" + knob + "\" to start with");
  GValue v = G_VALUE_INIT;
  g_value_init(&v, G_TYPE_DOUBLE);
  g_value_set_double(&v, value);
  g_object_set_property(G_OBJECT(filter.get()), knob.c_str(), &v);  // an integer property takes it rounded
  g_value_unset(&v);
}

/// As short as it goes: an integer property does not take "44.000000".
std::string text(double value) {
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];
  return g_ascii_formatd(buffer, sizeof buffer, "%.12g", value);
}

/// Of words there are no uncertain ones.
bool keeps_uncertain(const RunOptions &o) { return o.uncertain_from > 0 && !o.gradient && !o.sound; }

/// The DNN's threshold where the options set it; else the model's holds.
std::optional<double> own_threshold(const RunOptions &o) {
  const auto set = o.properties.find("dnn.threshold");
  const double value = set == o.properties.end() ? -1 : g_ascii_strtod(set->second.c_str(), nullptr);
  return value >= 0 ? std::optional(value) : std::nullopt;
}

/// Moves what is below the threshold from the results to `uncertain`.
void split_results(const RunOptions &o, RunResult &result) {
  for (FrameResult &frame : result.results) {
    FrameResult below{frame.stream_time, {}};
    auto &boxes = frame.boxes;
    const auto uncertain = std::stable_partition(boxes.begin(), boxes.end(),
                                                 [&](const ScoredBox &b) { return b.score >= result.threshold; });
    std::copy_if(uncertain, boxes.end(), std::back_inserter(below.boxes),
                 [&](const ScoredBox &b) { return b.score >= o.uncertain_from; });
    boxes.erase(uncertain, boxes.end());
    result.uncertain.push_back(std::move(below));
  }
}

void configure(GstElement *p, const RunOptions &o) {
  if (o.source.empty()) set(p, "source", "location", o.clip);
  set(p, "dnn", "model", o.model);
  set(p, "dnn", "classes", o.classes);
  set(p, "dnn", "device", o.device);
  set(p, "dnn", "threads", std::to_string(o.threads ? o.threads : std::max(1u, std::thread::hardware_concurrency())));
  set(p, "dnn", "gradient", o.gradient ? "true" : "false");
  if (!o.results_location.empty()) set(p, "dnn", "results-location", o.results_location);
  set(p, "ctl", "policy", o.policy);
  set(p, "ctl", "policy-file", o.policy_file);
  set(p, "ctl", "lambda", text(o.lambda));
  set(p, "ctl", "alpha", text(o.alpha));
  set(p, "ctl", "smoothing", text(o.smoothing));
  set(p, "ctl", "knobs", o.knobs);
  // What is lost is not waited for: it is there, or not, once the interval's data has been through.
  if (o.feedback_loss > 0) set(p, "ctl", "lockstep-timeout", "0");
  if (!o.start.empty()) set(p, "ctl", "warm-start", "false");
  const std::string interval = std::to_string(std::llround(o.interval * GST_SECOND));
  for (const char *element : {"ctl", "filter", "dnn"}) set(p, element, "interval", interval);
  for (const auto &[name, value] : o.properties) {
    const auto dot = name.find('.');
    set(p, name.substr(0, dot).c_str(), name.substr(dot + 1).c_str(), value);
    if (o.second_pass && name.substr(0, dot) == "filter") set(p, "first", name.substr(dot + 1).c_str(), value);
  }
  if (keeps_uncertain(o)) set(p, "dnn", "threshold", text(std::min(o.uncertain_from, own_threshold(o).value_or(1))));
  for (const auto &[name, value] : o.start) {
    start_value(p, "filter", name, value);
    if (o.second_pass) start_value(p, "first", name, value);
  }
  if (o.second_pass) start_value(p, "first", "qp", o.second_pass->first_qp);
  set(p, "caps", "caps", o.sound ? "audio/x-raw,format=S16LE,channels=1,layout=interleaved" : raw_caps(o.fps));
  if (!o.video_location.empty()) set(p, "file", "location", o.video_location);
}

/// Ends the stream in front of the first frame that is not within `seconds`; pins the size of the written video once
/// the clip's caps are known.
struct Limits {
  double seconds;
  GstElement *pipeline;
  bool begun = false, ended = false;
  unsigned width = 0, height = 0;
  GstVideoInfo written;  ///< size and pixel aspect ratio of the written video, once `width` is known
};
GstPadProbeReturn on_limit(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
  auto *limits = static_cast<Limits *>(data);
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  limits->begun = true;
  const GstClockTime time = stream_time(pad, buffer);
  const bool shown = GST_CLOCK_TIME_IS_VALID(time);  // an edit list may cut frames off
  // Half a millisecond: time stamps are rounded.
  if (shown && (limits->seconds <= 0 || double(time) < limits->seconds * GST_SECOND - 5e5)) return GST_PAD_PROBE_OK;
  if (shown && !limits->ended) {
    limits->ended = true;
    GstPad *peer = gst_pad_get_peer(pad);
    gst_pad_send_event(peer, gst_event_new_eos());
    gst_object_unref(peer);
  }
  gst_buffer_unref(buffer);
  GST_PAD_PROBE_INFO_DATA(info) = nullptr;
  GST_PAD_PROBE_INFO_FLOW_RETURN(info) = shown ? GST_FLOW_EOS : GST_FLOW_OK;
  return GST_PAD_PROBE_HANDLED;
}
/// The caps of the clip's first frame: a clip that lies on its side has others in front of them, before its tags come.
GstPadProbeReturn on_caps(GstPad *, GstPadProbeInfo *info, gpointer data) {
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
  auto *limits = static_cast<Limits *>(data);
  if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS || limits->begun) return GST_PAD_PROBE_OK;
  GstCaps *caps;
  gst_event_parse_caps(event, &caps);
  GstVideoInfo &video = limits->written;
  if (!gst_video_info_from_caps(&video, caps)) return GST_PAD_PROBE_OK;
  limits->width = unsigned(video.width);
  limits->height = unsigned(video.height);
  // H.264 of 4:2:0 has even sides only.
  video.width = std::max(2, video.width & ~1);
  video.height = std::max(2, video.height & ~1);
  for (const char *name : {"size", "still-size"}) {
    Ref<GstElement> size(gst_bin_get_by_name(GST_BIN(limits->pipeline), name));
    if (!size) continue;
    GstCaps *fixed = gst_caps_new_simple("video/x-raw", "width", G_TYPE_INT, video.width, "height", G_TYPE_INT,
                                         video.height, "format", G_TYPE_STRING, "I420", "pixel-aspect-ratio",
                                         GST_TYPE_FRACTION, video.par_n, video.par_d, nullptr);
    g_object_set(size.get(), "caps", fixed, nullptr);
    gst_caps_unref(fixed);
  }
  return GST_PAD_PROBE_OK;
}

/// Behind the DNN. At each scale the picture is the whole clip's, but its sides are rounded, and a scaler would make up
/// for that with borders, which results do not follow: with this pixel aspect ratio there is nothing to make up for.
GstPadProbeReturn on_scaled_caps(GstPad *, GstPadProbeInfo *info, gpointer data) {
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
  const GstVideoInfo &written = static_cast<Limits *>(data)->written;
  if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS) return GST_PAD_PROBE_OK;
  GstCaps *caps;
  gst_event_parse_caps(event, &caps);
  GstVideoInfo video;
  gint across_n, across_d, n, d;
  if (!gst_video_info_from_caps(&video, caps) ||
      !gst_util_fraction_multiply(written.width, video.width, written.par_n, written.par_d, &across_n, &across_d) ||
      !gst_util_fraction_multiply(across_n, across_d, video.height, written.height, &n, &d))
    return GST_PAD_PROBE_OK;
  caps = gst_caps_copy(caps);
  gst_caps_set_simple(caps, "pixel-aspect-ratio", GST_TYPE_FRACTION, n, d, nullptr);
  GST_PAD_PROBE_INFO_DATA(info) = gst_event_new_caps(caps);
  gst_caps_unref(caps);
  gst_event_unref(event);
  return GST_PAD_PROBE_OK;
}

/// Returns the model's own threshold.
double read_stats(GstElement *pipeline, RunResult &result) {
  auto stats = [&](const char *element) {
    Ref<GstElement> e(gst_bin_get_by_name(GST_BIN(pipeline), element));
    GstStructure *s = nullptr;
    g_object_get(e.get(), "stats", &s, nullptr);
    return std::unique_ptr<GstStructure, decltype(&gst_structure_free)>(s, gst_structure_free);
  };
  auto count = [](const GstStructure *s, const char *name) {
    guint64 v = 0;
    gst_structure_get_uint64(s, name, &v);
    return v;
  };
  const auto dnn = stats("dnn"), filter = stats("filter");
  if (const gchar *device = gst_structure_get_string(dnn.get(), "device")) result.device = device;
  result.inferences = count(dnn.get(), "inferences");
  result.gradients = count(dnn.get(), "gradients");
  result.inference_s = double(count(dnn.get(), "inference-time")) / GST_SECOND;
  result.gradient_s = double(count(dnn.get(), "gradient-time")) / GST_SECOND;
  result.encode_s = double(count(filter.get(), "encode-time")) / GST_SECOND;
  result.probe_s = double(count(filter.get(), "probe-time")) / GST_SECOND;
  Ref<GstElement> tunable(gst_bin_get_by_name(GST_BIN(pipeline), "filter"));
  GPtrArray *knobs = gst_oneadapt_tunable_list_knobs(GST_ONEADAPT_TUNABLE(tunable.get()));
  for (guint i = 0; i < knobs->len; ++i) {
    const auto *knob = static_cast<GstOneadaptKnob *>(knobs->pdata[i]);
    result.ladders[knob->name].assign(knob->ladder, knob->ladder + knob->n_ladder);
    if (!knob->typical_accuracy || !knob->typical_resource) continue;
    result.typical_accuracy[knob->name].assign(knob->typical_accuracy, knob->typical_accuracy + knob->n_ladder);
    result.typical_resource[knob->name].assign(knob->typical_resource, knob->typical_resource + knob->n_ladder);
  }
  g_ptr_array_unref(knobs);
  return number(dnn.get(), "model-threshold", 0);
}

/// Without a gradient nothing is decided at the end of a stream. What was in force in its last interval may be either
/// of two that were decided on: the filter of sound says which.
void read_last_interval(GstElement *filter, std::size_t intervals, RunResult &result) {
  if (result.intervals.empty() || result.intervals.back().interval + 1 >= intervals) return;
  for (KnobValue &knob : result.intervals.back().knobs) {
    gint value = 0;
    g_object_get(filter, knob.name.c_str(), &value, nullptr);
    knob.next = value;
  }
}

}  // namespace

std::string raw_caps(double fps) {
  std::string caps = "video/x-raw,format=I420";
  if (fps > 0) {
    gint n, d;
    gst_util_double_to_fraction(fps, &n, &d);
    caps += ",framerate=" + std::to_string(n) + "/" + std::to_string(d);
  }
  return caps;
}

void keep_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, INT_MAX);
#endif
}

RunResult run(const RunOptions &options, const std::function<void(const IntervalRow &)> &on_interval) {
  Ref<GstElement> pipeline = build(options);
  configure(pipeline.get(), options);
  Taps taps;
  taps.keep_gradients = options.keep_gradients;
  const Ref<GstElement> filter(gst_bin_get_by_name(GST_BIN(pipeline.get()), "filter"));
  if (options.sound) taps.filter = filter.get();
  if (options.sound) taps.interval = GstClockTime(std::llround(options.interval * GST_SECOND));
  Limits limits{options.seconds, pipeline.get(), false, false, 0, 0, {}};
  PassOverlay overlay(options.second_pass);
  if (options.second_pass) overlay.tap(GST_BIN(pipeline.get()));
  // What a second pass leaves out came in all the same.
  tap(GST_BIN(pipeline.get()), options.second_pass ? "camera" : "ctl", "sink", on_input, &taps);
  tap(GST_BIN(pipeline.get()), "filter", "src", on_bytes, &taps);
  if (!options.sound) tap(GST_BIN(pipeline.get()), "dnn", "src", on_result, &taps);
  tap(GST_BIN(pipeline.get()), "filter", "src", on_feedback, &taps, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM);
  tap(GST_BIN(pipeline.get()), "dnn", "src", on_scaled_caps, &limits, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM);
  tap(GST_BIN(pipeline.get()), "upright", "src", forget_orientation, nullptr, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM);
  Schedule schedule(options.schedule);
  schedule.tap(GST_BIN(pipeline.get()));
  LossyFeedback lossy(options.feedback_loss, options.seed);
  lossy.tap(GST_BIN(pipeline.get()));
  Stills stills(options.stills);
  stills.tap(GST_BIN(pipeline.get()));
  {
    Ref<GstElement> source(gst_bin_get_by_name(GST_BIN(pipeline.get()), "caps"));
    Ref<GstPad> pad(gst_element_get_static_pad(source.get(), "src"));
    gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_caps, &limits, nullptr);
    gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, on_limit, &limits, nullptr);
    Ref<GstElement> sink(gst_bin_get_by_name(GST_BIN(pipeline.get()), "sink"));
    g_object_set(sink.get(), "sync", FALSE, nullptr);
  }
  Ref<GstBus> bus(gst_element_get_bus(pipeline.get()));
  RunResult result;
  std::vector<FrameResult> words;
  std::string failure;
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  for (bool going = true; going;) {
    GstMessage *m = gst_bus_timed_pop_filtered(
        bus.get(), GST_CLOCK_TIME_NONE,
        GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_ELEMENT | GST_MESSAGE_WARNING));
    switch (GST_MESSAGE_TYPE(m)) {
      case GST_MESSAGE_EOS:
        going = false;
        break;
      case GST_MESSAGE_ERROR: {
        GError *error = nullptr;
        gchar *debug = nullptr;
        gst_message_parse_error(m, &error, &debug);
        failure = std::string(GST_OBJECT_NAME(GST_MESSAGE_SRC(m))) + ": " + error->message;
        g_clear_error(&error);
        g_free(debug);
        going = false;
        break;
      }
      case GST_MESSAGE_WARNING: {
        GError *error = nullptr;
        gst_message_parse_warning(m, &error, nullptr);
        result.warnings.push_back(std::string(GST_OBJECT_NAME(GST_MESSAGE_SRC(m))) + ": " + error->message);
        g_clear_error(&error);
        break;
      }
      default: {
        const GstStructure *s = gst_message_get_structure(m);
        if (s && options.sound && gst_structure_has_name(s, "oneadapt-words")) add_words(s, taps.interval, words);
        if (s && gst_structure_has_name(s, "oneadapt-decision")) {
          result.intervals.push_back(row_of(s, options.interval));
          if (on_interval) on_interval(result.intervals.back());
        }
      }
    }
    gst_message_unref(m);
  }
  const double model_threshold = failure.empty() ? read_stats(pipeline.get(), result) : 0;
  if (options.sound) read_last_interval(filter.get(), taps.input.size(), result);
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  if (!failure.empty()) throw RunError(failure);
  if (!schedule.problem().empty()) throw RunError("a schedule cannot be kept: " + schedule.problem());
  if (taps.input.empty()) throw RunError("no frame came out of \"" + options.clip + "\": is it a video clip?");
  result.sound = options.sound;
  result.input = std::move(taps.input);
  result.results = std::move(taps.results);
  if (options.sound) {
    for (std::uint64_t time : result.input) {
      const auto found =
          std::find_if(words.begin(), words.end(), [&](const FrameResult &f) { return f.stream_time == time; });
      FrameResult heard;
      heard.stream_time = time;
      if (found != words.end()) heard.words = found->words;
      result.results.push_back(std::move(heard));
    }
    result.envelope = std::move(taps.envelope);
  }
  if (!options.per_class)
    for (FrameResult &frame : result.results) frame.boxes = of_interest(frame.boxes);
  if (overlay.lost()) throw RunError("a picture of the first pass was lost: is avdec_h264 GStreamer's own?");
  result.threshold = own_threshold(options).value_or(model_threshold);
  if (keeps_uncertain(options) && !own_threshold(options) && model_threshold < options.uncertain_from) {
    RunOptions plain = options;  // a model that is sure of less than that
    plain.uncertain_from = 0;
    RunResult all = run(plain, on_interval);
    for (const FrameResult &frame : all.results) all.uncertain.push_back({frame.stream_time, {}});
    return all;
  }
  if (keeps_uncertain(options)) split_results(options, result);
  result.packets = std::move(taps.packets);
  for (const Packet &packet : result.packets) result.bytes += packet.bytes;
  result.feedback_bytes = taps.feedback_bytes;
  result.gradient_maps = std::move(taps.gradient_maps);
  result.width = limits.width;
  result.height = limits.height;
  result.stills = stills.chosen();
  if (options.sound)
    result.seconds = double(taps.sound_end - result.input.front()) / GST_SECOND;
  else
    result.seconds = double(result.input.back() - result.input.front() + taps.frame_duration) / GST_SECOND;
  return result;
}

}  // namespace oneadapt::eval
