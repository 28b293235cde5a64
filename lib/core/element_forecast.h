// SPDX-License-Identifier: LGPL-2.1-or-later
// How many elements the next interval will have, where they come and go.
#pragma once
#include <array>
#include <optional>

namespace oneadapt {

/// Learns from a stream how many elements an interval has after one that had some, and after one that had none.
/// Beyond the paper, whose Eq. 1 counts each interval alike. Not thread-safe.
class ElementForecast {
 public:
  /// An interval with so many elements has ended.
  void push(double elements);
  /// Elements expected in the next interval, as a multiple of what an interval has in the mean. Above 0; before the
  /// first push() as after an interval without elements.
  double weight() const;
  void reset() { *this = ElementForecast(); }

 private:
  struct Mean {
    double sum, count;
    void add(double value);
    double value() const { return sum / count; }
  };
  // What is believed before anything was seen, as if it had been in eight intervals each.
  std::array<Mean, 2> after_{{{0.3 * 8, 8}, {1.0 * 8, 8}}};  ///< after none, after some
  Mean all_{0.65 * 8, 8};
  std::optional<bool> last_;  ///< whether the last interval had elements
};

}  // namespace oneadapt
