// SPDX-License-Identifier: LGPL-2.1-or-later
#include "words.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "core/sequence/sequence.h"

namespace oneadapt_speech {

namespace {

std::vector<oneadapt::SequenceElement> elements(const std::vector<int> &words) {
  std::vector<oneadapt::SequenceElement> list;
  for (const int word : words) list.push_back({std::to_string(word), 0});
  return list;
}

}  // namespace

std::vector<Word> decode(const std::vector<float> &logits, std::size_t classes, double temperature) {
  std::vector<float> posteriors(logits.size());
  for (std::size_t row = 0; row + classes <= logits.size(); row += classes) {
    const float most = *std::max_element(&logits[row], &logits[row] + classes);
    double sum = 0;
    for (std::size_t c = 0; c < classes; ++c)
      sum += std::exp((static_cast<double>(logits[row + c]) - most) / temperature);
    for (std::size_t c = 0; c < classes; ++c)
      posteriors[row + c] =
          static_cast<float>(std::exp((static_cast<double>(logits[row + c]) - most) / temperature) / sum);
  }
  std::vector<Word> words;
  for (const oneadapt::CtcToken &token : oneadapt::ctc_tokens(posteriors, classes, 0, 1))
    words.push_back({token.label - 1, token.score, token.peak});
  return words;
}

std::size_t matches(const std::vector<int> &a, const std::vector<int> &b) {
  return oneadapt::match_sequences(elements(a), elements(b), std::numeric_limits<double>::infinity()).size();
}

void Tally::add(const std::vector<int> &truth, const std::vector<int> &recognised) {
  said += truth.size();
  heard += recognised.size();
  right += matches(truth, recognised);
}

double Tally::f1() const {
  return said + heard == 0 ? 1.0 : 2.0 * static_cast<double>(right) / static_cast<double>(said + heard);
}

}  // namespace oneadapt_speech
