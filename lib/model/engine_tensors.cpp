// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine_tensors.h"

#include <ATen/ATen.h>

namespace oneadapt {
namespace {

c10::ScalarType scalar_type(EngineTensor::Type type) {
  switch (type) {
    case EngineTensor::Type::Double:
      return at::kDouble;
    case EngineTensor::Type::Int32:
      return at::kInt;
    case EngineTensor::Type::Int64:
      return at::kLong;
    case EngineTensor::Type::Byte:
      return at::kByte;
    case EngineTensor::Type::Bool:
      return at::kBool;
    default:
      return at::kFloat;
  }
}

}  // namespace

std::vector<at::Tensor> run_engine(PlainEngine &engine, const at::Tensor &picture) {
  const at::Tensor input = picture.contiguous();
  const EngineResult result = engine.run(input.data_ptr<float>(), input.sizes().vec());
  std::vector<at::Tensor> tensors;
  for (const EngineTensor &output : result.outputs)
    tensors.push_back(at::from_blob(
        output.data, output.shape, [memory = result.memory](void *) {}, scalar_type(output.type)));
  return tensors;
}

}  // namespace oneadapt
