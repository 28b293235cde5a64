// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties of a filter's class: from the table of its knobs, and from the members of its settings.
#pragma once
#include <gst/gst.h>

#include <functional>
#include <optional>
#include <type_traits>
#include <vector>

#include "tunable/knob_table.h"

namespace oneadapt {

/// A property for each knob and each ladder, and "stats". Made once for a class; then immutable.
class KnobProperties {
 public:
  explicit KnobProperties(const KnobTable &knobs) : knobs_(knobs) {}
  /// Installs them with ids from 1 on and returns the first id that is free. `usual_ladder`: what an empty ladder
  /// stands for where the row has no default; `stats`: what "stats" holds, a literal.
  guint install(GObjectClass *klass, const char *usual_ladder, const char *stats);
  /// What a property's id stands for.
  std::optional<std::size_t> knob_of(guint id) const { return index_of(id, 1); }
  std::optional<std::size_t> ladder_of(guint id) const { return index_of(id, 1 + guint(knobs_.size())); }
  bool is_stats(guint id) const { return id == 1 + 2 * knobs_.size(); }
  GParamSpec *pspec(std::size_t knob) const { return pspecs_[knob]; }

 private:
  std::optional<std::size_t> index_of(guint id, guint first) const {
    return id >= first && id - first < knobs_.size() ? std::optional<std::size_t>(id - first) : std::nullopt;
  }

  const KnobTable &knobs_;
  std::vector<GParamSpec *> pspecs_;
};

inline void read_value(const GValue *from, guint64 &to) { to = g_value_get_uint64(from); }
inline void read_value(const GValue *from, guint &to) { to = g_value_get_uint(from); }
inline void read_value(const GValue *from, int &to) {
  to = G_VALUE_HOLDS_ENUM(from) ? g_value_get_enum(from) : g_value_get_int(from);
}
inline void read_value(const GValue *from, double &to) { to = g_value_get_double(from); }
template <class Enum>
std::enable_if_t<std::is_enum_v<Enum>> read_value(const GValue *from, Enum &to) {
  to = Enum(g_value_get_enum(from));
}
inline void write_value(GValue *to, guint64 from) { g_value_set_uint64(to, from); }
inline void write_value(GValue *to, guint from) { g_value_set_uint(to, from); }
inline void write_value(GValue *to, int from) {
  G_VALUE_HOLDS_ENUM(to) ? g_value_set_enum(to, from) : g_value_set_int(to, from);
}
inline void write_value(GValue *to, double from) { g_value_set_double(to, from); }
template <class Enum>
std::enable_if_t<std::is_enum_v<Enum>> write_value(GValue *to, Enum from) {
  g_value_set_enum(to, int(from));
}

/// Properties that are members of a struct of settings. Made once for a class; then immutable.
template <class Settings>
class SettingProperties {
 public:
  /// (transfer full)
  template <class Member>
  void add(GParamSpec *pspec, Member Settings::*member) {
    rows_.push_back({pspec, [member](Settings &settings, const GValue *value) { read_value(value, settings.*member); },
                     [member](const Settings &settings, GValue *value) { write_value(value, settings.*member); }});
  }
  /// Installs them with ids from `first` on.
  void install(GObjectClass *klass, guint first) {
    first_ = first;
    for (const Row &row : rows_) g_object_class_install_property(klass, first++, row.pspec);
  }
  /// False: the id is none of theirs.
  bool set(Settings &settings, guint id, const GValue *value) const {
    if (id < first_ || id - first_ >= rows_.size()) return false;
    rows_[id - first_].set(settings, value);
    return true;
  }
  bool get(const Settings &settings, guint id, GValue *value) const {
    if (id < first_ || id - first_ >= rows_.size()) return false;
    rows_[id - first_].get(settings, value);
    return true;
  }

 private:
  struct Row {
    GParamSpec *pspec;
    std::function<void(Settings &, const GValue *)> set;
    std::function<void(const Settings &, GValue *)> get;
  };
  std::vector<Row> rows_;
  guint first_ = 0;
};

}  // namespace oneadapt
