// SPDX-License-Identifier: LGPL-2.1-or-later
// What a run came to, against the most expensive configuration and the results on uncoded pictures: in words, as
// summary.json, and for the report.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "eval/run.h"

namespace oneadapt::eval {

/// F1 below which a run says so: the least that docs and reports call kept.
constexpr double kGoodAccuracy = 0.9;

struct Outcome {
  RunOptions options;
  RunResult adapted;
  RunResult reference;  ///< of the most expensive configuration; empty: it was not run
  RunResult judge;      ///< the same, with the results on uncoded pictures; of media that are not coded, just the same
  bool has_reference() const { return !reference.input.empty(); }
  /// Bytes sent, as a share of the reference's; 0 without one.
  double bandwidth() const;
  /// F1 against the judge, [0, 1]; 0 without one.
  double accuracy() const;
};

double kbps(std::uint64_t bytes, double seconds);

/// The table and what follows from it, for the terminal. Wants a reference.
std::string summary(const Outcome &outcome);

/// What to do about an accuracy below kGoodAccuracy, a sentence or two; empty where there is nothing to do.
std::string advice(const Outcome &outcome);

/// For summary.json. Wants a reference.
nlohmann::json summary_json(const Outcome &outcome);

/// What render_report() makes the page of a run of (docs/report.md); `command` stands at its head.
nlohmann::json report_json(const Outcome &outcome, const std::string &command, const std::string &version);

}  // namespace oneadapt::eval
