// SPDX-License-Identifier: LGPL-2.1-or-later
// A filter of any medium as a GstOneadaptTunable, and its knobs as properties.
#pragma once
#include <gst/gst.h>

#include <mutex>

#include "gstoneadapt.h"
#include "tunable/knob_properties.h"
#include "tunable/medium.h"

namespace oneadapt {

/// The part of a filter that is the same for all media. Thread-safe; no lock of its own is held while the element is
/// notified of anything. `medium` and `properties` must outlive it.
class AdaptiveFilter {
 public:
  AdaptiveFilter(GstElement *element, Medium &medium, const KnobProperties &properties)
      : element_(element), medium_(medium), properties_(properties), settings_(medium.knobs()) {}

  /// As GstOneadaptTunableInterface says.
  GPtrArray *list_knobs();
  GstOneadaptProbe *probe(guint64 interval, const GstOneadaptGradient *gradient, const gchar *const *names,
                          GError **error);
  gboolean apply(guint64 interval, const GstStructure *configuration, GError **error);
  GstOneadaptRendering *render(guint64 interval, const GstStructure *configuration, GError **error);

  /// All but maps. False: the id is not one of theirs.
  bool set_property(guint id, const GValue *value);
  bool get_property(guint id, GValue *value);

  /// In force; empty ones for knobs that cannot be adapted now.
  Ladders ladders();
  Locked<KnobSettings> &settings() { return settings_; }
  Medium &medium() { return medium_; }
  GstElement *element() { return element_; }
  /// Tells the application that a knob's property has changed.
  void notify(std::size_t knob) { g_object_notify_by_pspec(G_OBJECT(element_), properties_.pspec(knob)); }
  /// A run is over.
  void stop();

 private:
  template <class Answer, class Work>
  Answer *attempt(const char *what, guint64 interval, GError **error, Work work);
  GstOneadaptKnob *make_knob(std::size_t knob, const std::vector<double> &ladder, double value);

  GstElement *element_;
  Medium &medium_;
  const KnobProperties &properties_;
  Locked<KnobSettings> settings_;
  std::mutex probing_;  // held by whoever probes, never by the streaming thread; before any other lock
};

/// Implements the interface for a type of element; `filter_of` finds the filter of an element.
template <AdaptiveFilter &(*filter_of)(GstOneadaptTunable *)>
void init_tunable(gpointer iface, gpointer) {
  auto *tunable = static_cast<GstOneadaptTunableInterface *>(iface);
  tunable->list_knobs = [](GstOneadaptTunable *self) { return filter_of(self).list_knobs(); };
  tunable->probe = [](GstOneadaptTunable *self, guint64 interval, const GstOneadaptGradient *gradient,
                      const gchar *const *names,
                      GError **error) { return filter_of(self).probe(interval, gradient, names, error); };
  tunable->apply = [](GstOneadaptTunable *self, guint64 interval, const GstStructure *configuration, GError **error) {
    return filter_of(self).apply(interval, configuration, error);
  };
  tunable->render = [](GstOneadaptTunable *self, guint64 interval, const GstStructure *configuration, GError **error) {
    return filter_of(self).render(interval, configuration, error);
  };
}

}  // namespace oneadapt
