// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dnn_properties.h"

#include <vector>

namespace oneadapt {
namespace {

constexpr GstClockTime kLeastInterval = 10 * GST_MSECOND, kMostInterval = 3600 * GST_SECOND;

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

GType gradient_method_type() {
  static const GEnumValue values[] = {
      {int(GradientMethod::Exact), "Backpropagation", "exact"},
      {int(GradientMethod::ChannelMean), "One gradient for all channels where the resolution is high (Appendix B)",
       "channel-mean"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstOneadaptDnnGradientMethod", values);
  return type;
}

GType gradient_memory_type() {
  static const GEnumValue values[] = {{int(GradientMemory::Exact), "What the gradient of the input needs", "exact"},
                                      {int(GradientMemory::Half), "The same, numbers in 16 bits", "half"},
                                      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstOneadaptDnnGradientMemory", values);
  return type;
}

}  // namespace

void DnnProperties::set(guint id, const GValue *value, const InputSize &size) {
  const std::string text = G_VALUE_HOLDS_STRING(value) ? string_of(value) : "";
  RunSettings &s = settings;
  switch (id) {
    case PROP_MODEL:
      s.model.path = text;
      break;
    case PROP_DEVICE:
      s.model.device = text.empty() ? "auto" : text;
      break;
    case PROP_THRESHOLD:
      threshold = g_value_get_double(value);
      s.model.threshold.reset();
      if (threshold >= 0) s.model.threshold = threshold;
      break;
    case PROP_CLASSES:
      classes = text;
      s.model.classes = split_list(text);
      break;
    case PROP_LABELS_FILE:
      s.model.labels_file = text;
      break;
    case PROP_OPERATOR_LIBRARIES:
      operator_libraries = text;
      s.model.operator_libraries = split_list(text);
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
    case PROP_GRADIENT_METHOD:
      s.gradient_method = GradientMethod(g_value_get_enum(value));
      break;
    case PROP_GRADIENT_MEMORY:
      s.gradient_memory = GradientMemory(g_value_get_enum(value));
      break;
    case PROP_GRADIENT_EVERY:
      s.gradient_every = g_value_get_uint(value);
      break;
    case PROP_EARLY_GRADIENT:
      s.early_gradient = g_value_get_boolean(value);
      break;
    case PROP_INPUT_SIZE:
      input_size = text;
      s.input_size = size;
      break;
    case PROP_INFERENCE_INTERVAL:
      s.inference_interval = g_value_get_uint(value);
      break;
    case PROP_APPEND_RESULTS:
      s.append_results = g_value_get_boolean(value);
      break;
    case PROP_RESULTS_LOCATION:
      s.results_location = text;
      break;
    case PROP_FEEDBACK:
      s.feedback = text;
      break;
    default:
      break;
  }
}

bool DnnProperties::get(guint id, GValue *value) const {
  const RunSettings &s = settings;
  const auto put = [&](const std::string &text) { g_value_set_string(value, text.empty() ? nullptr : text.c_str()); };
  switch (id) {
    case PROP_MODEL:
      put(s.model.path);
      break;
    case PROP_DEVICE:
      put(s.model.device);
      break;
    case PROP_THRESHOLD:
      g_value_set_double(value, threshold);
      break;
    case PROP_CLASSES:
      put(classes);
      break;
    case PROP_LABELS_FILE:
      put(s.model.labels_file);
      break;
    case PROP_OPERATOR_LIBRARIES:
      put(operator_libraries);
      break;
    case PROP_THREADS:
      g_value_set_uint(value, s.model.threads);
      break;
    case PROP_INTERVAL:
      g_value_set_uint64(value, s.interval);
      break;
    case PROP_GRADIENT:
      g_value_set_boolean(value, s.gradient);
      break;
    case PROP_GRADIENT_METHOD:
      g_value_set_enum(value, int(s.gradient_method));
      break;
    case PROP_GRADIENT_MEMORY:
      g_value_set_enum(value, int(s.gradient_memory));
      break;
    case PROP_GRADIENT_EVERY:
      g_value_set_uint(value, s.gradient_every);
      break;
    case PROP_EARLY_GRADIENT:
      g_value_set_boolean(value, s.early_gradient);
      break;
    case PROP_INPUT_SIZE:
      put(input_size);
      break;
    case PROP_INFERENCE_INTERVAL:
      g_value_set_uint(value, s.inference_interval);
      break;
    case PROP_APPEND_RESULTS:
      g_value_set_boolean(value, s.append_results);
      break;
    case PROP_RESULTS_LOCATION:
      put(s.results_location);
      break;
    case PROP_FEEDBACK:
      put(s.feedback);
      break;
    default:
      return false;
  }
  return true;
}

GstStructure *stats_structure(const RunStats &s) {
  GstStructure *structure = gst_structure_new(
      "oneadaptdnn-stats", "frames", G_TYPE_UINT64, s.frames, "inferences", G_TYPE_UINT64, s.inferences,
      "profile-inferences", G_TYPE_UINT64, s.profile_inferences, "profile-time", G_TYPE_UINT64, s.profile_time,
      "gradients", G_TYPE_UINT64, s.gradients, "failed-gradients", G_TYPE_UINT64, s.failed_gradients, "inference-time",
      G_TYPE_UINT64, s.inference_time, "gradient-time", G_TYPE_UINT64, s.gradient_time, "objects", G_TYPE_UINT,
      s.objects, "objects-total", G_TYPE_UINT64, s.objects_total, "z", G_TYPE_DOUBLE, s.z, "elements", G_TYPE_UINT,
      s.elements, "interval", G_TYPE_UINT64, s.interval, "device", G_TYPE_STRING, s.device.c_str(), "device-reason",
      G_TYPE_STRING, s.device_reason.c_str(), "model-threshold", G_TYPE_DOUBLE, s.model_threshold, "marks",
      G_TYPE_UINT64, s.marks, nullptr);
  if (s.feedback) gst_structure_set(structure, "feedback", GST_TYPE_STRUCTURE, s.feedback.get(), nullptr);
  return structure;
}

void install_dnn_properties(GObjectClass *object_class) {
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
   * oneadaptdnn:operator-libraries:
   *
   * Shared libraries that register operators with LibTorch, loaded in front of the model. Those of torchvision are also
   * found by themselves where Debian's python3-torchvision or libtorchvision.so is installed.
   */
  install(PROP_OPERATOR_LIBRARIES,
          g_param_spec_string("operator-libraries", "Operator libraries",
                              "Shared libraries with operators that the model uses, separated by commas", "", ready));
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
   * oneadaptdnn:gradient-method:
   *
   * How DNNGrad is computed: `exact`, by backpropagation, or `channel-mean` (paper, Appendix B): convolutions whose
   * cells are smaller than 8 pixels of the frame pass back one gradient for all of their input's channels.
   */
  install(PROP_GRADIENT_METHOD, g_param_spec_enum("gradient-method", "Gradient method", "How DNNGrad is computed",
                                                  gradient_method_type(), int(GradientMethod::Exact), playing));
  /**
   * oneadaptdnn:gradient-memory:
   *
   * What a forward pass keeps for the backward pass: `exact`, no more than the input's gradient needs and nothing
   * rounded, or `half`, the same with numbers in 16 bits (models with SiLU, hard swish, sigmoid gates).
   */
  install(PROP_GRADIENT_MEMORY,
          g_param_spec_enum("gradient-memory", "Gradient memory", "What is kept for the backward pass",
                            gradient_memory_type(), int(GradientMemory::Exact), playing));
  /**
   * oneadaptdnn:gradient-every:
   *
   * Frames. 0: an interval's gradient is that of its last frame (paper §4.1). n: it is the mean of those of every n-th
   * frame (counted from the interval's first) and of the last; maps and z are averaged, numbers of elements too. The
   * message still goes once an interval, after the last frame. What this gains is Fig. 12 of the paper; it costs a
   * forward pass with autograd and a backward pass a gradient.
   */
  install(PROP_GRADIENT_EVERY,
          g_param_spec_uint("gradient-every", "Gradient every",
                            "Frames from one gradient to the next within an interval, whose mean is sent (0: that of "
                            "the interval's last frame only)",
                            0, G_MAXINT, 0, playing));
  /**
   * oneadaptdnn:early-gradient:
   *
   * A macroblock map needs a gradient. With this on, one is also taken on the first frame of a stream (and after a
   * flush) and sent at once, marked as early, so that a map is there from about the second frame on instead of the
   * second interval. It costs one backward pass a stream.
   */
  install(PROP_EARLY_GRADIENT,
          g_param_spec_boolean("early-gradient", "Early gradient",
                               "Also send the gradient of a stream's first frame, for the rest of its interval", TRUE,
                               playing));
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
   * Infer on every N-th frame; the others get the last results again. A frame that a gradient is taken on is always
   * inferred.
   */
  install(PROP_INFERENCE_INTERVAL, g_param_spec_uint("inference-interval", "Inference interval",
                                                     "Infer on every N-th frame", 1, G_MAXINT, 1, playing));
  /**
   * oneadaptdnn:results-location:
   *
   * File for the results: one JSON object a frame and line, with the keys of gvametaconvert, and `interval` and
   * `frame`; `timestamp` is stream time in ns. An existing file is replaced, unless #oneadaptdnn:append-results.
   */
  install(PROP_RESULTS_LOCATION, g_param_spec_string("results-location", "Results location",
                                                     "File for the results as JSON lines", nullptr, ready));
  /**
   * oneadaptdnn:append-results:
   *
   * For a stream that comes back after a break: its results go on in the same file.
   */
  install(PROP_APPEND_RESULTS,
          g_param_spec_boolean("append-results", "Append results",
                               "Go on behind what is in the results file instead of replacing it", FALSE, ready));
  /**
   * oneadaptdnn:feedback:
   *
   * Where gradients go besides upstream, when the camera is in another process. `auto`: into the RTP sessions upstream
   * (of rtspsrc, rtpbin, an RTSP server), as RTCP APP packets, without any setting. `udp://HOST:PORT`,
   * `tcp://HOST:PORT`: to an oneadaptctl that listens there. `off`: nowhere. See docs/network.md.
   */
  install(PROP_FEEDBACK,
          g_param_spec_string("feedback", "Feedback",
                              "Where gradients go besides upstream: auto (the RTP sessions upstream), off, "
                              "udp://HOST:PORT or tcp://HOST:PORT",
                              "auto", ready));
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
   * `frames`, `inferences`, `gradients`, `failed-gradients` (counts; of backward passes, not of messages),
   * `inference-time`, `gradient-time` (sums in ns; the latter is what comes after the forward pass),
   * `profile-inferences`, `profile-time` (for a controller's profiles, besides the others; the time is in ns),
   * `objects` (of the last frame), `objects-total`, `z`, `elements`, `interval` (of the last gradient that was sent),
   * `device`, `device-reason`, `marks` (frames that said of themselves that they begin or end an interval), `feedback`
   * (gst_oneadapt_feedback_get_stats()), `model-threshold` (θ as the model says it, whatever #oneadaptdnn:threshold
   * does). After a run it stays until the next.
   */
  install(PROP_STATS,
          g_param_spec_boxed("stats", "Statistics", "What the element has done so far", GST_TYPE_STRUCTURE, readable));
}

}  // namespace oneadapt
