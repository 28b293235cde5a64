// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadapt-eval: what adaptation saves on one's own clips with one's own model, as curves.
#include <gst/gst.h>

#include <cstdio>
#include <cstdlib>

#include "common/cli.h"
#include "common/interruption.h"
#include "config.h"
#include "eval/against.h"
#include "eval/arguments.h"
#include "eval/casva_training.h"
#include "eval/evaluated_policies.h"
#include "eval/evaluation.h"
#include "eval/figures.h"
#include "eval/gradient_cost.h"
#include "eval/medium.h"
#include "eval/reference.h"
#include "eval/report.h"

using namespace oneadapt;
using namespace oneadapt::eval;
using namespace oneadapt::tools;
using nlohmann::json;

namespace {

/// results.json without clips and figures. `reference`: what accuracy is relative to.
json head_of(const Arguments &a, const std::string &reference, const std::string &command) {
  const EvalOptions &o = a.options;
  return {{"command", command},     {"version", VERSION}, {"model", o.model.substr(o.model.find_last_of('/') + 1)},
          {"classes", o.classes},   {"metric", a.metric}, {"resource", a.resource},
          {"reference", reference}, {"knobs", o.knobs},   {"clips", json::array()}};
}

/// results.json from its head on. `other`: the evaluation to compare with, or null.
json evaluate(Runner &runner, json results, const json &other) {
  const EvalOptions &o = runner.options();
  if (!o.figures.empty()) {
    for (const std::string &figure : o.figures) results["figures"][figure] = make_figure(runner, figure);
    return results;
  }
  for (const std::string &clip : o.clips) results["clips"].push_back(evaluate_clip(runner, clip));
  results["mean_bd_rate"] = mean_bd_rates(results["clips"]);
  results["mean_curve"] = mean_curve(results["clips"]);
  if (!other.is_null()) results["against"] = compare_evaluations(results, other);
  return results;
}

void write_results(const json &results, const EvalOptions &o) {
  std::fputs((o.figures.empty() ? table(results) : figure_table(results["figures"])).c_str(), stdout);
  if (results.contains("against")) std::fputs(against_table(results["against"]).c_str(), stdout);
  write_file(o.output + "/results.json", results.dump(1, ' ', false, json::error_handler_t::replace) + "\n",
             "--output");
  write_file(o.output + "/report.html", render_report(results), "--output");
  std::printf("\nWritten: %s/results.json and report.html\n", o.output.c_str());
}

/// Does what the command line says. Throws what is wrong.
void execute(Arguments &a, bool own_lambdas, const std::string &command) {
  EvalOptions &o = a.options;
  const Medium &first = *open_clip(o.clips.front()).medium;
  if (o.policies.empty()) o.policies = default_names(first.name(), o.frames);
  if (o.knobs.empty()) o.knobs = {first.traits().knob};
  const Medium &medium = check_options(o);
  const std::vector<double> &more_lambdas = medium.traits().more_lambdas;
  if (!own_lambdas) o.lambdas.insert(o.lambdas.end(), more_lambdas.begin(), more_lambdas.end());
  if (!o.against.empty() && (!o.figures.empty() || !o.train_casva.empty()))
    throw RunError("--against: compares policies; leave --figure and --train-casva out");
  const json head = head_of(a, reference_name(medium, o.frames), command);
  const json other = o.against.empty() ? json() : read_other(o.against, head);
  Runner runner(o, RunStore(o.output + "/runs"));
  if (o.train_casva.empty()) return write_results(evaluate(runner, head, other), o);
  std::fputs(train_casva_file(runner).c_str(), stdout);
  std::printf("\nWritten: %s\n", o.train_casva.c_str());
}

}  // namespace

int main(int argc, char **argv) {
  if (argc > 1 && std::string(argv[1]) == kGradientCostFlag) return gradient_cost({argv + 2, argv + argc});
  CLI::App app{
      "Shows what adaptation saves on your clips with your model. Every policy runs over every clip at several\n"
      "trade-offs; accuracy is the agreement of the DNN's results with those on the same frames before any coding,\n"
      "bandwidth what is sent as a share of the most expensive configuration's."};
  app.footer(
      "\nExample:\n"
      "  oneadapt-eval --clip road.mp4 --model models/nanodet.pt --classes car,truck,bus --fps 10 --output out/road\n"
      "then open out/road/report.html in a browser. The same command goes on where an interrupted one stopped.\n"
      "How to use it: docs/evaluate.md. What is measured: docs/metrics.md. Policies: docs/policies.md.\n");
  Arguments a;
  declare(app, a);
  if (const auto status = parse_command_line(app, "oneadapt-eval", argc, argv, [&] { complete(a); })) return *status;
  // Before LibTorch's OpenMP is loaded (with the plugin): threads that spin slow the other runs down.
  setenv("OMP_WAIT_POLICY", "passive", 0);
  gst_init(nullptr, nullptr);
  end_on_interrupts("oneadapt-eval", "finished runs are kept, the same command goes on from there");
  return run_program("oneadapt-eval",
                     [&] { execute(a, app.count("--lambdas") > 0, command_text("oneadapt-eval", argc, argv)); });
}
