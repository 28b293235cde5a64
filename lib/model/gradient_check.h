// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether a gradient is that of the scores: against differences. Internal; sees LibTorch.
#pragma once
#include <ATen/ATen.h>

#include <functional>
#include <string>
#include <vector>

#include "model/description.h"

namespace oneadapt {

/// All scores that the layout's outputs hold, of every class, as one number that neither the order of candidates nor a
/// softmax's sum of 1 hides. Undefined where the layout hides the scores (torchvision), or the outputs are not the
/// description's.
at::Tensor sum_of_scores(const ModelDescription &description, const std::vector<at::Tensor> &outputs);

struct CheckedGradient {
  at::Tensor input;     ///< 1×C×H×W, as the program is given it
  at::Tensor unit;      ///< what a grey level of 255 is there, to be broadcast
  at::Tensor gradient;  ///< ∂sum/∂input, with its signs
  /// In double precision, without autograd.
  std::function<double(const at::Tensor &input)> sum;
  int directions = 3;  ///< at random; two pairs of passes each
  /// Grey levels by which all pixels change: at random, and along the gradient's own signs, where everything adds up.
  /// Smaller ones drown in single precision, larger ones leave the place where the gradient holds.
  double random_step = 0.125, steep_step = 1.0 / 128;
};

struct GradientError {
  double relative = 0;  ///< of the gradient along directions: 0 right, 1 nothing to do with it
  double doubt = 0;     ///< the same of the differences themselves, which kinks, jumps and rounding spoil
  bool wrong() const;
};

/// Compares the gradient with central differences along its own signs and along random ones, of all pixels at once.
/// Each with two steps: what they do not agree on is not held against the gradient.
GradientError compare_with_differences(const CheckedGradient &checked);

/// The input with a little noise, the same each time. Pictures of plain areas lie on kinks, such as where two colours
/// are equal: there differences of any step lie between two gradients that are both right. `unit` as above.
at::Tensor off_kinks(const at::Tensor &input, const at::Tensor &unit);

/// In a sentence that goes on from "the gradient"; empty: nothing speaks against it.
std::string gradient_problem(const GradientError &error);

}  // namespace oneadapt
