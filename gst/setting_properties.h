// SPDX-License-Identifier: LGPL-2.1-or-later
// Properties that are members of a struct of settings: one row of a table says what a property is and where it stands.
#pragma once
#include <gst/gst.h>

#include <cstddef>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace oneadapt {

/// Says that a property that is fixed for a run was set during one.
inline void warn_of_fixed(gpointer element, const GParamSpec *spec) {
  GST_ELEMENT_WARNING(GST_ELEMENT(element), RESOURCE, SETTINGS,
                      ("Property \"%s\" can only change in state NULL or READY; it stays as it was.", spec->name),
                      (nullptr));
}

/// Whether a property that is fixed for a run is about to be set during one; then that was said.
inline bool is_fixed_now(gpointer element, const GParamSpec *spec) {
  if (!(spec->flags & GST_PARAM_MUTABLE_READY)) return false;
  GST_OBJECT_LOCK(element);
  const bool running = GST_STATE(element) > GST_STATE_READY;
  GST_OBJECT_UNLOCK(element);
  if (running) warn_of_fixed(element, spec);
  return running;
}

inline void read_value(const GValue *from, guint64 &to) { to = g_value_get_uint64(from); }
inline void read_value(const GValue *from, guint &to) { to = g_value_get_uint(from); }
inline void read_value(const GValue *from, int &to) {
  to = G_VALUE_HOLDS_ENUM(from) ? g_value_get_enum(from) : g_value_get_int(from);
}
inline void read_value(const GValue *from, bool &to) { to = g_value_get_boolean(from); }
inline void read_value(const GValue *from, std::string &to) {
  to = g_value_get_string(from) ? g_value_get_string(from) : "";
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
inline void write_value(GValue *to, bool from) { g_value_set_boolean(to, from); }
inline void write_value(GValue *to, const std::string &from) { g_value_set_string(to, from.c_str()); }
inline void write_value(GValue *to, double from) { g_value_set_double(to, from); }
template <class Enum>
std::enable_if_t<std::is_enum_v<Enum>> write_value(GValue *to, Enum from) {
  g_value_set_enum(to, int(from));
}

/// Properties that are members of a struct of settings. Made once for a class; then immutable.
template <class Settings>
class SettingProperties {
 public:
  using Set = std::function<void(Settings &, const GValue *)>;
  using Get = std::function<void(const Settings &, GValue *)>;

  /// A value in the settings. `place` gives a reference to it: a pointer to a member, or a function of the settings.
  /// `pspec`: (transfer full)
  template <class Place>
  void add(GParamSpec *pspec, Place place) {
    add(
        pspec, [place](Settings &settings, const GValue *value) { read_value(value, std::invoke(place, settings)); },
        [place](const Settings &settings, GValue *value) { write_value(value, std::invoke(place, settings)); });
  }
  /// One that is more than a value. `set` is not called for a property that can only be read.
  void add(GParamSpec *pspec, Set set, Get get) { rows_.push_back({pspec, std::move(set), std::move(get)}); }
  /// Installs them with ids from `first` on.
  void install(GObjectClass *klass, guint first) {
    first_ = first;
    for (const Row &row : rows_) g_object_class_install_property(klass, first++, row.pspec);
  }
  std::size_t size() const { return rows_.size(); }
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
    Set set;
    Get get;
  };
  std::vector<Row> rows_;
  guint first_ = 0;
};

}  // namespace oneadapt
