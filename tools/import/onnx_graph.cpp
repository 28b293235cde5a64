// SPDX-License-Identifier: LGPL-2.1-or-later
#include "onnx_graph.h"

#include <onnx/onnx_pb.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "onnx.h"
#include "onnx_weights.h"

namespace oneadapt::import {
namespace {

namespace fs = std::filesystem;
using Type = onnx::TensorProto;

constexpr const char *kPicture = "oneadapt_picture";  // where the graph's own has its colours last

/// Takes weights into the file that are beside it.
void take_in(onnx::GraphProto &graph, const fs::path &folder);

void take_in(onnx::TensorProto &tensor, const fs::path &folder) {
  if (tensor.data_location() != Type::EXTERNAL) return;
  tensor.set_raw_data(external_bytes(tensor, folder));
  tensor.clear_external_data();
  tensor.clear_data_location();
}

void take_in(onnx::GraphProto &graph, const fs::path &folder) {
  for (auto &tensor : *graph.mutable_initializer()) take_in(tensor, folder);
  for (auto &node : *graph.mutable_node())
    for (auto &attribute : *node.mutable_attribute()) {
      if (attribute.has_t()) take_in(*attribute.mutable_t(), folder);
      if (attribute.has_g()) take_in(*attribute.mutable_g(), folder);
    }
}

/// An input's values as a weight of its name.
void add_weight(onnx::GraphProto &graph, const onnx::ValueInfoProto &input, const std::vector<double> &values) {
  const auto &type = input.type().tensor_type();
  onnx::TensorProto &weight = *graph.add_initializer();
  weight.set_name(input.name());
  weight.set_data_type(type.elem_type());
  for (const auto &dim : type.shape().dim()) weight.add_dims(dim.dim_value() > 0 ? dim.dim_value() : 1);
  for (const double value : values) {
    switch (type.elem_type()) {
      case Type::FLOAT:
        weight.add_float_data(float(value));
        break;
      case Type::DOUBLE:
        weight.add_double_data(value);
        break;
      case Type::INT64:
        weight.add_int64_data(std::int64_t(value));
        break;
      case Type::INT32:
      case Type::UINT8:
        weight.add_int32_data(std::int32_t(value));
        break;
      default:
        throw ImportError("its input " + input.name() + " is of the type " + onnx_type_name(type.elem_type()));
    }
  }
}

/// Other inputs become weights.
void keep_picture_only(onnx::GraphProto &graph, const Interface &interface) {
  std::set<std::string> weights;
  for (const auto &tensor : graph.initializer()) weights.insert(tensor.name());
  google::protobuf::RepeatedPtrField<onnx::ValueInfoProto> inputs;
  inputs.Swap(graph.mutable_input());
  for (const auto &input : inputs) {
    if (input.name() == interface.picture) {
      const auto type = input.type().tensor_type().elem_type();
      if (type != Type::FLOAT) throw ImportError("its picture is of the type " + onnx_type_name(type));
      *graph.add_input() = input;
      continue;
    }
    if (weights.count(input.name())) continue;  // up to IR 3 weights are inputs too
    const auto values = interface.constants.find(input.name());
    if (values == interface.constants.end())
      throw ImportError("it takes " + input.name() + ", which the chosen outputs do not need");
    add_weight(graph, input, values->second);
  }
}

/// A picture with its colours first in front of one that has them last.
void turn_picture(onnx::GraphProto &graph) {
  onnx::ValueInfoProto &input = *graph.mutable_input(0);
  onnx::NodeProto &node = *graph.add_node();
  node.set_op_type("Transpose");
  node.add_input(kPicture);
  node.add_output(input.name());
  auto &perm = *node.add_attribute();
  perm.set_name("perm");
  perm.set_type(onnx::AttributeProto::INTS);
  for (const int axis : {0, 2, 3, 1}) perm.add_ints(axis);
  for (int i = graph.node_size() - 1; i > 0; --i) graph.mutable_node()->SwapElements(i, i - 1);
  input.set_name(kPicture);
  auto &shape = *input.mutable_type()->mutable_tensor_type()->mutable_shape();
  shape.mutable_dim()->SwapElements(2, 3);
  shape.mutable_dim()->SwapElements(1, 2);
}

/// Leaves height and width open, and forgets what shapes follow from them.
void open_size(onnx::GraphProto &graph) {
  auto &shape = *graph.mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape();
  shape.mutable_dim(2)->set_dim_param("height");
  shape.mutable_dim(3)->set_dim_param("width");
  graph.clear_value_info();
  for (auto &output : *graph.mutable_output())
    if (output.type().has_tensor_type()) output.mutable_type()->mutable_tensor_type()->clear_shape();
}

}  // namespace

std::string onnx_graph(const std::string &path, const Interface &interface) {
  std::ifstream in(path, std::ios::binary);
  onnx::ModelProto model;
  if (!in || !model.ParseFromIstream(&in)) throw ImportError("it cannot be read again");
  onnx::GraphProto &graph = *model.mutable_graph();
  take_in(graph, fs::path(path).parent_path());
  keep_picture_only(graph, interface);
  if (!interface.outputs.empty()) {
    graph.clear_output();
    for (const auto &name : interface.outputs) graph.add_output()->set_name(name);
  }
  if (interface.nhwc) turn_picture(graph);
  if (interface.follows_size) open_size(graph);
  std::string bytes;
  // Protocol buffers end at 2 GiB.
  if (model.ByteSizeLong() >= std::size_t(1) << 31 || !model.SerializeToString(&bytes))
    throw ImportError("with its weights it is larger than an ONNX file can be (2 GiB)");
  return bytes;
}

}  // namespace oneadapt::import
