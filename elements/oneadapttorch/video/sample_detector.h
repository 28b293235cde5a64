// SPDX-License-Identifier: LGPL-2.1-or-later
// Objects on pictures that do not come as buffers of the stream: a profile's renderings, a second generation.
#pragma once
#include <gst/gst.h>

#include <memory>
#include <optional>
#include <vector>

#include "core/gradient/frame_transform.h"
#include "core/vision/metrics.h"
#include "model/model.h"
#include "video/rgb_reader.h"

namespace oneadapt {

/// Thread-bound, and to be called in the model's turn.
class SampleDetector {
 public:
  SampleDetector(GstElement *element, Model &model, const Gray16Mapping &gray16)
      : element_(element), model_(model), reader_(gray16) {}
  /// Reads the sample's caps. False, with a warning in the debug log: it has no picture that can be read.
  bool read_caps(GstSample *sample);
  /// Of the caps that were read last.
  FrameSize size() const;
  /// What the model finds on the picture as `transform` shows it, at the input size that is set. None: it cannot be
  /// mapped as its caps say; the debug log has it. Throws ModelError.
  std::optional<std::vector<ScoredBox>> detect(GstSample *sample, const FrameTransform &transform);

 private:
  struct FreeCaps {
    void operator()(GstCaps *caps) const { gst_caps_unref(caps); }
  };
  GstElement *const element_;
  Model &model_;
  RgbReader reader_;  ///< the stream's own has the stream's caps
  std::unique_ptr<GstCaps, FreeCaps> caps_;
  std::vector<std::uint8_t> turned_;
};

}  // namespace oneadapt
