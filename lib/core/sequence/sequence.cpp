// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/sequence/sequence.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace oneadapt {
namespace {

bool touches(const CtcToken &a, const CtcToken &b) { return a.first <= b.last + 1 && b.first <= a.last + 1; }

}  // namespace

std::vector<CtcToken> ctc_tokens(const std::vector<float> &posteriors, std::size_t classes, int blank, double floor) {
  if (classes < 2 || posteriors.size() % classes || blank < 0 || std::size_t(blank) >= classes)
    throw std::invalid_argument("CTC scores need at least two classes, whole rows, and a blank among the classes");
  const std::size_t steps = posteriors.size() / classes;
  std::vector<CtcToken> tokens, weak;
  int last = -1, last_weak = -1;  // class of the step before; −1: none
  const auto add = [](std::vector<CtcToken> &list, int label, bool goes_on, std::size_t step, double score) {
    if (!goes_on) list.push_back({label, step, step, step, score});
    CtcToken &token = list.back();
    token.last = step;
    if (score > token.score) {
      token.score = score;
      token.peak = step;
    }
  };
  for (std::size_t step = 0; step < steps; ++step) {
    const float *row = &posteriors[step * classes];
    int best = -1;
    for (int c = 0; c < int(classes); ++c)
      if (c != blank && (best < 0 || row[c] > row[best])) best = c;
    const bool wins = row[best] > row[blank], counts = !wins && row[best] >= floor;
    if (wins) add(tokens, best, last == best, step, row[best]);
    if (counts) add(weak, best, last_weak == best, step, row[best]);
    last = wins ? best : -1;
    last_weak = counts ? best : -1;
  }
  const std::size_t winners = tokens.size();
  for (std::size_t i = 0; i < weak.size(); ++i) {
    const auto likelier = [&](const CtcToken &t) { return touches(t, weak[i]); };
    const bool beaten = std::any_of(tokens.begin(), tokens.begin() + std::ptrdiff_t(winners), likelier) ||
                        (i > 0 && likelier(weak[i - 1]) && weak[i - 1].score >= weak[i].score) ||
                        (i + 1 < weak.size() && likelier(weak[i + 1]) && weak[i + 1].score > weak[i].score);
    if (!beaten) tokens.push_back(weak[i]);
  }
  std::stable_sort(tokens.begin(), tokens.end(),
                   [](const CtcToken &a, const CtcToken &b) { return a.first < b.first; });
  return tokens;
}

std::vector<std::pair<std::size_t, std::size_t>> match_sequences(const std::vector<SequenceElement> &a,
                                                                 const std::vector<SequenceElement> &b,
                                                                 double tolerance) {
  const auto equal = [&](std::size_t i, std::size_t j) {
    return a[i].label == b[j].label && std::abs(a[i].time - b[j].time) <= tolerance;
  };
  // best[i][j]: most pairs among a[i…] and b[j…]
  std::vector<std::vector<unsigned>> best(a.size() + 1, std::vector<unsigned>(b.size() + 1, 0));
  for (std::size_t i = a.size(); i-- > 0;)
    for (std::size_t j = b.size(); j-- > 0;)
      best[i][j] = std::max({best[i + 1][j], best[i][j + 1], equal(i, j) ? best[i + 1][j + 1] + 1 : 0u});
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    if (equal(i, j) && best[i][j] == best[i + 1][j + 1] + 1) {
      pairs.emplace_back(i++, j++);
    } else if (best[i + 1][j] >= best[i][j + 1]) {
      ++i;
    } else {
      ++j;
    }
  }
  return pairs;
}

double sequence_f1(const std::vector<SequenceElement> &result, const std::vector<SequenceElement> &reference,
                   double tolerance) {
  const std::size_t all = result.size() + reference.size();
  return all ? 2.0 * double(match_sequences(result, reference, tolerance).size()) / double(all) : 1.0;
}

}  // namespace oneadapt
