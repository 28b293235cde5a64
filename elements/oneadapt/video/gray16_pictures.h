// SPDX-License-Identifier: LGPL-2.1-or-later
// Pictures of 16-bit numbers, and the gray ones of 8 bits that are coded and measured in their place.
#pragma once
#include "core/vision/gray16.h"
#include "video/picture.h"

namespace oneadapt {

/// Thread-bound.
class Gray16Pictures {
 public:
  explicit Gray16Pictures(const Gray16Mapping &mapping) : mapping_(mapping) {}
  /// Whether pictures of that format are such.
  static bool takes(const GstVideoInfo &info) { return GST_VIDEO_INFO_FORMAT(&info) == GST_VIDEO_FORMAT_GRAY16_LE; }
  /// The format of map(): GRAY8 of the same size and rate, of the full range.
  static GstVideoInfo mapped(const GstVideoInfo &info) { return resized(info, size_of(info), GST_VIDEO_FORMAT_GRAY8); }
  /// In memory of its own. Throws std::runtime_error.
  BufferRef map(const GstVideoInfo &info, GstBuffer *picture);

 private:
  const Gray16Mapping mapping_;
  std::unique_ptr<Gray16Table> table_;  ///< made when a picture comes
};

}  // namespace oneadapt
