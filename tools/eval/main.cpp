// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadapt-eval: what adaptation saves on one's own clips with one's own model, as curves.
#include <gst/gst.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "config.h"
#include "eval/against.h"
#include "eval/casva_training.h"
#include "eval/cli_numbers.h"
#include "eval/command_line.h"
#include "eval/evaluated_policies.h"
#include "eval/evaluation.h"
#include "eval/figures.h"
#include "eval/gradient_cost.h"
#include "eval/report.h"
#include "eval/text.h"

using namespace oneadapt;
using namespace oneadapt::eval;
using nlohmann::json;

namespace {

void on_interrupt(int) {
  static const char text[] =
      "\noneadapt-eval: interrupted; finished runs are kept, the same command goes on from there\n";
  if (write(STDERR_FILENO, text, sizeof text - 1) < 0) {
  }
  _exit(130);
}

/// "a, b": the policies that are compared so.
std::string curves_where(bool (*holds)(const PolicyCurve &)) {
  std::vector<std::string> names;
  for (const EvaluatedPolicy &p : evaluated_policies())
    if (p.policy && holds(p.curve)) names.push_back(p.curve.name);
  return joined(names, ", ");
}

/// Each once, in the order in which they were named first.
template <class T>
void unique(std::vector<T> &list) {
  std::vector<T> out;
  for (const T &item : list)
    if (std::find(out.begin(), out.end(), item) == out.end()) out.push_back(item);
  list = std::move(out);
}

}  // namespace

int main(int argc, char **argv) {
  if (argc > 1 && std::string(argv[1]) == kGradientCostFlag) return gradient_cost({argv + 2, argv + argc});
  CLI::App app{
      "Shows what adaptation saves on your clips with your model. Every policy runs over every clip at several\n"
      "trade-offs; accuracy is the agreement of the DNN's results with those of the most expensive configuration on\n"
      "the same frames, bandwidth what is sent as a share of that configuration's."};
  app.footer(
      "\nExample:\n"
      "  oneadapt-eval --clip road.mp4 --model models/nanodet.pt --classes car,truck,bus --fps 10 --output out/road\n"
      "then open out/road/report.html in a browser. The same command goes on where an interrupted one stopped.\n"
      "How to use it: docs/evaluate.md. What is measured: docs/metrics.md. Policies: docs/policies.md.\n");
  EvalOptions o;
  o.knobs = {"qp"};
  o.policies = {evaluated_as(CurveRole::Anchor).curve.name, evaluated_as(CurveRole::Subject).curve.name};
  o.jobs = std::max(1u, std::thread::hardware_concurrency());
  o.profiling.profile_configurations = 6;
  std::string metric = "f1", resource = "bandwidth";
  std::vector<std::string> properties;
  const char *input = "Input", *compared = "What is compared", *output = "Output and running";
  std::string profiles = policies_where([](const PolicyInfo &p) { return p.needs.profiles; });
  profiles.front() = 'P';
  app.add_option("--clip", o.clips, "File of video or sound. Repeat it for more clips")
      ->required()
      ->type_name("FILE")
      ->group(input);
  app.add_option("--model", o.model, "TorchScript model that describes itself (docs/models.md)")
      ->required()
      ->type_name("FILE")
      ->group(input);
  app.add_option("--classes", o.classes, "Labels of interest (default: all of the model's)")
      ->type_name("A,B,..")
      ->group(input);
  app.add_option("--fps", o.fps, "Frames a second to take from a clip (default: the clip's own)")
      ->check(not_negative())
      ->type_name("N")
      ->group(input);
  app.add_option("--seconds", o.seconds, "How much of a clip, from its beginning (default: all)")
      ->check(not_negative())
      ->type_name("S")
      ->group(input);
  app.add_option(
         "--knobs", o.knobs,
         "Knobs to adapt: qp, scale, framerate, b-bias, or qp-map (macroblocks) instead of qp; for sound rate and "
         "bits; "
         "with --resource frames change-threshold, pixel-threshold and area-threshold (policies without gradients use "
         "the last two). These policies vary the first knob only, and keep the others at their most expensive value: " +
             curves_where([](const PolicyCurve &c) {
               return c.sweep == CurveSweep::FixedRungs || c.sweep == CurveSweep::StartRungs;
             }))
      ->delimiter(',')
      ->type_name("A,B,..")
      ->capture_default_str()
      ->group(compared);
  app.add_option("--policies", o.policies, "Policies to compare: " + joined(evaluated_names(), ", "))
      ->delimiter(',')
      ->type_name("A,B,..")
      ->capture_default_str()
      ->group(compared);
  app.add_option("--lambdas", o.lambdas,
                 "Trade-offs that draw a policy's curve: what resource is worth against accuracy. Larger values save "
                 "more. For sound the default has 3.2, too")
      ->delimiter(',')
      ->check(not_negative())
      ->type_name("X,Y,..")
      ->capture_default_str()
      ->group(compared);
  app.add_option("--resource", resource,
                 "What is saved: bandwidth (bytes of H.264), or frames that the DNN analyses (a gradient counts as "
                 "one; the pictures reach the DNN uncoded, and the knobs are thresholds)")
      ->check(CLI::IsMember({"bandwidth", "frames"}).description(""))
      ->type_name("NAME")
      ->capture_default_str()
      ->group(compared);
  app.add_option("--interval", o.interval, "Adaptation interval in seconds")
      ->check(positive())
      ->type_name("S")
      ->capture_default_str()
      ->group(compared);
  app.add_option("--look-ahead", o.look_ahead,
                 "For sound: seconds for which the filter holds an interval back, to detect a voice before the rate is "
                 "chosen (default 1; 0: none). Policy " +
                     curves_where([](const PolicyCurve &c) { return c.lookahead == CurveLookahead::Never; }) +
                     " never looks ahead; " +
                     curves_where([](const PolicyCurve &c) { return c.lookahead == CurveLookahead::Always; }) + " does")
      ->check(not_negative())
      ->type_name("S")
      ->group(compared);
  app.add_option("--metric", metric,
                 "Accuracy: f1 (at IoU 0.5) or miou (mean IoU), of masks where the model gives masks, else of boxes")
      ->check(CLI::IsMember({"f1", "miou"}, CLI::ignore_case).description(""))
      ->type_name("NAME")
      ->capture_default_str()
      ->group(compared);
  app.add_flag("--per-class", o.per_class,
               "A box must also have the right class. By default an object is of interest or not, as in the paper")
      ->group(compared);
  app.add_option("--figure", o.figures,
                 "Run checks of the paper on your clips instead of policies: " + joined(figure_names(), ", "))
      ->delimiter(',')
      ->type_name("A,B,..")
      ->group(compared);
  app.add_option("--feedback-loss", o.feedback_loss,
                 "Share of the gradients that are lost on the way to the controller, 0 to 1, as over a network")
      ->check(share())
      ->type_name("X")
      ->capture_default_str()
      ->group(compared);
  app.add_option("--seed", o.seed, "Seed that selects the lost gradients")
      ->type_name("N")
      ->capture_default_str()
      ->group(compared);
  app.add_option("--against", o.against,
                 "The --output of another evaluation, such as of another model, --set or build. Each policy's curve is "
                 "compared with its curve there, for the clips that both have")
      ->type_name("FOLDER")
      ->group(compared);
  app.add_option("--policy-file", o.policy_file,
                 "Trained network of " + policies_where([](const PolicyInfo &p) { return !p.needs.file.empty(); }))
      ->type_name("FILE")
      ->group(compared);
  app.add_option("--train-casva", o.train_casva,
                 "Instead of evaluating, train a network of policy casva on the clips, for --knobs, and write it here")
      ->type_name("FILE")
      ->group(compared);
  app.add_option("--profile-interval", o.profiling.profile_interval, "Seconds from one full profile to the next")
      ->check(positive())
      ->type_name("S")
      ->capture_default_str()
      ->group(profiles);
  app.add_option("--profile-configurations", o.profiling.profile_configurations,
                 "Most configurations in a full profile, evenly spaced (0: all)")
      ->check(not_negative())
      ->type_name("N")
      ->capture_default_str()
      ->group(profiles);
  app.add_option("--profile-top", o.profiling.profile_top,
                 "Configurations that are profiled between two full profiles by " +
                     policies_where([](const PolicyInfo &p) { return p.heeds.profile_top; }))
      ->check(positive())
      ->type_name("N")
      ->capture_default_str()
      ->group(profiles);
  app.add_option(
         "--profile-budget", o.profile_budget,
         "Inferences for profiles, as a share of the clip's frames. An answer is delayed by the time they take (0.5 is "
         "the paper's 1.5 seconds of inference a second)")
      ->check(positive())
      ->type_name("X")
      ->capture_default_str()
      ->group(profiles);
  app.add_option("--output", o.output, "Folder for results.json, report.html, and the finished runs (runs/)")
      ->required()
      ->type_name("FOLDER")
      ->group(output);
  app.add_option("--jobs", o.jobs,
                 "Runs at a time, one CPU core each (default: the number of cores). The results do not depend on it")
      ->check(positive())
      ->type_name("N")
      ->group(output);
  app.add_option("--device", o.device, "Where the DNN runs: auto, cpu or cuda:N")
      ->type_name("NAME")
      ->capture_default_str()
      ->group(output);
  app.add_option(
         "--set", properties,
         "A property of oneadaptctl, -filter or -dnn in every run, such as filter.qp-ladder=40,30,20. Repeat it for "
         "more")
      ->type_name("ctl|filter|dnn.PROPERTY=VALUE")
      ->group(output);
  app.add_option("--stills", o.stills, "Frames with boxes and gradient in the report, for each clip")
      ->type_name("N")
      ->capture_default_str()
      ->group(output);
  app.set_version_flag("--version", VERSION);
  try {
    app.parse(argc, argv);
    for (const std::string &p : properties) {
      const auto eq = p.find('='), dot = p.find('.');
      if (eq == std::string::npos || dot == std::string::npos || dot > eq)
        throw CLI::ValidationError("--set", "wants ELEMENT.PROPERTY=VALUE, got \"" + p + "\"");
      o.properties[p.substr(0, eq)] = p.substr(eq + 1);
    }
  } catch (const CLI::CallForHelp &e) {
    return app.exit(e);
  } catch (const CLI::CallForVersion &e) {
    return app.exit(e);
  } catch (const CLI::ParseError &e) {
    std::fprintf(stderr, "oneadapt-eval: %s\n", e.what());
    return 2;
  }
  o.frames = resource == "frames";
  unique(o.clips);
  unique(o.knobs);
  unique(o.policies);
  unique(o.lambdas);
  unique(o.figures);
  o.metric = metric == "miou" ? Metric::MeanIou : Metric::F1;
  // Before LibTorch's OpenMP is loaded (with the plugin): threads that spin slow the other runs down.
  setenv("OMP_WAIT_POLICY", "passive", 0);
  keep_memory();
  gst_init(nullptr, nullptr);
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  try {
    check_options(o);
    // The curves of sound go down to rates at which next to nothing is heard.
    if (!app.count("--lambdas") && filter_element(o.clips) != "oneadaptfilter") o.lambdas.push_back(3.2);
    if (!o.against.empty() && (!o.figures.empty() || !o.train_casva.empty()))
      throw RunError("--against: compares policies; leave --figure and --train-casva out");
    const json other = o.against.empty() ? json() : read_other(o.against, resource, metric);
    Runner runner(o, RunStore(o.output + "/runs"));
    if (!o.train_casva.empty()) {
      std::fputs(train_casva_file(runner).c_str(), stdout);
      std::printf("\nWritten: %s\n", o.train_casva.c_str());
      return 0;
    }
    json results{{"command", command_line("oneadapt-eval", argc, argv)},
                 {"version", VERSION},
                 {"model", o.model.substr(o.model.find_last_of('/') + 1)},
                 {"classes", o.classes},
                 {"metric", metric},
                 {"resource", resource},
                 {"knobs", o.knobs},
                 {"clips", json::array()}};
    if (o.figures.empty()) {
      for (const std::string &clip : o.clips) results["clips"].push_back(evaluate_clip(runner, clip));
      results["mean_bd_rate"] = mean_bd_rates(results["clips"]);
      results["mean_curve"] = mean_curve(results["clips"]);
      if (!o.against.empty()) results["against"] = compare_evaluations(results, other);
    } else {
      for (const std::string &figure : o.figures) results["figures"][figure] = make_figure(runner, figure);
    }
    std::fputs((o.figures.empty() ? table(results) : figure_table(results["figures"])).c_str(), stdout);
    if (results.contains("against")) std::fputs(against_table(results["against"]).c_str(), stdout);
    write_file(o.output + "/results.json", results.dump(1, ' ', false, json::error_handler_t::replace) + "\n",
               "--output");
    write_file(o.output + "/report.html", render_report(results), "--output");
    std::printf("\nWritten: %s/results.json and report.html\n", o.output.c_str());
    return 0;
  } catch (const std::exception &e) {
    std::fprintf(stderr, "oneadapt-eval: %s\n", e.what());
    return 2;
  }
}
