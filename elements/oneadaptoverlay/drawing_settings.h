// SPDX-License-Identifier: LGPL-2.1-or-later
// What a user chooses of any drawing: properties that the overlays of all media have.
#pragma once
#include <gst/gst.h>

#include "setting_properties.h"

namespace oneadapt {

constexpr auto kLiveSetting =
    GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING | GST_PARAM_CONTROLLABLE);

/// What is or is not drawn. `place`: a pointer to a member.
template <class Settings, class Place>
void add_switch(SettingProperties<Settings> &p, const char *name, const char *nick, const char *blurb, Place place) {
  p.add(g_param_spec_boolean(name, nick, blurb, Settings().*place, kLiveSetting), place);
}

/// A copy of settings, which the element's OBJECT_LOCK guards.
template <class Settings>
Settings locked_copy(gpointer element, const Settings &settings) {
  GST_OBJECT_LOCK(element);
  const Settings copy = settings;
  GST_OBJECT_UNLOCK(element);
  return copy;
}
/// For GObjectClass's functions of these names.
template <class Settings>
void set_property(GObject *element, const SettingProperties<Settings> &p, Settings &settings, guint id,
                  const GValue *value, GParamSpec *pspec) {
  GST_OBJECT_LOCK(element);
  const bool known = p.set(settings, id, value);
  GST_OBJECT_UNLOCK(element);
  if (!known) G_OBJECT_WARN_INVALID_PROPERTY_ID(element, id, pspec);
}
template <class Settings>
void get_property(GObject *element, const SettingProperties<Settings> &p, const Settings &settings, guint id,
                  GValue *value, GParamSpec *pspec) {
  if (!p.get(locked_copy(element, settings), id, value)) G_OBJECT_WARN_INVALID_PROPERTY_ID(element, id, pspec);
}

struct DrawingSettings {
  bool boxes = true, gradient = false, status = true;
  double gradient_opacity = 0.5, font_scale = 1;
};

/// `usual`: the values that they have unless somebody sets them.
template <class Settings>
void add_drawing_properties(SettingProperties<Settings> &p, const DrawingSettings &usual) {
  p.add(g_param_spec_boolean("boxes", "Boxes", "Draw detected objects with label and score", usual.boxes, kLiveSetting),
        &Settings::boxes);
  p.add(g_param_spec_boolean("gradient", "Gradient", "Draw the last interval's gradient as a heat map", usual.gradient,
                             kLiveSetting),
        &Settings::gradient);
  p.add(g_param_spec_boolean("status", "Status", "Draw a line with knobs, kbit/s, z and objects", usual.status,
                             kLiveSetting),
        &Settings::status);
  p.add(g_param_spec_double("gradient-opacity", "Gradient opacity",
                            "Opacity of the heat map where the gradient is greatest", 0, 1, usual.gradient_opacity,
                            kLiveSetting),
        &Settings::gradient_opacity);
  p.add(g_param_spec_double("font-scale", "Font scale", "Size of text, relative to what suits the frame's size", 0.25,
                            8, usual.font_scale, kLiveSetting),
        &Settings::font_scale);
}

}  // namespace oneadapt
