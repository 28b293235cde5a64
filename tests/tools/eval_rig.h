// SPDX-License-Identifier: LGPL-2.1-or-later
// Made-up runs with hand-worked numbers, for the tests of oneadapt-eval's parts. No pipeline runs here.
#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "eval/run.h"

namespace eval_test {

inline constexpr std::uint64_t kMs = 1000000;

inline oneadapt::ScoredBox box(double x) { return {{x, 0.1, x + 0.1, 0.2}, 0.9, 0}; }

/// `seconds` at two frames a second; every frame costs `bytes` and shows what `boxes` says of its number.
template <class Boxes>
std::shared_ptr<oneadapt::eval::RunResult> made_up(std::size_t seconds, std::uint64_t bytes, Boxes boxes) {
  auto run = std::make_shared<oneadapt::eval::RunResult>();
  for (std::size_t i = 0; i < 2 * seconds; ++i) {
    const std::uint64_t t = i * 500 * kMs;
    run->input.push_back(t);
    run->packets.push_back({t, bytes});
    run->results.push_back({t, boxes(i)});
    run->bytes += bytes;
  }
  run->inferences = run->input.size();
  run->seconds = double(seconds);
  run->width = 64;
  run->height = 48;
  return run;
}

}  // namespace eval_test
