// SPDX-License-Identifier: LGPL-2.1-or-later
// What the operators of both dialects are written with.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "graph.h"
#include "source.h"

namespace oneadapt::import {

/// What an operator sees of the node it converts.
struct Context {
  const Node &node;
  Source &source;
  std::vector<Value *> inputs;
  std::vector<bool> sole_reader;  ///< per input: nobody else reads it
  bool folding = false;           ///< all inputs are constants
  int opset = 0;                  ///< of ONNX

  /// ONNX: is the optional input given?
  bool has(std::size_t index) const { return index < inputs.size() && inputs[index]; }
  Value &input(std::size_t index) const;
  /// Inputs that must be known at import: sizes, axes, permutations. Throws ImportError when they are not.
  Dims ints(std::size_t index) const;
  std::int64_t integer(std::size_t index) const;
  double number(std::size_t index) const;
  const at::Tensor &constant(std::size_t index) const;
  /// The same where sizes may follow the picture: an expression of TorchScript, and its value for the first picture.
  std::pair<std::string, Dims> sizes(std::size_t index) const;
  /// Does the input's size along some axis differ between pictures?
  bool varies(const Value &value) const;
  bool varies(const Value &value, std::size_t axis) const;
  /// Fails when a value of this shape would be absurdly large: sizes in a file are anything.
  void bound(const Dims &shape) const;
  /// The input itself, and a single result.
  std::string in(std::size_t index) const { return source.plain(input(index)); }
  std::vector<Value> one(const std::string &expression) const { return {source.emit(expression)}; }
  /// An input as it lies in memory, and how the graph sees it: for operators that do not care about the order.
  std::pair<std::string, Dims> as_stored(std::size_t index) const;
  /// "node NAME (OP): " + what.
  [[noreturn]] void fail(const std::string &what) const;
  [[noreturn]] void not_convolutional(const std::string &what) const;
};

using Values = std::vector<Value>;
using Operator = Values (*)(Context &);

/// A row of the operators' tables.
struct OperatorRow {
  const char *name;
  Operator convert;
  /// ONNX: the attributes that it goes by and those without effect here, with spaces between them.
  std::string attributes = {};
};
/// A weight as LibTorch has it.
at::Tensor to_tensor(const Array &array);
/// `pattern` with each {} replaced by the next argument.
std::string fill(const std::string &pattern, const std::vector<std::string> &arguments);

}  // namespace oneadapt::import
