// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes TorchScript source, one statement at a time, and runs each statement as it is written: that gives the shape
// of every value, folds constants, and shows what depends on the size of the picture, with no second description
// of what an operator does.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "graph.h"

namespace oneadapt::import {

/// The graph needs a picture of one size: it cannot be made to follow its input.
class NotConvolutional : public ImportError {
 public:
  using ImportError::ImportError;
};

/// A value of the graph. TensorFlow.js graphs hop between NHWC and NCHW; here pictures stay NCHW in memory, and a
/// transpose only changes `perm`. Pads are held back too, as most end in a convolution that pads by itself.
struct Value {
  std::string var;  ///< the TorchScript variable
  Dims perm;        ///< the graph's value = var.permute(perm); empty: as it is
  Dims pads;        ///< pads still to be applied to var, two (before, after) a dimension of var; empty: none
  double pad_value = 0;
  at::Tensor constant;             ///< known at import; then var, perm and pads are unused
  std::vector<at::Tensor> probes;  ///< what var is for each probed picture, before `pads`
  bool of_sizes = false;           ///< made of the sizes of values, not of their numbers
  int bias_slot = -1;              ///< statement of a convolution that still has no bias

  bool is_constant() const { return constant.defined(); }
  /// The graph's value's shape for the given probe, pads included.
  Dims shape(std::size_t probe = 0) const;
  std::size_t rank() const { return shape().size(); }
};

Dims identity_perm(std::size_t rank);
/// b after a: x.permute(a).permute(b) = x.permute(compose(a, b)).
Dims compose(const Dims &a, const Dims &b);
Dims inverse(const Dims &perm);

/// Literals of TorchScript.
std::string literal(const Dims &values);
std::string literal(double value);
/// The parts with commas between them.
std::string join(const std::vector<std::string> &parts);

class Source {
 public:
  /// `inputs`: of each input the values to probe with; a picture is NCHW, the first has the nominal size. With
  /// `dynamic` the source must follow the size of its input and operators have to see that it does (needs two pictures
  /// at least).
  Source(std::vector<std::vector<at::Tensor>> inputs, bool dynamic);
  ~Source();

  bool dynamic() const { return dynamic_; }
  std::size_t probes() const { return probes_; }

  /// An input, as the graph's value = input.permute(perm).
  Value given(std::size_t index, const Dims &perm = {}) const;
  /// Appends `v = expression`; the expression names other variables and buffers. Returns the values it yields.
  std::vector<Value> emit_all(const std::string &expression);
  /// The same for an expression with one result; perm says how the graph sees it.
  Value emit(const std::string &expression, const Dims &perm = {});
  /// Keeps a tensor in the module; returns its name in the source.
  std::string buffer(const at::Tensor &tensor);

  /// Name of a variable x with the graph's value = x.permute(perm): pads applied, permuted if it must be.
  std::string stored(Value &value, const Dims &perm);
  /// The graph's value itself.
  std::string plain(Value &value) { return stored(value, {}); }
  /// Applies pads that are held back.
  void apply_pads(Value &value);
  /// Gives a convolution that has none a bias (a tensor of one dimension).
  Value with_bias(const Value &convolution, const at::Tensor &bias);

  /// The statement just written.
  int last_statement() const { return int(statements_.size()) - 1; }

  /// A module whose forward(x, x1, …) returns the tuple of these values. Statements that they do not need are left out.
  /// `text`, when given, receives the source.
  struct Module;
  std::unique_ptr<Module> finish(std::vector<Value *> outputs, std::string *text);

 private:
  struct Statement {
    std::vector<std::string> results;
    std::string expression;
  };
  struct Runner;
  std::vector<Value> run(std::size_t statement);

  std::vector<std::vector<at::Tensor>> inputs_;
  std::size_t probes_;
  bool dynamic_;
  double bytes_ = 0;  ///< of all values so far
  std::vector<Statement> statements_;
  std::map<std::string, at::Tensor> buffers_;              ///< "c3" → tensor
  std::map<std::string, std::vector<at::Tensor>> values_;  ///< "v3" → its value for each picture
  std::size_t next_value_ = 0;
  std::unique_ptr<Runner> runner_;
};

}  // namespace oneadapt::import
