// SPDX-License-Identifier: LGPL-2.1-or-later
// Cosine between OutputGrad (as the tunable measures it) and AccGrad from its definition (paper §3.2, Eq. 2; Fig. 6):
// at each configuration and second, the change of F1 for one rung of each knob, from runs of both configurations.
//   bench-cosine CLIP MODEL CLASSES [SECONDS]
#include <gst/gst.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "core/gradient.h"
#include "core/knob.h"
#include "eval/run.h"

using namespace oneadapt;
using namespace oneadapt::eval;

namespace {

struct KnobLadder {
  const char *name;
  Ladder ladder;
};

/// Mean F1 of each second.
std::map<std::uint64_t, double> f1_by_second(const RunResult &r, const RunResult &reference) {
  std::map<std::uint64_t, std::pair<double, int>> sums;
  for (std::size_t i = 0; i < reference.input.size(); ++i) {
    RunResult one;
    one.input = {reference.input[i]};
    one.results = reference.results;
    auto &s = sums[reference.input[i] / GST_SECOND];
    s.first += mean_accuracy(r, one);
    ++s.second;
  }
  std::map<std::uint64_t, double> out;
  for (const auto &[t, s] : sums) out[t] = s.first / s.second;
  return out;
}

}  // namespace

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  if (argc < 4) {
    std::fprintf(stderr, "usage: %s CLIP MODEL CLASSES [SECONDS]\n", argv[0]);
    return 2;
  }
  RunOptions base;
  base.clip = argv[1];
  base.model = argv[2];
  base.classes = argv[3];
  base.fps = 10;
  base.seconds = argc > 4 ? std::atof(argv[4]) : 0;
  const std::vector<KnobLadder> knobs = {{"qp", Ladder({48, 44, 40, 36, 32, 28, 24, 20})},
                                         {"scale", Ladder({0.5, 0.625, 0.75, 0.875, 1})},
                                         {"framerate", Ladder({1, 2, 5, 10})}};
  const std::vector<std::vector<std::size_t>> configurations = {{1, 1, 1}, {2, 2, 1}, {2, 3, 2}, {3, 1, 2},
                                                                {3, 3, 1}, {4, 2, 2}, {5, 3, 2}, {5, 1, 1}};
  try {
    RunOptions o = base;
    o.policy = "static";
    const RunResult reference = run(o, {});
    std::map<std::vector<std::size_t>, std::map<std::uint64_t, double>> accuracy;
    auto accuracy_of = [&](const std::vector<std::size_t> &k) -> const std::map<std::uint64_t, double> & {
      auto it = accuracy.find(k);
      if (it == accuracy.end()) {
        RunOptions at = base;
        at.policy = "static";
        for (std::size_t i = 0; i < knobs.size(); ++i) at.start[knobs[i].name] = knobs[i].ladder.value(k[i]);
        it = accuracy.emplace(k, f1_by_second(run(at, {}), reference)).first;
      }
      return it->second;
    };
    std::vector<double> cosines;
    std::vector<double> mean_og(knobs.size()), mean_ag(knobs.size());
    double kappa_up = 0, kappa_down = 0;
    for (const auto &k : configurations) {
      RunOptions probe = base;
      probe.alpha = 0;  // measure, do not move
      probe.smoothing = 1;
      for (std::size_t i = 0; i < knobs.size(); ++i) probe.start[knobs[i].name] = knobs[i].ladder.value(k[i]);
      const RunResult probed = run(probe, {});
      const auto &here = accuracy_of(k);
      std::vector<double> og_sum(knobs.size()), ag_sum(knobs.size());
      for (const IntervalRow &row : probed.intervals) {
        std::vector<double> og, ag;
        for (std::size_t i = 0; i < knobs.size(); ++i) {
          auto up = k;
          ++up[i];
          const double dk = knobs[i].ladder.position(up[i]) - knobs[i].ladder.position(k[i]);
          for (const KnobValue &v : row.knobs)
            if (v.name == knobs[i].name) og.push_back(std::max(0.0, v.output_grad_up) / dk);
          ag.push_back((accuracy_of(up).at(row.interval) - here.at(row.interval)) / dk);
          og_sum[i] += og.back();
          ag_sum[i] += ag.back();
          kappa_up += std::max(ag.back(), 0.0) * dk;
          kappa_down += og.back() * dk / std::max(1u, row.objects);
        }
        if (std::any_of(ag.begin(), ag.end(), [](double v) { return v != 0; })) cosines.push_back(cosine(og, ag));
      }
      std::printf("qp %g scale %g framerate %g:", knobs[0].ladder.value(k[0]), knobs[1].ladder.value(k[1]),
                  knobs[2].ladder.value(k[2]));
      std::printf("  cosine of the sums over seconds %.3f  OutputGrad", cosine(og_sum, ag_sum));
      for (double v : og_sum) std::printf(" %.0f", v / double(probed.intervals.size()));
      std::printf("  AccGrad");
      for (double v : ag_sum) std::printf(" %.3f", v / double(probed.intervals.size()));
      std::printf("\n");
      std::fflush(stdout);
    }
    double mean = 0;
    for (double c : cosines) mean += c / double(cosines.size());
    std::sort(cosines.begin(), cosines.end());
    std::printf("mean cosine %.3f, median %.3f, over %zu seconds (paper: 0.91); kappa %.2e\n", mean,
                cosines.empty() ? 0 : cosines[cosines.size() / 2], cosines.size(), kappa_up / kappa_down);
  } catch (const std::exception &e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 2;
  }
  return 0;
}
