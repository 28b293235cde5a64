// SPDX-License-Identifier: LGPL-2.1-or-later
// Clips as telephones record them: lying on their side, with a note that says how to turn them when they are shown.
#pragma once
#include <gst/gst.h>

#include <array>
#include <cstdint>
#include <string>

#include "play.h"
#include "test_models.h"

namespace oneadapt_test {

/// 192 × 256 pixels, 10 frames at 5 a second, dark grey but for a bright square of 48 pixels whose upper left corner is
/// at (16, 32): the upper left. The MP4's track header says by how many degrees it is to be turned clockwise: 0, 90,
/// 180 or 270. False when it could not be written.
inline bool write_lying_clip(const std::string &path, int degrees) {
  const std::string line =
      "compositor name=m sink_1::xpos=16 sink_1::ypos=32 ! video/x-raw,format=I420,width=192,height=256,framerate=5/1 "
      "! "
      "x264enc pass=quant quantizer=10 ! mp4mux ! filesink location=\"" +
      path +
      "\" videotestsrc num-buffers=10 pattern=solid-color foreground-color=0xff323232 ! "
      "video/x-raw,format=I420,width=192,height=256,framerate=5/1 ! m.sink_0 videotestsrc num-buffers=10 "
      "pattern=solid-color foreground-color=0xffa0a0a0 ! video/x-raw,format=I420,width=48,height=48,framerate=5/1 ! "
      "m.sink_1";
  if (!play_line(line).empty()) return false;

  // ISO 14496-12, 8.3.2: a matrix {a, b, u, c, d, v, x, y, w}, a to d in 16.16. In version 0 it lies 40 bytes behind
  // version and flags, which follow the box's name.
  const std::int32_t one = 0x10000;
  const std::array<std::int32_t, 4> turns[] = {
      {one, 0, 0, one}, {0, one, -one, 0}, {-one, 0, 0, -one}, {0, -one, one, 0}};
  const auto &turn = turns[degrees / 90 % 4];
  std::string file = read_file(path);
  const std::size_t header = file.find("tkhd");
  if (header == std::string::npos || file[header + 4] != 0) return false;
  const std::size_t matrix = header + 4 + 40;
  const std::size_t places[] = {matrix, matrix + 4, matrix + 12, matrix + 16};
  for (int i = 0; i < 4; ++i)
    for (int byte = 0; byte < 4; ++byte)
      file[places[i] + std::size_t(byte)] = char(std::uint32_t(turn[std::size_t(i)]) >> (24 - 8 * byte));
  write_file(path, file);
  return true;
}

}  // namespace oneadapt_test
