// SPDX-License-Identifier: LGPL-2.1-or-later
// Stands for onnx_engine.cpp where ONNX Runtime was not there at build time.
#include <stdexcept>

#include "model/onnx_engine.h"

namespace oneadapt {

std::string onnx_runtime_version() { return {}; }

std::shared_ptr<PlainEngine> make_onnx_engine(const std::string &, unsigned) {
  throw std::runtime_error("this build has no ONNX Runtime");
}

}  // namespace oneadapt
