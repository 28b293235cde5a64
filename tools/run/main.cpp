// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadapt-run: adapts on a clip, shows each interval, and compares with the most expensive configuration.
#include <gst/gst.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "common/cli.h"
#include "common/interruption.h"
#include "common/output.h"
#include "common/usual_accuracy.h"
#include "config.h"
#include "core/output/line_file.h"
#include "core/policy/registry.h"
#include "eval/evaluation.h"
#include "eval/medium.h"
#include "eval/reference.h"
#include "eval/report.h"
#include "eval/run.h"
#include "eval/text.h"
#include "outcome.h"

using namespace oneadapt::eval;
using namespace oneadapt::tools;
using nlohmann::json;
using oneadapt::policies_where;
using oneadapt::PolicyInfo;

namespace {

/// Frames with boxes in the report: as many as stand side by side and still show something.
constexpr unsigned kStills = 6;

json to_json(const IntervalRow &r) {
  json knobs = json::object(), effects = json::object();
  for (const KnobValue &k : r.knobs) {
    knobs[k.name] = k.value;
    json e = json::object();
    if (k.output_grad_up >= 0)
      e["up"] = {
          {"output_grad", k.output_grad_up}, {"acc_grad", k.acc_grad_up}, {"resource_change", k.resource_change_up}};
    if (k.output_grad_down >= 0)
      e["down"] = {{"output_grad", k.output_grad_down},
                   {"acc_grad", k.acc_grad_down},
                   {"resource_change", k.resource_change_down}};
    if (!e.empty()) effects[k.name] = e;
  }
  json j{{"interval", r.interval},           {"knobs", knobs},    {"bytes", r.bytes},
         {"kbps", kbps(r.bytes, r.seconds)}, {"z", r.z},          {"objects", r.objects},
         {"feedback", r.feedback},           {"effects", effects}};
  if (r.measured_resource >= 0) j["measured_resource"] = r.measured_resource;
  if (r.predicted_resource >= 0) j["predicted_resource"] = r.predicted_resource;
  if (r.measured_accuracy >= 0) j["measured_accuracy"] = r.measured_accuracy;
  if (r.expected_accuracy >= 0)
    j["expected_accuracy"] = {{"mean", r.expected_accuracy}, {"deviation", r.accuracy_deviation}};
  return j;
}

void print_row(const IntervalRow &r, bool head) {
  if (head) {
    std::printf("%6s", "second");
    for (const KnobValue &k : r.knobs) std::printf(" %10s", k.name.c_str());
    std::printf(" %10s %8s %8s%s\n", "kbit/s", "z", "objects", r.expected_accuracy >= 0 ? " measured expected" : "");
  }
  std::printf("%6.0f", double(r.interval) * r.seconds);
  for (const KnobValue &k : r.knobs) std::printf(" %10g", k.value);
  std::printf(" %10.1f %8.2f %8u", kbps(r.bytes, r.seconds), r.z, r.objects);
  if (r.measured_accuracy >= 0)
    std::printf(" %8.3f", r.measured_accuracy);
  else if (r.expected_accuracy >= 0)
    std::printf(" %8s", "-");
  if (r.expected_accuracy >= 0) std::printf(" %8.3f", r.expected_accuracy);
  std::printf("\n");
  std::fflush(stdout);
}

/// The same clip in the most expensive configuration, for comparison only.
RunOptions expensive(RunOptions o) {
  o.policy = oneadapt::fixed_policy().name;
  o.start.clear();
  o.results_location.clear();
  o.video_location.clear();
  o.stills = 0;
  o.min_accuracy = 0;
  o.knobs.clear();
  o.gradient = false;
  return o;
}

/// The same clip without any coding.
RunOptions uncoded(RunOptions o) {
  o.raw = true;
  o.key_int_max = 0;
  return o;
}

void write_outcome(const Outcome &outcome, const std::string &folder, const std::string &command) {
  std::string names = "report.html,intervals.jsonl,results.jsonl,adaptive.mp4";
  if (outcome.has_reference()) {
    write_file(folder + "/summary.json",
               summary_json(outcome).dump(2, ' ', false, json::error_handler_t::replace) + "\n", "--output");
    names += ",summary.json";
  }
  write_file(folder + "/report.html", render_report(report_json(outcome, command, VERSION)), "--output");
  std::printf("\nWritten: %s/{%s}\n", folder.c_str(), names.c_str());
}

struct Arguments {
  RunOptions options;
  std::vector<std::string> start;  ///< KNOB=VALUE
  std::optional<double> lambda, min_accuracy;
  std::string output;
  bool no_reference = false;
};

void declare_clip(CLI::App &app, RunOptions &o) {
  app.add_option("--clip", o.clip, "Video file")
      ->required()
      ->check(CLI::Validator(CLI::ExistingFile).description(""))
      ->type_name("FILE");
  app.add_option("--model", o.model, "TorchScript model that describes itself (docs/models.md)")
      ->required()
      ->check(CLI::Validator(CLI::ExistingFile).description(""))
      ->type_name("FILE");
  app.add_option("--classes", o.classes, "Labels of interest (default: all of the model's)")->type_name("A,B,..");
  app.add_option("--fps", o.fps, "Frames a second to take from the clip (default: the clip's own)")
      ->check(not_negative())
      ->type_name("N");
  app.add_option("--seconds", o.seconds, "How much of the clip, from its beginning (default: all)")
      ->check(not_negative())
      ->type_name("S");
}

void declare_policy(CLI::App &app, Arguments &a) {
  RunOptions &o = a.options;
  std::vector<std::string> policies;
  for (const PolicyInfo &p : oneadapt::policies()) policies.push_back(p.name);
  app.add_option("--policy", o.policy,
                 "What decides, of " + joined(policies, ", ") + " (docs/policies.md); " +
                     policies_where([](const PolicyInfo &p) { return !p.moves; }) +
                     " leave the knobs where --start puts them, by default at the most expensive")
      ->check(CLI::IsMember(policies).description(""))
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--policy-file", o.policy_file, "Trained network of " + policies_where([](const PolicyInfo &p) {
                                                   return !p.needs.file.empty();
                                                 }) + " (docs/policies.md)")
      ->type_name("FILE");
  app.add_option(
         "--lambda", a.lambda,
         "Instead of an accuracy to keep: what resource is worth against accuracy (0 never saves, 10 saves most "
         "of what can be saved)")
      ->type_name("X")
      ->check(not_negative());
  app.add_option(
         "--min-accuracy", a.min_accuracy,
         "Accuracy to keep as cheaply as possible, 0 to 1, measured while the clip runs: F1 against the results "
         "on uncoded pictures (default: 0.9; with --lambda, or a policy that does not measure: none)")
      ->check(share())
      ->type_name("X");
  app.add_option("--alpha", o.alpha, "Learning rate of " + policies_where([](const PolicyInfo &p) {
                                       return p.heeds.alpha;
                                     }) + "; 0: measure, do not move")
      ->type_name("X")
      ->capture_default_str()
      ->check(not_negative());
  app.add_option(
         "--knobs", o.knobs,
         "Knobs to adapt, of qp, scale, framerate, and qp-map (macroblocks) instead of qp (default: qp-map where an "
         "accuracy is kept, else qp, scale and framerate)")
      ->type_name("A,B,..");
  app.add_option("--key-int-max", o.key_int_max,
                 "Most pictures from one IDR picture to the next (0: the filter's default of 250)")
      ->type_name("N")
      ->capture_default_str()
      ->check(whole_number());
  app.add_option("--feedback-loss", o.feedback_loss,
                 "Share of the gradients that are lost on the way to the controller, 0 to 1, as over a network")
      ->check(share())
      ->type_name("X")
      ->capture_default_str();
  app.add_option("--seed", o.seed, "Seed that selects the lost gradients")->type_name("N")->capture_default_str();
}

void declare(CLI::App &app, Arguments &a) {
  RunOptions &o = a.options;
  declare_clip(app, o);
  declare_policy(app, a);
  app.add_option("--start", a.start,
                 "A knob's value at the start; again for more (default: where lambda usually leads to)")
      ->type_name("KNOB=VALUE");
  app.add_option("--device", o.device, "Where the DNN runs: auto, cpu or cuda:N")
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--output", a.output,
                 "Folder for report.html (what happened, second by second), intervals.jsonl (decisions), results.jsonl "
                 "(what the DNN found), adaptive.mp4 (what it saw) and summary.json (default: write nothing)")
      ->type_name("FOLDER");
  app.add_flag("--no-reference", a.no_reference, "Do not run the most expensive configuration for comparison");
  app.set_version_flag("--version", VERSION);
}

/// Throws CLI::ValidationError.
void read_start(Arguments &a) {
  for (const std::string &s : a.start) {
    const auto eq = s.find('=');
    if (eq == std::string::npos) throw CLI::ValidationError("--start", "wants KNOB=VALUE, got \"" + s + "\"");
    try {
      a.options.start[s.substr(0, eq)] = std::stod(s.substr(eq + 1));
    } catch (const std::exception &) {
      throw CLI::ValidationError("--start", "wants a number behind the =, got \"" + s + "\"");
    }
  }
}

/// What was not said.
void complete(Arguments &a) {
  RunOptions &o = a.options;
  const PolicyInfo &policy = oneadapt::find_policy(o.policy);
  o.lambda = a.lambda.value_or(o.lambda);
  o.min_accuracy = a.min_accuracy.value_or(a.lambda || !policy.heeds.min_accuracy ? 0 : kUsualAccuracy);
  if (o.min_accuracy > 0 && o.knobs.empty()) o.knobs = "qp-map";
}

/// What --output gets while the clip runs.
class Output {
 public:
  /// Makes the folder, names the files in it, and opens the one of the intervals. Throws OutputError.
  Output(const std::string &folder, RunOptions &o) : intervals_path_(folder + "/intervals.jsonl") {
    make_folder(folder, "--output");
    o.results_location = folder + "/results.jsonl";
    o.video_location = folder + "/adaptive.mp4";
    o.stills = kStills;
    results_path_ = o.results_location;
    film_path_ = o.video_location;
    error_ = intervals_.open(intervals_path_, /*append=*/false);
    check();
  }
  /// A run goes on to its next frame before it ends, so that the other files are finished.
  void write(const IntervalRow &row) {
    if (!error_) error_ = intervals_.write(to_json(row).dump());
  }
  bool failed() const { return error_ != 0; }
  /// Throws OutputError.
  void check() const {
    if (error_) throw OutputError(cannot_write("--output", intervals_path_, error_));
  }
  /// Of a run that failed: its film cannot be played.
  void remove_film() const { remove(film_path_); }
  /// Of a run that came to nothing.
  void remove_all() const {
    for (const std::string &path : {intervals_path_, results_path_, film_path_}) remove(path);
  }

 private:
  static void remove(const std::string &path) {
    std::error_code ec;
    if (std::filesystem::is_regular_file(path, ec)) std::filesystem::remove(path, ec);
  }

  std::string intervals_path_, results_path_, film_path_;
  oneadapt::LineFile intervals_;
  std::atomic<int> error_{0};
};

void print_costs(const RunResult &r) {
  std::printf("\nDNN on %s: %.0f ms a frame, DNNGrad %.1f %% of inference. Filter: encoding %.2f s, probing %.2f s.\n",
              r.device.c_str(), r.inferences ? 1000 * r.inference_s / double(r.inferences) : 0,
              r.inference_s > 0 ? 100 * r.gradient_s / r.inference_s : 0, r.encode_s, r.probe_s);
}

/// The run that adapts. Shows each interval as it ends, and finishes the files that belong to it, or removes them.
RunResult run_adapted(RunOptions &o, const std::string &folder) {
  std::optional<Output> output;
  if (!folder.empty()) output.emplace(folder, o);
  o.stop = [&output] { return interrupted() || (output && output->failed()); };
  bool head = true;
  try {
    RunResult adapted = run(o, [&](const IntervalRow &r) {
      print_row(r, head);
      head = false;
      if (output) output->write(r);
    });
    if (output) output->check();
    o.stop = interrupted;
    return adapted;
  } catch (const RunStopped &) {
    if (output) output->remove_all();
    throw;
  } catch (const RunError &) {
    if (output) output->remove_film();
    throw;
  }
}

/// Runs, and compares. `command` stands at the report's head.
void adapt(const Arguments &a, const std::string &command) {
  Outcome outcome;
  RunOptions &o = outcome.options = a.options;
  open_clip(o.clip);
  const RunResult &adapted = outcome.adapted = run_adapted(o, a.output);
  for (const std::string &warning : adapted.warnings)
    std::fprintf(stderr, "oneadapt-run: warning: %s\n", warning.c_str());
  print_costs(adapted);
  if (a.no_reference || interrupted()) {
    std::printf("%.1f s of footage, %.1f kbit/s.\n", adapted.seconds, kbps(adapted.bytes, adapted.seconds));
  } else {
    std::printf("Now the same clip with the most expensive configuration, and uncoded ...\n");
    std::fflush(stdout);
    try {
      const RunOptions reference = expensive(o);
      outcome.reference = run(reference, {});
      outcome.judge = judged_by_uncoded(*o.medium, o.raw)
                          ? with_results_of(run(uncoded(reference), {}), outcome.reference)
                          : outcome.reference;
    } catch (const RunStopped &) {
    }
    if (interrupted())
      outcome.reference = outcome.judge = {};  // half a run is nothing to compare with
    else
      std::fputs(summary(outcome).c_str(), stdout);
  }
  if (!a.output.empty()) write_outcome(outcome, a.output, command);
}

}  // namespace

int main(int argc, char **argv) {
  CLI::App app{
      "Runs the whole loop over a clip: a policy adapts, second by second, what is sent to the DNN. Prints each "
      "second's\n"
      "knobs, bitrate, output utility z, objects and accuracy, then compares with sending everything in the most\n"
      "expensive configuration."};
  app.footer(
      "\nExample:\n"
      "  oneadapt-run --clip road.mp4 --model models/nanodet.pt --classes car,truck,bus --fps 10 --output out/road\n"
      "To compare policies at several trade-offs: oneadapt-eval.\n");
  Arguments a;
  declare(app, a);
  if (const auto status = parse_command_line(app, "oneadapt-run", argc, argv, [&] {
        read_start(a);
        complete(a);
      }))
    return *status;
  // Before LibTorch's OpenMP is loaded (with the plugin): threads that spin while they wait slow everything else in the
  // pipeline down, and each other on a busy machine.
  setenv("OMP_WAIT_POLICY", "passive", 0);
  gst_init(nullptr, nullptr);
  catch_interrupts();
  bool began = true;
  const int status = run_program("oneadapt-run", [&] {
    try {
      adapt(a, command_text("oneadapt-run", argc, argv));
    } catch (const RunStopped &) {
      began = false;
    }
  });
  if (status != 0 || !interrupted()) return status;
  return end_of_interrupted("oneadapt-run", !began             ? "it was before the first frame, and nothing is written"
                                            : a.output.empty() ? "what was run until then is above"
                                                               : "what was run until then is written, without a "
                                                                 "comparison");
}
