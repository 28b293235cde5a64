// SPDX-License-Identifier: LGPL-2.1-or-later
#include "score.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>

namespace oneadapt_lidar {

using oneadapt::ScoredBox3d;

Tally Score::all(std::size_t overlap) const {
  Tally sum;
  for (const auto &tallies : of) {
    sum.found += tallies[overlap].found;
    sum.wanted += tallies[overlap].wanted;
    sum.right += tallies[overlap].right;
  }
  return sum;
}

void Score::add(const std::vector<ScoredBox3d> &found, const std::vector<Object> &wanted) {
  for (int label = 0; label < kClasses; label++) {
    std::vector<ScoredBox3d> boxes, truth;
    for (const ScoredBox3d &box : found)
      if (box.label == label && in_reach(box.box)) boxes.push_back(box);
    for (const Object &object : wanted)
      if (class_of(object.kind) == label) truth.push_back({object.box, 1, label});
    for (std::size_t i = 0; i < kOverlaps.size(); i++) {
      Tally &tally = of[label][i];
      tally.found += boxes.size();
      tally.wanted += truth.size();
      // F1 of one turn says how many are right: f1 = 2 · right ÷ (found + wanted).
      const double both = double(boxes.size() + truth.size());
      tally.right += std::size_t(std::lround(f1(boxes, truth, kOverlaps[i]) * both / 2));
    }
  }
}

Score score(oneadapt::CloudModel &model, unsigned turns, const Sensor &sensor) {
  Score score;
  std::vector<double> times;
  for (unsigned i = 0; i < turns; i++) {
    const Example example = example_to_score(i, turns, sensor);
    const std::clock_t start = std::clock();
    const auto boxes = model.infer(example.points.data(), example.points.size());
    times.push_back(1000.0 * double(std::clock() - start) / CLOCKS_PER_SEC);
    score.add(boxes, example.objects);
  }
  if (times.empty()) return score;
  std::nth_element(times.begin(), times.begin() + std::ptrdiff_t(times.size() / 2), times.end());
  score.milliseconds = times[times.size() / 2];
  return score;
}

std::string table_of(const Score &score) {
  std::string text = "              F1 at IoU 0.5   F1 at IoU 0.7   precision   recall   objects\n";
  const auto line = [&](const std::string &name, const Tally &loose, const Tally &strict) {
    char row[128];
    std::snprintf(row, sizeof row, "%-12s  %13.3f   %13.3f   %9.3f   %6.3f   %7zu\n", name.c_str(), loose.f1(),
                  strict.f1(), loose.found ? double(loose.right) / double(loose.found) : 1,
                  loose.wanted ? double(loose.right) / double(loose.wanted) : 1, loose.wanted);
    text += row;
  };
  for (int label = 0; label < kClasses; label++)
    line(kClassNames[std::size_t(label)], score.of[label][0], score.of[label][1]);
  line("all", score.all(0), score.all(1));
  return text;
}

}  // namespace oneadapt_lidar
