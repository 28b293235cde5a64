// SPDX-License-Identifier: LGPL-2.1-or-later
#include "context.h"

#include <ATen/ATen.h>

namespace oneadapt::import {

std::string fill(const std::string &pattern, const std::vector<std::string> &arguments) {
  std::string text;
  std::size_t next = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern.compare(i, 2, "{}") == 0) {
      text += arguments.at(next++);
      ++i;
    } else {
      text += pattern[i];
    }
  }
  return text;
}

Value &Context::input(std::size_t index) const {
  if (index >= inputs.size()) fail("input " + std::to_string(index) + " is missing");
  return *inputs[index];
}

const at::Tensor &Context::constant(std::size_t index) const {
  if (!input(index).is_constant()) fail("input " + std::to_string(index) + " must be a constant");
  return input(index).constant;
}

Dims Context::ints(std::size_t index) const {
  const at::Tensor tensor = constant(index).to(at::kLong).contiguous();
  const auto *data = tensor.data_ptr<std::int64_t>();
  return Dims(data, data + tensor.numel());
}

std::pair<std::string, Dims> Context::as_stored(std::size_t index) const {
  Value &value = input(index);
  const Dims perm = value.is_constant() ? Dims{} : value.perm;
  return {source.stored(value, perm), perm};
}

std::int64_t Context::integer(std::size_t index) const {
  const Dims values = ints(index);
  if (values.size() != 1) fail("input " + std::to_string(index) + " must be one number");
  return values[0];
}

double Context::number(std::size_t index) const {
  if (constant(index).numel() != 1) fail("input " + std::to_string(index) + " must be one number");
  return constant(index).reshape({}).item<double>();
}

void Context::fail(const std::string &what) const {
  throw ImportError("node " + node.name + " (" + node.op + "): " + what);
}

void Context::not_convolutional(const std::string &what) const {
  throw NotConvolutional("node " + node.name + " (" + node.op + ") " + what);
}

}  // namespace oneadapt::import
