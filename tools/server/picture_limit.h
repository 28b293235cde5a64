// SPDX-License-Identifier: LGPL-2.1-or-later
// Option --max-picture: how large pictures a camera may send.
#pragma once
#include <gst/rtsp-server/rtsp-server.h>

#include <optional>
#include <string>

namespace oneadapt::server {

/// Whichever way the picture is turned.
struct PictureLimit {
  unsigned width = 1920, height = 1088;

  /// "WIDTHxHEIGHT", each from 16 to 16384.
  static std::optional<PictureLimit> parse(const std::string &text);
  bool allows(int picture_width, int picture_height) const;
  /// What is wrong with pictures of that size, and the remedy.
  std::string fault(int picture_width, int picture_height) const;
};

/// Judges an ANNOUNCE by its session description, and the sequence parameter sets in that, before anything is made for
/// it. Empty: they are within the limit, or there are none (limit_pictures() judges the stream itself).
std::string announced_fault(const GstRTSPMessage *announce, const PictureLimit &limit);

/// Posts an error on `parser` for caps of a larger picture, which do not reach the decoder.
void limit_pictures(GstElement *parser, const PictureLimit &limit);

}  // namespace oneadapt::server
