// SPDX-License-Identifier: LGPL-2.1-or-later
// Files that are no ONNX and no TensorFlow.js.
#pragma once
#include <string>

namespace oneadapt::import {

/// Throws ImportError with what `path` is and what to do with it, before a reader of ONNX or JSON takes offence at its
/// first byte. Nothing: it may be a model to convert.
void refuse_foreign(const std::string &path);

}  // namespace oneadapt::import
