// SPDX-License-Identifier: LGPL-2.1-or-later
#include "context.h"

#include <ATen/ATen.h>

#include <map>

namespace oneadapt::import {

at::Tensor to_tensor(const Array &array) {
  if (array.type == Array::Type::Float)
    return at::from_blob(const_cast<float *>(array.floats.data()), array.shape, at::kFloat).clone();
  static const std::map<Array::Type, c10::ScalarType> others{{Array::Type::Double, at::kDouble},
                                                             {Array::Type::Byte, at::kByte},
                                                             {Array::Type::Char, at::kChar},
                                                             {Array::Type::Short, at::kShort},
                                                             {Array::Type::Long, at::kLong}};
  const auto other = others.find(array.type);
  if (other != others.end())
    return at::from_blob(const_cast<char *>(array.bytes.data()), array.shape, other->second).clone();
  auto ints = at::from_blob(const_cast<std::int32_t *>(array.ints.data()), array.shape, at::kInt).clone();
  return array.type == Array::Type::Bool ? ints.to(at::kBool) : ints;
}

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
  if (!has(index)) fail("input " + std::to_string(index) + " is missing");
  return *inputs[index];
}

const at::Tensor &Context::constant(std::size_t index) const {
  const Value &value = input(index);
  if (value.is_constant()) return value.constant;
  // What is made of sizes alone and is the same for pictures of two sizes is as good as one.
  if (!value.of_sizes) fail("input " + std::to_string(index) + " must be a constant");
  for (const auto &probe : value.probes)
    if (!at::equal(probe, value.probes[0])) not_convolutional("needs a number that depends on the picture's size");
  return value.probes[0];
}

Dims Context::ints(std::size_t index) const {
  const at::Tensor tensor = constant(index).to(at::kLong).contiguous();
  const auto *data = tensor.data_ptr<std::int64_t>();
  return Dims(data, data + tensor.numel());
}

std::pair<std::string, Dims> Context::sizes(std::size_t index) const {
  Value &value = input(index);
  if (!value.is_constant() && value.of_sizes) {
    for (const auto &probe : value.probes) {
      if (at::equal(probe, value.probes[0])) continue;
      const at::Tensor first = value.probes[0].to(at::kLong).reshape({-1}).contiguous();
      const auto *data = first.data_ptr<std::int64_t>();
      return {"self.numbers(" + source.plain(value) + ")", Dims(data, data + first.numel())};
    }
  }
  const Dims values = ints(index);
  return {literal(values), values};
}

bool Context::varies(const Value &value) const {
  return source.dynamic() && !value.is_constant() && value.shape(0) != value.shape(1);
}

bool Context::varies(const Value &value, std::size_t axis) const {
  return source.dynamic() && !value.is_constant() && value.shape(0).at(axis) != value.shape(1).at(axis);
}

void Context::bound(const Dims &shape) const {
  constexpr double most = 1 << 28;
  double count = 1;
  for (auto size : shape) count *= double(size);
  if (!(count <= most)) fail("would make a value of " + literal(shape) + " numbers");
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
  throw ImportError("node " + (node.title.empty() ? node.name : node.title) + " (" + node.op + "): " + what);
}

void Context::not_convolutional(const std::string &what) const {
  throw NotConvolutional("node " + (node.title.empty() ? node.name : node.title) + " (" + node.op + ") " + what);
}

}  // namespace oneadapt::import
