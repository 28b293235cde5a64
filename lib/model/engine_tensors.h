// SPDX-License-Identifier: LGPL-2.1-or-later
// An engine, called with tensors. Internal; sees LibTorch.
#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

#include "model/engine.h"

namespace oneadapt {

/// Its outputs for a picture of 32-bit floats on the CPU, which stay in the engine's memory.
std::vector<at::Tensor> run_engine(PlainEngine &engine, const at::Tensor &picture);

}  // namespace oneadapt
