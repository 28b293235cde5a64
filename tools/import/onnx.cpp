// SPDX-License-Identifier: LGPL-2.1-or-later
#include "onnx.h"

#include <onnx/defs/schema.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>

namespace oneadapt::import {
namespace {

namespace fs = std::filesystem;
using Type = onnx::TensorProto;

/// Protocol buffers end at 2 GiB.
constexpr std::uintmax_t kMaxFile = std::uintmax_t(1) << 31;
constexpr std::size_t kMaxElements = std::size_t(1) << 30;

std::string type_name(int type) {
  return onnx::TensorProto_DataType_IsValid(type) ? onnx::TensorProto_DataType_Name(onnx::TensorProto_DataType(type))
                                                  : std::to_string(type);
}

float bfloat_to_float(std::uint16_t value) {
  const std::uint32_t bits = std::uint32_t(value) << 16;
  float result = 0;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

/// How a type of ONNX lies in a file, and which of ours it becomes. Half precision is widened: LibTorch's CPU
/// functions have little of it. Unsigned types that LibTorch lacks become 64-bit ones.
struct Storage {
  std::size_t size;
  Array::Type type;
};

Storage storage_of(int type, const std::string &name) {
  switch (type) {
    case Type::FLOAT:
      return {4, Array::Type::Float};
    case Type::FLOAT16:
    case Type::BFLOAT16:
      return {2, Array::Type::Float};
    case Type::DOUBLE:
      return {8, Array::Type::Double};
    case Type::INT8:
      return {1, Array::Type::Char};
    case Type::UINT8:
      return {1, Array::Type::Byte};
    case Type::INT16:
      return {2, Array::Type::Short};
    case Type::UINT16:
      return {2, Array::Type::Long};
    case Type::INT32:
      return {4, Array::Type::Int};
    case Type::UINT32:
      return {4, Array::Type::Long};
    case Type::INT64:
    case Type::UINT64:
      return {8, Array::Type::Long};
    case Type::BOOL:
      return {1, Array::Type::Bool};
    default:
      throw ImportError("weight " + name + " has the type " + type_name(type) + ", which is not supported");
  }
}

template <typename T>
std::vector<T> as(const std::string &bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

template <typename T, typename List>
std::string packed(const List &list) {
  std::string bytes;
  bytes.reserve(std::size_t(list.size()) * sizeof(T));
  for (const auto value : list) {
    const T narrow = T(value);
    bytes.append(reinterpret_cast<const char *>(&narrow), sizeof narrow);
  }
  return bytes;
}

/// A file beside the model that holds weights. Names that lead elsewhere are refused.
std::string external_data(const onnx::TensorProto &tensor, const fs::path &folder, std::size_t expected) {
  std::string location;
  std::uintmax_t offset = 0, length = expected;
  const std::string what = "weight " + tensor.name();
  for (const auto &entry : tensor.external_data()) {
    if (entry.key() == "location") location = entry.value();
    if (entry.key() != "offset" && entry.key() != "length") continue;
    if (entry.value().empty() || entry.value().size() > 18 ||
        entry.value().find_first_not_of("0123456789") != std::string::npos)
      throw ImportError(what + ": '" + entry.value() + "' is no " + entry.key());
    (entry.key() == "offset" ? offset : length) = std::stoull(entry.value());
  }
  const fs::path relative(location);
  const bool leaves = relative.is_absolute() ||
                      std::any_of(relative.begin(), relative.end(), [](const fs::path &part) { return part == ".."; });
  if (location.empty() || leaves)
    throw ImportError(what + " is in the file '" + location + "', which is not in the model's folder");
  const fs::path path = folder / relative;
  std::error_code error;
  const auto there = fs::is_regular_file(path, error) ? fs::file_size(path, error) : std::uintmax_t(-1);
  if (there == std::uintmax_t(-1))
    throw ImportError(what + " is in the file " + path.string() + ", which does not exist");
  if (length != expected)
    throw ImportError(what + " takes " + std::to_string(expected) + " bytes, the model says " + std::to_string(length));
  if (offset > there || expected > there - offset)
    throw ImportError("the weight file " + path.string() + " is too short for weight " + tensor.name() +
                      "; fetch it again");
  std::string bytes(expected, '\0');
  std::ifstream in(path, std::ios::binary);
  in.seekg(std::streamoff(offset));
  in.read(bytes.data(), std::streamsize(expected));
  if (!in) throw ImportError("the weight file " + path.string() + " cannot be read");
  return bytes;
}

/// The numbers as they would be in raw_data, whichever field holds them.
std::string bytes_of(const onnx::TensorProto &t) {
  if (t.has_raw_data()) return t.raw_data();
  switch (t.data_type()) {
    case Type::FLOAT:
      return packed<float>(t.float_data());
    case Type::DOUBLE:
      return packed<double>(t.double_data());
    case Type::INT64:
      return packed<std::int64_t>(t.int64_data());
    case Type::UINT64:
      return packed<std::uint64_t>(t.uint64_data());
    case Type::UINT32:
      return packed<std::uint32_t>(t.uint64_data());
    case Type::INT32:
      return packed<std::int32_t>(t.int32_data());
    case Type::INT16:
    case Type::UINT16:
    case Type::FLOAT16:
    case Type::BFLOAT16:
      return packed<std::uint16_t>(t.int32_data());
    default:
      return packed<std::uint8_t>(t.int32_data());
  }
}

Array read_tensor(const onnx::TensorProto &tensor, const fs::path &folder) {
  const Storage storage = storage_of(tensor.data_type(), tensor.name());
  Array array;
  array.type = storage.type;
  std::size_t count = 1;
  for (const auto size : tensor.dims()) {
    if (size < 0) throw ImportError("weight " + tensor.name() + " has a negative size");
    if (size && count > kMaxElements / std::size_t(size))
      throw ImportError("weight " + tensor.name() + " has an impossible size");
    count *= std::size_t(size);
    array.shape.push_back(size);
  }
  if (tensor.has_segment()) throw ImportError("weight " + tensor.name() + " comes in segments, which is not supported");
  const std::size_t expected = count * storage.size;
  const std::string bytes = tensor.data_location() == onnx::TensorProto::EXTERNAL
                                ? external_data(tensor, folder, expected)
                                : bytes_of(tensor);
  if (bytes.size() != expected)
    throw ImportError("weight " + tensor.name() + " takes " + std::to_string(expected) + " bytes, the file has " +
                      std::to_string(bytes.size()));
  switch (tensor.data_type()) {
    case Type::FLOAT:
      array.floats = as<float>(bytes);
      break;
    case Type::FLOAT16:
      for (const auto half : as<std::uint16_t>(bytes)) array.floats.push_back(half_to_float(half));
      break;
    case Type::BFLOAT16:
      for (const auto value : as<std::uint16_t>(bytes)) array.floats.push_back(bfloat_to_float(value));
      break;
    case Type::INT32:
      array.ints = as<std::int32_t>(bytes);
      break;
    case Type::BOOL:
      for (const char value : bytes) array.ints.push_back(value != 0);
      break;
    case Type::UINT16:
      array.bytes = packed<std::int64_t>(as<std::uint16_t>(bytes));
      break;
    case Type::UINT32:
      array.bytes = packed<std::int64_t>(as<std::uint32_t>(bytes));
      break;
    default:
      array.bytes = bytes;
  }
  return array;
}

Array list_of(const onnx::AttributeProto &attribute) {
  Array array;
  if (attribute.name() == "value_float" || attribute.name() == "value_floats") {
    if (attribute.name() == "value_float") array.floats = {attribute.f()};
    if (attribute.name() == "value_floats") array.floats.assign(attribute.floats().begin(), attribute.floats().end());
  } else if (attribute.name() == "value_int") {
    array.type = Array::Type::Long;
    array.bytes = packed<std::int64_t>(std::vector<std::int64_t>{attribute.i()});
  } else {
    array.type = Array::Type::Long;
    array.bytes = packed<std::int64_t>(attribute.ints());
  }
  if (attribute.name() == "value_floats") array.shape = {std::int64_t(array.floats.size())};
  if (attribute.name() == "value_ints") array.shape = {std::int64_t(attribute.ints().size())};
  return array;
}

Attribute read_attribute(const onnx::AttributeProto &in, const fs::path &folder, const std::string &title) {
  Attribute out;
  switch (in.type()) {
    case onnx::AttributeProto::INT:
      out.ints = {in.i()};
      break;
    case onnx::AttributeProto::FLOAT:
      out.floats = {in.f()};
      break;
    case onnx::AttributeProto::STRING:
      out.strings = {in.s()};
      break;
    case onnx::AttributeProto::INTS:
      out.ints.assign(in.ints().begin(), in.ints().end());
      break;
    case onnx::AttributeProto::FLOATS:
      out.floats.assign(in.floats().begin(), in.floats().end());
      break;
    case onnx::AttributeProto::STRINGS:
      out.strings.assign(in.strings().begin(), in.strings().end());
      break;
    case onnx::AttributeProto::TENSOR:
      out.tensors.push_back(read_tensor(in.t(), folder));
      break;
    case onnx::AttributeProto::GRAPH:
      out.strings = {"a graph"};
      break;  // If, Loop, Scan: refused by their names
    default:
      throw ImportError("node " + title + ": the attribute " + in.name() + " is of a kind that is not supported");
  }
  if (out.floats.empty())
    for (const auto value : out.ints) out.floats.push_back(double(value));
  return out;
}

class Reader {
 public:
  Reader(const onnx::ModelProto &model, const std::string &path)
      : model_(model), folder_(fs::path(path).parent_path()) {
    graph_.path = path;
  }

  Graph read() {
    graph_.opset = opset();
    const onnx::GraphProto &g = model_.graph();
    if (g.sparse_initializer_size()) throw ImportError("sparse weights are not supported; export dense ones");
    for (const auto &tensor : g.initializer()) {
      constant(tensor.name(), read_tensor(tensor, folder_));
    }
    for (const auto &input : g.input()) {
      if (!graph_.nodes.count(input.name())) placeholder(input);  // up to IR 3 weights are inputs too
    }
    for (const auto &node : g.node()) add(node);
    for (const auto &output : g.output()) {
      const auto found = graph_.values.find(output.name());
      if (found == graph_.values.end()) throw ImportError("the output " + output.name() + " is made by no node");
      graph_.outputs.push_back(found->second);
    }
    return std::move(graph_);
  }

 private:
  int opset() const {
    for (const auto &import : model_.opset_import()) {
      if (!import.domain().empty() && import.domain() != "ai.onnx") continue;
      if (import.version() < kOldestOpset || import.version() > kNewestOpset)
        throw ImportError(graph_.path + " uses ONNX opset " + std::to_string(import.version()) + "; " +
                          std::to_string(kOldestOpset) + " to " + std::to_string(kNewestOpset) +
                          " are understood: export it with opset_version=" + std::to_string(kNewestOpset));
      return int(import.version());
    }
    throw ImportError(graph_.path + " does not say which opset of ONNX it uses");
  }

  Node &make(const std::string &name, const std::string &op) {
    if (graph_.values.count(name)) throw ImportError("the value " + name + " is made twice");
    graph_.values[name] = {name, 0};
    Node &node = graph_.nodes[name];
    node.name = name;
    node.op = op;
    return node;
  }

  void constant(const std::string &name, Array value) {
    make(name, "Const");
    graph_.weights[name] = std::move(value);
  }

  void placeholder(const onnx::ValueInfoProto &input) {
    Node &node = make(input.name(), "Placeholder");
    graph_.inputs.push_back(input.name());
    if (!input.type().has_tensor_type()) throw ImportError("the input " + input.name() + " is no tensor");
    const auto &type = input.type().tensor_type();
    Attribute &shape = node.attributes["shape"];
    for (const auto &size : type.shape().dim()) shape.ints.push_back(size.has_dim_value() ? size.dim_value() : 0);
    node.attributes["dtype"].strings = {type.elem_type() == Type::DOUBLE ? "double" : "float"};
  }

  void add(const onnx::NodeProto &in) {
    std::string name;
    for (const auto &output : in.output())
      if (name.empty()) name = output;
    if (name.empty()) return;
    const std::string title = in.name().empty() ? name : in.name();
    const bool standard = in.domain().empty() || in.domain() == "ai.onnx";
    if (standard && in.op_type() == "Constant") {
      constant_node(in, name, title);
      return;
    }
    Node &node = make(name, standard ? in.op_type() : in.domain() + "." + in.op_type());
    node.title = title;
    node.outputs = std::size_t(in.output_size());
    for (int i = 0; i < in.output_size(); ++i) {
      const std::string &output = in.output(i);
      if (output.empty()) continue;
      if (output != name && graph_.values.count(output)) throw ImportError("the value " + output + " is made twice");
      graph_.values[output] = {name, std::size_t(i)};
    }
    for (const auto &attribute : in.attribute())
      node.attributes[attribute.name()] = read_attribute(attribute, folder_, title);
    for (const auto &input : in.input()) {
      if (input.empty()) {
        node.inputs.emplace_back();
        continue;
      }
      // ONNX lists makers before readers.
      const auto found = graph_.values.find(input);
      if (found == graph_.values.end() || found->second.node == name)
        throw ImportError("node " + title + " reads " + input + ", which no node before it makes");
      node.inputs.push_back(found->second);
    }
  }

  void constant_node(const onnx::NodeProto &in, const std::string &name, const std::string &title) {
    static const std::set<std::string> lists{"value_float", "value_floats", "value_int", "value_ints"};
    for (const auto &attribute : in.attribute()) {
      if (attribute.name() == "value") return constant(name, read_tensor(attribute.t(), folder_));
      if (lists.count(attribute.name())) return constant(name, list_of(attribute));
    }
    throw ImportError("node " + title + " (Constant): only dense numbers are supported");
  }

  const onnx::ModelProto &model_;
  const fs::path folder_;
  Graph graph_;
};

}  // namespace

Graph read_onnx(const std::string &path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) throw ImportError("the model " + path + " does not exist or is no file");
  if (fs::file_size(path, error) >= kMaxFile)
    throw ImportError(path + " is larger than an ONNX file can be (2 GiB); keep the weights in a file of their own");
  std::ifstream in(path, std::ios::binary);
  onnx::ModelProto model;
  if (!in || !model.ParseFromIstream(&in) || !model.has_graph() || !model.ir_version())
    throw ImportError(path + " is no ONNX model, or only the first part of one; fetch or export it again");
  return Reader(model, path).read();
}

Array read_onnx_tensor(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  onnx::TensorProto tensor;
  if (!in || !tensor.ParseFromIstream(&in)) throw ImportError(path + " holds no tensor of ONNX");
  return read_tensor(tensor, fs::path(path).parent_path());
}

std::vector<std::string> onnx_standard_operators() {
  std::set<std::string> names;
  for (const auto &schema : onnx::OpSchemaRegistry::get_all_schemas_with_history())
    if (schema.domain().empty() && !schema.Deprecated() && schema.since_version() <= kNewestOpset)
      names.insert(schema.Name());
  return {names.begin(), names.end()};
}

}  // namespace oneadapt::import
