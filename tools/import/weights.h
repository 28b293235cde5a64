// SPDX-License-Identifier: LGPL-2.1-or-later
// Weights without a program: names and tensors.
#pragma once
#include <ATen/core/Tensor.h>

#include <map>
#include <string>

#include "graph.h"

namespace oneadapt::import {

class Weights {
 public:
  /// A table: JSON, an array of {"name", "shape", "offset" in bytes}. Its numbers, float32, little-endian, lie beside
  /// it in a file of the same name that ends in .f32. docs/lidar-models.md says how it is made of checkpoints. Throws
  /// ImportError.
  explicit Weights(const std::string &path);

  const std::string &path() const { return path_; }
  bool has(const std::string &name) const { return tensors_.count(name) > 0; }
  /// Throws ImportError when it is missing, or has another shape; −1: any length.
  at::Tensor get(const std::string &name, const Dims &shape) const;

 private:
  std::string path_;
  std::map<std::string, at::Tensor> tensors_;
};

}  // namespace oneadapt::import
