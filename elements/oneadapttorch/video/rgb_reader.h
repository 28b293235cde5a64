// SPDX-License-Identifier: LGPL-2.1-or-later
// Video buffers as 8-bit RGB.
#pragma once
#include <gst/video/video.h>

#include <functional>
#include <memory>
#include <vector>

#include "core/vision/gray16.h"
#include "model/model.h"

namespace oneadapt {

class RgbReader {
 public:
  /// `gray16`: what GRAY16_LE becomes.
  explicit RgbReader(const Gray16Mapping &gray16) : mapping_(gray16) {}
  /// FALSE for caps that are no raw video.
  bool set_caps(const GstCaps *caps);
  bool ready() const { return ready_; }
  const GstVideoInfo &info() const { return info_; }

  /// Calls `use` with the buffer's picture, which is gone afterwards; RGB is read in place, the rest is converted.
  /// false, without a call, when the buffer cannot be mapped as its caps say. Exceptions of `use` pass through.
  bool read(GstBuffer *buffer, const std::function<void(const RgbFrame &)> &use);

 private:
  struct FreeConverter {
    void operator()(GstVideoConverter *converter) const { gst_video_converter_free(converter); }
  };
  void map_gray16(GstVideoFrame *from);

  const Gray16Mapping mapping_;
  std::unique_ptr<Gray16Table> gray16_;  ///< none, unless the pictures are such
  bool ready_ = false;
  GstVideoInfo info_{}, rgb_info_{};
  std::unique_ptr<GstVideoConverter, FreeConverter> converter_;
  std::vector<guint8> rgb_;
};

}  // namespace oneadapt
