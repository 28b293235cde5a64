// SPDX-License-Identifier: LGPL-2.1-or-later
// What a filter remembers of its last few adaptation intervals, for probing, and its counters. The same for every
// medium; a medium adds what it remembers of its data.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "tunable/knob_table.h"

namespace oneadapt {

/// One adaptation interval of any medium, finished or so far.
struct IntervalRecord {
  std::uint64_t number = 0;
  Values values;            ///< the configuration in force
  std::uint64_t bytes = 0;  ///< that left the filter
  /// Bytes of the interval before, as a configuration event tells them.
  std::uint64_t bytes_before = GST_ONEADAPT_BYTES_UNKNOWN;
  unsigned frames_in = 0, frames_out = 0;
  double activity = -1;           ///< whether something went on in it, in [0, 1]; < 0: unknown
  double expected_activity = -1;  ///< the same, as far as it was known when the interval began
};

/// Since the filter was started.
struct IntervalCounters {
  std::uint64_t intervals = 0, bytes = 0, last_interval_bytes = 0;
  std::uint64_t coding_ns = 0, probe_ns = 0, probes = 0;  ///< CPU time of the threads that did it
};

/// `Record` is an IntervalRecord, `Counters` are IntervalCounters. Not thread-safe.
template <class Record, class Counters>
class IntervalHistory {
 public:
  static constexpr std::size_t kPast = 3;  ///< feedback may be this late

  /// Closes the interval under way and begins another.
  Record &begin(std::uint64_t number, const Values &values) {
    std::uint64_t before = GST_ONEADAPT_BYTES_UNKNOWN;
    if (any_) {
      // An interval without data has no record.
      if (current_.number < number) before = current_.number + 1 == number ? current_.bytes : 0;
      counters.last_interval_bytes = current_.bytes;
      past_.push_front(std::move(current_));
      if (past_.size() > kPast) past_.pop_back();
    }
    if (pinned_ && number <= pinned_->number) pinned_.reset();  // time went back: the number will be another interval's
    counters.intervals++;
    any_ = true;
    current_ = Record();
    current_.number = number;
    current_.values = values;
    current_.bytes_before = before;
    return current_;
  }
  /// Bytes leave in the interval under way.
  void on_bytes(std::uint64_t bytes) {
    counters.bytes += bytes;
    current_.bytes += bytes;
  }
  /// Forgets all intervals (a flush); counters stay.
  void forget() {
    any_ = false;
    pinned_.reset();
    past_.clear();
    current_ = Record();
  }

  /// The interval of that number, the latest if there are several; NULL when it is not or no longer known.
  const Record *find(std::uint64_t number) const {
    if (any_ && current_.number == number) return &current_;
    for (const Record &record : past_)
      if (record.number == number) return &record;
    return nullptr;
  }
  /// The same, kept as it is now until another interval is pinned, so that the renderings of a profile, which may go on
  /// for many intervals, are all of the same interval.
  const Record *pin(std::uint64_t number) {
    return pin(number, [](Record &) { return true; });
  }
  /// The same; `complete(record)` adds what is stored elsewhere. False: that is no longer available.
  template <class Complete>
  const Record *pin(std::uint64_t number, Complete complete) {
    if (pinned_ && pinned_->number == number) return &*pinned_;
    const Record *found = find(number);
    if (!found) return nullptr;
    Record record = *found;
    if (!complete(record)) return nullptr;
    pinned_ = std::move(record);
    return &*pinned_;
  }
  const Record *current() const { return any_ ? &current_ : nullptr; }
  /// Exists before the first interval begins, too.
  Record &under_way() { return current_; }
  /// The intervals that are over, the latest first.
  std::deque<Record> &past() { return past_; }

  Counters counters;

 private:
  bool any_ = false;
  Record current_;
  std::optional<Record> pinned_;
  std::deque<Record> past_;
};

/// Back to the start of a run. `keep_counters`: they can still be read after its end.
template <class History>
void restart(History &history, bool keep_counters) {
  History fresh;
  if (keep_counters) fresh.counters = history.counters;
  history = std::move(fresh);
}

}  // namespace oneadapt
