// SPDX-License-Identifier: LGPL-2.1-or-later
// What is in a file of media.
#pragma once
#include <string>

namespace oneadapt::tools {

struct FileFacts {
  bool readable = false;
  std::string problem;  ///< GStreamer's words for why it is not readable; empty: it gave none
  bool video = false, sound = false;
  bool still = false;              ///< the video is a single picture
  unsigned width = 0, height = 0;  ///< of the video, pixels
  double seconds = 0;              ///< 0: unknown
};

/// Looks into a file without decoding all of it. Needs gst_init(). Any thread; may take some seconds.
FileFacts discover(const std::string &path);

}  // namespace oneadapt::tools
