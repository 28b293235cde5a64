// SPDX-License-Identifier: LGPL-2.1-or-later
// Calls the parts of a network that oneadapt-import built.
#pragma once
#include <torch/script.h>

#include <vector>

#include "network_files.h"

namespace import_test {

inline at::Tensor call(torch::jit::Module &module, const char *method, const std::vector<c10::IValue> &arguments) {
  return module.get_method(method)(arguments).toTensor();
}

inline std::vector<c10::IValue> values(const c10::IValue &tuple) { return tuple.toTupleRef().elements().vec(); }

inline at::Tensor numbers(std::vector<double> list, const Dims &shape) {
  return at::tensor(list, at::kDouble).reshape(shape);
}

}  // namespace import_test
