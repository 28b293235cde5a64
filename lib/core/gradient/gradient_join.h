// SPDX-License-Identifier: LGPL-2.1-or-later
// Gradients of several DNNs that one stream goes to (a tee), which are added: z is a sum over elements (§E), whichever
// DNN finds them, so each task counts. No clock, no GStreamer.
#pragma once
#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>

#include "core/gradient/gradient.h"

namespace oneadapt {

/// Of one kind: those of whole intervals, or early ones. Not thread-safe.
class GradientJoin {
 public:
  /// Whether it is late or a duplicate: this DNN has given one of that interval, or of a later one.
  bool is_late(std::uint64_t dnn, std::uint64_t interval) const;
  /// Whether another DNN's gradient of the same interval is of other blocks, so that the two cannot be added.
  bool is_other(const Gradient &gradient) const;
  /// Adds one that is neither. It begins a new sum when it is of another interval than the one before.
  void add(std::uint64_t dnn, const Gradient &gradient);
  /// So many DNNs are known to be there, whether they have given a gradient or not.
  void expect(std::size_t dnns) { expected_ = dnns; }
  /// DNNs that are waited for.
  std::size_t dnns() const { return std::max(expected_, known_.size()); }

  /// Whether any of that interval, the newest, has been added.
  bool has_any_of(std::uint64_t interval) const { return sum_ && sum_->interval == interval; }
  /// Whether there is a sum that has not been taken.
  bool has_sum() const { return sum_ && !taken_; }
  /// Whether all that are waited for are in it.
  bool complete() const { return has_sum() && count_ >= dnns(); }
  const Gradient &sum() const { return *sum_; }
  /// The sum, without which has_sum() it must not be called. DNNs that were missing in kPatience sums in a row are no
  /// longer waited for.
  Gradient take();

 private:
  static constexpr unsigned kPatience = 3;  // intervals, as feedback-timeout's default
  struct Known {
    std::uint64_t newest = 0;  ///< interval
    unsigned missed = 0;       ///< sums in a row that it was not in
  };

  std::map<std::uint64_t, Known> known_;
  std::size_t expected_ = 0, count_ = 0;
  std::optional<Gradient> sum_;
  bool taken_ = false;
};

}  // namespace oneadapt
