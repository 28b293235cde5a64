// SPDX-License-Identifier: LGPL-2.1-or-later
// Random numbers that are the same on every machine for a seed: the standard's engines are fixed, its distributions are
// not.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>

namespace oneadapt::tools {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  /// In [0, 1).
  double unit() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }
  double between(double low, double high) { return low + (high - low) * unit(); }
  /// Even on a logarithmic scale; both ends above 0.
  double scaled(double low, double high) { return low * std::pow(high / low, unit()); }
  /// In [0, n); n > 0.
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(unit() * static_cast<double>(n)); }
  bool chance(double p) { return unit() < p; }
  double normal() {
    const double r = std::sqrt(-2 * std::log(1 - unit()));
    return r * std::cos(2 * M_PI * unit());
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace oneadapt::tools
