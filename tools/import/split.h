// SPDX-License-Identifier: LGPL-2.1-or-later
// A detector in two halves (docs/features.md). Sees LibTorch.
#pragma once
#include <torch/script.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "model/description.h"

namespace oneadapt::import {

/// A value of the program that all that comes after it needs, and nothing else of what comes before.
struct CleanCut {
  std::string name;
  std::vector<std::int64_t> shape;
  double share = 0;  ///< of the weights, those in front of it
};

/// What was cut. Both are modules of their own, whose weights are constants of the program.
struct Halves {
  torch::jit::Module front;  ///< the picture → features 1×K×h×w
  torch::jit::Module rest;   ///< features → the outputs of the whole
};

/// A program in evaluation mode that is a straight line of statements, as imported models are.
class Cutter {
 public:
  /// Of a model that takes one tensor. Throws ImportError.
  Cutter(const torch::jit::Module &module, const ModelDescription &description);
  /// On a picture of width × height (of the model's own input), in the program's order.
  std::vector<CleanCut> clean_cuts(unsigned width, unsigned height) const;
  /// Throws ImportError: there is no such value, or the cut is not clean.
  Halves cut(const std::string &name) const;

 private:
  torch::jit::Module whole_;
  std::int64_t channels_ = 3;  ///< of its pictures
};

/// From features to levels of a gray picture, and back: C channels of K.
struct ChannelTransform {
  at::Tensor to, to_shift;      ///< C×K, C: levels = to · features + to_shift; what is not in 0…255 is clipped
  at::Tensor back, back_shift;  ///< K×C, K: features = back · levels + back_shift
};
/// Each channel for itself, from its least value to its greatest in these features (N×K).
ChannelTransform identity_transform(const at::Tensor &features);
/// How many of a combination's units are a level. Each: those between its least value and its greatest, which become 0
/// and 255. Common: as many for all, so that the widest does; the others are in the middle of the levels, and the coder
/// spends as little on them as they are worth.
enum class Unit { Each, Common };
/// The combinations `to` (C×K) with their way `back` (K×C), by their values in these features (N×K), which are taken
/// around their mean.
ChannelTransform scaled_transform(const at::Tensor &to, const at::Tensor &back, const at::Tensor &features, Unit unit);

/// Pictures made here, which have flat parts, edges and noise, as the model's input.
std::vector<at::Tensor> made_pictures(const ModelDescription &description, unsigned width, unsigned height);
/// N×K of features 1×K×h×w.
at::Tensor rows_of(const at::Tensor &features);

/// Writes BASE-head.pt and BASE-tail.pt, of a whole model's description, for pictures of width × height; checks that
/// they give together what the description says. Returns their names. Throws ImportError.
std::pair<std::string, std::string> write_halves(const Halves &halves, const ChannelTransform &transform,
                                                 const ModelDescription &whole, unsigned width, unsigned height,
                                                 const std::string &base);

}  // namespace oneadapt::import
