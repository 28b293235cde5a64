// SPDX-License-Identifier: LGPL-2.1-or-later
// How often requests for IDR pictures are answered. Pure: the caller says what the time is.
#pragma once
#include <algorithm>
#include <cstdint>

namespace oneadapt {

/// A token bucket. Who lost an IDR picture too gets another one soon; but however many requests come, in the long run
/// they cost no more than GOPs of one period. Thread-bound.
class KeyRequests {
 public:
  /// Requests that are answered in a row, after a while without any.
  static constexpr std::uint64_t kBurst = 3;

  /// Whether the frame at `time` (ns) is to be an IDR picture, because it is `requested` or because an earlier request
  /// is still to be answered. `period`: ns from one answer to the next in the long run; 0: no limit.
  bool take(bool requested, std::uint64_t time, std::uint64_t period) {
    const std::uint64_t most = kBurst * period;
    if (!begun_) credit_ = most;
    if (begun_ && time > last_) credit_ += std::min(time - last_, most);  // time may go back, at a seek
    begun_ = true;
    last_ = time;
    credit_ = std::min(credit_, most);
    owed_ = owed_ || requested;
    if (!owed_ || credit_ < period) return false;
    credit_ -= period;
    owed_ = false;
    return true;
  }
  /// An IDR picture comes for another reason.
  void on_idr() { owed_ = false; }

 private:
  bool begun_ = false, owed_ = false;
  std::uint64_t last_ = 0, credit_ = 0;
};

}  // namespace oneadapt
