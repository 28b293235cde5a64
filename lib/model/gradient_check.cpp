// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/gradient_check.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <random>

namespace oneadapt {
namespace {

/// Found with networks whose gradients are known: right ones stay far below it (docs/inspect.md).
constexpr double kWrong = 0.1;
/// Of a step, the other one.
constexpr double kPart = 0.25;
/// Of a sum of scores, in single precision: two steps of the last place. Scores next to 1 may not move at all.
constexpr double kRounding = 2.5e-7;

/// By class, along `dim`: a weight each, so that a softmax's sum of 1 does not come out.
at::Tensor weighted(const at::Tensor &scores, std::int64_t dim) {
  const at::Tensor all = scores.to(at::kDouble).movedim(dim, -1);
  const at::Tensor weights = at::arange(1, all.size(-1) + 1, all.options().requires_grad(false)).mul(2.4).sin();
  return all.mul(weights).sum();
}

at::Tensor of_rows(const ModelDescription &d, const at::Tensor &t) {
  const std::int64_t first = d.objectness ? 5 : 4, classes = std::int64_t(d.labels.size());
  const std::int64_t dim = t.size(-1) == first + classes ? -1 : -2;
  const at::Tensor scores = t.narrow(dim, first, classes);
  return weighted(d.objectness ? scores.mul(t.narrow(dim, 4, 1)) : scores, dim);
}

at::Tensor of_layout(const ModelDescription &d, const std::vector<at::Tensor> &outputs) {
  const auto classes = std::int64_t(d.labels.size());
  at::Tensor sum;
  for (const int index : d.score_outputs) {
    const at::Tensor &t = outputs.at(std::size_t(index));
    const at::Tensor part = d.layout == "yolo" || d.layout == "yolox"           ? of_rows(d, t)
                            : d.layout == "detections"                          ? t.select(-1, 4).to(at::kDouble).sum()
                            : d.layout == "centernet" || d.layout == "semantic" ? weighted(t, -3)
                            : d.layout == "nanodet"                             ? weighted(t.narrow(-1, 0, classes), -1)
                            : d.label_output >= 0                               ? t.to(at::kDouble).sum()
                                                  : weighted(t, t.size(-1) == classes ? -1 : -2);
    sum = sum.defined() ? sum + part : part;
  }
  return sum;
}

class Comparison {
 public:
  /// `sum`: of the input.
  Comparison(const CheckedGradient &checked, double sum) : checked_(checked), rounding_(kRounding * std::abs(sum)) {}

  void along(const at::Tensor &direction) {
    const double full = slope(direction), part = slope(direction.mul(kPart)) / kPart;
    const at::Tensor parts = checked_.gradient.to(at::kDouble).mul(direction);
    const double says = parts.sum().item<double>();
    wrong_ += (part - says) * (part - says);
    doubt_ += (full - part) * (full - part) + rounding_ * rounding_ / (kPart * kPart);
    found_ += part * part;
    // At random much may cancel out, which makes nothing wrong.
    said_ += std::max(says * says, parts.square().sum().item<double>());
  }

  GradientError error() const {
    const double length = std::sqrt(std::max(found_, said_));
    // Where there is nothing at all, nothing is wrong.
    if (!(length > 0) || !std::isfinite(length)) return {};
    return {std::sqrt(wrong_) / length, std::sqrt(doubt_) / length};
  }

 private:
  double slope(const at::Tensor &step) const {
    const at::Tensor here = step.to(checked_.input.scalar_type());
    return (checked_.sum(checked_.input + here) - checked_.sum(checked_.input - here)) / 2;
  }

  const CheckedGradient &checked_;
  const double rounding_;
  double wrong_ = 0, doubt_ = 0, found_ = 0, said_ = 0;
};

/// +1 and −1, the same each time.
at::Tensor random_signs(const at::Tensor &like, std::mt19937 &random) {
  std::vector<double> signs(std::size_t(like.numel()));
  for (double &sign : signs) sign = random() & 1 ? 1 : -1;
  return at::tensor(signs, at::kDouble).view(like.sizes()).to(like.device());
}

}  // namespace

at::Tensor sum_of_scores(const ModelDescription &description, const std::vector<at::Tensor> &outputs) {
  if (description.layout == "torchvision") return {};
  try {
    return of_layout(description, outputs);
  } catch (const std::exception &) {
    return {};  // a pass says what is wrong with the outputs
  }
}

bool GradientError::wrong() const { return relative > kWrong + 2 * doubt; }

GradientError compare_with_differences(const CheckedGradient &checked) {
  // Noise says nothing of a gradient.
  const double sum = checked.sum(checked.input);
  if (sum != checked.sum(checked.input)) return {};
  const at::Tensor unit = checked.unit.to(at::kDouble).abs();
  Comparison steep(checked, sum), random(checked, sum);
  steep.along(checked.gradient.to(at::kDouble).sign().mul(unit).mul(checked.steep_step));
  std::mt19937 numbers(1);
  for (int i = 0; i < checked.directions; ++i)
    random.along(random_signs(checked.input, numbers).mul(unit).mul(checked.random_step));
  const GradientError a = steep.error(), b = random.error();
  // Whichever says more against it.
  return a.relative - 2 * a.doubt > b.relative - 2 * b.doubt ? a : b;
}

at::Tensor off_kinks(const at::Tensor &input, const at::Tensor &unit) {
  constexpr double kGreyLevels = 4;
  std::mt19937 random(1);
  std::vector<double> noise(std::size_t(input.numel()));
  for (double &value : noise) value = kGreyLevels * (2 * double(random()) / double(std::mt19937::max()) - 1);
  const at::Tensor levels = at::tensor(noise, at::kDouble).view(input.sizes()).to(input.device());
  return input + levels.mul(unit).to(input.scalar_type());
}

std::string gradient_problem(const GradientError &error) {
  if (!error.wrong()) return "";
  char share[16];
  std::snprintf(share, sizeof share, "%.0f %%", 100 * std::min(1.0, error.relative));
  return std::string(
             "the gradient cannot be trusted: scores of pictures that differ a little from each other differ "
             "otherwise than it says, by ") +
         share +
         " of the change; look for detach(), no_grad(), round() and quantised values in the model, or export it as "
         "ONNX and import that";
}

}  // namespace oneadapt
