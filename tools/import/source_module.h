// SPDX-License-Identifier: LGPL-2.1-or-later
// The finished module; apart from source.h because LibTorch's script header is slow to compile.
#pragma once
#include <torch/script.h>

#include <sstream>
#include <string>

#include "source.h"

namespace oneadapt::import {

struct Source::Module {
  torch::jit::Module module{"Model"};
};

/// A TorchScript file with these files in it.
inline std::string bytes_of(const torch::jit::Module &module, const torch::jit::ExtraFilesMap &extra) {
  std::ostringstream out;
  module.save(out, extra);
  return out.str();
}

}  // namespace oneadapt::import
