// SPDX-License-Identifier: LGPL-2.1-or-later
// The finished module; apart from source.h because LibTorch's script header is slow to compile.
#pragma once
#include <torch/script.h>

#include "source.h"

namespace oneadapt::import {

struct Source::Module {
  torch::jit::Module module{"Model"};
};

}  // namespace oneadapt::import
