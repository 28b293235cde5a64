// SPDX-License-Identifier: LGPL-2.1-or-later
// What a medium supplies. A filter of any medium is an element with its own pads and coding, and an AdaptiveFilter that
// does for it what is the same for all media.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "tunable/interval_history.h"
#include "tunable/knob_settings.h"
#include "tunable/knob_table.h"
#include "tunable/locked.h"
#include "tunable/measurement.h"

namespace oneadapt {

/// Called from any thread, unless it says otherwise.
class Medium {
 public:
  virtual ~Medium() = default;

  virtual const KnobTable &knobs() const = 0;
  /// What the blocks of its gradients are.
  virtual Domain domain() const { return Domain::Grid; }
  /// The ladders in force for the caps, from the user's (empty ones: the default); where they depend on the caps, all
  /// are empty before.
  virtual Ladders ladders(const Ladders &users) {
    Ladders all = users;
    for (std::size_t knob = 0; knob < all.size(); knob++)
      if (all[knob].empty()) all[knob] = default_ladder(knobs()[knob]);
    return all;
  }
  /// What the values that are asked for come to with this input. The ladders are those in force.
  virtual Values in_force(const Values &asked, const Ladders &) { return asked; }
  /// Nothing where nobody knows.
  virtual std::optional<Typical> typical(std::size_t /*knob*/, double /*value*/,
                                         const std::vector<double> & /*ladder*/) {
    return std::nullopt;
  }

  /// The configuration of the interval under way; nothing before the first.
  virtual std::optional<Values> current_values() = 0;
  /// A remembered interval, ready to be measured; NULL when it is not or no longer known. `pinned`: it is kept as it is
  /// now until another one is pinned. One thread at a time.
  virtual std::unique_ptr<Measurement> measure(std::uint64_t interval, bool pinned, const ProbeRequest &request) = 0;
  /// The counters as a structure, to which the knobs in force are added for "stats". (transfer full)
  virtual GstStructure *counters() = 0;
  /// CPU time went into a probe, or into something like it.
  virtual void count_probe(std::uint64_t cpu_ns, bool probe) = 0;
  /// A run begins, or is over (`over`): then counters can still be read.
  virtual void new_run(bool over) = 0;
  /// The medium's own settings as properties (SettingProperties). False: the id is none of theirs.
  virtual bool set_setting(guint /*id*/, const GValue *) { return false; }
  virtual bool get_setting(guint /*id*/, GValue *) { return false; }

  /// Puts what a configuration names into `values`; nothing may be named.
  virtual void merge(Values &values, const PartialValues &named) const {
    for (std::size_t knob = 0; knob < values.size(); knob++) values[knob] = named[knob].value_or(values[knob]);
  }
  /// What goes with a configuration that the controller applies, and that names some knobs of those asked for.
  virtual PayloadRef payload(const PartialValues & /*named*/, const Values & /*asked*/) { return nullptr; }
  /// A probe begins, which may yet fail.
  virtual void on_probe(const ProbeRequest &) {}
  /// Whether the medium tells if something goes on in an interval, and takes other values for those in which nothing
  /// does ("idle"); and whether it knows that before an interval begins (now, by its settings).
  virtual bool has_activity() const { return false; }
  virtual bool has_lookahead() { return false; }
  /// Whether values in force may differ from those asked for, and a knob's property says what is in force.
  virtual bool shows_in_force() const { return false; }
  /// What is announced downstream of a knob's value in force. Streaming thread.
  virtual std::optional<double> announced(std::size_t /*knob*/, double value) { return value; }
};

/// A medium that remembers its intervals in a `History`, an IntervalHistory.
template <class History>
class RememberingMedium : public Medium {
 public:
  Locked<History> history;

  std::optional<Values> current_values() override {
    auto locked = history.lock();
    const auto *current = locked->current();
    return current ? std::optional<Values>(current->values) : std::nullopt;
  }
  void new_run(bool over) override { restart(*history.lock(), over); }
  GstStructure *counters() override {
    const IntervalCounters c = history.lock()->counters;
    return gst_structure_new("stats", "intervals", G_TYPE_UINT64, c.intervals, "bytes", G_TYPE_UINT64, c.bytes,
                             "last-interval-bytes", G_TYPE_UINT64, c.last_interval_bytes, "probe-time", G_TYPE_UINT64,
                             c.probe_ns, "probes", G_TYPE_UINT64, c.probes, nullptr);
  }
  void count_probe(std::uint64_t cpu_ns, bool probe) override {
    auto locked = history.lock();
    locked->counters.probe_ns += cpu_ns;
    locked->counters.probes += probe;
  }

 protected:
  /// What `find` and `pin` of the history give: a pointer or an optional.
  auto find(std::uint64_t interval, bool pinned) {
    auto locked = history.lock();
    auto found = pinned ? locked->pin(interval) : locked->find(interval);
    using Record = std::decay_t<decltype(*found)>;
    return found ? std::optional<Record>(*found) : std::nullopt;
  }
};

}  // namespace oneadapt
