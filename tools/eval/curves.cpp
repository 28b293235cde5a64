// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/curves.h"

#include <algorithm>
#include <cmath>

namespace oneadapt::eval {
namespace {

/// Accuracies closer than this are one.
constexpr double kSame = 1e-4;

/// Monotone piecewise-cubic Hermite interpolation of y over strictly rising x (Fritsch & Carlson 1980; slopes by
/// weighted harmonic means, ends by the three-point formula kept in shape).
class Pchip {
 public:
  Pchip(std::vector<double> x, std::vector<double> y) : x_(std::move(x)), y_(std::move(y)), d_(x_.size()) {
    const std::size_t n = x_.size();
    std::vector<double> h(n - 1), s(n - 1);
    for (std::size_t i = 0; i + 1 < n; ++i) {
      h[i] = x_[i + 1] - x_[i];
      s[i] = (y_[i + 1] - y_[i]) / h[i];
    }
    if (n == 2) {
      d_[0] = d_[1] = s[0];
      return;
    }
    for (std::size_t i = 1; i + 1 < n; ++i) {
      if (s[i - 1] * s[i] <= 0) continue;  // an extremum stays flat
      const double a = 2 * h[i] + h[i - 1], b = h[i] + 2 * h[i - 1];
      d_[i] = (a + b) / (a / s[i - 1] + b / s[i]);
    }
    d_[0] = end(h[0], h[1], s[0], s[1]);
    d_[n - 1] = end(h[n - 2], h[n - 3], s[n - 2], s[n - 3]);
  }
  double operator()(double x) const {
    const auto after = std::upper_bound(x_.begin() + 1, x_.end() - 1, x);
    const std::size_t i = std::size_t(after - x_.begin()) - 1;
    const double h = x_[i + 1] - x_[i], t = (x - x_[i]) / h, u = 1 - t;
    return y_[i] * u * u * (1 + 2 * t) + y_[i + 1] * t * t * (1 + 2 * u) + h * t * u * (d_[i] * u - d_[i + 1] * t);
  }
  const std::vector<double> &knots() const { return x_; }

 private:
  static double end(double h0, double h1, double s0, double s1) {
    const double d = ((2 * h0 + h1) * s0 - h0 * s1) / (h0 + h1);
    if (d * s0 <= 0) return 0;
    if (s0 * s1 <= 0 && std::abs(d) > 3 * std::abs(s0)) return 3 * s0;
    return d;
  }
  std::vector<double> x_, y_, d_;
};

Pchip log_resource(const std::vector<CurvePoint> &f) {
  std::vector<double> x, y;
  for (const CurvePoint &p : f) {
    x.push_back(p.accuracy);
    y.push_back(std::log(p.resource));
  }
  return {x, y};
}

}  // namespace

std::vector<CurvePoint> frontier(std::vector<CurvePoint> points) {
  points.erase(std::remove_if(points.begin(), points.end(),
                              [](const CurvePoint &p) {
                                return !(p.resource > 0) || !std::isfinite(p.resource) || !std::isfinite(p.accuracy);
                              }),
               points.end());
  std::sort(points.begin(), points.end(), [](const CurvePoint &a, const CurvePoint &b) {
    return a.resource != b.resource ? a.resource < b.resource : a.accuracy > b.accuracy;
  });
  std::vector<CurvePoint> out;
  for (const CurvePoint &p : points)
    if (out.empty() || p.accuracy > out.back().accuracy + kSame) out.push_back(p);
  return out;
}

BdRate bd_rate(const std::vector<CurvePoint> &curve, const std::vector<CurvePoint> &anchor, double min_overlap) {
  BdRate out;
  const auto a = frontier(curve), b = frontier(anchor);
  if (a.size() < 2 || b.size() < 2) {
    out.reason = "too flat: accuracy does not rise with resource";
    return out;
  }
  out.from = std::max(a.front().accuracy, b.front().accuracy);
  out.to = std::min(a.back().accuracy, b.back().accuracy);
  if (out.to - out.from < min_overlap) {
    out.reason =
        out.to > out.from ? "too flat: the curves share too small a range of accuracy" : "the curves share no accuracy";
    return out;
  }
  const Pchip fa = log_resource(a), fb = log_resource(b);
  std::vector<double> knots{out.from, out.to};
  for (const Pchip *f : {&fa, &fb})
    for (double x : f->knots())
      if (x > out.from && x < out.to) knots.push_back(x);
  std::sort(knots.begin(), knots.end());
  double integral = 0;  // Simpson's rule is exact for the cubics between knots
  for (std::size_t i = 0; i + 1 < knots.size(); ++i) {
    const double lo = knots[i], hi = knots[i + 1], mid = (lo + hi) / 2;
    auto difference = [&](double x) { return fa(x) - fb(x); };
    integral += (hi - lo) / 6 * (difference(lo) + 4 * difference(mid) + difference(hi));
  }
  out.percent = 100 * (std::exp(integral / (out.to - out.from)) - 1);
  return out;
}

std::optional<double> resource_at(const std::vector<CurvePoint> &points, double accuracy) {
  const auto f = frontier(points);
  if (f.empty() || f.back().accuracy < accuracy) return std::nullopt;
  if (f.front().accuracy >= accuracy) return f.front().resource;
  return std::exp(log_resource(f)(accuracy));
}

}  // namespace oneadapt::eval
