// SPDX-License-Identifier: LGPL-2.1-or-later
#include "graph.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

namespace oneadapt::import {
namespace {

/// Detectors have a few thousand.
constexpr std::size_t kMostNodes = 20000;

const Attribute *find(const Node &node, const std::string &key) {
  const auto found = node.attributes.find(key);
  return found == node.attributes.end() ? nullptr : &found->second;
}

[[noreturn]] void wrong_attribute(const Node &node, const std::string &key) {
  throw ImportError("node " + (node.title.empty() ? node.name : node.title) + " (" + node.op + "): the attribute " +
                    key + " is of an unexpected kind");
}

[[noreturn]] void refuse_cycle(const Graph &graph, const std::string &through) {
  for (const auto &[name, node] : graph.nodes)
    for (const char *loop : {"NextIteration", "Enter", "LoopCond"})
      if (node.op == loop)
        throw ImportError(
            "the graph has a loop (" + node.op + " of node " + name +
            "), as networks with an NMS or a memory inside have; loops are not supported: export the model "
            "without it, or name outputs in front of it with --output");
  throw ImportError("the graph has a cycle through node " + through);
}

/// The one value of an attribute that has no other.
template <class T>
T only(const Node &node, const std::string &key, std::vector<T> Attribute::*values, const T &fallback) {
  const Attribute *attribute = find(node, key);
  if (!attribute) return fallback;
  if ((attribute->*values).size() != 1) wrong_attribute(node, key);
  return (attribute->*values)[0];
}

}  // namespace

Dims Node::ints(const std::string &key, const Dims &fallback) const {
  const Attribute *attribute = find(*this, key);
  return attribute ? attribute->ints : fallback;
}

std::int64_t Node::integer(const std::string &key, std::int64_t fallback) const {
  return only(*this, key, &Attribute::ints, fallback);
}

double Node::number(const std::string &key, double fallback) const {
  return only(*this, key, &Attribute::floats, fallback);
}

std::string Node::text(const std::string &key, const std::string &fallback) const {
  return only(*this, key, &Attribute::strings, fallback);
}

std::vector<std::string> Node::texts(const std::string &key) const {
  const Attribute *attribute = find(*this, key);
  return attribute ? attribute->strings : std::vector<std::string>{};
}

float half_to_float(std::uint16_t half) {
  const int exponent = half >> 10 & 31, fraction = half & 1023;
  const float magnitude = exponent == 31  ? (fraction ? NAN : INFINITY)
                          : exponent == 0 ? std::ldexp(float(fraction), -24)
                                          : std::ldexp(float(fraction | 1024), exponent - 25);
  return half & 0x8000 ? -magnitude : magnitude;
}

float float8_to_float(std::uint8_t bits, int fraction_bits, bool finite, bool unsigned_zero) {
  const int largest = (1 << (7 - fraction_bits)) - 1, exponent = (bits & 0x7f) >> fraction_bits,
            all_ones = (1 << fraction_bits) - 1, fraction = bits & all_ones;
  const int bias = largest / 2 + (unsigned_zero ? 1 : 0);
  if (unsigned_zero ? bits == 0x80 : exponent == largest && (finite ? fraction == all_ones : fraction != 0)) return NAN;
  const float magnitude = !finite && exponent == largest ? INFINITY
                          : exponent == 0
                              ? std::ldexp(float(fraction), 1 - bias - fraction_bits)
                              : std::ldexp(float(fraction | (all_ones + 1)), exponent - bias - fraction_bits);
  return bits & 0x80 ? -magnitude : magnitude;
}

std::string onnx_type_name(std::int64_t type) {
  // TensorProto.DataType, which older headers have the first seventeen of.
  static const char *const names[] = {"UNDEFINED",      "FLOAT",    "UINT8",        "INT8",           "UINT16",
                                      "INT16",          "INT32",    "INT64",        "STRING",         "BOOL",
                                      "FLOAT16",        "DOUBLE",   "UINT32",       "UINT64",         "COMPLEX64",
                                      "COMPLEX128",     "BFLOAT16", "FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2",
                                      "FLOAT8E5M2FNUZ", "UINT4",    "INT4",         "FLOAT4E2M1"};
  return type >= 0 && type < std::int64_t(std::size(names)) ? names[type] : std::to_string(type);
}

std::filesystem::path path_below(const std::filesystem::path &folder, const std::string &name,
                                 const std::string &what) {
  const std::filesystem::path relative(name);
  const bool leaves = relative.is_absolute() ||
                      std::any_of(relative.begin(), relative.end(), [](const auto &part) { return part == ".."; });
  if (name.empty() || leaves) throw ImportError(what + " '" + name + "', which is not in the model's folder");
  return folder / relative;
}

Edge parse_edge(const std::string &text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon + 1 == text.size() ||
      text.find_first_not_of("0123456789", colon + 1) != std::string::npos)
    return {text, 0};
  return {text.substr(0, colon), std::size_t(std::stoul(text.substr(colon + 1)))};
}

std::vector<std::string> Graph::order(const std::vector<Edge> &wanted) const {
  enum class State { New, Open, Done };
  if (nodes.size() > kMostNodes)
    throw ImportError("the model has " + std::to_string(nodes.size()) + " nodes; more than " +
                      std::to_string(kMostNodes) + " are not converted");
  std::map<std::string, State> state;
  std::vector<std::string> result;
  // Depth first with a stack of its own: graphs are thousands of nodes deep.
  for (const auto &root : wanted) {
    if (!nodes.count(root.node)) throw ImportError("the model has no node " + root.node + " to take as an output");
    std::vector<std::pair<const Node *, std::size_t>> stack{{&nodes.at(root.node), 0}};
    while (!stack.empty()) {
      auto &[node, next] = stack.back();
      State &mine = state[node->name];
      if (mine == State::Done || next == node->inputs.size()) {
        if (mine != State::Done) result.push_back(node->name);
        mine = State::Done;
        stack.pop_back();
        continue;
      }
      mine = State::Open;
      const std::string &input = node->inputs[next++].node;
      if (input.empty()) continue;
      const auto found = nodes.find(input);
      if (found == nodes.end())
        throw ImportError("node " + node->name + " reads " + input + ", which the model does not have");
      if (state[input] == State::Open) refuse_cycle(*this, input);
      if (state[input] == State::New) stack.emplace_back(&found->second, 0);
    }
  }
  return result;
}

Edge Graph::edge(const std::string &name) const {
  const auto found = values.find(name);
  return found == values.end() ? parse_edge(name) : found->second;
}

}  // namespace oneadapt::import
