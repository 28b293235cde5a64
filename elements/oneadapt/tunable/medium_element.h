// SPDX-License-Identifier: LGPL-2.1-or-later
// The element of a medium whose filter is a plain GstElement with one sink and one source pad.
#pragma once
#include <gst/gst.h>

#include <memory>

#include "setting_properties.h"
#include "tunable/adaptive_filter.h"
#include "tunable/pad_filter.h"

namespace oneadapt {

/// The instance of such an element type: a medium, its pads, and one run after the other. `M` is a Medium, `S` a
/// PadStream that is made from (PadFilter &, M &, AdaptiveFilter &). The type implements GstOneadaptTunable by
/// init_tunable<adaptive_of>.
///
/// Locks, outermost first: the sink pad's stream lock (the run), AdaptiveFilter's own (a probe under way), then one at
/// a time, for moments, a Locked (history, settings). None is held while anything is pushed or notified.
template <class M, class S>
struct MediumElement {
  struct Parts {
    Parts(GstElement *element, const KnobProperties &properties)
        : pads(element), adaptive(element, medium, properties) {
      new_run(false);
    }
    /// `over`: a run has ended; its counters can still be read.
    void new_run(bool over) {
      medium.new_run(over);
      pads.set_stream(std::make_unique<S>(pads, medium, adaptive));
    }
    M medium;
    PadFilter pads;
    AdaptiveFilter adaptive;
  };

  GstElement parent;
  Parts *parts;

  static MediumElement &of(gpointer object) { return *static_cast<MediumElement *>(object); }
  static AdaptiveFilter &adaptive_of(GstOneadaptTunable *tunable) { return of(tunable).parts->adaptive; }

  /// To be called when an instance is made.
  void init(const KnobProperties &properties) { parts = new Parts(&parent, properties); }

  /// To be called when the class is made, which still needs its properties and its metadata. Pad templates are named
  /// "sink" and "src".
  static void init_class(GstElementClass *klass, GstStaticPadTemplate *sink, GstStaticPadTemplate *src) {
    auto *object_class = G_OBJECT_CLASS(klass);
    gst_element_class_add_static_pad_template(klass, sink);
    gst_element_class_add_static_pad_template(klass, src);
    klass->change_state = change_state;
    object_class->finalize = [](GObject *object) {
      delete of(object).parts;
      G_OBJECT_CLASS(parent_class())->finalize(object);
    };
    object_class->set_property = [](GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
      if (is_fixed_now(object, pspec)) return;
      if (!of(object).parts->adaptive.set_property(id, value)) G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    };
    object_class->get_property = [](GObject *object, guint id, GValue *value, GParamSpec *pspec) {
      if (!of(object).parts->adaptive.get_property(id, value)) G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    };
  }

 private:
  static gpointer parent_class() { return g_type_class_peek(GST_TYPE_ELEMENT); }

  static GstStateChangeReturn change_state(GstElement *element, GstStateChange transition) {
    Parts &parts = *of(element).parts;
    if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) parts.new_run(false);
    const GstStateChangeReturn result = GST_ELEMENT_CLASS(parent_class())->change_state(element, transition);
    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
      parts.new_run(true);
      parts.adaptive.stop();
    }
    return result;
  }
};

}  // namespace oneadapt
