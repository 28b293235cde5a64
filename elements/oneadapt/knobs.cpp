// SPDX-License-Identifier: LGPL-2.1-or-later
#include "knobs.h"

#include <glib.h>

#include <algorithm>
#include <cmath>

namespace oneadapt {
namespace {

const KnobRow kTable[kKnobs] = {
    {"scale", "Scale", "Width and height of the output as a fraction of the input's, rounded to even pixels",
     KnobType::Double, 0.1, 1.0, 1.0, true, false, "0.5,0.625,0.75,0.875,1", "fractions of width and height", 2.0},
    {"framerate", "Frame rate",
     "Most frames per second that are passed on, an interval's last one always among them; the others are dropped "
     "(0 = every frame)",
     KnobType::Double, 0.0, 1000.0, 0.0, true, false, "",
     "frames per second; values above the input's rate are left out", 8.0},
    {"qp", "QP", "H.264 quantisation parameter of every macroblock: small is fine and expensive", KnobType::Int, 0, 51,
     20, false, true, "48,44,40,36,32,28,24,20", "quantisation parameters", 1.0},
};

}  // namespace

const KnobRow &knob_row(std::size_t knob) { return kTable[knob]; }

std::size_t find_knob(const std::string &name) {
  std::size_t knob = 0;
  while (knob < kKnobs && name != kTable[knob].name) knob++;
  return knob;
}

KnobValues neutral_values() {
  KnobValues values;
  for (std::size_t knob = 0; knob < kKnobs; knob++) values[knob] = kTable[knob].neutral;
  return values;
}

bool parse_ladder(const KnobRow &row, const std::string &text, std::vector<double> &values, std::string &error) {
  std::vector<double> found;
  std::string word;
  for (std::size_t i = 0; i <= text.size(); i++) {
    if (i < text.size() && text[i] != ',' && text[i] != ' ') {
      word += text[i];
      continue;
    }
    if (word.empty()) continue;
    gchar *end = nullptr;
    const double value = g_ascii_strtod(word.c_str(), &end);
    if (*end || !std::isfinite(value)) {
      error = "'" + word + "' is no number";
      return false;
    }
    if (value < row.min || value > row.max || (row.type == KnobType::Int && value != std::floor(value))) {
      error = "'" + word + "' is not a value that " + row.name + " can take";
      return false;
    }
    if (!found.empty() && (row.rises ? value <= found.back() : value >= found.back())) {
      error = std::string("its values must ") + (row.rises ? "rise" : "fall") + " (cheap to expensive)";
      return false;
    }
    found.push_back(value);
    word.clear();
  }
  if (found.empty() && !text.empty() && text.find_first_not_of(" ") != std::string::npos) {
    error = "it holds no number";
    return false;
  }
  values = std::move(found);
  return true;
}

std::vector<double> framerate_ladder(const std::vector<double> &user, double input_rate) {
  std::vector<double> ladder;
  if (user.empty()) {
    if (input_rate <= 0) return ladder;
    for (double divisor : {10.0, 5.0, 3.0, 2.0, 1.0})
      if (divisor == 1.0 || input_rate / divisor >= 1.0) ladder.push_back(input_rate / divisor);
    return ladder;
  }
  for (double value : user) {
    if (value <= 0) continue;  // 0 means "all", which is the input's rate
    if (input_rate > 0 && value >= input_rate) {
      ladder.push_back(input_rate);
      break;
    }
    ladder.push_back(value);
  }
  if (ladder.empty() && input_rate > 0) ladder.push_back(input_rate);
  return ladder;
}

}  // namespace oneadapt
