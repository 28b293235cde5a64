// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tunable/measurement.h"

#include <time.h>

#include <cmath>
#include <stdexcept>

namespace oneadapt {

ProbeResult measure_moves(Measurement &measurement, const KnobTable &knobs, const ProbeRequest &request) {
  const Values &in_force = measurement.record().values;
  ProbeResult result;
  result.knobs.resize(knobs.size());
  const bool possible = measurement.possible();
  if (possible) {
    result.compute = measurement.compute(in_force);
    result.resource = measurement.resource_in_force();
  }
  for (std::size_t knob = 0; knob < knobs.size(); knob++) {
    const std::vector<double> &ladder = request.ladders[knob];
    if (ladder.empty()) continue;
    ProbedKnob &probed = result.knobs[knob];
    probed.rung = rung_of(knobs[knob], in_force[knob], ladder);
    if (!possible || !request.wanted[knob]) continue;
    const auto step = [&](std::size_t rung) {
      Values there = in_force;
      there[knob] = ladder[rung];
      const Move move{knob, in_force, there, rung > probed.rung};
      ProbedStep s;
      s.resource_change = measurement.resource_change(move);
      s.compute_change = measurement.compute(there) - result.compute;
      s.output_grad = knobs[knob].weight * measurement.output_grad(move);
      return s;
    };
    if (probed.rung + 1 < ladder.size()) probed.up = step(probed.rung + 1);
    if (probed.rung > 0) probed.down = step(probed.rung - 1);
  }
  return result;
}

Values most_expensive(Values values, const Ladders &ladders) {
  for (std::size_t knob = 0; knob < values.size(); knob++)
    if (!ladders[knob].empty()) values[knob] = ladders[knob].back();
  return values;
}

void report_moves(const ProbedKnob &probed, GstOneadaptKnob *knob) {
  if ((knob->has_up = probed.up.has_value())) {
    knob->output_grad_up = probed.up->output_grad;
    knob->resource_change_up = probed.up->resource_change;
    knob->compute_change_up = probed.up->compute_change;
  }
  if ((knob->has_down = probed.down.has_value())) {
    knob->output_grad_down = probed.down->output_grad;
    knob->resource_change_down = probed.down->resource_change;
    knob->compute_change_down = probed.down->compute_change;
  }
}

guint64 thread_cpu_ns() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return guint64(now.tv_sec) * GST_SECOND + guint64(now.tv_nsec);
}

}  // namespace oneadapt
