// SPDX-License-Identifier: LGPL-2.1-or-later
// What several streams cost on one CPU with one copy of the weights: each in a thread of its own, in turns (one
// inference at a time), or their frames in one batch; and with one thread an inference. CPU time a frame hardly depends
// on what else the machine does; frames a second do, so all take part in each round.
//   bench-streams MODEL [SIZE [STREAMS [ROUNDS]]]
#include <ATen/Parallel.h>
#include <sys/resource.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/script.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

#include "model/blas_threads.h"

namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kRound = std::chrono::seconds(3);

double processor_time() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

struct Way {
  const char *name;
  unsigned streams;
  int threads, batch;
  bool turns;
  std::vector<double> rates, costs;  ///< frames a second; CPU ms a frame
};

void round(torch::jit::Module &module, std::int64_t size, Way &way) {
  std::atomic<unsigned> frames{0};
  std::atomic<bool> stop{false};
  std::mutex turn;
  std::vector<std::thread> streams;
  const double cpu = processor_time();
  const auto begin = Clock::now();
  for (unsigned i = 0; i < way.streams; ++i)
    streams.emplace_back([&] {
      at::set_num_threads(way.threads);
      oneadapt::BlasThreads blas;  // as every model has
      blas.count();
      const at::NoGradGuard no_grad;
      const torch::jit::GraphOptimizerEnabledGuard plain(false);
      const at::Tensor input = at::rand({way.batch, 3, size, size});
      while (!stop) {
        std::unique_lock<std::mutex> lock(turn, std::defer_lock);
        if (way.turns) lock.lock();
        blas.use(way.threads);
        module.forward({input});
        frames += unsigned(way.batch);
      }
    });
  std::this_thread::sleep_for(kRound);
  stop = true;
  for (std::thread &s : streams) s.join();
  way.rates.push_back(frames / std::chrono::duration<double>(Clock::now() - begin).count());
  way.costs.push_back(1000 * (processor_time() - cpu) / frames);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char **argv) {
  setenv("OMP_WAIT_POLICY", "passive", 0);
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s MODEL [SIZE [STREAMS [ROUNDS]]]\n", argv[0]);
    return 2;
  }
  const std::int64_t size = argc > 2 ? std::atoi(argv[2]) : 416;
  const unsigned n = argc > 3 ? unsigned(std::atoi(argv[3])) : 4;
  torch::jit::Module module = torch::jit::load(argv[1]);
  module.eval();
  std::vector<Way> ways{{"one stream", 1, 2, 1, false, {}, {}},
                        {"side by side", n, 2, 1, false, {}, {}},
                        {"in turns", n, 2, 1, true, {}, {}},
                        {"one batch", 1, 2, int(n), false, {}, {}},
                        {"side by side, 1 thread", n, 1, 1, false, {}, {}}};
  for (int r = 0; r < (argc > 4 ? std::atoi(argv[4]) : 5); ++r)
    for (Way &way : ways) round(module, size, way);
  const double rate = median(ways[0].rates), cost = median(ways[0].costs);
  std::printf("%u streams, %ldx%ld\n%-24s %10s %8s %14s %8s\n", n, long(size), long(size), "", "frames/s", "ratio",
              "CPU ms/frame", "ratio");
  for (const Way &way : ways)
    std::printf("%-24s %10.1f %8.2f %14.1f %8.2f\n", way.name, median(way.rates), median(way.rates) / rate,
                median(way.costs), median(way.costs) / cost);
  return 0;
}
