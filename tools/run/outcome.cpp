// SPDX-License-Identifier: LGPL-2.1-or-later
#include "outcome.h"

#include <algorithm>
#include <cstdio>

#include "core/policy/registry.h"
#include "eval/evaluation.h"
#include "eval/text.h"

namespace oneadapt::eval {

using nlohmann::json;
namespace {

// A quarter: three clips of roads with F1 0.815, 0.861 and 0.719 at 14 % of the bytes (λ = 1; NanoDet, 5 frames a
// second, 8 s) came to 0.922, 0.915 and 0.890 at 46, 39 and 36 % with it alone, and with a map besides to 0.932, 0.937
// and 0.910 at 27, 28 and 16 %.
constexpr double kLowerLambda = 4;

const char kReference[] = "most expensive configuration";

template <class... Args>
std::string format(const char *text, Args... args) {
  char line[256];
  std::snprintf(line, sizeof line, text, args...);
  return line;
}

std::string base_name(const std::string &path) { return path.substr(path.find_last_of('/') + 1); }

/// A run as the one point of a curve. Without a reference nobody knows its accuracy and its share.
json curve(const std::string &name, const RunResult &run, const std::string &setting, const RunResult *reference) {
  json point = point_json(setting, {run, knobs_by_second(run), 0}, reference ? *reference : run, Metric::F1);
  if (!reference) {
    for (const char *key : {"accuracy", "bandwidth", "frames"}) point.erase(key);
    for (json &interval : point["intervals"]) interval["accuracy"] = json();
  }
  return {{"policy", name}, {"points", json::array({point})}};
}

}  // namespace

double kbps(std::uint64_t bytes, double seconds) { return seconds > 0 ? double(bytes) * 8 / 1000 / seconds : 0; }

double Outcome::bandwidth() const { return reference.bytes ? double(adapted.bytes) / double(reference.bytes) : 0; }

double Outcome::accuracy() const { return has_reference() ? mean_accuracy(adapted, judge) : 0; }

std::string summary(const Outcome &o) {
  std::string text = format("\n%-28s %12s %10s %10s\n", "", "kbit/s", "bandwidth", "F1");
  text += format("%-28s %12.1f %9.1f%% %10.3f\n", kReference, kbps(o.reference.bytes, o.reference.seconds), 100.0,
                 mean_accuracy(o.reference, o.judge));
  text += format("%-28s %12.1f %9.1f%% %10.3f\n", ("policy " + o.options.policy).c_str(),
                 kbps(o.adapted.bytes, o.adapted.seconds), 100 * o.bandwidth(), o.accuracy());
  if (const std::string more = advice(o); !more.empty()) text += "\n" + more + "\n";
  return text;
}

std::string advice(const Outcome &o) {
  constexpr double kShort = 0.05;  // of what is asked for: the scatter of a clip
  const bool asked = o.options.min_accuracy > 0;
  if (!o.has_reference() || o.accuracy() >= (asked ? o.options.min_accuracy - kShort : kGoodAccuracy)) return "";
  const RunOptions &options = o.options;
  if (options.min_accuracy > 0)
    return format("F1 is %.3f, and --min-accuracy asked for %g: ", o.accuracy(), options.min_accuracy) +
           "the clip is shorter than it takes to find out what that costs, or its objects do not bear any coding. "
           "The columns measured and expected show what was known; --start qp=20 begins at the best quality.";
  const std::string low = format("F1 is below %g", kGoodAccuracy);
  const PolicyInfo &policy = find_policy(options.policy);
  if (!policy.heeds.lambda)
    return low + ", which policy " + policy.name +
           " does not go by. Begin at better values (such as --start qp=24), or let --policy " + default_policy().name +
           " choose them.";
  if (options.lambda <= 0)
    return low +
           ", though lambda is 0 and nothing is to be saved: begin at the best quality (--start qp=20), or see in "
           "intervals.jsonl whether gradients came back.";
  const bool finer = policy.needs.gradient && !policy.maps_only && options.knobs.find("qp-map") == std::string::npos;
  return low + format(": lambda %g saves more than this clip bears. Try ", options.lambda) +
         (finer ? "--knobs qp-map (bits go where the DNN looks) and " : "") +
         format("--lambda %.3g (accuracy counts for more)", std::min(options.lambda, 1.0) / kLowerLambda) +
         ". oneadapt-eval shows what each lambda comes to; without --lambda, an accuracy of 0.9 is kept.";
}

json summary_json(const Outcome &o) {
  return {{"clip", o.options.clip},
          {"seconds", o.adapted.seconds},
          {"frames", o.adapted.input.size()},
          {"policy", o.options.policy},
          {o.options.min_accuracy > 0 ? "min_accuracy" : "lambda",
           o.options.min_accuracy > 0 ? o.options.min_accuracy : o.options.lambda},
          {"bandwidth", o.bandwidth()},
          {"accuracy", o.accuracy()},
          {"kbps", kbps(o.adapted.bytes, o.adapted.seconds)},
          {"reference_kbps", kbps(o.reference.bytes, o.reference.seconds)}};
}

json report_json(const Outcome &o, const std::string &command, const std::string &version) {
  const RunResult *reference = o.has_reference() ? &o.judge : nullptr;
  const std::string setting = o.options.min_accuracy > 0 ? "min-accuracy=" + format("%g", o.options.min_accuracy)
                                                         : "lambda=" + format("%g", o.options.lambda);
  json clip = clip_json(base_name(o.options.clip), o.adapted);
  clip["curves"] = json::array({curve(o.options.policy, o.adapted, setting, reference)});
  if (reference) {
    clip["reference"] = reference_json(*reference);
    clip["curves"].push_back(curve(kReference, o.reference, "", reference));
  }
  clip["stills"] = stills_json(o.adapted, "");
  std::vector<std::string> knobs;
  if (!o.adapted.intervals.empty())
    for (const KnobValue &knob : o.adapted.intervals.front().knobs) knobs.push_back(knob.name);
  return {{"kind", "run"},
          {"command", command},
          {"version", version},
          {"model", base_name(o.options.model)},
          {"classes", o.options.classes},
          {"knobs", joined(knobs)},
          {"metric", "f1"},
          {"advice", reference ? advice(o) : ""},
          {"clips", json::array({clip})}};
}

}  // namespace oneadapt::eval
