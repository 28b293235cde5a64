// SPDX-License-Identifier: LGPL-2.1-or-later
// DNNGrad of generated networks against central differences: bench-gradients [NETWORKS] [FIRST-SEED].
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "random_network.h"

using namespace oneadapt_test;

int main(int argc, char **argv) {
  const unsigned count = argc > 1 ? unsigned(std::atoi(argv[1])) : 300,
                 first = argc > 2 ? unsigned(std::atoi(argv[2])) : 1;
  std::map<std::string, unsigned> of_kind;
  unsigned wrong = 0, empty = 0;
  std::map<int, unsigned> of_error;  // networks, by the power of ten that their worst plan stays below
  double worst = 0;
  const auto kinds = network_kinds();
  for (unsigned seed = first; seed < first + count; ++seed) {
    const TemporaryFolder folder;
    const RandomNetwork network = save_random_network(folder, seed, {kinds[seed % kinds.size()]});
    for (const std::string &kind : network.kinds) ++of_kind[kind];
    bool bad = false;
    double error = 1e-7;
    for (const auto &[plan, check] : check_gradients(network, seed)) {
      if (!(check.length > 0)) ++empty;
      error = std::max(error, check.relative_error);
      if (check.relative_error <= 0.01 && check.z_error < 1e-3 && check.doubt.empty()) continue;
      std::printf("seed %u, plan %s: relative error %.3g, of z %.3g %s\n", seed, plan.c_str(), check.relative_error,
                  check.z_error, check.doubt.c_str());
      if (!bad) std::printf("%s", network.source.c_str());
      bad = true;
    }
    wrong += bad;
    worst = std::max(worst, error);
    ++of_error[int(std::ceil(std::log10(error)))];
  }
  for (const auto &[kind, number] : of_kind) std::printf("%4u networks with %s\n", number, kind.c_str());
  for (const auto &[power, number] : of_error) std::printf("%4u networks with an error up to 1e%d\n", number, power);
  std::printf("%u networks, 3 plans each: %u wrong, %u without a gradient, worst relative error %.2g\n", count, wrong,
              empty, worst);
  return wrong != 0;
}
