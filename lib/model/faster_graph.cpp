// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/faster_graph.h"

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>

#include <optional>
#include <vector>

#include "model/attention.h"

namespace oneadapt {
namespace {

using torch::jit::Node;
using torch::jit::Value;

bool is(const Node &node, const char *name) { return node.kind() == c10::Symbol::fromQualString(name); }

/// Where a convolution's node has what mkldnn_convolution() takes: input, weight, bias, padding, stride, dilation,
/// groups. Empty: it is none that can be given to oneDNN.
std::vector<std::size_t> inputs_for_onednn(const Node &node) {
  const auto constant = [&](std::size_t input) { return torch::jit::toIValue(node.input(input)); };
  std::vector<std::size_t> inputs;
  if (is(node, "aten::conv2d") && node.inputs().size() == 7) {
    inputs = {0, 1, 2, 4, 3, 5, 6};
  } else if (is(node, "aten::_convolution") && node.inputs().size() > 8) {
    const auto transposed = constant(6);
    if (!transposed || !transposed->isBool() || transposed->toBool()) return {};
    inputs = {0, 1, 2, 4, 3, 5, 8};
  } else {
    return {};
  }
  const auto weight = constant(1), padding = constant(4);
  const bool fits = weight && weight->isTensor() && weight->toTensor().scalar_type() == at::kFloat &&
                    weight->toTensor().dim() == 4 && padding && padding->isIntList();  // not "same"
  return fits ? inputs : std::vector<std::size_t>();
}

/// softmax(queries · keys / factor) · values, or with "· factor"
struct Attention {
  Value *queries, *keys, *values;
  Value *factor = nullptr;  ///< a tensor or a number; NULL: there is none
  bool divides = false;
};

bool is_product(const Node &node) { return is(node, "aten::matmul") || is(node, "aten::bmm"); }

/// The node of a value that nothing else reads.
const Node *only_for_its_user(const Value &value) { return value.uses().size() == 1 ? value.node() : nullptr; }

/// Whether the softmax goes over the last dimension, of 3 in a bmm().
bool over_last(const Node &softmax, const Node &product) {
  const auto dim = torch::jit::toIValue(softmax.input(1)), type = torch::jit::toIValue(softmax.input(2));
  if (!dim || !dim->isInt() || !type || !type->isNone()) return false;
  return dim->toInt() == -1 || (dim->toInt() == 2 && is(product, "aten::bmm"));
}

/// `last` is the product with the values. None: there is no attention that ends there.
std::optional<Attention> attention_that_ends_in(const Node &last) {
  if (!is_product(last)) return std::nullopt;
  const Node *const softmax = only_for_its_user(*last.input(0));
  if (!softmax || !is(*softmax, "aten::softmax") || !over_last(*softmax, last)) return std::nullopt;
  Attention found{nullptr, nullptr, last.input(1)};
  const Node *first = only_for_its_user(*softmax->input(0));
  if (first && (is(*first, "aten::div") || is(*first, "aten::mul")) && first->inputs().size() == 2) {
    found.factor = first->input(1);
    found.divides = is(*first, "aten::div");
    first = only_for_its_user(*first->input(0));
  }
  if (!first || !is_product(*first)) return std::nullopt;
  found.queries = first->input(0);
  found.keys = first->input(1);
  return found;
}

/// Puts `call`, with its inputs, in the place of `node`.
void exchange(Node *node, Node *call) {
  call->insertBefore(node);
  call->output()->setType(node->output()->type());
  node->output()->replaceAllUsesWith(call->output());
  node->destroy();
}

void go_through(torch::jit::Graph &graph, torch::jit::Block &block) {
  for (auto i = block.nodes().begin(); i != block.nodes().end();) {
    Node *const node = *i++;
    for (torch::jit::Block *inner : node->blocks()) go_through(graph, *inner);
    if (const auto inputs = inputs_for_onednn(*node); !inputs.empty()) {
      Node *const call = graph.create(c10::Symbol::fromQualString("aten::mkldnn_convolution"));
      for (const std::size_t input : inputs) call->addInput(node->input(input));
      exchange(node, call);
    } else if (const auto found = attention_that_ends_in(*node)) {
      const torch::jit::WithInsertPoint here(node);
      Value *const factor = found->factor ? found->factor : graph.insertConstant(1.0);
      exchange(node, graph.create(
                         c10::Symbol::fromQualString("oneadapt::attention"),
                         {found->queries, found->keys, found->values, factor, graph.insertConstant(found->divides)}));
    }
  }
}

}  // namespace

void call_faster_operators(torch::jit::Graph &graph) {
  register_attention();
  go_through(graph, *graph.block());
  torch::jit::EliminateDeadCode(graph.block());  // what attention was made of
}

}  // namespace oneadapt
