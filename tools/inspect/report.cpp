// SPDX-License-Identifier: LGPL-2.1-or-later
#include "report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "video/results.h"

namespace oneadapt::inspect {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLabelsShown = 8, kObjectsShown = 20;

std::string number(double value, const char *format = "%g") {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

/// "4.7 MB".
std::string bytes_text(double bytes) {
  const char *const units[] = {"bytes", "kB", "MB", "GB"};
  int unit = 0;
  for (; unit < 3 && bytes >= 999.5; ++unit) bytes /= 1000;
  return number(bytes, unit == 0 || bytes >= 99.95 ? "%.0f" : "%.1f") + " " + units[unit];
}

/// "1 174 213".
std::string grouped(std::uint64_t value) {
  std::string digits = std::to_string(value), text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i && (digits.size() - i) % 3 == 0) text += ' ';
    text += digits[i];
  }
  return text;
}

std::string size_text(unsigned width, unsigned height) { return std::to_string(width) + "×" + std::to_string(height); }

template <class T>
std::string listed(const std::vector<T> &values) {
  std::string text;
  for (const T &value : values) text += (text.empty() ? "" : " ") + number(double(value));
  return text;
}

std::string input_of(const ModelDescription &d) {
  if (d.task == "ctc")
    return "sound at " + std::to_string(d.sample_rate) + " Hz, " + (d.normalise ? "normalised, " : "") +
           number(d.context) + " s before an interval, " + number(d.lookahead) + " s behind a word";
  std::string text = d.multiple_of == 0   ? size_text(d.width, d.height) + " only"
                     : d.multiple_of == 1 ? "any size"
                                          : "any multiple of " + std::to_string(d.multiple_of);
  if (d.multiple_of && d.width) text += " (" + size_text(d.width, d.height) + " preferred)";
  return text + ", " + d.colour + " from 0 to " + number(d.range) + ", mean " + listed(d.mean) + ", std " +
         listed(d.std);
}

std::string output_of(const ModelDescription &d) {
  std::string text = d.layout;
  const auto add = [&](const std::string &part) { text += ", " + part; };
  if (d.layout == "nanodet" || d.layout == "boxes" || d.layout == "centernet")
    add("scores " + listed(d.score_outputs) + ", boxes " + listed(d.box_outputs));
  else if (!d.score_outputs.empty() && d.layout != "torchvision")
    add("output " + listed(d.score_outputs));
  if (d.layout == "boxes") add("labels " + std::to_string(d.label_output));
  if (!d.strides.empty()) add("strides " + listed(d.strides));
  if (d.bins) add(std::to_string(d.bins) + " bins a side");
  if (d.layout == "yolo") add(std::string(d.objectness ? "with" : "without") + " objectness");
  if (d.layout == "semantic")
    add(d.background < 0 ? "no background" : "background is class " + std::to_string(d.background));
  if (d.layout == "ctc") {
    add("blank is class " + std::to_string(d.blank));
    add(d.separator < 0 ? "classes are words" : "letters, separated by class " + std::to_string(d.separator));
  } else if (d.layout != "semantic")
    add(d.nms_iou < 1 ? "NMS at IoU " + number(d.nms_iou) : "no NMS here");
  return text;
}

/// "channels-last (12.9 ms; plain 17.4 ms, onednn 15.4 ms)".
std::string plan_of(const PlanReport &plan) {
  std::string others, chosen = plan.results;
  for (const PlanTrial &trial : plan.trials) {
    const std::string cost = trial.problem.empty() ? number(trial.milliseconds, "%.1f") + " ms" : trial.problem;
    if (trial.name == plan.results)
      chosen += " (" + cost;
    else
      others += (others.empty() ? "; " : ", ") + trial.name + " " + cost;
  }
  if (!plan.trials.empty()) chosen += others + ", on an example picture)";
  return chosen + (plan.gradients == plan.results ? "" : "; with a gradient " + plan.gradients);
}

std::string labels_of(const std::vector<std::string> &labels) {
  std::string text = std::to_string(labels.size()) + ": ";
  for (std::size_t i = 0; i < std::min(kLabelsShown, labels.size()); ++i) text += (i ? ", " : "") + labels[i];
  return text + (labels.size() > kLabelsShown ? ", …" : "");
}

std::string line(const char *name, const std::string &value) {
  if (value.empty()) return "";
  std::string padded = std::string("  ") + name;
  // θ takes two bytes and one column.
  const std::size_t columns = padded.size() - (std::string(name).rfind("θ", 0) == 0 ? 1 : 0);
  return padded + std::string(columns < 16 ? 16 - columns : 1, ' ') + value + "\n";
}

std::string ms(double value) { return number(value, value < 9.995 ? "%.2f" : "%.1f") + " ms"; }

std::string when(const Frame &f) { return f.seconds ? " at " + number(*f.seconds, "%.2f") + " s" : ""; }

/// As oneadaptdnn's results say it.
Json result_json(const Inspection &in, std::size_t index) {
  const Frame &f = in.frames[index];
  const auto ns = [](double seconds) { return GstClockTime(std::llround(std::max(0.0, seconds) * GST_SECOND)); };
  if (in.facts.hears()) {
    Json words = Json::array();
    for (const Word &w : f.words)
      words.push_back({{"word", w.text},
                       {"start", ns(w.start)},
                       {"end", ns(w.end)},
                       {"confidence", w.score},
                       {"label_id", w.label}});
    return {
        {"words", words}, {"sample_rate", in.facts.description.sample_rate}, {"timestamp", ns(f.seconds.value_or(0))}};
  }
  FrameInfo info;
  info.frame = index;
  info.width = f.size.width;
  info.height = f.size.height;
  info.timestamp = f.seconds ? ns(*f.seconds) : GST_CLOCK_TIME_NONE;
  std::vector<Detection> objects;
  for (const Found &found : f.objects) objects.push_back(found.at);
  Json j = Json::parse(result_line(info, objects, in.facts.labels));
  j.erase("interval");
  j["model_input"] = {{"width", f.seen.width}, {"height", f.seen.height}};
  return j;
}

Json frame_json(const Inspection &in, std::size_t index) {
  const Frame &f = in.frames[index];
  Json j = result_json(in, index);
  j["best_below_threshold"] = Json();
  if (f.best) j["best_below_threshold"] = {{"label", f.best->name}, {"confidence", f.best->at.score}};
  if (f.gradient_error.empty()) {
    const BlockMap &map = f.gradient.map;
    double mean = 0;
    for (const float value : map.values) mean += double(value) / double(map.values.size());
    j["z"] = f.gradient.z;
    j["elements"] = f.gradient.elements;
    j["gradient"] = {{"finite", true},           {"greatest", f.greatest}, {"mean", mean},
                     {"columns", map.columns()}, {"rows", map.rows()},     {"block_size", map.block_size}};
  } else {
    j["z"] = Json();
    j["elements"] = Json();
    j["gradient"] = {{"finite", false}};
  }
  const auto file = [](const std::string &path) { return path.empty() ? Json() : Json(path); };
  j["files"] = {{"objects", file(f.objects_file)}, {"gradient", file(f.gradient_file)}};
  return j;
}

}  // namespace

std::string model_text(const Inspection &in) {
  const ModelDescription &d = in.facts.description;
  const ModelWeights weights = in.facts.weights;
  return in.file.path + "\n" + line("name", d.name) + line("task", d.task) + line("source", d.source) +
         line("licence", d.licence) + line("file", bytes_text(double(in.file.bytes)) + ", SHA-256 " + in.file.sha256) +
         line("described", in.file.sidecar.empty() ? "by itself (oneadapt.json in the file)"
                                                   : "with " + in.file.sidecar + " laid over the file") +
         line("parameters",
              grouped(weights.numbers) + ", " + bytes_text(double(weights.bytes)) + ", computed in " + weights.type) +
         line("input", input_of(d)) + line("output", output_of(d)) + line("labels", labels_of(in.facts.labels)) +
         line("θ", number(in.facts.theta) + ", slope " + number(d.slope) + ", floor " + number(d.floor)) +
         line("device", in.facts.device + " (" + in.facts.device_reason + ")") +
         line("plan", in.facts.hears() ? "" : plan_of(in.facts.plan));
}

std::string input_text(const Inspection &in, const Options &options) {
  const Frame &f = in.frames.front();
  if (in.facts.hears())
    return "\n" +
           (in.made_up ? "a second made for this test (four tones; --input has it hear real ones)" : options.input) +
           "\n";
  std::string text =
      "\n" + (in.made_up ? "a picture made for this test (ellipses; --input shows it a real one)" : options.input);
  text += ", " + size_text(f.size.width, f.size.height);
  if (f.size.width != f.seen.width || f.size.height != f.seen.height)
    text += ", which the model sees at " + size_text(f.seen.width, f.seen.height);
  return text + "\n";
}

std::string frame_text(const Inspection &in, std::size_t index) {
  const Frame &f = in.frames[index];
  const bool hears = in.facts.hears();
  const std::string one = hears ? "  second " : "  frame ";
  std::string text = (in.clip ? one + std::to_string(index + 1) + when(f) : std::string("  result")) + ": " +
                     std::to_string(f.objects.size()) + (hears ? " word" : " object") +
                     (f.objects.size() == 1 ? "" : "s");
  if (f.gradient_error.empty())
    text += ", z " + number(f.gradient.z, "%.2f") + " of " + std::to_string(f.gradient.elements) +
            (f.gradient.elements == 1 ? " element" : " elements") + ", gradient up to " + number(f.greatest, "%.2g");
  else
    text += "; " + f.gradient_error;
  text += "\n";
  for (std::size_t i = 0; i < std::min(kObjectsShown, f.objects.size()); ++i) {
    const Found &found = f.objects[i];
    const Box &box = found.at.box;
    const auto across = [&](double share) { return int(std::lround(share * f.size.width)); };
    const auto down = [&](double share) { return int(std::lround(share * f.size.height)); };
    char place[96];
    if (hears)
      std::snprintf(place, sizeof place, "    %.2f  %.2f s to %.2f s  ", found.at.score,
                    f.seconds.value_or(0) + box.x0 * f.length, f.seconds.value_or(0) + box.x1 * f.length);
    else
      std::snprintf(place, sizeof place, "    %.2f  %dx%d at %d,%d  ", found.at.score, across(box.x1) - across(box.x0),
                    down(box.y1) - down(box.y0), across(box.x0), down(box.y0));
    text += place + found.name + "\n";
  }
  if (f.objects.size() > kObjectsShown)
    text += "    … and " + std::to_string(f.objects.size() - kObjectsShown) + " more\n";
  for (const std::string &file : {f.objects_file, f.gradient_file})
    if (!file.empty()) text += "    written: " + file + "\n";
  return text;
}

std::string cost_text(const Inspection &in) {
  const Times &t = in.times;
  if (!t.repeat) return "";
  const Frame &f = in.frames[t.frame];
  const bool hears = in.facts.hears();
  std::string text = "\nmedian of " + std::to_string(t.repeat) + " on " + in.facts.device +
                     (hears ? ", of a second of sound" : ", at " + size_text(f.seen.width, f.seen.height)) + "\n";
  text += line("forward", ms(t.forward));
  text += line("for gradient", ms(t.with_autograd) + " forward, " + ms(t.backward) +
                                   " backward: " + number(100 * t.share(), "%.1f") + " % of inference" +
                                   (hears ? "" : " at 10 frames an interval"));
  if (!f.gradient.elements)
    text += line("", "(nothing to go back from: the model takes nothing in there for an element)");
  const MemoryUse &m = in.memory;
  text += line("tensors", bytes_text(m.forward.peak) + " forward; " + bytes_text(m.gradient) +
                              " with the gradient, of which " + bytes_text(m.with_autograd.kept) +
                              " wait for the way back");
  if (m.peak > 0)
    text += line("process", bytes_text(m.peak) + " at its peak; loading took " + bytes_text(m.loading) +
                                ", the first passes " + bytes_text(m.running) + " more");
  return text;
}

std::string verdict_text(const Inspection &in, const std::vector<Finding> &found) {
  if (!found.empty())
    return "\nThe model loads and runs; see the warning" + std::string(found.size() > 1 ? "s" : "") + ".\n";
  const bool gradients =
      std::any_of(in.frames.begin(), in.frames.end(), [](const Frame &f) { return f.greatest > kNoGradient; });
  return gradients ? "\nThe model loads, runs and gives gradients.\n"
                   : "\nThe model loads and runs; --input with something to be found will show its gradient.\n";
}

Json to_json(const Inspection &in, const Options &options, const std::vector<Finding> &found) {
  const ModelWeights weights = in.facts.weights;
  const auto text_or_null = [](const std::string &text) { return text.empty() ? Json() : Json(text); };
  Json j;
  j["ok"] = true;
  j["model"] = {{"path", in.file.path},
                {"bytes", in.file.bytes},
                {"sha256", in.file.sha256},
                {"sidecar", text_or_null(in.file.sidecar)},
                {"parameters", {{"count", weights.numbers}, {"bytes", weights.bytes}, {"type", weights.type}}},
                {"threshold", in.facts.theta},
                {"labels", in.facts.labels},
                {"description", Json::parse(in.facts.description.to_json())}};
  j["device"] = {{"name", in.facts.device}, {"reason", in.facts.device_reason}};
  j["plan"] = {{"results", in.facts.plan.results}, {"gradients", in.facts.plan.gradients}, {"trials", Json::array()}};
  for (const PlanTrial &trial : in.facts.plan.trials)
    j["plan"]["trials"].push_back({{"plan", trial.name}, {"ms", trial.milliseconds}, {"problem", trial.problem}});
  j["input"] = {{"path", text_or_null(options.input)}, {"clip", in.clip}, {"made", in.made_up}};
  j["frames"] = Json::array();
  for (std::size_t i = 0; i < in.frames.size(); ++i) j["frames"].push_back(frame_json(in, i));
  j["times"] = Json();
  j["memory"] = Json();
  if (const Times &t = in.times; t.repeat) {
    j["times"] = {{"repeat", t.repeat},         {"frame", t.frame},
                  {"forward_ms", t.forward},    {"forward_with_autograd_ms", t.with_autograd},
                  {"backward_ms", t.backward},  {"inferences", t.inferences},
                  {"gradient_share", t.share()}};
    const MemoryUse &m = in.memory;
    j["memory"] = {{"forward_tensors", m.forward.peak},     {"gradient_tensors", m.gradient},
                   {"saved_tensors", m.with_autograd.kept}, {"process_peak", m.peak},
                   {"process_loading", m.loading},          {"process_running", m.running}};
  }
  j["warnings"] = Json::array();
  for (const Finding &f : found) j["warnings"].push_back({{"code", f.code}, {"text", f.text}});
  return j;
}

}  // namespace oneadapt::inspect
