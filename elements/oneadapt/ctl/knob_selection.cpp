// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ctl/knob_selection.h"

#include <algorithm>
#include <iterator>

namespace {

bool named(GstElement *tunable, const GstOneadaptKnob *knob, const std::vector<std::string> &names) {
  const std::string own = std::string(GST_OBJECT_NAME(tunable)) + "." + knob->name;
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string &name) { return name == knob->name || name == own; });
}

bool by_default(const GstOneadaptKnob *knob) { return !(knob->flags & GST_ONEADAPT_KNOB_ON_REQUEST); }
bool follows(const GstOneadaptKnob *knob) { return knob->flags & GST_ONEADAPT_KNOB_FOLLOWS_GRADIENT; }

bool chooses_frames(const GstOneadaptKnob *knob) {
  const gdouble *compute = knob->typical_compute;
  return compute && std::any_of(compute, compute + knob->n_ladder, [&](double share) { return share != compute[0]; });
}

}  // namespace

std::vector<const GstOneadaptKnob *> adapted_knobs(GstElement *tunable, const GPtrArray *knobs,
                                                   const KnobSelection &selection) {
  std::vector<const GstOneadaptKnob *> all, out;
  for (guint i = 0; i < knobs->len; ++i) all.push_back(static_cast<const GstOneadaptKnob *>(knobs->pdata[i]));
  const bool led = selection.gradient && std::any_of(all.begin(), all.end(), [](const GstOneadaptKnob *k) {
                     return by_default(k) && follows(k);
                   });
  const auto wanted = [&](const GstOneadaptKnob *k) {
    if (!selection.names.empty()) return named(tunable, k, selection.names);
    if (!by_default(k)) return false;
    if (follows(k)) return selection.gradient;
    if (!led || !(k->flags & GST_ONEADAPT_KNOB_SUPERSEDED)) return true;
    return selection.frames && chooses_frames(k);
  };
  std::copy_if(all.begin(), all.end(), std::back_inserter(out), wanted);
  return out;
}
