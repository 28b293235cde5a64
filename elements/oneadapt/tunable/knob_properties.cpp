// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tunable/knob_properties.h"

#include <string>

namespace oneadapt {
namespace {

GParamSpec *knob_pspec(const KnobRow &row) {
  const auto flags = GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_NAME | G_PARAM_STATIC_NICK |
                                 G_PARAM_EXPLICIT_NOTIFY | GST_PARAM_CONTROLLABLE | GST_PARAM_MUTABLE_PLAYING);
  const std::string blurb =
      std::string(row.blurb) + ". Takes effect at an interval's first frame" + (row.h264_only ? "; H.264 only" : "");
  switch (row.type) {
    case KnobType::Map:
      return g_param_spec_boxed(row.name, row.nick, blurb.c_str(), GST_TYPE_STRUCTURE,
                                GParamFlags(flags & ~GST_PARAM_CONTROLLABLE));
    case KnobType::Int:
      return g_param_spec_int(row.name, row.nick, blurb.c_str(), int(row.min), int(row.max), int(row.neutral), flags);
    default:
      return g_param_spec_double(row.name, row.nick, blurb.c_str(), row.min, row.max, row.neutral, flags);
  }
}

GParamSpec *ladder_pspec(const KnobRow &row, const char *usual) {
  const std::string name = std::string(row.name) + "-ladder", nick = std::string(row.nick) + " ladder",
                    blurb = std::string("Values that a controller may choose for \"") + row.name +
                            "\", cheap to expensive, separated by commas: " + row.ladder_blurb + ". Empty: " + usual;
  return g_param_spec_string(name.c_str(), nick.c_str(), blurb.c_str(), "",
                             GParamFlags(G_PARAM_READWRITE | GST_PARAM_MUTABLE_PLAYING));
}

}  // namespace

guint KnobProperties::install(GObjectClass *klass, const char *usual_ladder, const char *stats) {
  guint id = 1;
  for (std::size_t knob = 0; knob < knobs_.size(); knob++) {
    pspecs_.push_back(knob_pspec(knobs_[knob]));
    g_object_class_install_property(klass, id++, pspecs_.back());
  }
  for (std::size_t knob = 0; knob < knobs_.size(); knob++) {
    const KnobRow &row = knobs_[knob];
    g_object_class_install_property(klass, id++, ladder_pspec(row, *row.ladder ? row.ladder : usual_ladder));
  }
  g_object_class_install_property(klass, id++,
                                  g_param_spec_boxed("stats", "Statistics", stats, GST_TYPE_STRUCTURE,
                                                     GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
  return id;
}

}  // namespace oneadapt
