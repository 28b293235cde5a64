// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dnn_properties.h"

#include <vector>

#include "gray16_properties.h"
#include "setting_properties.h"

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

GType keep_up_type() {
  static const GEnumValue values[] = {{int(KeepUp::Auto), "In live pipelines without a controller in lockstep", "auto"},
                                      {int(KeepUp::On), "Leave out frames that come while the DNN is busy", "on"},
                                      {int(KeepUp::Off), "Analyse every frame, however late", "off"},
                                      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstOneadaptDnnKeepUp", values);
  return type;
}

/// Their nicks are ModelOptions::plan.
GType plan_type() {
  static const GEnumValue values[] = {
      {0, "The fastest that gives the same results, found by trying when a model is loaded for the first time", "auto"},
      {1, "The program as it was saved", "plain"},
      {2, "Frozen, the channels of a pixel side by side", "channels-last"},
      {3, "As channels-last; convolutions by oneDNN, attention of frames without a gradient in parts", "onednn"},
      {4, "Frames without a gradient by ONNX Runtime, from the ONNX graph beside the model; others as onednn",
       "onnxruntime"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstOneadaptDnnPlan", values);
  return type;
}

constexpr auto kReady = GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
constexpr auto kPlaying = GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
constexpr auto kReadable = GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

/// An empty text is NULL.
void write_text(GValue *value, const std::string &text) {
  g_value_set_string(value, text.empty() ? nullptr : text.c_str());
}

/// A text in the settings.
template <class Place>
void add_text(SettingProperties<DnnProperties> &rows, GParamSpec *pspec, Place place) {
  rows.add(
      pspec, [place](DnnProperties &p, const GValue *value) { read_value(value, place(p)); },
      [place](const DnnProperties &p, GValue *value) { write_text(value, place(p)); });
}

/// A text with names separated by commas, and the names.
template <class Names>
void add_list(SettingProperties<DnnProperties> &rows, GParamSpec *pspec, std::string DnnProperties::*text,
              Names names) {
  rows.add(
      pspec,
      [text, names](DnnProperties &p, const GValue *value) {
        read_value(value, p.*text);
        names(p) = split_list(p.*text);
      },
      [text](const DnnProperties &p, GValue *value) { write_text(value, p.*text); });
}

GstStructure *stats_structure(const RunStats &s) {
  GstStructure *structure = gst_structure_new(
      "oneadaptdnn-stats", "frames", G_TYPE_UINT64, s.results.frames, "skipped", G_TYPE_UINT64, s.results.skipped,
      "inferences", G_TYPE_UINT64, s.inferences.count, "profile-inferences", G_TYPE_UINT64, s.profiles.inferences,
      "profile-time", G_TYPE_UINT64, s.profiles.time, "measurements", G_TYPE_UINT64, s.measurements.count,
      "measuring-time", G_TYPE_UINT64, s.measurements.time, "gradients", G_TYPE_UINT64, s.gradients.count,
      "failed-gradients", G_TYPE_UINT64, s.gradients.failed, "inference-time", G_TYPE_UINT64, s.inferences.time,
      "gradient-time", G_TYPE_UINT64, s.gradients.time, "objects", G_TYPE_UINT, s.results.objects, "objects-total",
      G_TYPE_UINT64, s.results.objects_total, "z", G_TYPE_DOUBLE, s.gradients.z, "elements", G_TYPE_UINT,
      s.gradients.elements, "interval", G_TYPE_UINT64, s.gradients.interval, "device", G_TYPE_STRING,
      s.model.device.c_str(), "device-reason", G_TYPE_STRING, s.model.device_reason.c_str(), "plan", G_TYPE_STRING,
      s.model.plan.c_str(), "gradient-plan", G_TYPE_STRING, s.model.gradient_plan.c_str(), "model-threshold",
      G_TYPE_DOUBLE, s.model.threshold, "marks", G_TYPE_UINT64, s.marks, nullptr);
  if (s.measurements.last.occupied)
    gst_structure_set(structure, "measured-accuracy", G_TYPE_DOUBLE, s.measurements.last.accuracy, nullptr);
  if (s.feedback) gst_structure_set(structure, "feedback", GST_TYPE_STRUCTURE, s.feedback.get(), nullptr);
  return structure;
}

void add_plan_row(SettingProperties<DnnProperties> &rows) {
  /**
   * oneadaptdnn:plan:
   *
   * How a model of pictures is run on the CPU. `auto` remembers what it found in the user's cache.
   * #oneadaptdnn:stats says which plan frames without and with a gradient have.
   */
  rows.add(
      g_param_spec_enum("plan", "Plan", "How a model of pictures is run on the CPU", plan_type(), 0, kReady),
      [](DnnProperties &p, const GValue *value) {
        auto *const all = static_cast<GEnumClass *>(g_type_class_ref(plan_type()));
        if (const GEnumValue *plan = g_enum_get_value(all, g_value_get_enum(value)))
          p.settings.model.plan = plan->value_nick;
        g_type_class_unref(all);
      },
      [](const DnnProperties &p, GValue *value) {
        auto *const all = static_cast<GEnumClass *>(g_type_class_ref(plan_type()));
        if (const GEnumValue *plan = g_enum_get_value_by_nick(all, p.settings.model.plan.c_str()))
          g_value_set_enum(value, plan->value);
        g_type_class_unref(all);
      });
}

/// Which model, and where it runs.
void add_model_rows(SettingProperties<DnnProperties> &rows) {
  /**
   * oneadaptdnn:model:
   *
   * A TorchScript file that describes itself (extra file `oneadapt.json`), or has a description beside it (FILE.json).
   */
  add_text(
      rows, g_param_spec_string("model", "Model", "TorchScript file that describes itself", nullptr, kReady),
      [](auto &p) -> auto & { return p.settings.model.path; });
  /**
   * oneadaptdnn:device:
   *
   * `auto` takes CUDA when LibTorch has it and it works, else the CPU; an info message and #oneadaptdnn:stats say
   * which.
   */
  rows.add(
      g_param_spec_string("device", "Device", "auto, cpu, cuda or cuda:N", "auto", kReady),
      [](DnnProperties &p, const GValue *value) {
        read_value(value, p.settings.model.device);
        if (p.settings.model.device.empty()) p.settings.model.device = "auto";
      },
      [](const DnnProperties &p, GValue *value) { write_text(value, p.settings.model.device); });
  add_plan_row(rows);
  /**
   * oneadaptdnn:threshold:
   *
   * Least score of an object, and θ of the utility function (paper §E).
   */
  rows.add(
      g_param_spec_double("threshold", "Threshold", "Least score of an object (-1: the model's own)", -1, 1, -1,
                          kReady),
      [](DnnProperties &p, const GValue *value) {
        read_value(value, p.threshold);
        p.settings.model.threshold.reset();
        if (p.threshold >= 0) p.settings.model.threshold = p.threshold;
      },
      [](const DnnProperties &p, GValue *value) { write_value(value, p.threshold); });
  /**
   * oneadaptdnn:classes:
   *
   * Labels of interest, separated by commas. Others give no results and do not count in the gradient.
   */
  add_list(
      rows,
      g_param_spec_string("classes", "Classes", "Labels of interest, separated by commas (none: all)", nullptr, kReady),
      &DnnProperties::classes, [](auto &p) -> auto & { return p.settings.model.classes; });
  /**
   * oneadaptdnn:labels-file:
   *
   * One label a line, as many as the model has classes.
   */
  add_text(
      rows,
      g_param_spec_string("labels-file", "Labels file", "One label a line, instead of the model's own", nullptr,
                          kReady),
      [](auto &p) -> auto & { return p.settings.model.labels_file; });
  /**
   * oneadaptdnn:operator-libraries:
   *
   * Shared libraries that register operators with LibTorch, loaded in front of the model. Those of torchvision are also
   * found by themselves where Debian's python3-torchvision or libtorchvision.so is installed.
   */
  add_list(
      rows,
      g_param_spec_string("operator-libraries", "Operator libraries",
                          "Shared libraries with operators that the model uses, separated by commas", "", kReady),
      &DnnProperties::operator_libraries, [](auto &p) -> auto & { return p.settings.model.operator_libraries; });
  /**
   * oneadaptdnn:threads:
   *
   * Threads that LibTorch spreads one inference over. The setting counts for the whole process.
   */
  rows.add(
      g_param_spec_uint("threads", "Threads",
                        "CPU threads of one inference (0: LibTorch's choice, shared by the models of the process)", 0,
                        256, 0, kReady),
      [](auto &p) -> auto & { return p.settings.model.threads; });
}

/// Intervals and gradients.
void add_gradient_rows(SettingProperties<DnnProperties> &rows) {
  /**
   * oneadaptdnn:interval:
   *
   * Adaptation interval in ns of stream time (paper §3.1); must equal the controller's.
   */
  rows.add(
      g_param_spec_uint64("interval", "Interval", "Adaptation interval in ns of stream time", kLeastInterval,
                          kMostInterval, GST_SECOND, kReady),
      [](auto &p) -> auto & { return p.settings.interval; });
  /**
   * oneadaptdnn:gradient:
   *
   * Whether to send a gradient event upstream once an interval.
   */
  rows.add(
      g_param_spec_boolean("gradient", "Gradient", "Send DNNGrad upstream once an interval", TRUE, kPlaying),
      [](auto &p) -> auto & { return p.settings.gradient; });
  /**
   * oneadaptdnn:gradient-method:
   *
   * How DNNGrad is computed: `exact`, by backpropagation, or `channel-mean` (paper, Appendix B): convolutions whose
   * cells are smaller than 8 pixels of the frame pass back one gradient for all of their input's channels.
   */
  rows.add(
      g_param_spec_enum("gradient-method", "Gradient method", "How DNNGrad is computed", gradient_method_type(),
                        int(GradientMethod::Exact), kPlaying),
      [](auto &p) -> auto & { return p.settings.gradient_method; });
  /**
   * oneadaptdnn:gradient-memory:
   *
   * What a forward pass keeps for the backward pass: `exact`, no more than the input's gradient needs and nothing
   * rounded, or `half`, the same with numbers in 16 bits (models with SiLU, hard swish, sigmoid gates).
   */
  rows.add(
      g_param_spec_enum("gradient-memory", "Gradient memory", "What is kept for the backward pass",
                        gradient_memory_type(), int(GradientMemory::Exact), kPlaying),
      [](auto &p) -> auto & { return p.settings.gradient_memory; });
  /**
   * oneadaptdnn:gradient-every:
   *
   * Frames. 0: an interval's gradient is that of its last frame (paper §4.1). n: it is the mean of those of every n-th
   * frame (counted from the interval's first) and of the last; maps and z are averaged, numbers of elements too. The
   * message still goes once an interval, after the last frame. What this gains is Fig. 12 of the paper; it costs a
   * forward pass with autograd and a backward pass a gradient.
   */
  rows.add(
      g_param_spec_uint("gradient-every", "Gradient every",
                        "Frames from one gradient to the next within an interval, whose mean is sent (0: that of "
                        "the interval's last frame only)",
                        0, G_MAXINT, 0, kPlaying),
      [](auto &p) -> auto & { return p.settings.gradient_every; });
  /**
   * oneadaptdnn:early-gradient:
   *
   * A macroblock map needs a gradient. With this on, one is also taken on the first frame of a stream (and after a
   * flush) and sent at once, marked as early, so that a map is there from about the second frame on instead of the
   * second interval. It costs one backward pass a stream.
   */
  rows.add(
      g_param_spec_boolean("early-gradient", "Early gradient",
                           "Also send the gradient of a stream's first frame, for the rest of its interval", TRUE,
                           kPlaying),
      [](auto &p) -> auto & { return p.settings.early_gradient; });
  /**
   * oneadaptdnn:raise-elements:
   *
   * An element far below θ has next to no gradient, so a macroblock map would make its place as coarse as the
   * background, and it would never be found. With this on, the map that is sent has some weight under every element
   * down to the model's floor: as much as makes its macroblocks 8 QP steps coarser than the base, at most. It costs
   * nothing. Off: DNNGrad as it is.
   */
  rows.add(
      g_param_spec_boolean("raise-elements", "Raise elements",
                           "Gradients have some weight under every element, however unsure, so that macroblock maps "
                           "keep it visible; pictures only",
                           TRUE, kPlaying),
      [](auto &p) -> auto & { return p.settings.raise_elements; });
}

/// What is inferred, and where results go.
void add_result_rows(SettingProperties<DnnProperties> &rows) {
  /**
   * oneadaptdnn:input-size:
   *
   * Size that frames are resized to before the model sees them, rounded up to what the model takes; models of fixed
   * size ignore it. `auto`: that of the largest frame of the stream so far, so that a stream which is scaled down on
   * its way comes back to what the model saw before. `frame`: each frame's own. Else WIDTHxHEIGHT, sides up to 16384.
   */
  rows.add(
      g_param_spec_string("input-size", "Input size", "auto, frame or WIDTHxHEIGHT", "auto", kPlaying),
      [](DnnProperties &p, const GValue *value) {
        read_value(value, p.input_size);
        p.settings.input_size = {};
        InputSize size;
        if (InputSize::parse(p.input_size, size)) p.settings.input_size = size;
      },
      [](const DnnProperties &p, GValue *value) { write_text(value, p.input_size); });
  add_gray16(
      rows, kReady, [](auto &p) -> auto & { return p.settings.gray16; });
  /**
   * oneadaptdnn:inference-interval:
   *
   * Infer on every N-th frame; the others get the last results again. A frame that a gradient is taken on is always
   * inferred.
   */
  rows.add(
      g_param_spec_uint("inference-interval", "Inference interval", "Infer on every N-th frame", 1, G_MAXINT, 1,
                        kPlaying),
      [](auto &p) -> auto & { return p.settings.inference_interval; });
  /**
   * oneadaptdnn:keep-up:
   *
   * What happens to frames that come while the DNN is busy with earlier ones. In a live pipeline (`auto`), or always
   * (`on`), the DNN then takes the newest and leaves out the others: they are not pushed, they are counted in
   * #oneadaptdnn:stats (`skipped`), and each is told in a QoS message. A frame that ends its interval is left out only
   * for a newer one that does, so that gradients go on. Sound is left out when it has waited for two intervals. With a
   * controller in lockstep upstream, and with `off`, every frame is analysed, and upstream waits.
   */
  rows.add(
      g_param_spec_enum("keep-up", "Keep up", "Whether frames that come while the DNN is busy are left out",
                        keep_up_type(), int(KeepUp::Auto), kReady),
      [](auto &p) -> auto & { return p.settings.keep_up; });
  /**
   * oneadaptdnn:results-location:
   *
   * File for the results: one JSON object a frame and line, with the keys of gvametaconvert, and `interval` and
   * `frame`; `timestamp` is stream time in ns. An existing file is replaced, unless #oneadaptdnn:append-results.
   */
  add_text(
      rows,
      g_param_spec_string("results-location", "Results location", "File for the results as JSON lines", nullptr,
                          kReady),
      [](auto &p) -> auto & { return p.settings.results_location; });
  /**
   * oneadaptdnn:append-results:
   *
   * For a stream that comes back after a break: its results go on in the same file.
   */
  rows.add(
      g_param_spec_boolean("append-results", "Append results",
                           "Go on behind what is in the results file instead of replacing it", FALSE, kReady),
      [](auto &p) -> auto & { return p.settings.append_results; });
  /**
   * oneadaptdnn:feedback:
   *
   * Where gradients go besides upstream, when the camera is in another process. `auto`: into the RTP sessions upstream
   * (of rtspsrc, rtpbin, an RTSP server), as RTCP APP packets, without any setting. `udp://HOST:PORT`,
   * `tcp://HOST:PORT`: to an oneadaptctl that listens there. `off`: nowhere. See docs/network.md.
   */
  add_text(
      rows,
      g_param_spec_string("feedback", "Feedback",
                          "Where gradients go besides upstream: auto (the RTP sessions upstream), off, "
                          "udp://HOST:PORT or tcp://HOST:PORT",
                          "auto", kReady),
      [](auto &p) -> auto & { return p.settings.feedback; });
}

/// What a run has done.
void add_run_rows(SettingProperties<RunStats> &rows) {
  /**
   * oneadaptdnn:latency:
   *
   * Mean time of the last ten inferences in ns, colour conversion and resizing included.
   */
  rows.add(
      g_param_spec_uint64("latency", "Latency", "Mean time of the last ten inferences in ns", 0, G_MAXUINT64, 0,
                          kReadable),
      [](auto &s) -> auto & { return s.inferences.latency; });
  /**
   * oneadaptdnn:throughput:
   *
   * Frames a second of wall-clock time, since the run's first frame.
   */
  rows.add(
      g_param_spec_double("throughput", "Throughput", "Frames a second since the first", 0, G_MAXDOUBLE, 0, kReadable),
      [](auto &s) -> auto & { return s.results.throughput; });
  /**
   * oneadaptdnn:stats:
   *
   * `frames`, `skipped` (left out, see #oneadaptdnn:keep-up), `inferences`, `gradients`, `failed-gradients` (counts; of
   * backward passes, not of messages),
   * `inference-time`, `gradient-time` (sums in ns; the latter is what comes after the forward pass),
   * `profile-inferences`, `profile-time` (for a controller's profiles, besides the others; the time is in ns),
   * `measurements`, `measuring-time` (inferences of second generations from #oneadaptshadow, besides the others),
   * `measured-accuracy` (of the last interval in which something was found on them, from 0 to 1; else absent),
   * `objects` (of the last frame), `objects-total`, `z`, `elements`, `interval` (of the last gradient that was sent),
   * `device`, `device-reason`, `plan`, `gradient-plan`, `marks` (frames that said of themselves that they begin or end
   * an interval), `feedback` (gst_oneadapt_feedback_get_stats()), `model-threshold` (θ as the model says it, whatever
   * #oneadaptdnn:threshold does). After a run it stays until the next.
   */
  rows.add(g_param_spec_boxed("stats", "Statistics", "What the element has done so far", GST_TYPE_STRUCTURE, kReadable),
           nullptr, [](const RunStats &s, GValue *value) { g_value_take_boxed(value, stats_structure(s)); });
}

/// Installed once, with the class.
SettingProperties<DnnProperties> settings_table;
SettingProperties<RunStats> run_table;

}  // namespace

bool DnnProperties::has_valid_input_size() const {
  InputSize size;
  return InputSize::parse(input_size, size);
}

bool DnnProperties::set(guint id, const GValue *value) { return settings_table.set(*this, id, value); }
bool DnnProperties::get(guint id, GValue *value) const { return settings_table.get(*this, id, value); }

bool get_run_property(const RunStats &stats, guint id, GValue *value) { return run_table.get(stats, id, value); }

void install_dnn_properties(GObjectClass *object_class) {
  add_model_rows(settings_table);
  add_gradient_rows(settings_table);
  add_result_rows(settings_table);
  add_run_rows(run_table);
  settings_table.install(object_class, 1);
  run_table.install(object_class, guint(1 + settings_table.size()));
}

}  // namespace oneadapt
