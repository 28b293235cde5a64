// SPDX-License-Identifier: LGPL-2.1-or-later
#include "box_convention.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace oneadapt::import {
namespace {

/// Fractions may exceed 1 by this: boxes reach beyond the picture.
constexpr double kFraction = 1.5;
/// Candidates of a grid come row by row, so that x changes from each to the next, y rarely: by so much in the mean.
constexpr std::int64_t kGrid = 64;
constexpr double kOftener = 4;

double mean_step(const at::Tensor &values) { return values.diff().abs().mean().item<double>(); }

}  // namespace

BoxConvention convention_of(const at::Tensor &boxes, std::int64_t height, std::int64_t width) {
  BoxConvention result;
  const at::Tensor b = boxes.detach().to(at::kDouble);
  if (b.size(0) < 1) return result;
  result.normalised = std::max(height, width) > 16 && b.abs().max().item<double>() <= kFraction;
  const at::Tensor a = b.narrow(1, 0, 2), c = b.narrow(1, 2, 2);
  const bool ordered = c.ge(a).all().item<bool>() && c.gt(a).any().item<bool>();
  if (ordered) {
    const double first = b.size(0) >= kGrid ? mean_step(a.select(1, 0)) : 0;
    const double second = b.size(0) >= kGrid ? mean_step(a.select(1, 1)) : 0;
    result.box = second > kOftener * first && second > 0 ? "corners-yx" : "corners";
    result.box_reason = "the third and fourth number are never less than the first and second";
    if (result.box == "corners-yx")
      result.box_reason += ", and the second changes from box to box as x does in a row of cells";
  } else if (c.ge(0).all().item<bool>() && c.gt(0).any().item<bool>()) {
    result.box = "centre";
    result.box_reason =
        "the third and fourth number are sometimes less than the first and second, but never below 0, as a width and a "
        "height are";
  }
  return result;
}

}  // namespace oneadapt::import
