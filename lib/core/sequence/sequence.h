// SPDX-License-Identifier: LGPL-2.1-or-later
// Elements that follow each other in time: decoding the step-by-step scores of a CTC model (Graves et al., 2006), and
// F1 over the sequences (paper §5.1: "F1 of words").
#pragma once
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace oneadapt {

/// One symbol of a CTC model's output.
struct CtcToken {
  int label = 0;                    ///< index of the class
  std::size_t first = 0, last = 0;  ///< steps, both included
  std::size_t peak = 0;             ///< step with the largest score
  double score = 0;                 ///< largest posterior in those steps
  bool operator==(const CtcToken &o) const {
    return label == o.label && first == o.first && last == o.last && peak == o.peak && score == o.score;
  }
};

/// Best path decoding of `posteriors` (steps × classes, row by row, each row sums to 1), in order of time. A token is a
/// run of steps in which the same class, not `blank`, is the likeliest. Where `blank` is the likeliest, a class with at
/// least `floor` is a token too, unless it touches a likelier one. Such tokens are like a detector's boxes below the
/// threshold. Throws std::invalid_argument when `blank` is not a class or sizes do not fit.
std::vector<CtcToken> ctc_tokens(const std::vector<float> &posteriors, std::size_t classes, int blank, double floor);

/// An element of a sequence.
struct SequenceElement {
  std::string label;
  double time = 0;  ///< s
};

/// Pairs (index in `a`, index in `b`) of equal labels no more than `tolerance` seconds apart, in the same order on both
/// sides, as many as possible (longest common subsequence). Both in order of time.
std::vector<std::pair<std::size_t, std::size_t>> match_sequences(const std::vector<SequenceElement> &a,
                                                                 const std::vector<SequenceElement> &b,
                                                                 double tolerance);

/// F1 = 2·pairs / (elements of both sides); 1 if both are empty.
double sequence_f1(const std::vector<SequenceElement> &result, const std::vector<SequenceElement> &reference,
                   double tolerance);

}  // namespace oneadapt
