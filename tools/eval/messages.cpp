// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/messages.h"

#include <memory>

#include "eval/pads.h"
#include "gstoneadapt.h"

namespace oneadapt::eval {
namespace {

double number(const GstStructure *s, const char *name, double otherwise) {
  double v = otherwise;
  gst_structure_get_double(s, name, &v);
  return v;
}

}  // namespace

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
  guint occupied = 0;
  if (gst_structure_get_uint(s, "measured-occupied", &occupied) && occupied)
    row.measured_accuracy = number(s, "measured-accuracy", -1);
  row.expected_accuracy = number(s, "expected-accuracy", -1);
  row.accuracy_deviation = number(s, "accuracy-deviation", 0);
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

std::string text_of(GstMessage *message) {
  GError *error = nullptr;
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
    gst_message_parse_error(message, &error, nullptr);
  else
    gst_message_parse_warning(message, &error, nullptr);
  const std::string text = error->message;
  g_clear_error(&error);
  return text;
}

std::string complaint_of(GstMessage *message) {
  return std::string(GST_OBJECT_NAME(GST_MESSAGE_SRC(message))) + ": " + text_of(message);
}

namespace {

class Stats {
 public:
  Stats(GstElement *pipeline, const char *element) {
    Ref<GstElement> e(gst_bin_get_by_name(GST_BIN(pipeline), element));
    GstStructure *s = nullptr;
    g_object_get(e.get(), "stats", &s, nullptr);
    structure_.reset(s);
  }
  const GstStructure *get() const { return structure_.get(); }
  guint64 count(const char *name) const {
    guint64 v = 0;
    gst_structure_get_uint64(get(), name, &v);
    return v;
  }
  double seconds(const char *name) const { return double(count(name)) / GST_SECOND; }

 private:
  struct Free {
    void operator()(GstStructure *s) const { gst_structure_free(s); }
  };
  std::unique_ptr<GstStructure, Free> structure_;
};

}  // namespace

void read_filter(GstElement *pipeline, RunResult &result) {
  const Stats filter(pipeline, "filter");
  result.encode_s = 0;
  for (const char *its_own : {"encode-time", "convert-time", "code-time"})  // each medium has one
    result.encode_s += filter.seconds(its_own);
  result.probe_s = filter.seconds("probe-time");
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
}

double read_dnn(GstElement *pipeline, RunResult &result) {
  const Stats dnn(pipeline, "dnn");
  if (const gchar *device = gst_structure_get_string(dnn.get(), "device")) result.device = device;
  result.inferences = dnn.count("inferences");
  result.gradients = dnn.count("gradients");
  result.inference_s = dnn.seconds("inference-time");
  result.gradient_s = dnn.seconds("gradient-time");
  return number(dnn.get(), "model-threshold", 0);
}

}  // namespace oneadapt::eval
