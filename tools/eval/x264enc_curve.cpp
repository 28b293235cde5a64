// SPDX-License-Identifier: LGPL-2.1-or-later
// The curves of the element x264enc (docs/baselines.md), as people run it instead of controller and filter: over
// constant qualities, and over the bitrates that these come to.
#include <gst/gst.h>

#include <algorithm>
#include <cmath>

#include "eval/curve_maker.h"
#include "eval/medium.h"
#include "eval/pads.h"
#include "eval/text.h"

namespace oneadapt::eval {

using nlohmann::json;
namespace {

/// The default of oneadaptfilter, and libx264's. x264enc's own is ten seconds, which costs more bytes.
constexpr unsigned kKeyIntMax = 250;
/// The greatest `quantizer` that x264enc takes.
constexpr double kCoarsest = 50;

/// The name of the filter's preset, so that the CPU time is alike. Its numbers are not x264enc's.
std::string speed_preset(const RunOptions &run) {
  const Ref<GstElement> filter(gst_element_factory_make(run.medium->traits().filter.c_str(), nullptr));
  const auto set = run.properties.find("filter.speed-preset");
  if (set != run.properties.end()) gst_util_set_object_arg(G_OBJECT(filter.get()), "speed-preset", set->second.c_str());
  GValue preset = G_VALUE_INIT;
  g_object_get_property(G_OBJECT(filter.get()), "speed-preset", &preset);
  auto *type = static_cast<GEnumClass *>(g_type_class_ref(G_VALUE_TYPE(&preset)));
  const std::string name = g_enum_get_value(type, g_value_get_enum(&preset))->value_nick;
  g_type_class_unref(type);
  g_value_unset(&preset);
  return name;
}

/// One thread, because more of them, in x264enc's way, cost bytes; and no access unit delimiters, which the filter does
/// not send either.
std::string launch(const RunOptions &run, bool lookahead, const std::string &rate) {
  return "x264enc " + std::string(lookahead ? "" : "tune=zerolatency ") + "speed-preset=" + speed_preset(run) +
         " key-int-max=" + std::to_string(run.key_int_max ? run.key_int_max : kKeyIntMax) + " threads=1 aud=false " +
         rate;
}

/// Over `quantizer`, along the ladder of QPs.
class QualityCurve : public CurveMaker {
 public:
  QualityCurve(const ClipRuns &clip, bool lookahead) : CurveMaker(clip), lookahead_(lookahead) {}
  std::vector<NamedRun> runs() const override {
    std::vector<NamedRun> runs;
    for (double quantizer : quantizers())
      // Without a buffer, or `bitrate` would limit what a quality takes.
      runs.push_back(run("pass=qual vbv-buf-capacity=0 quantizer=" + number(quantizer), setting(quantizer)));
    return runs;
  }
  void keep_runs(const RunResults &results) override { results_ = results; }
  json points() const override {
    json points = json::array();
    for (std::size_t i = 0; i < results_.size(); ++i)
      points.push_back(clip_.point(setting(quantizers()[i]), {*results_[i], {}, 0}));
    return points;
  }

 protected:
  NamedRun run(const std::string &rate, const std::string &setting) const {
    RunOptions run = clip_.runner.base(clip_.clip);
    run.policy = fixed_policy().name;
    run.knobs.clear();
    run.start.clear();
    run.gradient = false;
    run.encoder = launch(run, lookahead_, rate);
    return {run, clip_.name + ", x264enc" + (lookahead_ ? " with lookahead " : " ") + setting};
  }
  const RunResults &qualities() const { return results_; }

 private:
  /// Finest first. Most expensive rungs stand last in a ladder.
  std::vector<double> quantizers() const {
    const auto &ladders = clip_.reference->ladders;
    const auto &knobs = clip_.options().knobs;
    const bool maps = std::find(knobs.begin(), knobs.end(), "qp-map") != knobs.end();
    const std::vector<double> &qps = ladders.at(maps ? "qp-map" : "qp");
    std::vector<double> out;
    for (auto qp = qps.rbegin(); qp != qps.rend(); ++qp)
      if (*qp <= kCoarsest) out.push_back(*qp);
    return out;
  }
  static std::string setting(double quantizer) { return "quantizer=" + number(quantizer); }

  bool lookahead_;
  RunResults results_;
};

/// The same qualities, to know what they take, and then their bitrates.
class BitrateCurve : public QualityCurve {
 public:
  using QualityCurve::QualityCurve;
  std::vector<NamedRun> runs_after_recordings() override {
    for (const auto &result : qualities()) {
      const double kbps = double(result->bytes) * 8 / 1000 / std::max(result->seconds, 1e-9);
      const auto whole = std::max(1u, unsigned(std::lround(kbps)));
      if (std::find(bitrates_.begin(), bitrates_.end(), whole) == bitrates_.end()) bitrates_.push_back(whole);
    }
    std::vector<NamedRun> runs;
    for (unsigned bitrate : bitrates_) runs.push_back(run("pass=cbr " + setting(bitrate), setting(bitrate)));
    return runs;
  }
  void keep_runs_after_recordings(const RunResults &results) override { results_ = results; }
  json points() const override {
    json points = json::array();
    for (std::size_t i = 0; i < results_.size(); ++i)
      points.push_back(clip_.point(setting(bitrates_[i]), {*results_[i], {}, 0}));
    return points;
  }

 private:
  static std::string setting(unsigned bitrate) { return "bitrate=" + std::to_string(bitrate); }

  std::vector<unsigned> bitrates_;  ///< kbit/s
  RunResults results_;
};

template <class Curve, bool lookahead>
EvaluatedPolicy x264enc(const char *name, bool by_default) {
  EvaluatedPolicy policy;
  policy.curve.name = name;
  policy.curve.media = {"video"};
  policy.by_default = by_default;
  policy.encoder = "x264enc";
  policy.package = "gst-plugins-ugly (Debian: gstreamer1.0-plugins-ugly)";
  policy.make = [](const ClipRuns &clip, const EvaluatedPolicy &) -> std::unique_ptr<CurveMaker> {
    return std::make_unique<Curve>(clip, lookahead);
  };
  return policy;
}

}  // namespace

EvaluatedPolicy x264enc_policy() { return x264enc<QualityCurve, false>("x264enc", true); }
EvaluatedPolicy x264enc_bitrate_policy() { return x264enc<BitrateCurve, false>("x264enc-bitrate", true); }
EvaluatedPolicy x264enc_lookahead_policy() { return x264enc<QualityCurve, true>("x264enc-lookahead", true); }
EvaluatedPolicy x264enc_lookahead_bitrate_policy() {
  return x264enc<BitrateCurve, true>("x264enc-lookahead-bitrate", false);
}

}  // namespace oneadapt::eval
