// SPDX-License-Identifier: LGPL-2.1-or-later
// Limits of numbers on the command line, in words (CLI11's own end in a number of 309 digits).
#pragma once
#include <CLI/CLI.hpp>
#include <cmath>
#include <string>

namespace oneadapt::eval {

inline CLI::Validator number_from_0(bool zero_too) {
  return CLI::Validator(
      [zero_too](std::string &text) {
        double value = 0;
        const bool good = CLI::detail::lexical_cast(text, value) && std::isfinite(value);
        if (good && (value > 0 || (zero_too && value == 0))) return std::string();
        return std::string("wants a number ") + (zero_too ? "that is not negative" : "above 0") + ", got \"" + text +
               "\"";
      },
      "");
}
inline CLI::Validator not_negative() { return number_from_0(true); }
inline CLI::Validator share() { return CLI::Range(0.0, 1.0).description(""); }
inline CLI::Validator positive() { return number_from_0(false); }

}  // namespace oneadapt::eval
