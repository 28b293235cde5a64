// SPDX-License-Identifier: LGPL-2.1-or-later
// Models of one node in an opset of ONNX: what they compute, or why they are refused.
#pragma once
#include <gtest/gtest.h>

#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "onnx_file.h"

namespace import_test {

/// 1, 2, 3, … as a picture.
inline at::Tensor counting(const Dims &shape) {
  return torch::arange(1, 1 + std::accumulate(shape.begin(), shape.end(), std::int64_t(1), std::multiplies<>()))
      .to(torch::kFloat)
      .reshape(shape);
}

using Fill = std::function<void(OnnxFile &)>;

/// "y" of a model that takes the picture x.
inline at::Tensor result(int opset, const at::Tensor &x, const Fill &fill) {
  OnnxFile file(x.sizes().vec(), opset);
  fill(file);
  file.output("y").output("x");
  return read(file).module->module.forward({x}).toTupleRef().elements().at(0).toTensor();
}

inline void expect_result(int opset, const at::Tensor &x, const Fill &fill, const Dims &shape,
                          const std::vector<double> &values) {
  const at::Tensor y = result(opset, x, fill).to(torch::kDouble).contiguous();
  expect_numbers({y.sizes().vec(), {y.data_ptr<double>(), y.data_ptr<double>() + y.numel()}}, shape, values);
}

/// What is said when the model is refused; "": it is not.
inline std::string refusal(int opset, const Dims &shape, const Fill &fill) {
  OnnxFile file(shape, opset);
  fill(file);
  file.output("y").output("x");
  try {
    read(file);
    return "";
  } catch (const oneadapt::import::ImportError &error) {
    return error.what();
  }
}

inline void expect_refusal(int opset, const Dims &shape, const Fill &fill, const std::string &what) {
  const std::string said = refusal(opset, shape, fill);
  EXPECT_NE(said.find(what), std::string::npos) << said << "\nexpected: " << what;
}

}  // namespace import_test
