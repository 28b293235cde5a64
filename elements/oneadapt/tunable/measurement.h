// SPDX-License-Identifier: LGPL-2.1-or-later
// What one rung up or down would have done to a remembered interval: InputGrad, OutputGrad and resource, at the sensor,
// without the DNN (paper §3.3, §4.2). The loop is the same for every medium; a medium measures one configuration.
#pragma once
#include <cstddef>
#include <optional>
#include <vector>

#include "core/gradient/gradient.h"
#include "tunable/interval_history.h"
#include "tunable/knob_table.h"

namespace oneadapt {

/// What one move of one knob changes.
struct ProbedStep {
  double output_grad = 0;      ///< Σ |DNNGrad| |Δy|, times the knob's weight
  double resource_change = 0;  ///< r(k+Δk) − r(k)
  double compute_change = 0;   ///< the same of the frames that are passed on
};

struct ProbedKnob {
  std::size_t rung = 0;  ///< of the value in force
  std::optional<ProbedStep> up, down;
};

struct ProbeRequest {
  Ladders ladders;                     ///< in force
  std::vector<bool> wanted;            ///< one for each knob: whether its moves are to be measured
  std::vector<bool> named;             ///< whether it was asked for by name
  const Gradient *gradient = nullptr;  ///< on whatever frame size the DNN received; may be NULL
};

struct ProbeResult {
  double resource = -1;  ///< r(k); < 0: unknown
  double compute = -1;   ///< frames passed on, as a fraction of those of k*; < 0: unknown
  std::vector<ProbedKnob> knobs;
};

/// One move of one knob; all other values are the same `here` and `there`.
struct Move {
  std::size_t knob;
  const Values &here, &there;
  bool up;
};

/// One remembered interval, and what would have become of it under other configurations. k* is the configuration that
/// has every knob on its ladder's top. Thread-bound; every method may throw std::runtime_error.
class Measurement {
 public:
  virtual ~Measurement() = default;
  virtual const IntervalRecord &record() const = 0;
  /// Whether enough is remembered; without it only rungs are known.
  virtual bool possible() const { return true; }
  /// r(k) of the interval as it was; < 0: unknown.
  virtual double resource_in_force() = 0;
  /// Bytes that the next interval is expected to take under the configuration in force, if they are others than the
  /// record's; 0: they are not.
  virtual std::uint64_t next_bytes() { return 0; }
  /// r of a configuration, as a fraction of that of k*.
  virtual double resource(const Values &values) = 0;
  /// Frames that a configuration passes on, as a fraction of those of k*.
  virtual double compute(const Values &) { return 1; }
  virtual double resource_change(const Move &move) { return resource(move.there) - resource(move.here); }
  /// Σ |DNNGrad| |Δy|. Called only for probes with a gradient.
  virtual double output_grad(const Move &move) = 0;
  /// What the DNN would have received. (transfer full)
  virtual GstOneadaptRendering *render(const Values &values) = 0;
};

/// Measures the moves that are wanted from the configuration that was in force.
ProbeResult measure_moves(Measurement &measurement, const KnobTable &knobs, const ProbeRequest &request);

/// Writes the moves into a knob of a probe's answer.
void report_moves(const ProbedKnob &probed, GstOneadaptKnob *knob);

/// Every knob on its ladder's top; knobs without a ladder as in `values`.
Values most_expensive(Values values, const Ladders &ladders);

/// CPU time of the calling thread, in ns.
guint64 thread_cpu_ns();

}  // namespace oneadapt
