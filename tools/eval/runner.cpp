// SPDX-License-Identifier: LGPL-2.1-or-later
// Which options runs have, and runs side by side.
#include <glib.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <map>
#include <mutex>
#include <thread>

#include "eval/evaluation.h"
#include "eval/medium.h"
#include "eval/text.h"

namespace oneadapt::eval {
RunOptions Runner::base(const std::string &clip) const {
  const Clip opened = open_clip(clip);
  RunOptions o;
  static_cast<CommonOptions &>(o) = options_;
  o.clip = clip;
  o.medium = opened.medium;
  o.threads = 1;  // runs go side by side, and the number of threads must not change the numbers
  o.knobs = joined(options_.knobs);
  o.raw = options_.frames;
  o.medium->complete(o, options_, opened.file);
  if (o.properties.count("ctl.warm-start")) o.start = most_expensive();  // else the policy chooses where it starts
  return o;
}

std::map<std::string, double> Runner::most_expensive() const {
  std::map<std::string, double> start;
  const auto ends = ladder_ends(options_.properties);
  for (const std::string &knob : options_.knobs) {
    const auto end = ends.find(knob);
    if (end != ends.end()) start[start_property(knob)] = end->second;
  }
  return start;
}

std::vector<std::shared_ptr<const RunResult>> Runner::run_all(const std::vector<RunOptions> &batch,
                                                              const std::vector<std::string> &names) {
  // What several curves ask for is run once.
  std::vector<std::size_t> wanted, place;
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const auto [same, first] = places.emplace(store_.path(batch[i]), wanted.size());
    if (first) wanted.push_back(i);
    place.push_back(same->second);
  }
  const auto found = run_each(batch, names, wanted);
  std::vector<std::shared_ptr<const RunResult>> results;
  for (std::size_t at : place) results.push_back(found[at]);
  return results;
}

std::vector<std::shared_ptr<const RunResult>> Runner::run_each(const std::vector<RunOptions> &batch,
                                                               const std::vector<std::string> &names,
                                                               const std::vector<std::size_t> &wanted) {
  std::vector<std::shared_ptr<const RunResult>> results(wanted.size());
  std::mutex mutex;
  std::string failure;
  std::atomic<std::size_t> next{0};
  std::atomic<bool> stop{false};
  std::size_t finished = 0;
  auto work = [&] {
    for (std::size_t at; !stop && (at = next++) < wanted.size();) {
      const std::size_t i = wanted[at];
      try {
        bool kept = true;
        auto found = store_.find(batch[i]);
        const gint64 start = g_get_monotonic_time();
        if (!found) {
          kept = false;
          found = run(batch[i], {});
          store_.keep(batch[i], *found);
        }
        std::lock_guard<std::mutex> lock(mutex);
        results[at] = std::make_shared<const RunResult>(std::move(*found));
        ++finished;
        for (const std::string &warning : results[at]->warnings)
          if (warned_.insert(warning).second) std::fprintf(stderr, "oneadapt-eval: warning: %s\n", warning.c_str());
        if (kept)
          std::fprintf(stderr, "[%zu/%zu] %s: kept from before\n", finished, wanted.size(), names[i].c_str());
        else
          std::fprintf(stderr, "[%zu/%zu] %s: %.1f s\n", finished, wanted.size(), names[i].c_str(),
                       double(g_get_monotonic_time() - start) / 1e6);
      } catch (const std::exception &e) {
        std::lock_guard<std::mutex> lock(mutex);
        if (failure.empty()) failure = names[i] + ": " + e.what();
        stop = true;
      }
    }
  };
  std::vector<std::thread> pool;
  for (unsigned j = 0; j < std::min<std::size_t>(std::max(1u, options_.jobs), wanted.size()); ++j)
    pool.emplace_back(work);
  for (std::thread &t : pool) t.join();
  if (!failure.empty()) throw RunError(failure);
  return results;
}

}  // namespace oneadapt::eval
