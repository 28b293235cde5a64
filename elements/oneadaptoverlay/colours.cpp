// SPDX-License-Identifier: LGPL-2.1-or-later
#include "colours.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace oneadapt {

Colour colour_of(int id) {
  // Steps of the golden angle.
  double hue = std::fmod(130.0 + id * 137.508, 360.0) / 60.0;
  if (hue < 0) hue += 6;
  const auto channel = [hue](double peak) {
    double d = std::fabs(hue - peak);
    d = std::min(d, 6 - d);
    return 0.3 + 0.7 * std::clamp(2 - d, 0.0, 1.0);
  };
  return {channel(0), channel(2), channel(4)};
}

Colour heat_colour(double t) {
  static const Colour stops[] = {{0.35, 0.0, 0.6}, {0.85, 0.05, 0.25}, {1.0, 0.5, 0.0}, {1.0, 0.95, 0.3}};
  const double at = t * 3;
  const int i = std::min(int(at), 2);
  const double f = at - i;
  const auto mix = [f](double a, double b) { return a + (b - a) * f; };
  return {mix(stops[i].r, stops[i + 1].r), mix(stops[i].g, stops[i + 1].g), mix(stops[i].b, stops[i + 1].b)};
}

double heat(double value, double peak) {
  constexpr double kFloor = 0.14;  // the root of 2 %
  const double root = peak > 0 ? std::sqrt(std::min(1.0, value / peak)) : 0;
  return std::max(0.0, (root - kFloor) / (1 - kFloor));
}

float bright(const std::vector<float> &values) {
  std::vector<float> sorted(values);
  const auto at = sorted.begin() + std::ptrdiff_t(sorted.size() * 99 / 100);
  std::nth_element(sorted.begin(), at, sorted.end());
  return *at > 0 ? *at : *std::max_element(sorted.begin(), sorted.end());
}

}  // namespace oneadapt
