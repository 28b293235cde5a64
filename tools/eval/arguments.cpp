// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/arguments.h"

#include <algorithm>
#include <thread>

#include "common/cli.h"
#include "config.h"
#include "eval/evaluated_policies.h"
#include "eval/figures.h"
#include "eval/text.h"

namespace oneadapt::eval {

using namespace tools;
namespace {

// Headings of the help.
const char kInput[] = "Input", kCompared[] = "What is compared", kOutput[] = "Output and running";

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

void declare_input(CLI::App &app, EvalOptions &o) {
  const OptionGroup options(app, kInput);
  options.add("--clip", o.clips, "File of video or sound, or folder of point clouds. Repeat it for more clips", "FILE")
      ->required();
  options.add("--model", o.model, "TorchScript model that describes itself (docs/models.md)", "FILE")->required();
  options.add("--classes", o.classes, "Labels of interest (default: all of the model's)", "A,B,..");
  options.add("--fps", o.fps, "Frames a second to take from a clip (default: the clip's own)", "N")
      ->check(not_negative());
  options.add("--seconds", o.seconds, "How much of a clip, from its beginning (default: all)", "S")
      ->check(not_negative());
}

void declare_curves(CLI::App &app, Arguments &a) {
  const OptionGroup options(app, kCompared);
  EvalOptions &o = a.options;
  options
      .add(
          "--knobs", o.knobs,
          "Knobs to adapt: qp, scale, framerate, b-bias, or qp-map (macroblocks, the default) instead of qp; for sound "
          "rate (the default) and bits; for point clouds keep, or keep-map (blocks, the default); with --resource "
          "frames change-threshold, pixel-threshold and area-threshold (policies without gradients use "
          "the last two). These policies vary the first knob only, and keep the others at their most expensive "
          "value: " +
              curves_where([](const PolicyCurve &c) {
                return c.sweep == CurveSweep::FixedRungs || c.sweep == CurveSweep::StartRungs;
              }),
          "A,B,..")
      ->delimiter(',');
  options
      .add("--policies", o.policies,
           "Policies to compare: " + joined(evaluated_names(), ", ") +
               " (default: " + joined(default_names("video", false)) + "; of others, or with --resource frames, " +
               joined(default_names("", false)) + ")",
           "A,B,..")
      ->delimiter(',');
  options
      .add_shown("--lambdas", o.lambdas,
                 "Trade-offs that draw a policy's curve: what resource is worth against accuracy. Larger values save "
                 "more. For sound the default has 3.2, too",
                 "X,Y,..")
      ->delimiter(',')
      ->check(not_negative());
  options
      .add_shown("--min-accuracies", o.min_accuracies,
                 "Accuracies to keep that draw the curve of min-accuracy: F1 against the results on uncoded pictures",
                 "X,Y,..")
      ->delimiter(',')
      ->check(share());
  options
      .add_shown("--resource", a.resource,
                 "What is saved: bandwidth (bytes of H.264), or frames that the DNN analyses (a gradient counts as "
                 "one; the pictures reach the DNN uncoded, and the knobs are thresholds)",
                 "NAME")
      ->check(CLI::IsMember({"bandwidth", "frames"}).description(""));
}

void declare_measures(CLI::App &app, Arguments &a) {
  const OptionGroup options(app, kCompared);
  EvalOptions &o = a.options;
  options.add_shown("--interval", o.interval, "Adaptation interval in seconds", "S")->check(positive());
  options
      .add_shown("--key-int-max", o.key_int_max,
                 "Most pictures from one IDR picture to the next, in every run (0: the filter's default of 250)", "N")
      ->check(whole_number());
  options
      .add("--look-ahead", o.look_ahead,
           "For sound: seconds for which the filter holds an interval back, to detect a voice before the rate is "
           "chosen (default 1; 0: none). Policy " +
               curves_where([](const PolicyCurve &c) { return c.lookahead == CurveLookahead::Never; }) +
               " never looks ahead; " +
               curves_where([](const PolicyCurve &c) { return c.lookahead == CurveLookahead::Always; }) + " does",
           "S")
      ->check(not_negative());
  options
      .add_shown(
          "--metric", a.metric,
          "Accuracy: f1 (at IoU 0.5) or miou (mean IoU), of masks where the model gives masks, else of boxes; of "
          "point clouds f1 or f1-70 (at IoU 0.7)",
          "NAME")
      ->check(CLI::IsMember({"f1", "miou", "f1-70"}, CLI::ignore_case).description(""));
  options.flag("--per-class", o.per_class,
               "A box must also have the right class. By default an object is of interest or not, as in the paper");
  options
      .add("--figure", o.figures,
           "Run checks of the paper on your clips instead of policies: " + joined(figure_names(), ", "), "A,B,..")
      ->delimiter(',');
}

void declare_conditions(CLI::App &app, EvalOptions &o) {
  const OptionGroup options(app, kCompared);
  options
      .add_shown("--feedback-loss", o.feedback_loss,
                 "Share of the gradients that are lost on the way to the controller, 0 to 1, as over a network", "X")
      ->check(share());
  options.add_shown("--seed", o.seed, "Seed that selects the lost gradients", "N");
  options.add("--against", o.against,
              "The --output of another evaluation, such as of another model, --set or build. Each policy's curve is "
              "compared with its curve there, for the clips that both have",
              "FOLDER");
  options.add("--policy-file", o.policy_file,
              "Trained network of " + policies_where([](const PolicyInfo &p) { return !p.needs.file.empty(); }),
              "FILE");
  options.add("--train-casva", o.train_casva,
              "Instead of evaluating, train a network of policy casva on the clips, for --knobs, and write it here",
              "FILE");
}

void declare_profiles(CLI::App &app, EvalOptions &o) {
  std::string profiles = policies_where([](const PolicyInfo &p) { return p.needs.profiles; });
  profiles.front() = 'P';
  const OptionGroup options(app, profiles);
  options
      .add_shown("--profile-interval", o.profiling.profile_interval, "Seconds from one full profile to the next", "S")
      ->check(positive());
  options
      .add_shown("--profile-configurations", o.profiling.profile_configurations,
                 "Most configurations in a full profile, evenly spaced (0: all)", "N")
      ->check(not_negative());
  options
      .add_shown("--profile-top", o.profiling.profile_top,
                 "Configurations that are profiled between two full profiles by " +
                     policies_where([](const PolicyInfo &p) { return p.heeds.profile_top; }),
                 "N")
      ->check(positive());
  options
      .add_shown("--profile-budget", o.profile_budget,
                 "Inferences for profiles, as a share of the clip's frames. An answer is delayed by the time they take "
                 "(0.5 is "
                 "the paper's 1.5 seconds of inference a second)",
                 "X")
      ->check(positive());
}

void declare_output(CLI::App &app, Arguments &a) {
  const OptionGroup options(app, kOutput);
  EvalOptions &o = a.options;
  options.add("--output", o.output, "Folder for results.json, report.html, and the finished runs (runs/)", "FOLDER")
      ->required();
  options
      .add("--jobs", o.jobs,
           "Runs at a time, one CPU core each (default: the number of cores). The results do not depend on it", "N")
      ->check(positive());
  options.add_shown("--device", o.device, "Where the DNN runs: auto, cpu or cuda:N", "NAME");
  options.add(
      "--set", a.properties,
      "A property of oneadaptctl, -filter or -dnn in every run, such as filter.qp-ladder=40,30,20. Repeat it for "
      "more",
      "ctl|filter|dnn.PROPERTY=VALUE");
  options.add_shown("--stills", o.stills, "Frames with boxes and gradient in the report, for each clip", "N");
}

}  // namespace

void declare(CLI::App &app, Arguments &a) {
  EvalOptions &o = a.options;
  o.jobs = std::max(1u, std::thread::hardware_concurrency());
  o.profiling.profile_configurations = 6;
  declare_input(app, o);
  declare_curves(app, a);
  declare_measures(app, a);
  declare_conditions(app, o);
  declare_profiles(app, o);
  declare_output(app, a);
  app.set_version_flag("--version", VERSION);
}

void complete(Arguments &a) {
  EvalOptions &o = a.options;
  for (const std::string &p : a.properties) {
    const auto eq = p.find('='), dot = p.find('.');
    if (eq == std::string::npos || dot == std::string::npos || dot > eq)
      throw CLI::ValidationError("--set", "wants ELEMENT.PROPERTY=VALUE, got \"" + p + "\"");
    o.properties[p.substr(0, eq)] = p.substr(eq + 1);
  }
  o.frames = a.resource == "frames";
  o.metric = a.metric == "miou" ? Metric::MeanIou : a.metric == "f1-70" ? Metric::F1At70 : Metric::F1;
  unique(o.clips);
  unique(o.knobs);
  unique(o.policies);
  unique(o.lambdas);
  unique(o.min_accuracies);
  unique(o.figures);
}

}  // namespace oneadapt::eval
