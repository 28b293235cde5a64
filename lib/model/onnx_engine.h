// SPDX-License-Identifier: LGPL-2.1-or-later
// ONNX Runtime as an engine, where the build has it (Meson's feature "onnxruntime").
#pragma once
#include <memory>
#include <string>

#include "model/engine.h"

namespace oneadapt {

/// Its version; empty: this build has none.
std::string onnx_runtime_version();

/// Of an ONNX file's bytes, which are not needed any more then: one input of floats, outputs of numbers. `threads`: of
/// one run, at least 1. Throws std::exception: ONNX Runtime cannot run the graph, or this build has none.
std::shared_ptr<PlainEngine> make_onnx_engine(const std::string &graph, unsigned threads);

}  // namespace oneadapt
