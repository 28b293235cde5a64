// SPDX-License-Identifier: LGPL-2.1-or-later
// A schedule of configurations instead of a policy.
#pragma once
#include <gst/gst.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "eval/pads.h"
#include "gstoneadapt.h"

namespace oneadapt::eval {

/// Gives the filter its next configuration each time that it announces an interval.
class Schedule {
 public:
  /// RunOptions::schedule; has to outlive this.
  explicit Schedule(const std::vector<std::map<std::string, double>> &values) : values_(values) {}
  void tap(GstBin *bin) {
    filter_.reset(gst_bin_get_by_name(bin, "filter"));
    if (!values_.empty()) eval::tap(bin, "filter", "src", on_event, this, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM);
  }
  /// What could not be applied; when the stream has ended.
  const std::string &problem() const { return problem_; }

 private:
  static GstPadProbeReturn on_event(GstPad *, GstPadProbeInfo *info, gpointer data) {
    auto *self = static_cast<Schedule *>(data);
    guint64 interval = 0;
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
    if (!gst_event_is_oneadapt_configuration(event) ||
        !gst_event_parse_oneadapt_configuration(event, &interval, nullptr, nullptr, nullptr, nullptr))
      return GST_PAD_PROBE_OK;
    GstStructure *next = gst_structure_new_empty("configuration");
    for (const auto &[knob, value] : self->values_[std::min<guint64>(interval + 1, self->values_.size() - 1)])
      gst_structure_set(next, knob.c_str(), G_TYPE_DOUBLE, value, nullptr);
    GError *error = nullptr;
    if (!gst_oneadapt_tunable_apply(GST_ONEADAPT_TUNABLE(self->filter_.get()), interval + 1, next, &error)) {
      self->problem_ = error->message;
      g_clear_error(&error);
    }
    gst_structure_free(next);
    return GST_PAD_PROBE_OK;
  }

  const std::vector<std::map<std::string, double>> &values_;
  Ref<GstElement> filter_;
  std::string problem_;
};

}  // namespace oneadapt::eval
