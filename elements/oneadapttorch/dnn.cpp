// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-oneadaptdnn
 * @title: oneadaptdnn
 *
 * Detects objects with a self-describing TorchScript model (see docs/models.md). Buffers pass through untouched but for
 * one #GstVideoRegionOfInterestMeta a detected object, as DL Streamer attaches them: `roi_type` is the label, param
 * `detection` holds `x_min`, `x_max`, `y_min`, `y_max` (of the frame, 0 to 1), `confidence` and `label_id`.
 *
 * Once an adaptation interval, on its last frame, it runs the forward pass with autograd, pushes the buffer downstream,
 * then backpropagates the output utility to its input (DNNGrad, paper §3.3, §4.3) and sends the result upstream in a
 * gradient event (gst_event_new_oneadapt_gradient()), and downstream for who shows it
 * (gst_event_new_oneadapt_gradient_downstream()). Intervals are counted in stream time. A frame is the last of
 * its interval when it lasts until the boundary; where frames do not say how long they last (neither buffer duration
 * nor framerate), or the last one was lost, the gradient is taken on the next interval's first frame and carries the
 * number of the interval that it is for.
 *
 * It answers a controller's profile query (gst_query_new_oneadapt_profile()): F1 of other configurations' results
 * against the most expensive one's. Frames of the stream go first.
 *
 * A gradient that is not finite gives a warning message and no event. Frames without stream time get results only.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=clips/vtest.avi ! decodebin ! videoconvert ! oneadaptdnn model=models/nanodet.pt
 * classes=person results-location=results.jsonl ! fakesink
 * ]|
 */
// Locks: OBJECT_LOCK guards Settings, the pointer to the Detector and the last run's numbers; a leaf: nothing is called
// under it. The Detector belongs to the streaming thread while the pads are active; a profile (a query, from any
// thread) has its model for one picture at a time.
#include "dnn.h"

#include <gst/video/video.h>

#include <memory>
#include <utility>

#include "config.h"
#include "detector.h"

GST_DEBUG_CATEGORY(oneadaptdnn_debug);
#define GST_CAT_DEFAULT oneadaptdnn_debug

namespace {

using oneadapt::Detector;
using oneadapt::DetectorSettings;
using oneadapt::DetectorStats;
using oneadapt::InputSize;

enum {
  PROP_0,
  PROP_MODEL,
  PROP_DEVICE,
  PROP_THRESHOLD,
  PROP_CLASSES,
  PROP_LABELS_FILE,
  PROP_THREADS,
  PROP_INTERVAL,
  PROP_GRADIENT,
  PROP_INPUT_SIZE,
  PROP_INFERENCE_INTERVAL,
  PROP_RESULTS_LOCATION,
  PROP_LATENCY,
  PROP_THROUGHPUT,
  PROP_STATS,
};

constexpr GstClockTime kLeastInterval = 10 * GST_MSECOND, kMostInterval = 3600 * GST_SECOND;

struct Private {
  // Under OBJECT_LOCK.
  DetectorSettings settings;
  std::string classes, input_size = "auto";
  double threshold = -1;
  std::shared_ptr<Detector> detector;  ///< while in PAUSED or PLAYING
  DetectorStats last_stats;            ///< of the run before
};

std::vector<std::string> split_list(const std::string &text) {
  std::vector<std::string> names;
  gchar **parts = g_strsplit(text.c_str(), ",", -1);
  for (gchar **part = parts; *part; ++part)
    if (*g_strstrip(*part)) names.emplace_back(*part);
  g_strfreev(parts);
  return names;
}

std::string string_of(const GValue *value) {
  const gchar *text = g_value_get_string(value);
  return text ? text : "";
}

}  // namespace

struct _GstOneadaptDnn {
  GstElement parent;
  GstPad *sink, *src;
  Private *p;
};
#define GST_TYPE_ONEADAPT_DNN (gst_oneadapt_dnn_get_type())
G_DECLARE_FINAL_TYPE(GstOneadaptDnn, gst_oneadapt_dnn, GST, ONEADAPT_DNN, GstElement)
G_DEFINE_TYPE(GstOneadaptDnn, gst_oneadapt_dnn, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(oneadaptdnn, "oneadaptdnn", GST_RANK_NONE, GST_TYPE_ONEADAPT_DNN)

#define DNN_CAPS                                                                                  \
  "video/x-raw, format = (string) { RGB, BGR, RGBx, BGRx, xRGB, xBGR, RGBA, BGRA, I420, NV12 }, " \
  "width = (int) [ 1, 16384 ], height = (int) [ 1, 16384 ], framerate = " GST_VIDEO_FPS_RANGE
static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(DNN_CAPS));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(DNN_CAPS));

/* ---- data ---------------------------------------------------------------------------------------------------- */

static std::shared_ptr<Detector> get_detector(GstOneadaptDnn *self) {
  GST_OBJECT_LOCK(self);
  std::shared_ptr<Detector> detector = self->p->detector;
  GST_OBJECT_UNLOCK(self);
  return detector;
}

static DetectorSettings copy_settings(GstOneadaptDnn *self) {
  GST_OBJECT_LOCK(self);
  DetectorSettings settings = self->p->settings;
  GST_OBJECT_UNLOCK(self);
  return settings;
}

static GstFlowReturn gst_oneadapt_dnn_chain(GstPad *pad, GstObject *parent, GstBuffer *buffer) {
  auto *self = GST_ONEADAPT_DNN(parent);
  const auto detector = get_detector(self);
  if (!detector) {
    gst_buffer_unref(buffer);
    return GST_FLOW_FLUSHING;
  }
  try {
    return detector->chain(buffer, copy_settings(self));
  } catch (const std::exception &e) {  // the model's own errors do not come this far; memory may run out
    GST_ELEMENT_ERROR(self, STREAM, FAILED, ("A frame cannot be analysed: %s.", e.what()), (nullptr));
    return GST_FLOW_ERROR;
  }
}

/// A controller's profile. In the asker's thread, while data flows.
static gboolean gst_oneadapt_dnn_sink_query(GstPad *pad, GstObject *parent, GstQuery *query) {
  if (!gst_query_is_oneadapt_profile(query)) return gst_pad_query_default(pad, parent, query);
  auto *self = GST_ONEADAPT_DNN(parent);
  guint count = 0;
  GstOneadaptRenderFunc render = nullptr;
  gpointer data = nullptr;
  const auto detector = get_detector(self);
  if (!detector || !gst_query_parse_oneadapt_profile(query, &count, &render, &data)) return FALSE;
  std::vector<double> accuracies;
  guint64 inferences = 0;
  if (!detector->profile(
          count, [&](guint index) { return render(index, data); }, copy_settings(self), accuracies, inferences))
    return FALSE;
  gst_query_set_oneadapt_profile_result(query, accuracies.data(), count, inferences);
  return TRUE;
}

static gboolean gst_oneadapt_dnn_sink_event(GstPad *pad, GstObject *parent, GstEvent *event) {
  const auto detector = get_detector(GST_ONEADAPT_DNN(parent));
  if (detector) {
    switch (GST_EVENT_TYPE(event)) {
      case GST_EVENT_CAPS: {
        GstCaps *caps = nullptr;
        gst_event_parse_caps(event, &caps);
        bool taken = false;
        try {
          taken = detector->set_caps(caps);
        } catch (const std::exception &e) {
          GST_ERROR_OBJECT(parent, "%s", e.what());
        }
        if (!taken) {
          GST_ERROR_OBJECT(parent, "cannot read %" GST_PTR_FORMAT, caps);
          gst_event_unref(event);
          return FALSE;
        }
        break;
      }
      case GST_EVENT_SEGMENT: {
        const GstSegment *segment = nullptr;
        gst_event_parse_segment(event, &segment);
        detector->set_segment(*segment);
        break;
      }
      case GST_EVENT_STREAM_START:
        detector->new_stream();
        break;
      case GST_EVENT_FLUSH_START:
        detector->call_off(false);
        break;
      case GST_EVENT_FLUSH_STOP:
        detector->flush();
        break;
      default:
        break;
    }
  }
  return gst_pad_event_default(pad, parent, event);
}

static bool start(GstOneadaptDnn *self) {
  GST_OBJECT_LOCK(self);
  const std::string input_size = self->p->input_size;
  GST_OBJECT_UNLOCK(self);
  InputSize parsed;
  if (!InputSize::parse(input_size, parsed)) {
    GST_ELEMENT_ERROR(
        self, RESOURCE, SETTINGS,
        ("Property \"input-size\": \"%s\" is no size; write auto, frame or WIDTHxHEIGHT.", input_size.c_str()),
        (nullptr));
    return false;
  }
  const DetectorSettings settings = copy_settings(self);
  std::shared_ptr<Detector> detector = Detector::start(GST_ELEMENT(self), self->sink, self->src, settings);
  if (!detector) return false;
  const DetectorStats stats = detector->stats();
  if (settings.model.device == "auto")
    GST_ELEMENT_INFO(self, RESOURCE, SETTINGS,
                     ("device=auto: inference runs on %s (%s).", stats.device.c_str(), stats.device_reason.c_str()),
                     (nullptr));
  GST_OBJECT_LOCK(self);
  self->p->detector = std::move(detector);
  GST_OBJECT_UNLOCK(self);
  return true;
}

static void stop(GstOneadaptDnn *self) {
  const auto detector = get_detector(self);
  if (!detector) return;
  detector->call_off(true);
  detector->finish();
  const DetectorStats stats = detector->stats();
  GST_OBJECT_LOCK(self);
  self->p->last_stats = stats;
  self->p->detector.reset();  // not the last reference: `detector` dies outside the lock
  GST_OBJECT_UNLOCK(self);
}

static GstStateChangeReturn gst_oneadapt_dnn_change_state(GstElement *element, GstStateChange transition) {
  auto *self = GST_ONEADAPT_DNN(element);
  try {
    if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !start(self)) return GST_STATE_CHANGE_FAILURE;
    const GstStateChangeReturn result =
        GST_ELEMENT_CLASS(gst_oneadapt_dnn_parent_class)->change_state(element, transition);
    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY ||
        (transition == GST_STATE_CHANGE_READY_TO_PAUSED && result == GST_STATE_CHANGE_FAILURE))
      stop(self);
    return result;
  } catch (const std::exception &e) {
    GST_ELEMENT_ERROR(self, LIBRARY, FAILED, ("The element cannot change its state: %s.", e.what()), (nullptr));
    return GST_STATE_CHANGE_FAILURE;
  }
}

/* ---- properties ---------------------------------------------------------------------------------------------- */

static void gst_oneadapt_dnn_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
  auto *self = GST_ONEADAPT_DNN(object);
  Private *p = self->p;
  std::string text;
  InputSize size;
  if (G_VALUE_HOLDS_STRING(value)) text = string_of(value);
  const bool good_size = id == PROP_INPUT_SIZE && InputSize::parse(text, size);

  GST_OBJECT_LOCK(self);
  const bool running = bool(p->detector);
  const bool refused = running && ((spec->flags & GST_PARAM_MUTABLE_READY) || (id == PROP_INPUT_SIZE && !good_size));
  if (!refused) {
    DetectorSettings &s = p->settings;
    switch (id) {
      case PROP_MODEL:
        s.model.path = text;
        break;
      case PROP_DEVICE:
        s.model.device = text.empty() ? "auto" : text;
        break;
      case PROP_THRESHOLD:
        p->threshold = g_value_get_double(value);
        s.model.threshold.reset();
        if (p->threshold >= 0) s.model.threshold = p->threshold;
        break;
      case PROP_CLASSES:
        p->classes = text;
        s.model.classes = split_list(text);
        break;
      case PROP_LABELS_FILE:
        s.model.labels_file = text;
        break;
      case PROP_THREADS:
        s.model.threads = g_value_get_uint(value);
        break;
      case PROP_INTERVAL:
        s.interval = g_value_get_uint64(value);
        break;
      case PROP_GRADIENT:
        s.gradient = g_value_get_boolean(value);
        break;
      case PROP_INPUT_SIZE:
        p->input_size = text;
        if (good_size) s.input_size = size;
        break;
      case PROP_INFERENCE_INTERVAL:
        s.inference_interval = g_value_get_uint(value);
        break;
      case PROP_RESULTS_LOCATION:
        s.results_location = text;
        break;
      default:
        break;
    }
  }
  GST_OBJECT_UNLOCK(self);
  if (id < PROP_MODEL || id > PROP_RESULTS_LOCATION) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  } else if (refused && id == PROP_INPUT_SIZE) {
    GST_ELEMENT_WARNING(
        self, RESOURCE, SETTINGS,
        ("Property \"input-size\": \"%s\" is no size and is ignored; write auto, frame or WIDTHxHEIGHT.", text.c_str()),
        (nullptr));
  } else if (refused) {
    GST_ELEMENT_WARNING(self, RESOURCE, SETTINGS,
                        ("Property \"%s\" can only change in state NULL or READY; it stays as it was.", spec->name),
                        (nullptr));
  }
}

static GstStructure *stats_structure(const DetectorStats &s) {
  return gst_structure_new("oneadaptdnn-stats", "frames", G_TYPE_UINT64, s.frames, "inferences", G_TYPE_UINT64,
                           s.inferences, "profile-inferences", G_TYPE_UINT64, s.profile_inferences, "profile-time",
                           G_TYPE_UINT64, s.profile_time, "gradients", G_TYPE_UINT64, s.gradients, "failed-gradients",
                           G_TYPE_UINT64, s.failed_gradients, "inference-time", G_TYPE_UINT64, s.inference_time,
                           "gradient-time", G_TYPE_UINT64, s.gradient_time, "objects", G_TYPE_UINT, s.objects,
                           "objects-total", G_TYPE_UINT64, s.objects_total, "z", G_TYPE_DOUBLE, s.z, "elements",
                           G_TYPE_UINT, s.elements, "interval", G_TYPE_UINT64, s.interval, "device", G_TYPE_STRING,
                           s.device.c_str(), "device-reason", G_TYPE_STRING, s.device_reason.c_str(), nullptr);
}

static void gst_oneadapt_dnn_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
  auto *self = GST_ONEADAPT_DNN(object);
  GST_OBJECT_LOCK(self);
  const DetectorSettings s = self->p->settings;
  const std::string classes = self->p->classes, input_size = self->p->input_size;
  const double threshold = self->p->threshold;
  const std::shared_ptr<Detector> detector = self->p->detector;
  DetectorStats stats = self->p->last_stats;
  GST_OBJECT_UNLOCK(self);
  if (detector) stats = detector->stats();
  const auto put = [&](const std::string &text) { g_value_set_string(value, text.empty() ? nullptr : text.c_str()); };
  switch (id) {
    case PROP_MODEL:
      return put(s.model.path);
    case PROP_DEVICE:
      return put(s.model.device);
    case PROP_THRESHOLD:
      return g_value_set_double(value, threshold);
    case PROP_CLASSES:
      return put(classes);
    case PROP_LABELS_FILE:
      return put(s.model.labels_file);
    case PROP_THREADS:
      return g_value_set_uint(value, s.model.threads);
    case PROP_INTERVAL:
      return g_value_set_uint64(value, s.interval);
    case PROP_GRADIENT:
      return g_value_set_boolean(value, s.gradient);
    case PROP_INPUT_SIZE:
      return put(input_size);
    case PROP_INFERENCE_INTERVAL:
      return g_value_set_uint(value, s.inference_interval);
    case PROP_RESULTS_LOCATION:
      return put(s.results_location);
    case PROP_LATENCY:
      return g_value_set_uint64(value, stats.latency);
    case PROP_THROUGHPUT:
      return g_value_set_double(value, stats.throughput);
    case PROP_STATS:
      return g_value_take_boxed(value, stats_structure(stats));
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
}

/* ---- class --------------------------------------------------------------------------------------------------- */

static void gst_oneadapt_dnn_finalize(GObject *object) {
  delete GST_ONEADAPT_DNN(object)->p;
  G_OBJECT_CLASS(gst_oneadapt_dnn_parent_class)->finalize(object);
}

static void gst_oneadapt_dnn_class_init(GstOneadaptDnnClass *klass) {
  GObjectClass *object_class = G_OBJECT_CLASS(klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  GST_DEBUG_CATEGORY_INIT(oneadaptdnn_debug, "oneadaptdnn", 0, "object detection with DNNGrad");
  object_class->set_property = gst_oneadapt_dnn_set_property;
  object_class->get_property = gst_oneadapt_dnn_get_property;
  object_class->finalize = gst_oneadapt_dnn_finalize;
  element_class->change_state = gst_oneadapt_dnn_change_state;

  const auto ready = GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  const auto playing = GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
  const auto readable = GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  const auto install = [object_class](guint id, GParamSpec *spec) {
    g_object_class_install_property(object_class, id, spec);
  };
  /**
   * oneadaptdnn:model:
   *
   * A TorchScript file that describes itself (extra file `oneadapt.json`), or has a description beside it (FILE.json).
   */
  install(PROP_MODEL, g_param_spec_string("model", "Model", "TorchScript file that describes itself", nullptr, ready));
  /**
   * oneadaptdnn:device:
   *
   * `auto` takes CUDA when LibTorch has it and it works, else the CPU; an info message and #oneadaptdnn:stats say
   * which.
   */
  install(PROP_DEVICE, g_param_spec_string("device", "Device", "auto, cpu, cuda or cuda:N", "auto", ready));
  /**
   * oneadaptdnn:threshold:
   *
   * Least score of an object, and θ of the utility function (paper §E).
   */
  install(PROP_THRESHOLD, g_param_spec_double("threshold", "Threshold",
                                              "Least score of an object (-1: the model's own)", -1, 1, -1, ready));
  /**
   * oneadaptdnn:classes:
   *
   * Labels of interest, separated by commas. Others give no results and do not count in the gradient.
   */
  install(PROP_CLASSES, g_param_spec_string("classes", "Classes", "Labels of interest, separated by commas (none: all)",
                                            nullptr, ready));
  /**
   * oneadaptdnn:labels-file:
   *
   * One label a line, as many as the model has classes.
   */
  install(PROP_LABELS_FILE, g_param_spec_string("labels-file", "Labels file",
                                                "One label a line, instead of the model's own", nullptr, ready));
  /**
   * oneadaptdnn:threads:
   *
   * Threads that LibTorch spreads one inference over. The setting counts for the whole process.
   */
  install(PROP_THREADS, g_param_spec_uint("threads", "Threads", "CPU threads of one inference (0: LibTorch's choice)",
                                          0, 256, 0, ready));
  /**
   * oneadaptdnn:interval:
   *
   * Adaptation interval in ns of stream time (paper §3.1); must equal the controller's.
   */
  install(PROP_INTERVAL, g_param_spec_uint64("interval", "Interval", "Adaptation interval in ns of stream time",
                                             kLeastInterval, kMostInterval, GST_SECOND, ready));
  /**
   * oneadaptdnn:gradient:
   *
   * Whether to send a gradient event upstream once an interval.
   */
  install(PROP_GRADIENT,
          g_param_spec_boolean("gradient", "Gradient", "Send DNNGrad upstream once an interval", TRUE, playing));
  /**
   * oneadaptdnn:input-size:
   *
   * Size that frames are resized to before the model sees them, rounded up to what the model takes; models of fixed
   * size ignore it. `auto`: that of the largest frame of the stream so far, so that a stream which is scaled down on
   * its way comes back to what the model saw before. `frame`: each frame's own. Else WIDTHxHEIGHT, sides up to 16384.
   */
  install(PROP_INPUT_SIZE,
          g_param_spec_string("input-size", "Input size", "auto, frame or WIDTHxHEIGHT", "auto", playing));
  /**
   * oneadaptdnn:inference-interval:
   *
   * Infer on every N-th frame; the others get the last results again. An interval's last frame is always inferred
   * while #oneadaptdnn:gradient is on.
   */
  install(PROP_INFERENCE_INTERVAL, g_param_spec_uint("inference-interval", "Inference interval",
                                                     "Infer on every N-th frame", 1, G_MAXINT, 1, playing));
  /**
   * oneadaptdnn:results-location:
   *
   * File for the results: one JSON object a frame and line, with the keys of gvametaconvert, and `interval` and
   * `frame`; `timestamp` is stream time in ns. An existing file is replaced.
   */
  install(PROP_RESULTS_LOCATION, g_param_spec_string("results-location", "Results location",
                                                     "File for the results as JSON lines", nullptr, ready));
  /**
   * oneadaptdnn:latency:
   *
   * Mean time of the last ten inferences in ns, colour conversion and resizing included.
   */
  install(PROP_LATENCY, g_param_spec_uint64("latency", "Latency", "Mean time of the last ten inferences in ns", 0,
                                            G_MAXUINT64, 0, readable));
  /**
   * oneadaptdnn:throughput:
   *
   * Frames a second of wall-clock time, since the run's first frame.
   */
  install(PROP_THROUGHPUT, g_param_spec_double("throughput", "Throughput", "Frames a second since the first", 0,
                                               G_MAXDOUBLE, 0, readable));
  /**
   * oneadaptdnn:stats:
   *
   * `frames`, `inferences`, `gradients`, `failed-gradients` (counts), `inference-time`, `gradient-time` (sums in ns;
   * the latter is what comes after the forward pass), `profile-inferences`, `profile-time` (for a controller's
   * profiles, besides the others; the time is in ns), `objects` (of the last frame), `objects-total`, `z`, `elements`,
   * `interval` (of the last gradient), `device`, `device-reason`. After a run it stays until the next.
   */
  install(PROP_STATS,
          g_param_spec_boxed("stats", "Statistics", "What the element has done so far", GST_TYPE_STRUCTURE, readable));

  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(element_class, "OneAdapt object detector", "Filter/Analyzer/Video",
                                        "Detects objects with LibTorch and says upstream where its input matters",
                                        "OneAdapt for GStreamer");
}

static void gst_oneadapt_dnn_init(GstOneadaptDnn *self) {
  self->p = new Private;
  self->sink = gst_pad_new_from_static_template(&sink_template, "sink");
  self->src = gst_pad_new_from_static_template(&src_template, "src");
  gst_pad_set_chain_function(self->sink, gst_oneadapt_dnn_chain);
  gst_pad_set_event_function(self->sink, gst_oneadapt_dnn_sink_event);
  gst_pad_set_query_function(self->sink, gst_oneadapt_dnn_sink_query);
  for (GstPad *pad : {self->sink, self->src}) {
    GST_PAD_SET_PROXY_CAPS(pad);
    GST_PAD_SET_PROXY_ALLOCATION(pad);
    GST_PAD_SET_PROXY_SCHEDULING(pad);
    gst_element_add_pad(GST_ELEMENT(self), pad);
  }
}
