// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once
#include <cstdint>
#include <initializer_list>
#include <random>
#include <string>

namespace random_pipelines {

/// Random numbers that are the same for the same seed with any C++ library: the standard fixes the engine, but not the
/// distributions.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed * 0x9e3779b97f4a7c15u + 1) {}
  /// 0 to n − 1.
  int below(int n) { return int(engine_() % std::uint64_t(n)); }
  int between(int least, int most) { return least + below(most - least + 1); }
  bool one_in(int n) { return below(n) == 0; }
  const char *pick(std::initializer_list<const char *> list) { return list.begin()[below(int(list.size()))]; }
  std::string number(int least, int most) { return std::to_string(between(least, most)); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace random_pipelines
