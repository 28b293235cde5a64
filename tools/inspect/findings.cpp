// SPDX-License-Identifier: LGPL-2.1-or-later
#include "findings.h"

#include <algorithm>
#include <cstdio>
#include <set>

namespace oneadapt::inspect {
namespace {

/// A picture that a model of fixed size stretches by more than this from one side to the other (4:3 to a square is
/// 1.33, 16:9 is 1.78), or shrinks by more than that.
constexpr double kStretched = 1.5, kShrunk = 3;

std::string number(double value, const char *format) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string size_text(const FrameSize &s) { return std::to_string(s.width) + "×" + std::to_string(s.height); }

std::string times(unsigned count, const std::string &what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

void about_results(const Inspection &in, std::vector<Finding> &out) {
  const double theta = in.facts.theta;
  const auto found = [](const Frame &f) { return !f.objects.empty(); };
  if (!in.made_up && std::none_of(in.frames.begin(), in.frames.end(), found)) {
    const Found *best = nullptr;
    for (const Frame &f : in.frames)
      if (f.best && (!best || f.best->at.score > best->at.score)) best = &*f.best;
    const bool hears = in.facts.hears();
    const std::string one = hears     ? "this second"
                            : in.clip ? "this frame"
                                      : "the picture",
                      where = in.frames.size() == 1
                                  ? one
                                  : "any of the " + std::to_string(in.frames.size()) + (hears ? " seconds" : " frames");
    const std::string nearest = best ? "the best candidate is \"" + best->name + "\" with a score of " +
                                           number(best->at.score, "%.3f") + ", below θ = " + number(theta, "%g")
                                     : "there is not even a candidate";
    const std::string keys = hears ? "input.sample_rate, input.normalise and output.blank"
                                   : "input.colour, input.range, input.mean and input.std";
    out.push_back({"no-objects", "nothing was found in " + where + ": " + nearest +
                                     "; where there is something to be " + (hears ? "heard" : "seen") + ", check " +
                                     keys + " of the description, then --threshold and --classes"});
  }
  const auto error =
      std::find_if(in.frames.begin(), in.frames.end(), [](const Frame &f) { return !f.gradient_error.empty(); });
  if (error != in.frames.end())
    out.push_back(
        {"gradient-not-finite",
         "the gradient is not finite on " +
             times(unsigned(std::count_if(in.frames.begin(), in.frames.end(),
                                          [](const Frame &f) { return !f.gradient_error.empty(); })),
                   in.facts.hears() ? "second" : "frame") +
             ", which oneadaptdnn leaves out of its feedback; look for a root, a logarithm or a division of 0 "
             "in the model"});
  const auto zero = [](const Frame &f) {
    return f.gradient_error.empty() && f.gradient.elements > 0 && !(f.greatest > kNoGradient);
  };
  const bool none = std::any_of(in.frames.begin(), in.frames.end(), zero);
  if (none)
    out.push_back(
        {"gradient-zero",
         "the gradient is 0 everywhere though there are elements: their scores do not depend on the input, or "
         "are so near to 0 or 1 that the sigmoid is flat there; without a gradient nothing can adapt"});
  if (!none && !in.gradient_problem.empty()) out.push_back({"gradient-wrong", in.gradient_problem});
  if (!in.results_problem.empty()) out.push_back({"boxes", in.results_problem});
  if (!in.repeatable)
    out.push_back({"not-repeatable",
                   "two runs on the same input give different results; look for dropout, noise, or a state that the "
                   "model keeps from one to the next"});
}

void about_program(const Inspection &in, std::vector<Finding> &out) {
  if (in.training.batch_norms)
    out.push_back({"batch-norm-training",
                   times(in.training.batch_norms, "batch normalisation") +
                       " still in training mode, going by the input at hand instead of what was learnt; call "
                       "net.eval() before torch.jit.trace"});
  if (in.training.dropouts)
    out.push_back({"dropout-training", times(in.training.dropouts, "dropout") +
                                           " still in training mode; call net.eval() before torch.jit.trace"});
  if (in.facts.weights.type == "float64")
    out.push_back({"double-precision",
                   "the model computes in double precision, which takes twice the memory and more than twice the time; "
                   "save it with net.float()"});
}

void about_description(const Inspection &in, std::vector<Finding> &out) {
  const ModelDescription &d = in.facts.description;
  const double theta = in.facts.theta;
  if (theta < d.floor)
    out.push_back({"threshold-below-floor", "θ = " + number(theta, "%g") + " is below the floor of " +
                                                number(d.floor, "%g") +
                                                ": objects between the two are results, but do not count in z; give a "
                                                "\"floor\" that is no greater than θ"});
  std::set<std::string> seen;
  std::string twice;
  for (const std::string &label : in.facts.labels)
    if (!seen.insert(label).second) twice = label;
  if (!twice.empty())
    out.push_back({"labels-repeat", "several classes are called \"" + twice +
                                        "\", so that --classes cannot tell them apart; check the labels"});
  if (in.facts.hears() || d.multiple_of || in.made_up || in.frames.empty()) return;
  const Frame &f = in.frames.front();
  const double across = double(f.size.width) / f.seen.width, down = double(f.size.height) / f.seen.height;
  const double stretch = std::max(across / down, down / across), shrink = std::max(across, down);
  if (stretch > kStretched || shrink > kShrunk)
    out.push_back(
        {"input-shape",
         "the model takes " + size_text(f.seen) + " only, and the picture has " + size_text(f.size) + ": " +
             (stretch > kStretched ? "it is stretched by " + number(stretch, "%.2f") + " from one side to the other"
                                   : "it is shrunk to " + number(1 / shrink, "%.2f") + " of its side") +
             ", so that objects look unlike those that it was trained on; export the model for the "
             "camera's shape, or crop in front of oneadaptdnn"});
}

}  // namespace

std::vector<Finding> findings(const Inspection &inspection) {
  std::vector<Finding> out;
  about_results(inspection, out);
  about_program(inspection, out);
  about_description(inspection, out);
  return out;
}

}  // namespace oneadapt::inspect
