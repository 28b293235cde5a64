// SPDX-License-Identifier: LGPL-2.1-or-later
// What measurements of passes have in common.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <vector>

inline double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + std::ptrdiff_t(values.size() / 2), values.end());
  return values[values.size() / 2];
}

/// Milliseconds, of one kind of pass: on the wall and of the whole process.
struct Times {
  std::vector<double> wall, cpu;
  /// Runs `work`, and counts what it took unless that is only to warm up.
  void take(const std::function<void()> &work, bool count) {
    const auto begin = std::chrono::steady_clock::now();
    const std::clock_t cpu_begin = std::clock();
    work();
    const std::clock_t cpu_end = std::clock();
    if (!count) return;
    wall.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
    cpu.push_back(1e3 * double(cpu_end - cpu_begin) / CLOCKS_PER_SEC);
  }
};

/// The number that is argument `n` of the command line, or `fallback` where the first `needed` are not all there.
inline unsigned argument(int argc, char **argv, int n, int needed, unsigned fallback) {
  return argc > needed ? unsigned(std::atoi(argv[n])) : fallback;
}
