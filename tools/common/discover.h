// SPDX-License-Identifier: LGPL-2.1-or-later
// What is in a file of media.
#pragma once
#include <cstddef>
#include <optional>
#include <string>

namespace oneadapt::tools {

/// Files of a folder that multifilesrc reads, one point cloud each.
struct NumberedFiles {
  std::string pattern;    ///< path with a "%06d" in it, of as many digits as the first one has
  unsigned first = 0;     ///< number of the first one
  std::size_t count = 0;  ///< up to the first gap
};
/// The .bin or .pcd files of a folder whose names are numbers, from the lowest on. None: there are none.
std::optional<NumberedFiles> numbered_clouds(const std::string &folder);

struct FileFacts {
  bool readable = false;
  std::string problem;  ///< GStreamer's words for why it is not readable; empty: it gave none
  bool video = false, sound = false;
  bool still = false;                   ///< the video is a single picture
  unsigned width = 0, height = 0;       ///< of the video, pixels
  double seconds = 0;                   ///< 0: unknown
  std::optional<NumberedFiles> clouds;  ///< of a folder
};

/// Looks into a file without decoding all of it. Needs gst_init(). Any thread; may take some seconds.
FileFacts discover(const std::string &path);

}  // namespace oneadapt::tools
