// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/figures.h"

#include <algorithm>
#include <cstdio>

#include "eval/curves.h"
#include "eval/evaluated_policies.h"
#include "eval/figure_parts.h"

namespace oneadapt::eval {

using nlohmann::json;

std::vector<std::string> figure_names() {
  return {"gradient-correlation", "gradient-reuse", "convergence", "overhead", "granularity"};
}

json make_figure(Runner &runner, const std::string &name) {
  if (name == "gradient-correlation") return gradient_correlation(runner);
  if (name == "gradient-reuse") return gradient_reuse(runner);
  if (name == "convergence") return convergence(runner);
  if (name == "overhead") return overhead(runner);
  if (name == "granularity") return granularity(runner);
  throw RunError("--figure: there is no figure \"" + name + "\"");
}

namespace {

template <typename... Args>
void print(std::string &out, const char *format, Args... args) {
  char line[512];
  std::snprintf(line, sizeof line, format, args...);
  out += line;
}

std::string text(const json &j) { return j.get<std::string>(); }
double number(const json &j) { return j.get<double>(); }

void correlation_table(std::string &out, const json &f) {
  out += "\nCosine of OutputGrad and AccGrad (paper, Fig. 6: 0.91)\n";
  for (const json &row : f.at("rows")) {
    print(out, "  %-24s %-46s %6.3f  ", text(row.at("clip")).c_str(), row.at("configuration").dump().c_str(),
          number(row.at("cosine")));
    for (const char *what : {"estimate", "acc_grad"}) {
      out += std::string("  ") + what;
      for (const json &v : row.at(what)) print(out, " %.3f", number(v));
    }
    out += "\n";
  }
  print(out, "  mean over configurations, clips together         %.3f\n", number(f.at("mean_pooled")));
  print(out, "  mean over configurations and clips               %.3f (%zu)\n", number(f.at("mean")),
        f.at("cosines").size());
  print(out, "  mean over single seconds                         %.3f (%zu)\n", number(f.at("mean_per_second")),
        f.at("cosines_per_second").size());
  print(out, "  AccGrad of even seconds against that of odd ones %.3f: how well it is known itself\n",
        number(f.at("split_half")));
}

void reuse_table(std::string &out, const json &f) {
  out += "\nCosine of two gradients against the frames between them (paper, Fig. 13: above 0.8 up to 10)\n ";
  for (std::size_t i = 0; i < f.at("distance").size(); ++i)
    print(out, " %d: %.3f", f.at("distance")[i].get<int>(), number(f.at("cosine")[i]));
  out += "\nOne gradient an interval against one a frame (paper, Fig. 12)\n";
  for (const json &clip : f.at("tradeoff")) {
    std::vector<CurvePoint> curves[2];
    for (std::size_t c = 0; c < 2; ++c)
      for (const json &p : clip.at("curves")[c].at("points")) {
        curves[c].push_back({number(p.at("bandwidth")), number(p.at("accuracy"))});
        print(out, "  %-24s %-34s bandwidth %5.1f %%  accuracy %.3f  DNNGrad %4.0f %% of inference\n",
              text(clip.at("clip")).c_str(), text(clip.at("curves")[c].at("policy")).c_str(),
              100 * number(p.at("bandwidth")), number(p.at("accuracy")),
              100 * number(p.at("gradient_s")) / std::max(1e-9, number(p.at("inference_s"))));
      }
    const BdRate r = bd_rate(curves[0], curves[1]);
    if (r.percent)
      print(out, "  %-24s BD-rate of reuse %+.1f %%\n", text(clip.at("clip")).c_str(), *r.percent);
    else
      print(out, "  %-24s no BD-rate: %s\n", text(clip.at("clip")).c_str(), r.reason.c_str());
  }
}

void convergence_table(std::string &out, const json &f) {
  out +=
      "\nObjective (accuracy - resource) by second, and the best fixed configuration's mean (paper, Fig. 14: 3 to 5 "
      "s)\n";
  for (const json &row : f) {
    print(out, "  %-24s from the %-15s best %.3f:", text(row.at("clip")).c_str(), text(row.at("start")).c_str(),
          number(row.at("best")));
    for (const json &v : row.at("objective")) print(out, " %.3f", number(v));
    out += "\n";
  }
}

void overhead_table(std::string &out, const json &f) {
  out += "\nWhat gradients cost, ten frames (paper, Fig. 11)\n";
  for (const json &row : f)
    print(out, "  %-40s time %5.2f x inference, peak memory %7.1f MB\n", text(row.at("mode")).c_str(),
          number(row.at("time_ratio")), number(row.at("memory_mb")));
}

void granularity_table(std::string &out, const json &f) {
  const std::string boxes = evaluated_as(CurveRole::RegionBaseline).curve.name;
  out += "\nBD-rate of " + default_policy().name +
         " by the blocks that share a QP (paper, Fig. 9: more knobs, more gain)\n";
  print(out, "  %-24s %8s %8s %10s %10s %18s\n", "clip", "blocks", "side",
        evaluated_as(CurveRole::Anchor).curve.name.c_str(), boxes.c_str(), (boxes + ", finest").c_str());
  const auto rate = [](const json &value) {
    char shown[16] = "-";
    if (!value.is_null()) std::snprintf(shown, sizeof shown, "%+.1f %%", number(value));
    return std::string(shown);
  };
  const auto line = [&](const std::string &clip, const std::string &blocks, const std::string &side, const json &row) {
    print(out, "  %-24s %8s %8s %10s %10s %18s\n", clip.c_str(), blocks.c_str(), side.c_str(),
          rate(row.at("against_uniform")).c_str(), rate(row.at("against_region")).c_str(),
          rate(row.at("against_fine_region")).c_str());
  };
  for (const json &clip : f.at("clips"))
    for (const json &row : clip.at("rows"))
      line(text(clip.at("clip")) + (clip.at("flat").get<bool>() ? " (flat)" : ""), row.at("blocks").dump(),
           row.at("side").dump(), row);
  if (f.at("clips").size() < 2) return;
  for (const json &row : f.at("mean"))
    line("mean", row.at("wanted").is_null() ? "finest" : "~" + row.at("wanted").dump(), "", row);
}

}  // namespace

std::string figure_table(const json &figures) {
  std::string out;
  if (figures.contains("gradient-correlation")) correlation_table(out, figures.at("gradient-correlation"));
  if (figures.contains("gradient-reuse")) reuse_table(out, figures.at("gradient-reuse"));
  if (figures.contains("convergence")) convergence_table(out, figures.at("convergence"));
  if (figures.contains("overhead")) overhead_table(out, figures.at("overhead"));
  if (figures.contains("granularity")) granularity_table(out, figures.at("granularity"));
  return out;
}

}  // namespace oneadapt::eval
