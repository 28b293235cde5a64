// SPDX-License-Identifier: LGPL-2.1-or-later
// A profile of sound.
#pragma once
#include <vector>

#include "core/sequence/sequence.h"
#include "model/sequence_model.h"
#include "profile.h"

namespace oneadapt {

/// A rendering is one stretch of sound; accuracy is F1 of its words.
class SoundProfile final : public Profile {
 public:
  /// `model` is used in its turn and must live as long.
  SoundProfile(GstElement *element, SequenceModel &model) : element_(element), model_(model) {}
  std::optional<double> accuracy(RenderingRef rendering, ProfileInferences &inferences) override;

 private:
  using Words = std::vector<SequenceElement>;
  std::optional<Words> hear(const GstOneadaptRendering &rendering, ProfileInferences &inferences);

  GstElement *const element_;
  SequenceModel &model_;
  std::optional<Words> reference_;  ///< of the first rendering
};

}  // namespace oneadapt
