// SPDX-License-Identifier: LGPL-2.1-or-later
#include "onnx_hints.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdint>

namespace oneadapt::import {
namespace {

/// Divisors of pixels, and means of theirs, are as large as this at least.
constexpr double kOfPixels = 64, kLargestMean = 2;
constexpr int kSteps = 4;

/// The quoted text at `at`, which is left behind it.
std::string quoted(const std::string &text, std::size_t &at) {
  const char quote = text[at++];
  std::string name;
  while (at < text.size() && text[at] != quote) {
    if (text[at] == '\\' && at + 1 < text.size()) ++at;
    name += text[at++];
  }
  ++at;
  return name;
}

/// The largest of the constant that the node reads as its second input; 0: it is none.
double constant_of(const Graph &graph, const Node &node) {
  if (node.inputs.size() < 2) return 0;
  const auto weight = graph.weights.find(node.inputs[1].node);
  if (weight == graph.weights.end() || weight->second.floats.empty()) return 0;
  const auto &values = weight->second.floats;
  return double(
      *std::max_element(values.begin(), values.end(), [](float a, float b) { return std::abs(a) < std::abs(b); }));
}

}  // namespace

std::vector<std::string> names_of(const std::string &text) {
  std::vector<std::string> names;
  std::size_t at = 0, number = 0;
  bool counted = false, digits = false;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '\'' || c == '"') {
      const std::string name = quoted(text, at);
      // JSON's keys are texts, too.
      const bool key = at < text.size() && text[at] == ':';
      if (key) {
        counted = digits = !name.empty() &&
                           std::all_of(name.begin(), name.end(), [](char d) { return std::isdigit(std::uint8_t(d)); });
        number = digits && name.size() < 7 ? std::stoul(name) : SIZE_MAX;
        continue;
      }
      if ((counted && number != names.size()) || name.empty()) return {};
      names.push_back(name);
      digits = false;
      number = 0;
      continue;
    }
    if (std::isdigit(std::uint8_t(c))) {
      number = digits ? number * 10 + std::size_t(c - '0') : std::size_t(c - '0');
      if (number > 1000000) return {};
      digits = counted = true;
    }
    ++at;
  }
  return names;
}

double white_value(const Graph &graph) {
  for (const auto &[name, node] : graph.nodes) {
    if (node.op != "Placeholder" || node.ints("shape").size() != 4) continue;
    if (node.text("dtype", "") == "uint8") return 255;
    std::string value = name;
    for (int step = 0; step < kSteps; ++step) {
      const Node *reader = nullptr;
      for (const auto &[other, candidate] : graph.nodes)
        if (!candidate.inputs.empty() && candidate.inputs[0].node == value) reader = &candidate;
      if (!reader) break;
      const double number = std::abs(constant_of(graph, *reader));
      const std::string &op = reader->op;
      if (op == "Div" && number >= kOfPixels) return 255;
      if (op == "Mul" && number > 0 && number <= 1 / kOfPixels) return 255;
      if ((op == "Sub" || op == "Add") && number > kLargestMean) return 255;
      if (op != "Cast" && op != "Transpose" && op != "Identity" && op != "Sub" && op != "Add") break;
      value = reader->name;
    }
  }
  return 0;
}

}  // namespace oneadapt::import
