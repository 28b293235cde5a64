// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadapt-inspect: what is this model, does it work, what does it find, what does it cost?
#include <gst/gst.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "common/cli.h"
#include "config.h"
#include "findings.h"
#include "inspection.h"
#include "report.h"

using namespace oneadapt;
using namespace oneadapt::inspect;
using Json = nlohmann::ordered_json;

namespace {

constexpr int kFine = 0, kWrong = 1;

struct Arguments {
  Options options;
  std::string input_size = "auto", json;
  double threshold = -1;
  bool to_stdout() const { return json == "-"; }
};

/// Options of the model: how it is loaded.
void declare_model(CLI::App &app, Arguments &a) {
  Options &o = a.options;
  const char *const loaded = "How it is loaded";
  app.add_option("--device", o.model.device, "auto, cpu, cuda or cuda:N")
      ->type_name("NAME")
      ->capture_default_str()
      ->group(loaded);
  app.add_option("--threshold", a.threshold, "θ, least score of an object (default: the model's own)")
      ->check(tools::share())
      ->type_name("X")
      ->group(loaded);
  app.add_option("--classes", o.model.classes, "Labels of interest (default: all of the model's)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("A,B,..")
      ->group(loaded);
  app.add_option("--labels-file", o.model.labels_file, "One label a line, instead of the model's own")
      ->type_name("FILE")
      ->group(loaded);
  app.add_option("--operator-libraries", o.model.operator_libraries,
                 "Shared libraries with operators that the model uses")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("FILE,..")
      ->group(loaded);
  app.add_option("--input-size", a.input_size, "What frames are resized to: auto, frame or WIDTHxHEIGHT")
      ->type_name("SIZE")
      ->capture_default_str()
      ->group(loaded);
  app.add_option("--threads", o.model.threads, "CPU threads of one inference; 0: LibTorch's choice")
      ->check(CLI::Range(0, 256).description(""))
      ->type_name("N")
      ->capture_default_str()
      ->group(loaded);
}

void declare_gradient(CLI::App &app, Options &o) {
  const char *const loaded = "How it is loaded";
  const std::map<std::string, GradientMethod> methods{{"exact", GradientMethod::Exact},
                                                      {"channel-mean", GradientMethod::ChannelMean}};
  app.add_option("--gradient-method", o.method, "exact, or channel-mean (default: exact)")
      ->transform(CLI::CheckedTransformer(methods).description(""))
      ->type_name("NAME")
      ->group(loaded);
  const std::map<std::string, GradientMemory> memories{{"exact", GradientMemory::Exact},
                                                       {"half", GradientMemory::Half}};
  app.add_option("--gradient-memory", o.memory, "exact, or half (default: exact)")
      ->transform(CLI::CheckedTransformer(memories).description(""))
      ->type_name("NAME")
      ->group(loaded);
}

void declare(CLI::App &app, Arguments &a) {
  using tools::not_negative;
  Options &o = a.options;
  const char *const shown = "What it is shown", *const written = "What is written";
  app.set_version_flag("--version", "oneadapt-inspect " VERSION);
  app.add_option("MODEL", o.model.path, "TorchScript file that describes itself, or has MODEL.json beside it")
      ->required()
      ->type_name("");
  app.add_option("--input", o.input, "A picture (PNG, JPEG), a clip or a recording, anything that decodebin reads")
      ->type_name("FILE")
      ->group(shown);
  app.add_option("--frames", o.frames, "How many frames of a clip, or seconds of a recording")
      ->check(CLI::Range(1, 100000).description(""))
      ->type_name("N")
      ->capture_default_str()
      ->group(shown);
  app.add_option("--start", o.start, "Where in it to begin")
      ->check(not_negative())
      ->type_name("SECONDS")
      ->capture_default_str()
      ->group(shown);
  app.add_option("--step", o.step, "From one to the next; 0: take each frame")
      ->check(not_negative())
      ->type_name("SECONDS")
      ->capture_default_str()
      ->group(shown);
  app.add_option("--output", o.output,
                 "Folder for two PNG files a frame: what was found, and the gradient as a heat map")
      ->type_name("FOLDER")
      ->group(written);
  app.add_option("--json", a.json, "Everything for programs; - for the standard output, instead of words")
      ->type_name("FILE")
      ->group(written);
  app.add_option("--repeat", o.repeat, "Passes that times are the median of; 0: measure nothing")
      ->check(CLI::Range(0, 10000).description(""))
      ->type_name("N")
      ->capture_default_str()
      ->group(written);
  declare_model(app, a);
  declare_gradient(app, o);
}

void say(const std::string &text, bool wanted) {
  if (!wanted) return;
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

/// Throws InspectError when it cannot be written.
void write_json(const Json &json, const Arguments &a) {
  if (a.json.empty()) return;
  // A label may hold bytes that are no UTF-8.
  const std::string text = json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  if (a.to_stdout()) return say(text, true);
  std::ofstream out(a.json);
  out << text << std::flush;
  if (!out) throw InspectError("--json: '" + a.json + "' cannot be written; name a file that can be");
}

/// `what` has no full stop; one line.
int fail(const Arguments &a, const std::string &what, int status) {
  std::fprintf(stderr, "oneadapt-inspect: %s\n", what.c_str());
  try {
    write_json(Json{{"ok", false}, {"error", what}}, a);
  } catch (const InspectError &) {  // one line is enough
  }
  return status;
}

int inspect_model(const Arguments &a) {
  const bool words = !a.to_stdout();
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
  if (a.threshold >= 0) a.options.model.threshold = a.threshold;
  gst_init(nullptr, nullptr);
  try {
    return inspect_model(a);
  } catch (const ModelError &e) {
    using Kind = ModelError::Kind;
    const std::string what = e.what();
    if (e.kind() == Kind::Classes) return fail(a, "--classes: " + what, tools::kWrongUsage);
    if (e.kind() == Kind::Labels) return fail(a, "--labels-file: " + what, tools::kWrongUsage);
    if (e.kind() == Kind::Device) return fail(a, "--device: " + what, tools::kWrongUsage);
    return fail(a, what, kWrong);
  } catch (const std::exception &e) {
    return fail(a, e.what(), kWrong);
  }
}
