// SPDX-License-Identifier: LGPL-2.1-or-later
// results.json as tables for the terminal.
#include <cstdio>

#include "eval/against.h"
#include "eval/evaluation.h"
#include "eval/medium.h"

namespace oneadapt::eval {

using nlohmann::json;
namespace {

/// "-45.1 to -30.3; ", where it is known.
std::string scatter_of(const json &row) {
  if (!row.contains("low")) return "";
  char text[64];
  std::snprintf(text, sizeof text, "%+.1f to %+.1f; ", row.at("low").get<double>(), row.at("high").get<double>());
  return text;
}

std::string bd_rate_line(const json &row) {
  char line[512];
  const std::string policy = row.at("policy"), against = row.at("against");
  if (row.at("percent").is_null())
    std::snprintf(line, sizeof line, "  %s against %s: no BD-rate: %s\n", policy.c_str(), against.c_str(),
                  row.at("reason").get<std::string>().c_str());
  else
    std::snprintf(line, sizeof line, "  %s against %s: BD-rate %+.1f %% (%saccuracy %.2f to %.2f)\n", policy.c_str(),
                  against.c_str(), row.at("percent").get<double>(), scatter_of(row).c_str(),
                  row.at("from").get<double>(), row.at("to").get<double>());
  return line;
}

std::string mean_bd_rate_lines(const json &rows) {
  std::string out;
  char line[512];
  for (const json &row : rows) {
    if (row.at("percent").is_null()) continue;
    std::snprintf(line, sizeof line, "  %s against %s: %+.1f %% (%sworst %+.1f %%, %d clips)\n",
                  row.at("policy").get<std::string>().c_str(), row.at("against").get<std::string>().c_str(),
                  row.at("percent").get<double>(), scatter_of(row).c_str(), row.at("worst").get<double>(),
                  row.at("clips").get<int>());
    out += line;
  }
  return out;
}

/// A row for each point of a clip's curves.
std::string point_lines(const json &clip, const std::string &resource) {
  char line[512];
  std::snprintf(line, sizeof line, "  %-25s %-12s %9s %9s %8s %6s %10s %9s %9s\n", "policy", "setting",
                resource.c_str(), "accuracy", "analysed", "extra", "sensor CPU", "DNN", "feedback");
  std::string out = line;
  for (const json &curve : clip.at("curves"))
    for (const json &p : curve.at("points")) {
      std::snprintf(line, sizeof line, "  %-25s %-12s %7.1f %% %9.3f %8d %6d %8.2f s %7.2f s %6.1f kB\n",
                    curve.at("policy").get<std::string>().c_str(), p.at("setting").get<std::string>().c_str(),
                    100 * p.at(resource).get<double>(), p.at("accuracy").get<double>(),
                    p.at("frames_analysed").get<int>(), p.at("extra_inferences").get<int>(),
                    p.at("sensor_cpu_s").get<double>(),
                    p.at("inference_s").get<double>() + p.at("gradient_s").get<double>(),
                    p.at("feedback_bytes").get<double>() / 1000);
      out += line;
    }
  return out;
}

std::string clip_table(const json &clip) {
  const std::string resource = resource_of(clip), name = clip.at("clip");
  std::string out = "\n" + name + ": " + medium_in(clip).headline(clip) +
                    (clip.at("flat").get<bool>() ? " (flat: quality hardly matters here)" : "") + "\n";
  out += point_lines(clip, resource);
  bool scatter = false;
  for (const json &row : clip.at("bd_rate")) {
    out += bd_rate_line(row);
    scatter = scatter || row.contains("low");
  }
  if (scatter) out += "  In brackets first: how far it scatters when the clip's seconds are drawn anew (16 to 84 %)\n";
  out += "  " + resource + " for an accuracy of 0.95:";
  for (const json &row : clip.at("bandwidth_at")) {
    char share[64] = "never;";
    if (!row.at(resource).is_null())
      std::snprintf(share, sizeof share, "%.1f %%;", 100 * row.at(resource).get<double>());
    out += " " + row.at("policy").get<std::string>() + " " + share;
  }
  if (out.back() == ';') out.back() = '\n';
  return out;
}

}  // namespace

std::string table(const json &results) {
  std::string out;
  for (const json &clip : results.at("clips")) out += clip_table(clip);
  if (results.contains("mean_bd_rate") && results.at("clips").size() > 1) {
    out += "\nMean over the clips that have a BD-rate:\n";
    out += mean_bd_rate_lines(results.at("mean_bd_rate"));
  }
  if (results.contains("mean_curve") && !results.at("mean_curve").is_null()) {
    const json &mean = results.at("mean_curve");
    out += "\nOf the mean curves of " + std::to_string(mean.at("clips").get<int>()) +
           " clips, each setting averaged, as in the paper's Fig. 7:\n";
    for (const json &row : mean.at("bd_rate")) out += bd_rate_line(row);
  }
  return out;
}

std::string against_table(const json &against) {
  std::string out = "\nAgainst the other evaluation:\n";
  if (against.at("clips").empty()) out += "  no clip and policy in common\n";
  for (const json &clip : against.at("clips")) {
    out += " " + clip.at("clip").get<std::string>() + "\n";
    for (const json &row : clip.at("bd_rate")) out += " " + bd_rate_line(row);
  }
  if (against.at("clips").size() > 1) out += " Mean:\n" + mean_bd_rate_lines(against.at("mean_bd_rate"));
  return out;
}

}  // namespace oneadapt::eval
