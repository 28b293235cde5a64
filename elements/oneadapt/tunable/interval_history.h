// SPDX-License-Identifier: LGPL-2.1-or-later
// The last few adaptation intervals, of whatever is remembered of each.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

namespace oneadapt {

/// `Record` has a member `number`. Not thread-safe.
template <class Record>
class Intervals {
 public:
  static constexpr std::size_t kPast = 3;  ///< feedback may be this late

  /// Closes the interval under way and begins another.
  Record &begin(std::uint64_t number) {
    if (any_) {
      past_.push_front(std::move(current_));
      if (past_.size() > kPast) past_.pop_back();
    }
    if (pinned_ && number <= pinned_->number) pinned_.reset();  // time went back: it would be another's
    any_ = true;
    current_ = Record();
    current_.number = number;
    return current_;
  }
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
  /// The same; `complete(record)` puts in what is needed of elsewhere, and may say that it is not to be had.
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
  /// There before the first interval begins, too.
  Record &under_way() { return current_; }
  /// Those that are over, the latest first.
  std::deque<Record> &past() { return past_; }

 private:
  bool any_ = false;
  Record current_;
  std::optional<Record> pinned_;
  std::deque<Record> past_;
};

}  // namespace oneadapt
