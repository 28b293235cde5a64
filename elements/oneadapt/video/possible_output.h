// SPDX-License-Identifier: LGPL-2.1-or-later
// What pictures can become, by what downstream takes.
#pragma once
#include <gst/video/video.h>

#include <memory>
#include <optional>
#include <string>

namespace oneadapt {

struct PossibleOutput {
  bool h264 = false, raw = false;
  std::optional<std::string> profile;  ///< by its name in caps; empty: any
  bool other_h264 = false;             ///< H.264 that is not coded here: not as a byte stream
  std::unique_ptr<GstCaps, void (*)(GstCaps *)> downstream{nullptr, gst_caps_unref};
};

/// Of pictures of that format, on an element's source pad.
PossibleOutput possible_output(GstPad *src, const GstVideoInfo &info);
/// What x264 calls a profile that caps name; NULL: it cannot be coded.
const char *x264_profile(const std::string &name);

}  // namespace oneadapt
