// SPDX-License-Identifier: LGPL-2.1-or-later
// ONNX: recurrent networks, of one direction or two, by LibTorch's own functions where they are the same.
#include <algorithm>

#include "onnx_helpers.h"
#include "operators.h"

namespace oneadapt::import {
namespace {

/// Rows of gates in ONNX's order, in the order that LibTorch has them.
at::Tensor reorder(const at::Tensor &gates, std::int64_t hidden, const std::vector<std::int64_t> &order) {
  std::vector<at::Tensor> parts;
  for (const auto gate : order) parts.push_back(gates.narrow(0, gate * hidden, hidden));
  return at::cat(parts).contiguous();
}

struct Recurrent {
  Context &context;
  std::vector<std::int64_t> order;  ///< of the gates
  std::int64_t hidden, directions;
  bool backwards, batch_first = false;
  std::string x;

  Recurrent(Context &c, std::vector<std::int64_t> gates) : context(c), order(std::move(gates)) {
    const at::Tensor &w = weights(1), &r = weights(2);
    const auto count = std::int64_t(order.size());
    if (w.dim() != 3 || r.dim() != 3 || context.input(0).rank() != 3)
      context.fail("expects values of three dimensions");
    const std::string direction = context.node.text("direction", "forward");
    backwards = direction == "reverse";
    directions = direction == "bidirectional" ? 2 : 1;
    hidden = r.size(2);
    if (w.size(0) != directions || r.size(0) != directions || w.size(1) != count * hidden ||
        r.size(1) != count * hidden)
      context.fail("the weights do not fit each other");
    batch_first = context.node.flag("layout");
    for (const char *key : {"clip", "activation_alpha", "activation_beta"})
      if (context.node.attributes.count(key)) context.fail(std::string(key) + " is not supported");
    if (context.has(4) && context.folding) context.fail("lengths of sequences are not supported");
    if (context.has(4)) {
      const auto steps = context.input(0).shape()[batch_first ? 1 : 0];
      for (const auto length : context.ints(4))
        if (length != steps) context.fail("sequences of different lengths are not supported");
    }
    x = turned(context.in(0), 0, 1);
    if (backwards) x = "torch.flip(" + x + ", [0])";
  }

  /// layout=1 has the batch in front.
  std::string turned(const std::string &value, int a, int b) const {
    return batch_first ? "torch.transpose(" + value + ", " + text(a) + ", " + text(b) + ")" : value;
  }

  const at::Tensor &weights(std::size_t input) const { return context.constant(input); }

  void expect_activations(const std::vector<std::string> &usual) const {
    const auto given = context.node.texts("activations");
    for (std::size_t i = 0; i < given.size(); ++i)
      if (given[i] != usual[i % usual.size()]) context.fail("the activation " + given[i] + " is not supported");
  }

  /// The matrix or the bias (`first`: of the input; else of the hidden state) of a direction.
  at::Tensor gates(std::size_t input, std::int64_t direction) const {
    return reorder(weights(input).select(0, direction), hidden, order);
  }
  at::Tensor bias(std::int64_t direction, bool first) const {
    const auto rows = std::int64_t(order.size()) * hidden;
    if (!context.has(3)) return at::zeros({rows});
    return reorder(weights(3).select(0, direction).narrow(0, first ? 0 : rows, rows), hidden, order);
  }
  std::string parameters() const {
    std::string list;
    for (std::int64_t d = 0; d < directions; ++d)
      for (const auto &tensor : {gates(1, d), gates(2, d), bias(d, true), bias(d, false)})
        list += (list.empty() ? "" : ", ") + context.source.buffer(tensor);
    return "[" + list + "]";
  }
  std::string state(std::size_t input) const {
    if (context.has(input)) return turned(context.in(input), 0, 1);
    const std::string of = context.in(0);
    return "torch.zeros([" + text(directions) + ", " + of + ".size(" + (batch_first ? "0" : "1") + "), " +
           text(hidden) + "], dtype=6, device=" + of + ".device)";
  }
  std::string tail() const {
    return std::string(", True, 1, 0.0, False, ") + (directions == 2 ? "True" : "False") + ", False)";
  }
  /// Steps × batch × directions·hidden, as LibTorch gives it, to ONNX's steps × directions × batch × hidden.
  Value sequence(Value y) const {
    const std::string name = context.source.plain(y);
    std::string text_of = "torch.permute(torch.reshape(" + name + ", [" + name + ".size(0), " + name + ".size(1), " +
                          text(directions) + ", " + text(hidden) + "]), [0, 2, 1, 3])";
    if (backwards) text_of = "torch.flip(" + text_of + ", [0])";
    return context.source.emit(batch_first ? "torch.permute(" + text_of + ", [2, 0, 1, 3])" : text_of);
  }
  /// Everything that the node gives: the sequence, and the last states.
  Values all(Values results) const {
    results[0] = sequence(results[0]);
    for (std::size_t i = 1; batch_first && i < results.size(); ++i)
      results[i] = context.source.emit(turned(context.source.plain(results[i]), 0, 1));
    return results;
  }
};

Values lstm(Context &context) {
  Recurrent r(context, {0, 2, 3, 1});  // i o f c → i f c o
  r.expect_activations({"Sigmoid", "Tanh", "Tanh"});
  if (context.has(7)) context.fail("peepholes are not supported");
  if (context.node.flag("input_forget")) context.fail("input_forget is not supported");
  return r.all(context.source.emit_all("torch.lstm(" + r.x + ", [" + r.state(5) + ", " + r.state(6) + "], " +
                                       r.parameters() + r.tail()));
}

Values gru(Context &context) {
  Recurrent r(context, {1, 0, 2});  // z r h → r z h
  r.expect_activations({"Sigmoid", "Tanh"});
  if (context.node.flag("linear_before_reset"))
    return r.all(context.source.emit_all("torch.gru(" + r.x + ", " + r.state(5) + ", " + r.parameters() + r.tail()));
  if (r.directions == 2) context.fail("two directions with linear_before_reset=0 are not supported");
  r.order = {0, 1, 2};
  Value y = context.source.emit("self.gru_reset_first(" + r.x + ", torch.select(" + r.state(5) + ", 0, 0), " +
                                context.source.buffer(r.gates(1, 0)) + ", " + context.source.buffer(r.gates(2, 0)) +
                                ", " + context.source.buffer(r.bias(0, true)) + ", " +
                                context.source.buffer(r.bias(0, false)) + ")");
  Value last = context.source.emit("torch.unsqueeze(torch.select(" + context.source.plain(y) + ", 0, -1), 0)");
  return r.all({y, last});
}

Values rnn(Context &context) {
  Recurrent r(context, {0});
  r.expect_activations({"Tanh"});
  return r.all(context.source.emit_all("torch.rnn_tanh(" + r.x + ", " + r.state(5) + ", " + r.parameters() + r.tail()));
}

}  // namespace

const std::vector<OperatorRow> &onnx_sequence_operators() {
  // output_sequence said before opset 7 whether anybody reads the sequence.
  const std::string usual =
      "activation_alpha activation_beta activations clip direction hidden_size layout output_sequence";
  static const std::vector<OperatorRow> rows{
      {"GRU", gru, usual + " linear_before_reset"}, {"LSTM", lstm, usual + " input_forget"}, {"RNN", rnn, usual}};
  return rows;
}

}  // namespace oneadapt::import
