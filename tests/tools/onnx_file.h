// SPDX-License-Identifier: LGPL-2.1-or-later
// Small ONNX models, written by the tests and run after conversion.
#pragma once
#include <onnx/onnx_pb.h>
#include <torch/script.h>

#include <fstream>
#include <string>
#include <vector>

#include "convert.h"
#include "graph_file.h"
#include "onnx.h"
#include "source_module.h"

namespace import_test {

using Tensor = onnx::TensorProto;

/// A model that takes the picture "x" (0: a size that is left open).
struct OnnxFile {
  onnx::ModelProto model;
  explicit OnnxFile(const Dims &shape, int opset = 13) {
    model.set_ir_version(7);
    model.add_opset_import()->set_version(opset);
    auto *input = graph().add_input();
    input->set_name("x");
    auto *type = input->mutable_type()->mutable_tensor_type();
    type->set_elem_type(Tensor::FLOAT);
    for (const auto size : shape) {
      auto *dim = type->mutable_shape()->add_dim();
      if (size) dim->set_dim_value(size);
      if (!size) dim->set_dim_param("open");
    }
  }
  onnx::GraphProto &graph() { return *model.mutable_graph(); }
  onnx::NodeProto &node(const std::string &op, const std::vector<std::string> &inputs,
                        const std::vector<std::string> &outputs) {
    auto *made = graph().add_node();
    made->set_op_type(op);
    made->set_name(op + "_node");
    for (const auto &name : inputs) made->add_input(name);
    for (const auto &name : outputs) made->add_output(name);
    return *made;
  }
  Tensor &weight(const std::string &name, const Dims &shape, int type) {
    auto *tensor = graph().add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(type);
    for (const auto size : shape) tensor->add_dims(size);
    return *tensor;
  }
  OnnxFile &ints(const std::string &name, const std::vector<std::int64_t> &values) {
    Tensor &tensor = weight(name, {std::int64_t(values.size())}, Tensor::INT64);
    for (const auto value : values) tensor.add_int64_data(value);
    return *this;
  }
  OnnxFile &floats(const std::string &name, const Dims &shape, const std::vector<float> &values) {
    Tensor &tensor = weight(name, shape, Tensor::FLOAT);
    for (const auto value : values) tensor.add_float_data(value);
    return *this;
  }
  OnnxFile &output(const std::string &name) {
    graph().add_output()->set_name(name);
    return *this;
  }
  std::string write(const Folder &folder) const {
    std::ofstream out(folder.path("m.onnx"), std::ios::binary);
    model.SerializeToOstream(&out);
    return folder.path("m.onnx");
  }
};

inline onnx::AttributeProto &attribute_of(onnx::NodeProto &node, const std::string &key,
                                          onnx::AttributeProto::AttributeType type) {
  auto *attribute = node.add_attribute();
  attribute->set_name(key);
  attribute->set_type(type);
  return *attribute;
}
inline onnx::NodeProto &set(onnx::NodeProto &node, const std::string &key, std::int64_t value) {
  attribute_of(node, key, onnx::AttributeProto::INT).set_i(value);
  return node;
}
inline onnx::NodeProto &set(onnx::NodeProto &node, const std::string &key, int value) {
  return set(node, key, std::int64_t(value));
}
inline onnx::NodeProto &set(onnx::NodeProto &node, const std::string &key, float value) {
  attribute_of(node, key, onnx::AttributeProto::FLOAT).set_f(value);
  return node;
}
inline onnx::NodeProto &set(onnx::NodeProto &node, const std::string &key, const char *value) {
  attribute_of(node, key, onnx::AttributeProto::STRING).set_s(value);
  return node;
}
inline onnx::NodeProto &set(onnx::NodeProto &node, const std::string &key, const Dims &values) {
  auto &attribute = attribute_of(node, key, onnx::AttributeProto::INTS);
  for (const auto value : values) attribute.add_ints(value);
  return node;
}

inline oneadapt::import::Converted read(const OnnxFile &file, int multiple_of = 0) {
  const Folder folder;
  oneadapt::import::ConvertOptions options;
  options.sizes = multiple_of ? oneadapt::import::Sizes::Dynamic : oneadapt::import::Sizes::Fixed;
  options.description.multiple_of = unsigned(multiple_of);
  return oneadapt::import::convert(oneadapt::import::read_onnx(file.write(folder)), options);
}

inline std::vector<double> values(const oneadapt::import::Converted &converted, const at::Tensor &x,
                                  std::size_t output = 0) {
  const auto result = converted.module->module.forward({x});
  const at::Tensor tensor = result.toTupleRef().elements().at(output).toTensor().to(torch::kDouble).contiguous();
  return {tensor.data_ptr<double>(), tensor.data_ptr<double>() + tensor.numel()};
}

}  // namespace import_test
