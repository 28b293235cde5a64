// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadapt-inspect: what is this model, does it work, what does it find, what does it cost?
#include <gst/gst.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "common/cli.h"
#include "common/interruption.h"
#include "common/output.h"
#include "config.h"
#include "findings.h"
#include "inspection.h"
#include "report.h"

using namespace oneadapt;
using namespace oneadapt::inspect;
using Json = nlohmann::ordered_json;

namespace {

constexpr int kFine = 0, kWrong = 1;
const char kLoaded[] = "How it is loaded";

struct Arguments {
  Options options;
  std::string input_size = "auto", json;
  double threshold = -1;
  bool to_stdout() const { return json == "-"; }
};

/// Options of the model: how it is loaded.
void declare_model(CLI::App &app, Arguments &a) {
  Options &o = a.options;
  const tools::OptionGroup loaded(app, kLoaded);
  loaded.add_shown("--device", o.model.device, "auto, cpu, cuda or cuda:N", "NAME");
  loaded.add("--threshold", a.threshold, "θ, least score of an object (default: the model's own)", "X")
      ->check(tools::share());
  loaded.add("--classes", o.model.classes, "Labels of interest (default: all of the model's)", "A,B,..")
      ->delimiter(',')
      ->allow_extra_args(false);
  loaded.add("--labels-file", o.model.labels_file, "One label a line, instead of the model's own", "FILE");
  loaded
      .add("--operator-libraries", o.model.operator_libraries, "Shared libraries with operators that the model uses",
           "FILE,..")
      ->delimiter(',')
      ->allow_extra_args(false);
  loaded.add_shown("--input-size", a.input_size, "What frames are resized to: auto, frame or WIDTHxHEIGHT", "SIZE");
  loaded
      .add_shown("--plan", o.model.plan, "How it is run on the CPU: auto, plain, channels-last, onednn or onnxruntime",
                 "NAME")
      ->check(CLI::IsMember([] {
                auto names = plan_names();
                names.insert(names.begin(), "auto");
                return names;
              }())
                  .description(""));
  loaded.add_shown("--threads", o.model.threads, "CPU threads of one inference; 0: LibTorch's choice", "N")
      ->check(CLI::Range(0, 256).description(""));
}

void declare_gradient(CLI::App &app, Options &o) {
  const tools::OptionGroup loaded(app, kLoaded);
  const std::map<std::string, GradientMethod> methods{{"exact", GradientMethod::Exact},
                                                      {"channel-mean", GradientMethod::ChannelMean}};
  loaded.add("--gradient-method", o.method, "exact, or channel-mean (default: exact)", "NAME")
      ->transform(CLI::CheckedTransformer(methods).description(""));
  const std::map<std::string, GradientMemory> memories{{"exact", GradientMemory::Exact},
                                                       {"half", GradientMemory::Half}};
  loaded.add("--gradient-memory", o.memory, "exact, or half (default: exact)", "NAME")
      ->transform(CLI::CheckedTransformer(memories).description(""));
}

void declare(CLI::App &app, Arguments &a) {
  using tools::not_negative;
  Options &o = a.options;
  const tools::OptionGroup shown(app, "What it is shown"), written(app, "What is written");
  app.set_version_flag("--version", "oneadapt-inspect " VERSION);
  app.add_option("MODEL", o.model.path, "TorchScript file that describes itself, or has MODEL.json beside it")
      ->required()
      ->type_name("");
  shown.add("--input", o.input, "A picture (PNG, JPEG), a clip or a recording, anything that decodebin reads", "FILE");
  shown.add_shown("--frames", o.frames, "How many frames of a clip, or seconds of a recording", "N")
      ->check(CLI::Range(1, 100000).description(""));
  shown.add_shown("--start", o.start, "Where in it to begin", "SECONDS")->check(not_negative());
  shown.add_shown("--step", o.step, "From one to the next; 0: take each frame", "SECONDS")->check(not_negative());
  written.add("--output", o.output, "Folder for two PNG files a frame: what was found, and the gradient as a heat map",
              "FOLDER");
  written.add("--json", a.json, "Everything for programs; - for the standard output, instead of words", "FILE");
  written.add_shown("--repeat", o.repeat, "Passes that times are the median of; 0: measure nothing", "N")
      ->check(CLI::Range(0, 10000).description(""));
  declare_model(app, a);
  declare_gradient(app, o);
}

void say(const std::string &text, bool wanted) {
  if (!wanted) return;
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

/// Throws OutputError when it cannot be written.
void write_json(const Json &json, const Arguments &a) {
  if (a.json.empty()) return;
  // A label may hold bytes that are no UTF-8.
  const std::string text = json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  if (a.to_stdout()) return say(text, true);
  tools::write_file(a.json, text, "--json");
}

/// `what` has no full stop; one line.
int fail(const Arguments &a, const std::string &what, int status) {
  std::fprintf(stderr, "oneadapt-inspect: %s\n", what.c_str());
  try {
    write_json(Json{{"ok", false}, {"error", what}}, a);
  } catch (const tools::OutputError &) {  // one line is enough
  }
  return status;
}

int inspect_model(const Arguments &a) {
  const bool words = !a.to_stdout();
  if (!a.json.empty() && words) tools::check_output(a.json, "--json");
  Inspection in = load(a.options);
  say(model_text(in), words);
  run(in, a.options, [&](std::size_t frame) {
    if (frame == 0) say(input_text(in, a.options), words);
    say(frame_text(in, frame), words);
  });
  say(cost_text(in), words);
  const auto found = findings(in);
  for (const Finding &f : found) std::fprintf(stderr, "oneadapt-inspect: warning: %s\n", f.text.c_str());
  if (in.clip && in.frames.size() < a.options.frames)
    std::fprintf(stderr, "oneadapt-inspect: it ended after %zu of %u %s\n", in.frames.size(), a.options.frames,
                 in.facts.hears() ? "seconds" : "frames");
  write_json(to_json(in, a.options, found), a);
  say(verdict_text(in, found), words);
  tools::check_standard_output();
  return kFine;
}

}  // namespace

int main(int argc, char **argv) {
  CLI::App app{
      "Looks at a model: loads it as oneadaptdnn does, says what it is, shows it a picture or a clip (or has it hear "
      "a\n"
      "recording, if it is for sound), or something made here, draws what it finds and where it looks, and measures "
      "time and memory, forward and backward.",
      "oneadapt-inspect"};
  app.footer(
      "\nWhat is suspicious goes to the standard error, as does, in one line, what is wrong.\n"
      "\nExit status:\n"
      "  0  the model works (there may be warnings)\n"
      "  1  the model, or the input, is wrong, or a file cannot be written\n"
      "  2  the command line is wrong, or names a class, labels file or device that does not fit\n"
      "\nExamples:\n"
      "  oneadapt-inspect models/nanodet.pt\n"
      "  oneadapt-inspect models/nanodet.pt --input clips/vtest.avi --start 10 --frames 3 --output out/look\n"
      "  oneadapt-inspect models/nanodet.pt --input street.jpg --classes car,person --json -\n"
      "\nSee docs/inspect.md.\n");
  Arguments a;
  declare(app, a);
  const auto check = [&] {
    if (!InputSize::parse(a.input_size, a.options.input_size))
      throw CLI::ValidationError("--input-size", "wants auto, frame or WIDTHxHEIGHT, got \"" + a.input_size + "\"");
    for (const char *option : {"--frames", "--start", "--step"})
      if (app.count(option) && a.options.input.empty())
        throw CLI::ValidationError(option, "is of a clip; give one with --input");
  };
  if (const auto status = tools::parse_command_line(app, "oneadapt-inspect", argc, argv, check)) return *status;
  a.options.model.plan_seconds = 300;  // who looks at a model has the time, and it is remembered
  if (a.threshold >= 0) a.options.model.threshold = a.threshold;
  gst_init(nullptr, nullptr);
  tools::end_on_interrupts("oneadapt-inspect", "files that are written are whole");
  try {
    return inspect_model(a);
  } catch (const ModelError &e) {
    using Kind = ModelError::Kind;
    const std::string what = e.what();
    if (e.kind() == Kind::Classes) return fail(a, "--classes: " + what, tools::kWrongUsage);
    if (e.kind() == Kind::Labels) return fail(a, "--labels-file: " + what, tools::kWrongUsage);
    if (e.kind() == Kind::Plan) return fail(a, "--plan: " + what, tools::kWrongUsage);
    if (e.kind() == Kind::Device) return fail(a, "--device: " + what, tools::kWrongUsage);
    return fail(a, what, kWrong);
  } catch (const std::exception &e) {
    return fail(a, e.what(), kWrong);
  }
}
