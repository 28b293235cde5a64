// SPDX-License-Identifier: LGPL-2.1-or-later
// A network as its file has it, before it is written as TorchScript. No LibTorch in here.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace oneadapt::import {

using Dims = std::vector<std::int64_t>;

/// Whatever keeps a model from being converted, in words for the user: what is wrong and what to do.
class ImportError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// One weight, dequantised.
struct Array {
  enum class Type { Float, Int, Bool, Double, Byte, Char, Short, Long };
  Type type = Type::Float;
  Dims shape;
  std::vector<float> floats;       ///< Float
  std::vector<std::int32_t> ints;  ///< Int, Bool (0 or 1)
  std::string bytes;               ///< the other types (8-bit without and with sign, 16 and 64 bits), as in memory
};

/// A node's attribute; which fields are filled depends on its kind.
struct Attribute {
  Dims ints;  ///< numbers, booleans (0 or 1), or a shape (-1: unknown)
  std::vector<double> floats;
  std::vector<std::string> strings;  ///< decoded from base64; or a type such as "DT_FLOAT"
  std::vector<Array> tensors;        ///< ONNX
};

/// One output of a node; no node: an optional input (ONNX) that is left out.
struct Edge {
  std::string node;
  std::size_t output = 0;
};

struct Node {
  std::string name, op;
  std::string title;         ///< what people call it, when that is not its name
  std::vector<Edge> inputs;  ///< data inputs; control inputs are left out
  std::size_t outputs = 1;   ///< ONNX: how many it has; some operators go by it
  std::map<std::string, Attribute> attributes;

  /// The attribute, or what stands for it when the node has none. `number` and `text` throw ImportError on another
  /// kind.
  Dims ints(const std::string &key, const Dims &fallback = {}) const;
  std::int64_t integer(const std::string &key, std::int64_t fallback) const;
  double number(const std::string &key, double fallback) const;
  std::string text(const std::string &key, const std::string &fallback) const;
  std::vector<std::string> texts(const std::string &key) const;
  bool flag(const std::string &key, bool fallback = false) const { return integer(key, fallback ? 1 : 0) != 0; }
};

struct Graph {
  std::string path;  ///< the model's file, for messages
  int opset = 0;     ///< of ONNX; 0: TensorFlow's operators
  std::map<std::string, Node> nodes;
  std::map<std::string, Array> weights;  ///< by name of the Const node
  std::vector<Edge> outputs;        ///< of the signature, in natural order of their names; else nodes that nobody reads
  std::vector<std::string> inputs;  ///< ONNX: in order
  std::map<std::string, Edge> values;  ///< ONNX: who makes the value of a name
  std::string task;                    ///< of ONNX's metadata, as Ultralytics calls it; empty: there is none
  std::vector<std::string> labels;     ///< names of classes, of ONNX's metadata; empty: there are none
  double range = 0;                    ///< value of a white pixel, where the graph shows it; else 0

  /// Names of the nodes that `wanted` needs, inputs before users. Throws ImportError on a cycle or a missing node.
  std::vector<std::string> order(const std::vector<Edge> &wanted) const;
  /// The value that the user means: ONNX's name, "node", or "node:2".
  Edge edge(const std::string &name) const;
};

/// A file that a model names, in the model's folder or below. Throws ImportError for a name that leads elsewhere; the
/// sentence begins with `what`.
std::filesystem::path path_below(const std::filesystem::path &folder, const std::string &name, const std::string &what);

/// Of the bits of an IEEE 754 number of half precision.
float half_to_float(std::uint16_t half);
/// The same of eight bits: sign, exponent, and so many bits of fraction (2 or 3). `finite`: without infinities;
/// `unsigned_zero`: the pattern of −0 is not a number (ONNX's FNUZ types).
float float8_to_float(std::uint8_t bits, int fraction_bits, bool finite, bool unsigned_zero);
/// ONNX's name of a type of numbers, or its number.
std::string onnx_type_name(std::int64_t type);
/// "name" or "name:2".
Edge parse_edge(const std::string &text);

}  // namespace oneadapt::import
