// SPDX-License-Identifier: LGPL-2.1-or-later
// Policies "profiling" (AWStream, SIGCOMM '18) and "chameleon" (SIGCOMM '18): the baselines of the paper's §2.3, which
// run other configurations through the DNN and take the best. docs/profiling.md says where they differ from theirs.
#include <algorithm>

#include "core/policy/profile_grid.h"
#include "core/policy/registry.h"
#include "core/policy/typical.h"

namespace oneadapt {

namespace {

/// A full profile every `profile_interval` intervals; `chameleon` profiles the best `profile_top` configurations of the
/// last full one four times as often. Between profiles everything stays.
class ProfilingPolicy : public Policy {
 public:
  explicit ProfilingPolicy(bool chameleon) : chameleon_(chameleon) {}

  Decision decide(const Observation &o, const PolicySettings &s) override {
    check_observation(o);
    Decision d = stay(o);
    if (!o.profile.empty() || o.profile_lost) waiting_ = false;  // after a loss the next one comes when it is due
    if (o.knobs.empty()) return d;
    if (!o.profile.empty()) choose(o, s, d);
    const unsigned every = std::max(1u, s.profile_interval);
    const bool full = !last_full_ || o.interval >= *last_full_ + every;
    // Chameleon's windows are of four segments, each with a small profile at its start (its §4.2).
    const bool partial = chameleon_ && !top_.empty() && o.interval >= last_ + std::max(1u, every / 4);
    if (!waiting_ && (full || partial)) {
      d.profile = full ? profile_grid(o.knobs, s.profile_configurations) : with_best(top_, o);
      asked_full_ = full;
      waiting_ = true;
      last_ = o.interval;
      if (full) last_full_ = o.interval;
    }
    return d;
  }
  std::vector<std::size_t> start(const std::vector<KnobObservation> &knobs, const PolicySettings &s) override {
    return typical_optimum(knobs, s);  // until the first profile, as the other policies
  }
  void reset() override { *this = ProfilingPolicy(chameleon_); }

 private:
  /// The best configuration of the profile that has come.
  void choose(const Observation &o, const PolicySettings &s, Decision &d) {
    std::vector<const ProfiledConfiguration *> sorted;
    for (const ProfiledConfiguration &p : o.profile)
      if (p.rungs.size() == o.knobs.size()) sorted.push_back(&p);
    if (sorted.empty()) return;
    auto worth = [&](const ProfiledConfiguration *p) { return p->accuracy - s.lambda * p->resource; };  // Eq. 1
    std::stable_sort(sorted.begin(), sorted.end(), [&](auto *a, auto *b) { return worth(a) > worth(b); });
    const ProfiledConfiguration &best = *sorted.front();
    for (std::size_t i = 0; i < o.knobs.size(); ++i) {
      d.knobs[i].rung = std::min(best.rungs[i], o.knobs[i].ladder.size() - 1);
      d.knobs[i].position = Ladder(o.knobs[i].ladder).position(d.knobs[i].rung);
    }
    d.predicted_resource = best.resource;
    if (!asked_full_) return;
    top_.clear();
    for (std::size_t i = 0; i < sorted.size() && i < std::max(1u, s.profile_top); ++i) top_.push_back(sorted[i]->rungs);
  }
  /// Accuracy is measured against the most expensive configuration, so that has to be run too.
  static std::vector<std::vector<std::size_t>> with_best(std::vector<std::vector<std::size_t>> some,
                                                         const Observation &o) {
    std::vector<std::size_t> best;
    for (const KnobObservation &k : o.knobs) best.push_back(k.ladder.size() - 1);
    some.erase(std::remove(some.begin(), some.end(), best), some.end());
    some.push_back(best);
    return some;
  }

  bool chameleon_;
  bool waiting_ = false, asked_full_ = true;
  std::optional<std::uint64_t> last_full_;
  std::uint64_t last_ = 0;
  std::vector<std::vector<std::size_t>> top_;
};

}  // namespace

PolicyInfo profiling_policy() {
  PolicyInfo info;
  info.name = "profiling";
  info.needs.profiles = true;
  info.curves = {{info.name, CurveSweep::RecordedLambdas}};
  info.make = [](const std::string &) -> std::unique_ptr<Policy> { return std::make_unique<ProfilingPolicy>(false); };
  return info;
}

PolicyInfo chameleon_policy() {
  PolicyInfo info = profiling_policy();
  info.name = info.curves.front().name = "chameleon";
  info.heeds.profile_top = true;
  info.make = [](const std::string &) -> std::unique_ptr<Policy> { return std::make_unique<ProfilingPolicy>(true); };
  return info;
}

}  // namespace oneadapt
