// SPDX-License-Identifier: LGPL-2.1-or-later
// Which files are ONNX models: needs no protocol buffers.
#include <fstream>

#include "onnx.h"

namespace oneadapt::import {

bool is_onnx(const std::string &path) {
  const auto dot = path.rfind('.');
  if (dot != std::string::npos && path.substr(dot) == ".onnx") return true;
  std::ifstream in(path, std::ios::binary);
  // Field 1, a number (ir_version), comes first; JSON begins with a brace or white space.
  char head[2] = {};
  return in.read(head, 2) && head[0] == 0x08 && head[1] > 0 && head[1] < 32;
}

}  // namespace oneadapt::import
