// SPDX-License-Identifier: LGPL-2.1-or-later
// The first half of a detector, at the sensor: a picture in, a mosaic of its features out (docs/features.md). No
// LibTorch header in here.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

#include "model/model.h"

namespace oneadapt {

/// Thread-bound.
class FeatureHead {
 public:
  /// A model of task "features". Throws ModelError.
  static std::unique_ptr<FeatureHead> load(const ModelOptions &options);
  virtual ~FeatureHead() = default;

  virtual const ModelDescription &description() const = 0;
  /// As LoadedModel's.
  virtual const std::string &device() const = 0;
  virtual const std::string &device_reason() const = 0;
  virtual PlanReport plan() const = 0;
  /// Writes the mosaic of a frame of any size, which is resized to the model's input: description().features.mosaic's
  /// width() bytes in each of height() rows. Throws ModelError (Run, Input).
  virtual void run(const RgbFrame &frame, std::uint8_t *mosaic, std::size_t stride) = 0;
};

}  // namespace oneadapt
