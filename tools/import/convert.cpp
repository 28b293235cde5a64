// SPDX-License-Identifier: LGPL-2.1-or-later
#include "convert.h"

#include <torch/script.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "check.h"
#include "common/output.h"
#include "hints.h"
#include "model/onnx_pair.h"
#include "operators.h"
#include "source_module.h"

namespace oneadapt::import {

namespace {

/// The picture that the graph takes.
struct Input {
  std::string node;
  bool nhwc = false;
  std::int64_t height = 0, width = 0;
  bool wide = false;  ///< it takes 64-bit numbers
};

using Constants = std::map<std::string, at::Tensor>;

/// Values that an input has for every picture, by the names that exporters give: PaddleDetection's, RT-DETR's and
/// D-FINE's. None: it is no such input.
std::optional<std::vector<double>> usual_values(const std::string &name, const Input &picture) {
  const double height = double(picture.height), width = double(picture.width);
  if (name == "scale_factor") return std::vector<double>{1, 1};
  if (name == "im_shape" || name == "image_shape") return std::vector<double>{height, width};
  if (name == "orig_target_sizes") return std::vector<double>{width, height};
  return {};
}

bool says_a_size(const std::string &name) { return name != "scale_factor" && usual_values(name, Input()).has_value(); }

at::Tensor constant_input(const Node &node, const std::vector<double> &values) {
  static const std::map<std::string, c10::ScalarType> types{
      {"double", at::kDouble}, {"int64", at::kLong}, {"int32", at::kInt}, {"uint8", at::kByte}};
  const auto type = types.find(node.text("dtype", "float"));
  Dims shape = node.ints("shape");
  std::int64_t count = 1;
  for (auto &size : shape) {
    if (size < 1) size = 1;
    count *= size;
  }
  if (count != std::int64_t(values.size()))
    throw ImportError("the input " + node.name + " takes " + std::to_string(count) + " numbers (" + words(shape) +
                      "), not " + std::to_string(values.size()));
  return at::tensor(values, at::kDouble).reshape(shape).to(type == types.end() ? at::kFloat : type->second);
}

/// The picture among the inputs: the only one, or the only one of four dimensions with three colours.
const Node *picture_among(const std::vector<const Node *> &inputs) {
  if (inputs.size() == 1) return inputs[0];
  const Node *picture = nullptr;
  for (const Node *input : inputs) {
    const Dims shape = input->ints("shape");
    if (shape.size() != 4) continue;
    if (picture) return nullptr;
    picture = input;
  }
  return picture;
}

Input find_picture(const Graph &graph, const Node &picture, const ModelDescription &wanted) {
  const Dims shape = picture.ints("shape");
  Input input;
  input.node = picture.name;
  if (shape.size() != 4) {
    const bool sound = shape.size() == 2 || (shape.size() == 3 && shape[1] == 1);
    throw ImportError(
        "the input " + input.node + " is no batch of pictures: it has " + std::to_string(shape.size()) +
        " dimensions (" + words(shape) + "), not 4" +
        (sound ? "; it may be sound, which is converted from TorchScript only (docs/sound-models.md)" : ""));
  }
  const std::int64_t channels = wanted.channels();
  input.nhwc = shape[1] != channels && shape[3] == channels;
  const bool open = graph.opset && shape[1] < 1;  // ONNX is NCHW; a colour dimension may have a name only
  if (!input.nhwc && shape[1] != channels && !open)
    throw ImportError("the input " + input.node + " (" + words(shape) + ") has no dimension of " +
                      (channels == 3 ? "3 colours" + std::string(shape[1] == 1 || shape[3] == 1
                                                                     ? "; if it takes gray pictures, say --colour gray"
                                                                     : "")
                                     : "one channel, which --colour gray says"));
  if (shape[0] > 1)
    throw ImportError("the input " + input.node + " (" + words(shape) +
                      ") takes several pictures at once; one is expected");
  const auto height = shape[input.nhwc ? 1 : 2], width = shape[input.nhwc ? 2 : 3];
  if ((height > 0 && wanted.height && height != wanted.height) || (width > 0 && wanted.width && width != wanted.width))
    throw ImportError("the graph takes pictures of " + std::to_string(width) + "×" + std::to_string(height) + ", not " +
                      std::to_string(wanted.width) + "×" + std::to_string(wanted.height) + "; leave the size out");
  input.height = height > 0 ? height : wanted.height;
  input.width = width > 0 ? width : wanted.width;
  if (input.height < 1 || input.width < 1)
    throw ImportError("the graph does not say how large its input is; give it with --input-size WIDTHxHEIGHT");
  if (input.height > 16384 || input.width > 16384)
    throw ImportError("the graph takes pictures of " + std::to_string(input.width) + "×" +
                      std::to_string(input.height) + "; 16384×16384 is the most");
  input.wide = picture.text("dtype", "") == "double";
  return input;
}

/// The picture, and what other inputs are for every picture.
Input find_input(const Graph &graph, const std::vector<std::string> &order, const ConvertOptions &options,
                 Constants &constants) {
  std::vector<const Node *> found;
  for (const auto &name : order)
    if (graph.nodes.at(name).op == "Placeholder") found.push_back(&graph.nodes.at(name));
  const Node *const picture = picture_among(found);
  if (!picture) throw ImportError("the graph has " + std::to_string(found.size()) + " inputs; one picture is expected");
  const Input input = find_picture(graph, *picture, options.description);
  for (const Node *other : found) {
    if (other == picture) continue;
    const auto given = options.constants.find(other->name);
    const auto values =
        given != options.constants.end() ? std::optional(given->second) : usual_values(other->name, input);
    if (!values)
      throw ImportError("the graph also takes " + other->name + " (" + words(other->ints("shape")) +
                        "); say what it is for every picture: --constant " + other->name + "=NUMBER,NUMBER,…");
    constants[other->name] = constant_input(*other, *values);
  }
  return input;
}

void reject_unknown(const Graph &graph, const std::vector<std::string> &order) {
  std::string text;
  std::set<std::string> named;
  const auto reject = [&text](const std::string &what) { text += (text.empty() ? "" : "\n") + what; };
  for (const auto &name : order) {
    const Node &node = graph.nodes.at(name);
    const std::string &op = node.op, &title = node.title.empty() ? name : node.title;
    if (op == "Const" || op == "Placeholder") continue;
    if (!graph.opset) {
      if (!find_operator(op)) reject("operator " + op + " of node " + title + " is not supported");
      continue;
    }
    // ONNX graphs repeat an operator a hundred times: its first node will do.
    if (find_onnx_operator(op)) {
      for (const auto &attribute : onnx_unknown_attributes(node))
        if (named.insert(op + "." + attribute).second)
          reject("attribute " + attribute + " of node " + title + " (" + op +
                 ") is not known, and may change what it gives: export the model with an opset of ONNX that has "
                 "none, or without it");
    } else if (named.insert(op).second) {
      reject("operator " + op + " of node " + title + " is not supported: " + onnx_remedy(op));
    }
  }
  if (!text.empty()) throw ImportError(text);
}

std::vector<at::Tensor> outputs_of(torch::jit::Module &module, const at::Tensor &x) {
  torch::NoGradGuard no_grad;
  torch::jit::GraphOptimizerEnabledGuard plain_executor{false};
  std::vector<at::Tensor> tensors;
  const auto result = module.forward({x});
  for (const auto &element : result.toTupleRef().elements()) tensors.push_back(element.toTensor());
  return tensors;
}

/// Writes the whole graph as source and runs it on the pictures.
class Builder {
 public:
  Builder(const Graph &graph, const std::vector<std::string> &order, const std::vector<Edge> &outputs,
          const Input &input, const std::vector<GraphInput> &others = {}, const Constants &constants = {})
      : graph_(graph), order_(order), outputs_(outputs), input_(input), others_(others), constants_(constants) {
    for (const auto &output : outputs) ++readers_[output.node];
    for (const auto &name : order)
      for (const auto &edge : graph.nodes.at(name).inputs) ++readers_[edge.node];
  }

  std::unique_ptr<Source::Module> build(const std::vector<at::Tensor> &pictures, bool dynamic, std::string *text) {
    std::vector<std::vector<at::Tensor>> inputs;
    if (!pictures.empty()) inputs.push_back(pictures);
    for (const auto &other : others_)
      if (!other.constant) inputs.push_back({other.value});
    Source source(std::move(inputs), dynamic);
    std::map<std::string, Values> values;
    for (const auto &name : order_) convert_node(graph_.nodes.at(name), source, values);
    std::vector<Value *> results;
    for (const auto &output : outputs_) {
      Values &of_node = values.at(output.node);
      if (output.output >= of_node.size())
        throw ImportError("node " + output.node + " has no output " + std::to_string(output.output));
      results.push_back(&of_node[output.output]);
    }
    return source.finish(results, text);
  }

 private:
  void convert_node(const Node &node, Source &source, std::map<std::string, Values> &values) {
    if (node.op == "Placeholder") {
      values[node.name] = {placeholder(node, source)};
      return;
    }
    if (node.op == "Const") {
      const auto weight = graph_.weights.find(node.name);
      if (weight == graph_.weights.end())
        throw ImportError("the weight files hold no value for the constant " + node.name);
      Value value;
      value.constant = to_tensor(weight->second);
      values[node.name] = {value};
      return;
    }
    Context context{node, source, {}, {}, true, graph_.opset};
    bool of_sizes = true;
    for (const auto &edge : node.inputs) {
      if (edge.node.empty()) {
        context.inputs.push_back(nullptr);
        context.sole_reader.push_back(false);
        continue;
      }
      Values &of_node = values.at(edge.node);
      if (edge.output >= of_node.size())
        context.fail("reads output " + std::to_string(edge.output) + " of " + edge.node + ", which has none");
      context.inputs.push_back(&of_node[edge.output]);
      context.sole_reader.push_back(readers_[edge.node] == 1);
      context.folding = context.folding && of_node[edge.output].is_constant();
      of_sizes = of_sizes && (of_node[edge.output].is_constant() || of_node[edge.output].of_sizes);
    }
    values[node.name] = run(context, of_sizes);
  }

  Value placeholder(const Node &node, Source &source) const {
    if (const auto constant = constants_.find(node.name); constant != constants_.end()) {
      Value value;
      value.constant = constant->second;
      return value;
    }
    if (others_.empty()) {
      const Value picture = source.given(0, input_.nhwc ? Dims{0, 2, 3, 1} : Dims{});
      return input_.wide ? source.emit("torch.to(x, 7)", picture.perm) : picture;
    }
    std::size_t next = 0;
    for (const auto &other : others_) {
      if (other.node == node.name && !other.constant) return source.given(next);
      if (other.node == node.name) {
        Value value;
        value.constant = other.value;
        return value;
      }
      if (!other.constant) ++next;
    }
    throw ImportError("no value is given for the input " + node.name);
  }

  static Values run(Context &context, bool of_sizes) {
    try {
      const std::string &op = context.node.op;
      Values results = (context.opset ? find_onnx_operator(op) : find_operator(op))(context);
      for (Value &result : results) {
        result.of_sizes = result.of_sizes || (of_sizes && context.source.dynamic() && !result.is_constant());
        if (!context.folding || result.is_constant()) continue;
        const at::Tensor stored = result.probes.at(0);
        Value folded;
        folded.constant = result.perm.empty() ? stored : stored.permute(result.perm).contiguous();
        result = folded;
      }
      return results;
    } catch (const ImportError &) {
      throw;
    } catch (const std::exception &error) {
      // In a dynamic graph the sizes of the second picture may clash with a constant.
      if (context.source.dynamic())
        context.not_convolutional("does not fit pictures of another size: " + first_line(error));
      context.fail(first_line(error));
    }
  }

  const Graph &graph_;
  const std::vector<std::string> &order_;
  const std::vector<Edge> &outputs_;
  const Input input_;
  const std::vector<GraphInput> others_;
  const Constants constants_;
  std::map<std::string, int> readers_;
};

/// What the graph shows of a description to come.
std::string hints_of(const Graph &graph, const ModelDescription &d) {
  nlohmann::json hints{{"of", graph.opset ? "the ONNX file" : "the TensorFlow.js model"},
                       {"imgsz", {d.height, d.width}}};
  if (!graph.labels.empty()) hints["names"] = graph.labels;
  if (!graph.task.empty()) hints["task"] = graph.task;
  if (graph.range > 0) hints["range"] = graph.range;
  // RT-DETR and its kin, which give labels, so that classes cannot be counted.
  if (graph.nodes.count("orig_target_sizes")) hints["classes"] = 80;
  return hints.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void check_equal(const std::vector<at::Tensor> &a, const std::vector<at::Tensor> &b, const std::string &what) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!torch::equal(a[i], b.at(i))) throw NotConvolutional(what);
}

/// What the source that follows its input must do: give the fixed one's result at the nominal size, and outputs of
/// the right size at others.
void check_dynamic(torch::jit::Module &module, const std::vector<at::Tensor> &nominal, const ModelDescription &d) {
  const std::int64_t m = d.multiple_of, height = d.height, width = d.width;
  check_equal(outputs_of(module, picture(height, width, d.channels())), nominal,
              "the result differs from that of the fixed size");
  const std::pair<std::int64_t, std::int64_t> others[] = {{height + m, width + 2 * m}, {5 * m, 3 * m}};
  for (const auto &[h, w] : others) {
    try {
      check_outputs(d, outputs_of(module, picture(h, w, d.channels())), h, w);
    } catch (const std::exception &error) {
      throw NotConvolutional("with a picture of " + std::to_string(w) + "×" + std::to_string(h) + " " +
                             first_line(error));
    }
  }
}

}  // namespace

Converted::Converted() = default;
Converted::Converted(Converted &&) noexcept = default;
Converted::~Converted() = default;

std::pair<unsigned, unsigned> picture_size(const Graph &graph) {
  for (const auto &[name, node] : graph.nodes) {
    if (node.op != "Placeholder") continue;
    const Dims shape = node.ints("shape");
    if (shape.size() != 4) continue;
    const bool nhwc = shape[1] != 3 && shape[3] == 3;
    const auto height = shape[nhwc ? 1 : 2], width = shape[nhwc ? 2 : 3];
    if (height > 0 && width > 0 && height <= 16384 && width <= 16384) return {unsigned(width), unsigned(height)};
  }
  return {0, 0};
}

Converted convert(const Graph &graph, const ConvertOptions &options) {
  Converted result;
  result.outputs = options.outputs.empty() ? graph.outputs : options.outputs;
  if (result.outputs.empty()) throw ImportError("the graph names no outputs; give --output");
  const auto order = graph.order(result.outputs);
  reject_unknown(graph, order);
  ModelDescription &d = result.description = options.description;
  Constants constants;
  const Input input = find_input(graph, order, options, constants);
  result.picture = input.node;
  result.nhwc = input.nhwc;
  d.width = unsigned(input.width);
  d.height = unsigned(input.height);
  std::string sized;
  for (const auto &[name, value] : constants) {
    if (says_a_size(name)) sized = name;
    const at::Tensor numbers = value.to(at::kDouble).reshape({-1}).contiguous();
    auto &values = result.constants[name];
    values.assign(numbers.data_ptr<double>(), numbers.data_ptr<double>() + numbers.numel());
    std::string text;
    for (const double number : values) text += (text.empty() ? "" : " ") + literal(number);
    result.given.push_back(name + " = " + text);
  }
  result.hints = hints_of(graph, d);
  Builder builder(graph, order, result.outputs, input, {}, constants);
  result.module = builder.build({picture(d.height, d.width, d.channels())}, false, &result.source);
  const auto nominal = outputs_of(result.module->module, picture(d.height, d.width, d.channels()));
  check_outputs(d, nominal, d.height, d.width);
  for (const auto &tensor : nominal) result.shapes.push_back(tensor.sizes().vec());

  const unsigned stride = d.strides.empty() ? 0 : unsigned(*std::max_element(d.strides.begin(), d.strides.end()));
  const unsigned multiple = options.description.multiple_of ? options.description.multiple_of : stride;
  d.multiple_of = 0;
  if (options.sizes == Sizes::Fixed) {
    result.fixed_because = "as asked";
    return result;
  }
  try {
    if (!sized.empty()) throw NotConvolutional("the input " + sized + " became a constant that says it");
    if (!multiple) throw NotConvolutional("the description has no strides; --multiple-of says which sizes are allowed");
    if (d.width % multiple || d.height % multiple)
      throw NotConvolutional("its own size is no multiple of " + std::to_string(multiple));
    ModelDescription flexible = d;
    flexible.multiple_of = multiple;
    std::string source;
    auto module = builder.build(
        {picture(d.height, d.width, d.channels()), picture(d.height + multiple, d.width + 2 * multiple, d.channels())},
        true, &source);
    check_dynamic(module->module, nominal, flexible);
    result.module = std::move(module);
    result.source = source;
    d = flexible;
  } catch (const NotConvolutional &error) {
    if (options.sizes == Sizes::Dynamic)
      throw ImportError(std::string("the graph cannot follow the size of its input: ") + error.what());
    result.fixed_because = error.what();
  }
  return result;
}

std::unique_ptr<Source::Module> translate(const Graph &graph, const std::vector<GraphInput> &inputs) {
  const auto order = graph.order(graph.outputs);
  reject_unknown(graph, order);
  return Builder(graph, order, graph.outputs, Input(), inputs).build({}, false, nullptr);
}

void write_model(const Converted &converted, const std::string &path) {
  // Without a layout it is not described yet.
  torch::jit::ExtraFilesMap own, extra{{"oneadapt.json", ""}};
  if (!converted.description.layout.empty())
    own["oneadapt.json"] = converted.description.to_json();
  else
    own[kHintsFile] = converted.hints;
  if (!converted.onnx_record.empty()) own[kOnnxRecordFile] = converted.onnx_record;
  tools::write_file(path, bytes_of(converted.module->module, own), "OUTPUT", [&](const std::string &copy) {
    try {
      auto loaded = torch::jit::load(copy, torch::kCPU, extra);
      const auto x =
          picture(converted.description.height, converted.description.width, converted.description.channels());
      check_equal(outputs_of(converted.module->module, x), outputs_of(loaded, x),
                  "the file gives another result than the graph");
      if (extra["oneadapt.json"] != own["oneadapt.json"]) throw ImportError("the description was not kept");
    } catch (const std::exception &error) {
      throw ImportError("cannot write " + path + ": " + first_line(error));
    }
  });
}

}  // namespace oneadapt::import
