// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadapt-train-features: cuts a detector in two, and finds which combinations of its channels are sent between the
// halves (docs/features.md).
#include <gst/gst.h>
#include <torch/csrc/autograd/autograd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "common/cli.h"
#include "common/interruption.h"
#include "common/output.h"
#include "config.h"
#include "directions.h"
#include "inspect/media.h"
#include "model/files.h"
#include "model/heads.h"
#include "model/labels.h"
#include "model/picture_input.h"
#include "model/torch_passes.h"
#include "split.h"

using namespace oneadapt;

namespace {

struct Options {
  std::string model, node, output, size, transform = "dnngrad";
  std::vector<std::string> clips, classes;
  unsigned channels = 16, frames = 30;
  double floor = 0.1;
};

/// What is seen of the clips: places × channels.
struct Seen {
  std::vector<at::Tensor> features, gradients;
  std::size_t frames = 0, elements = 0;
};

/// Features of pictures, and where the rest of the model looks.
class Watcher {
 public:
  Watcher(const Options &o, const import::Halves &halves, const ModelDescription &description, unsigned width,
          unsigned height)
      : halves_(halves), description_(fixed(description, width, height)), input_(description_, at::kCPU, at::kFloat) {
    const std::vector<bool> wanted = select_classes(description.labels, o.classes);
    wanted_ = at::zeros({std::int64_t(wanted.size())}, at::kBool);
    for (std::size_t i = 0; i < wanted.size(); ++i) wanted_[std::int64_t(i)] = bool(wanted[i]);
  }

  void watch(const RgbFrame &frame, Seen &seen) {
    at::Tensor features;
    {
      const at::NoGradGuard no_grad;
      features = halves_.front.forward({input_.prepare_frame(frame, at::MemoryFormat::Contiguous)}).toTensor();
    }
    const at::AutoGradMode with_grad(true);
    const at::Tensor leaf = features.detach().clone().requires_grad_(true);
    const Elements found = elements(description_, tensors_of(halves_.rest.forward({leaf})), description_.width,
                                    description_.height, wanted_, description_.floor);
    at::Tensor gradient = at::zeros_like(features);
    if (found.scores.numel())
      gradient = torch::autograd::grad({utility(found.scores, description_.threshold, description_.slope)}, {leaf})[0];
    seen.features.push_back(import::rows_of(features).clone());
    seen.gradients.push_back(import::rows_of(gradient).clone());
    seen.frames++;
    seen.elements += std::size_t(found.scores.numel());
  }

 private:
  static ModelDescription fixed(ModelDescription d, unsigned width, unsigned height) {
    d.width = width;
    d.height = height;
    d.multiple_of = 0;
    return d;
  }

  import::Halves halves_;
  const ModelDescription description_;
  PictureInput input_;
  at::Tensor wanted_;
};

/// Frames evenly over a clip, or the first ones where its length is not known.
void watch_clip(const std::string &path, unsigned frames, Watcher &watcher, Seen &seen) {
  inspect::Footage footage(path);
  const double step = footage.duration() > 0 ? footage.duration() / frames : 0.2;
  double from = 0;
  for (unsigned i = 0; i < frames; ++i, from += step) {
    const auto picture = footage.next(from);
    if (!picture) break;
    watcher.watch(picture->frame(), seen);
    if (!footage.is_clip()) break;
  }
}

std::pair<unsigned, unsigned> parse_size(const std::string &text) {
  unsigned width = 0, height = 0;
  char rest = 0;
  if (std::sscanf(text.c_str(), "%5ux%5u%c", &width, &height, &rest) != 2 || !width || !height)
    throw std::runtime_error("--input-size wants WIDTHxHEIGHT, not " + text);
  return {width, height};
}

void train(const Options &o) {
  const std::string base = o.output.size() > 3 && o.output.substr(o.output.size() - 3) == ".pt"
                               ? o.output.substr(0, o.output.size() - 3)
                               : o.output;
  tools::check_output(base + "-head.pt", "--output");
  ModelOptions options;
  options.path = o.model;
  options.device = "cpu";
  options.plan = "plain";
  const ModelDescription description = *read_description(options);
  const auto [width, height] = parse_size(o.size);
  const import::Cutter cutter(torch::jit::load(o.model, torch::kCPU), description);
  const import::Halves halves = cutter.cut(o.node);
  Watcher watcher(o, halves, description, width, height);
  Seen seen;
  for (const std::string &clip : o.clips) watch_clip(clip, o.frames, watcher, seen);
  if (!seen.frames) throw std::runtime_error("there is no frame in the clips");
  const at::Tensor features = at::cat(seen.features), gradients = at::cat(seen.gradients);
  const bool weighted = o.transform == "dnngrad";
  if (weighted && !seen.elements)
    throw std::runtime_error("nothing was found on " + std::to_string(seen.frames) +
                             " frames, so there is no gradient: give clips with objects of the classes that count");
  const std::int64_t channels = std::min<std::int64_t>(o.channels, features.size(1));
  const auto directions = weighted ? train_features::weighted(features, gradients, channels, o.floor)
                                   : train_features::principal(features, channels);
  const auto unit = weighted ? import::Unit::Common : import::Unit::Each;
  const auto [head, tail] =
      import::write_halves(halves, import::scaled_transform(directions.to, directions.back, features, unit),
                           description, width, height, base);
  std::printf("%zu frames, %zu elements, %lld of %lld channels\nWritten: %s, %s\n", seen.frames, seen.elements,
              static_cast<long long>(channels), static_cast<long long>(features.size(1)), head.c_str(), tail.c_str());
}

}  // namespace

int main(int argc, char **argv) {
  gst_init(nullptr, nullptr);
  CLI::App app("Cuts a detector in two halves, and finds on clips which combinations of its channels to send.");
  app.set_version_flag("--version", "oneadapt-train-features " VERSION);
  Options o;
  app.add_option("MODEL", o.model, "TorchScript file that describes itself")->required();
  app.add_option("NODE", o.node, "where to cut it; oneadapt-import --split list MODEL shows where it can be")
      ->required();
  app.add_option("-o,--output", o.output, "FILE.pt makes FILE-head.pt and FILE-tail.pt")->required()->type_name("FILE");
  app.add_option("--clip", o.clips, "what to look at; repeat it")->required()->take_all()->type_name("FILE");
  app.add_option("--input-size", o.size, "of the pictures that the head is given")
      ->required()
      ->type_name("WIDTHxHEIGHT");
  app.add_option("--channels", o.channels, "that are sent")->check(CLI::Range(1, 4096))->capture_default_str();
  app.add_option("--frames", o.frames, "of each clip")->check(CLI::Range(1, 100000))->capture_default_str();
  app.add_option("--classes", o.classes, "that count; all by default")->delimiter(',')->type_name("NAME,…");
  app.add_option("--transform", o.transform, "dnngrad: what the DNN sees least of is lost; pca: what varies least")
      ->check(CLI::IsMember({"dnngrad", "pca"}))
      ->capture_default_str();
  app.add_option("--floor", o.floor, "weight of what the DNN does not look at, of the mean")
      ->check(tools::positive())
      ->capture_default_str();
  if (const auto status = tools::parse_command_line(app, "oneadapt-train-features", argc, argv)) return *status;
  tools::end_on_interrupts("oneadapt-train-features", "nothing is written");
  return tools::run_program("oneadapt-train-features", [&] { train(o); });
}
