// SPDX-License-Identifier: LGPL-2.1-or-later
// Plays random pipelines of our elements and others: random-pipelines FIRST [COUNT], seeds FIRST and so on. Prints one
// line a seed before and after, and what was wrong. With --print it only says what a seed stands for.
#include <gst/gst.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "live_objects.h"
#include "play.h"
#include "test_models.h"

namespace {

using namespace random_pipelines;

constexpr int kPatience = 60;  // seconds, many times what a pipeline takes on a busy machine

/// Whether all was well.
bool try_seed(std::uint64_t seed, const oneadapt_test::TemporaryFolder &folder, const std::string &model,
              Watchdog &watchdog) {
  const Recipe recipe = recipe_of(seed);
  std::printf("begin %llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  watchdog.set_context(text_of(recipe));
  LiveObjects made;
  Outcome outcome = play(recipe, model, folder.file("results.jsonl"), watchdog);
  outcome.wrong += made.left_alive();
  const Tally &t = outcome.tally;
  if (!outcome.missing.empty()) std::printf("missing: %s\n", outcome.missing.c_str());
  if (!outcome.wrong.empty()) std::printf("wrong: %s\n%s", outcome.wrong.c_str(), text_of(recipe).c_str());
  std::printf("end %llu %s gradients %u placed %u flat %u unseen %u excused %u results %u\n",
              static_cast<unsigned long long>(seed),
              !outcome.missing.empty() ? "missing"
              : outcome.wrong.empty()  ? "right"
                                       : "wrong",
              t.gradients, t.placed, t.flat, t.unseen, t.excused, t.results);
  std::fflush(stdout);
  return outcome.wrong.empty();
}

}  // namespace

int main(int argc, char **argv) {
  const bool print = argc > 1 && !std::strcmp(argv[1], "--print");
  if (argc < 2 + print || argc > 3 + print) {
    std::fprintf(stderr, "usage: %s [--print] FIRST [COUNT]\n", argv[0]);
    return 2;
  }
  const std::uint64_t first = std::strtoull(argv[1 + print], nullptr, 10),
                      count = argc > 2 + print ? std::strtoull(argv[2 + print], nullptr, 10) : 1;
  if (print) {
    for (std::uint64_t seed = first; seed < first + count; ++seed) std::fputs(text_of(recipe_of(seed)).c_str(), stdout);
    return 0;
  }
  gst_init(nullptr, nullptr);
  g_log_set_always_fatal(GLogLevelFlags(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL));
  bool right = true;
  {
    const oneadapt_test::TemporaryFolder folder;
    const std::string model = oneadapt_test::save_brightest(folder);
    Watchdog watchdog(kPatience);
    for (std::uint64_t seed = first; seed < first + count; ++seed)
      right = try_seed(seed, folder, model, watchdog) && right;
  }
  gst_deinit();
  return right ? 0 : 1;
}
