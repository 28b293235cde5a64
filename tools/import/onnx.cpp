// SPDX-License-Identifier: LGPL-2.1-or-later
#include "onnx.h"

#include <onnx/defs/schema.h>
#include <onnx/onnx_pb.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "onnx_hints.h"
#include "onnx_weights.h"

namespace oneadapt::import {
namespace {

namespace fs = std::filesystem;
using Type = onnx::TensorProto;

/// Protocol buffers end at 2 GiB.
constexpr std::uintmax_t kMaxFile = std::uintmax_t(1) << 31;

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
    for (const auto &entry : model_.metadata_props()) {
      if (entry.key() == "names") graph_.labels = names_of(entry.value());
      if (entry.key() == "task") graph_.task = entry.value();
    }
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
    graph_.range = white_value(graph_);
    return std::move(graph_);
  }

 private:
  int opset() const {
    for (const auto &import : model_.opset_import()) {
      if (!import.domain().empty() && import.domain() != "ai.onnx") continue;
      if (import.version() < kOldestOpset || import.version() > kNewestOpset)
        throw ImportError(graph_.path + " uses opset " + std::to_string(import.version()) +
                          " of ONNX: oneadapt-import knows " + std::to_string(kOldestOpset) + " to " +
                          std::to_string(kNewestOpset) +
                          "; export it with opset_version=" + std::to_string(kNewestOpset));
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
    static const std::map<int, const char *> types{
        {Type::DOUBLE, "double"}, {Type::UINT8, "uint8"}, {Type::INT64, "int64"}, {Type::INT32, "int32"}};
    const auto known = types.find(type.elem_type());
    node.attributes["dtype"].strings = {known == types.end() ? "float" : known->second};
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
    if (standard && in.op_type() == "If" && decided(in)) return;
    Node &node = make(name, standard ? in.op_type() : in.domain() + "." + in.op_type());
    node.title = title;
    for (int i = 0; i < in.output_size(); ++i) {
      const std::string &output = in.output(i);
      if (output.empty()) continue;
      node.outputs = std::size_t(i) + 1;
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

  /// An If whose condition is a constant, by the nodes of the branch that it takes.
  bool decided(const onnx::NodeProto &in) {
    const auto condition = in.input_size() ? graph_.values.find(in.input(0)) : graph_.values.end();
    const auto weight =
        condition == graph_.values.end() ? graph_.weights.end() : graph_.weights.find(condition->second.node);
    if (weight == graph_.weights.end() || weight->second.type != Array::Type::Bool || weight->second.ints.size() != 1)
      return false;
    const std::string taken = weight->second.ints[0] ? "then_branch" : "else_branch";
    for (const auto &attribute : in.attribute()) {
      if (attribute.name() != taken || attribute.g().output_size() != in.output_size()) continue;
      const onnx::GraphProto &branch = attribute.g();
      for (const auto &tensor : branch.initializer()) constant(tensor.name(), read_tensor(tensor, folder_));
      for (const auto &node : branch.node()) add(node);
      for (int i = 0; i < in.output_size(); ++i) {
        const auto made = graph_.values.find(branch.output(i).name());
        if (made == graph_.values.end())
          throw ImportError("the output " + branch.output(i).name() + " of a branch is made by no node");
        graph_.values[in.output(i)] = made->second;
      }
      return true;
    }
    return false;
  }

  void constant_node(const onnx::NodeProto &in, const std::string &name, const std::string &title) {
    static const std::set<std::string> lists{"value_float", "value_floats", "value_int", "value_ints"};
    for (const auto &attribute : in.attribute()) {
      if (attribute.name() == "value") return constant(name, read_tensor(attribute.t(), folder_));
      if (lists.count(attribute.name())) return constant(name, read_list(attribute));
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
