// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tfjs.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "core/output/json_depth.h"

namespace oneadapt::import {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

std::string read_file(const fs::path &path, const std::string &what) {
  std::error_code error;
  if (!fs::is_regular_file(path, error))
    throw ImportError(what + " " + path.string() + " does not exist or is no file");
  std::ifstream in(path, std::ios::binary);
  std::string data((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in) throw ImportError(what + " " + path.string() + " cannot be read");
  return data;
}

std::string decode_base64(const std::string &text) {
  static const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0, value = 0;
  for (char c : text) {
    if (c == '=') break;
    const auto digit = digits.find(c);
    if (digit == std::string::npos) throw ImportError("'" + text + "' is not base64");
    value = (value << 6 | unsigned(digit)) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out += char(value >> bits & 0xff);
    }
  }
  return out;
}

/// Protocol-buffer JSON writes 64-bit numbers as strings.
std::int64_t to_int(const Json &json) {
  return json.is_string() ? std::stoll(json.get<std::string>()) : json.get<std::int64_t>();
}
double to_double(const Json &json) {
  return json.is_string() ? std::stod(json.get<std::string>()) : json.get<double>();
}

Dims parse_shape(const Json &json) {
  Dims shape;
  for (const auto &dim : json.value("dim", Json::array()))
    shape.push_back(dim.contains("size") ? to_int(dim["size"]) : 0);
  return shape;
}

void add_values(const Json &json, Attribute &attribute) {
  for (const auto &[kind, value] : json.items()) {
    const Json values = value.is_array() ? value : Json::array({value});
    for (const auto &v : values) {
      if (kind == "i") {
        attribute.ints.push_back(to_int(v));
        attribute.floats.push_back(double(attribute.ints.back()));
      } else if (kind == "b") {
        attribute.ints.push_back(v.get<bool>());
      } else if (kind == "f") {
        attribute.floats.push_back(to_double(v));
      } else if (kind == "s") {
        attribute.strings.push_back(decode_base64(v.get<std::string>()));
      } else if (kind == "type") {
        attribute.strings.push_back(v.is_string() ? v.get<std::string>() : std::to_string(to_int(v)));
      } else if (kind == "shape") {
        attribute.ints = parse_shape(v);
      } else if (kind == "list") {
        add_values(v, attribute);
      }
    }
  }
}

/// Little-endian unsigned number of `size` bytes.
std::uint32_t load(const char *bytes, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value |= std::uint32_t(std::uint8_t(bytes[i])) << (8 * i);
  return value;
}

/// How one weight is stored.
struct Storage {
  std::string type;
  std::size_t size = 0;
  double scale = 1, min = 0;
};

Storage storage_of(const Json &weight, const std::string &name) {
  static const std::map<std::string, std::size_t> sizes{{"float32", 4}, {"int32", 4}, {"bool", 1}};
  static const std::map<std::string, std::size_t> quantised{{"float16", 2}, {"uint8", 1}, {"uint16", 2}};
  Storage storage;
  storage.type = weight.at("dtype").get<std::string>();
  if (!sizes.count(storage.type))
    throw ImportError("weight " + name + " has the type '" + storage.type + "'; known are float32, int32 and bool");
  storage.size = sizes.at(storage.type);
  if (!weight.contains("quantization")) return storage;
  const Json &q = weight["quantization"];
  const auto type = q.at("dtype").get<std::string>();
  if (!quantised.count(type) || storage.type == "bool" || (type == "float16" && storage.type != "float32"))
    throw ImportError("weight " + name + " (" + storage.type + ") is quantised as '" + type +
                      "'; known are float16, uint8 and uint16");
  storage.type = type;
  storage.size = quantised.at(type);
  if (type != "float16") {
    storage.scale = q.at("scale").get<double>();
    storage.min = q.at("min").get<double>();
  }
  return storage;
}

Array read_weight(const Json &weight, const std::string &name, const std::string &data, std::size_t &offset) {
  Array array;
  const auto dtype = weight.at("dtype").get<std::string>();
  const Storage storage = storage_of(weight, name);
  array.type = dtype == "float32" ? Array::Type::Float : dtype == "int32" ? Array::Type::Int : Array::Type::Bool;
  std::size_t count = 1;
  for (const auto &size : weight.at("shape")) {
    array.shape.push_back(to_int(size));
    if (array.shape.back() < 0) throw ImportError("weight " + name + " has a negative size");
    const auto n = std::size_t(array.shape.back());
    if (n && count > SIZE_MAX / 8 / n) throw ImportError("weight " + name + " has an impossible size");
    count *= n;
  }
  if (count * storage.size > data.size() - offset)
    throw ImportError("the weight files are too short: weight " + name + " needs " +
                      std::to_string(count * storage.size) + " bytes, " + std::to_string(data.size() - offset) +
                      " are left; fetch them again");
  for (std::size_t i = 0; i < count; ++i, offset += storage.size) {
    const std::uint32_t raw = load(data.data() + offset, storage.size);
    float value = 0;
    if (storage.type == "float32") std::memcpy(&value, &raw, sizeof value);
    if (storage.type == "float16") value = half_to_float(std::uint16_t(raw));
    if (storage.type == "uint8" || storage.type == "uint16") value = float(raw * storage.scale + storage.min);
    if (array.type == Array::Type::Float)
      array.floats.push_back(value);
    else
      array.ints.push_back(storage.type == "int32"  ? std::int32_t(raw)
                           : storage.type == "bool" ? std::int32_t(raw != 0)
                                                    : std::int32_t(std::lround(value)));
  }
  return array;
}

void read_weights(const Json &manifest, const fs::path &directory, Graph &graph) {
  for (const auto &group : manifest) {
    std::string data, names;
    for (const auto &path : group.at("paths")) {
      const auto name = path.get<std::string>();
      data += read_file(path_below(directory, name, "the model names the weight file"), "the weight file");
      names += (names.empty() ? "" : ", ") + name;
    }
    std::size_t offset = 0;
    for (const auto &weight : group.at("weights")) {
      const auto name = weight.at("name").get<std::string>();
      graph.weights[name] = read_weight(weight, name, data, offset);
    }
    if (offset != data.size())
      throw ImportError("the weight files (" + names + ") hold " + std::to_string(data.size()) +
                        " bytes, the model describes " + std::to_string(offset) + ": they belong to another model");
  }
}

/// Order in which people count: Identity_2 before Identity_10.
bool natural_less(const std::string &a, const std::string &b) {
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (std::isdigit(std::uint8_t(a[i])) && std::isdigit(std::uint8_t(b[j]))) {
      std::size_t m = i, n = j;
      while (m < a.size() && std::isdigit(std::uint8_t(a[m]))) ++m;
      while (n < b.size() && std::isdigit(std::uint8_t(b[n]))) ++n;
      if (m - i != n - j) return m - i < n - j;
      if (const int c = a.compare(i, m - i, b, j, n - j)) return c < 0;
      i = m;
      j = n;
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i;
      ++j;
    }
  }
  return a.size() - i < b.size() - j;
}

void find_outputs(const Json &root, Graph &graph) {
  std::vector<std::string> names;
  // Some converters keep the signature beside the topology, others among its user data.
  Json signature = root.value("signature", Json::object());
  if (!signature.contains("outputs"))
    signature = root.value("userDefinedMetadata", Json::object()).value("signature", Json::object());
  if (signature.contains("outputs")) {
    for (const auto &[key, output] : signature["outputs"].items()) names.push_back(output.value("name", key));
  } else {
    std::set<std::string> read;
    for (const auto &[name, node] : graph.nodes)
      for (const auto &input : node.inputs) read.insert(input.node);
    for (const auto &[name, node] : graph.nodes)
      if (!read.count(name) && node.op != "Const" && node.op != "NoOp") names.push_back(name);
  }
  std::sort(names.begin(), names.end(), natural_less);
  for (const auto &name : names) graph.outputs.push_back(parse_edge(name));
}

Graph parse_graph(const std::string &path) {
  Graph graph;
  graph.path = path;
  const std::string file = read_file(path, "the model");
  if (nests_too_deep(file)) throw ImportError(path + " nests more than 64 levels deep; it is no graph model");
  const Json root = Json::parse(file);
  if (root.value("format", "graph-model") != "graph-model")
    throw ImportError(path + " is a TensorFlow.js " + root["format"].get<std::string>() +
                      "; convert it to a graph model (tensorflowjs_converter --output_format=tfjs_graph_model)");
  for (const auto &json : root.at("modelTopology").at("node")) {
    Node node;
    node.name = json.at("name").get<std::string>();
    node.op = json.at("op").get<std::string>();
    for (const auto &input : json.value("input", Json::array())) {
      const auto text = input.get<std::string>();
      if (text.empty() || text[0] != '^') node.inputs.push_back(parse_edge(text));
    }
    const Json attributes = json.value("attr", Json::object());  // items() of a temporary would dangle
    for (const auto &[key, value] : attributes.items()) {
      if (key != "value") add_values(value, node.attributes[key]);
    }
    graph.nodes[node.name] = node;
  }
  read_weights(root.at("weightsManifest"), fs::path(path).parent_path(), graph);
  find_outputs(root, graph);
  return graph;
}

}  // namespace

Graph read_tfjs(const std::string &json_path) {
  try {
    return parse_graph(json_path);
  } catch (const Json::exception &error) {
    throw ImportError(json_path + " is not a TensorFlow.js graph model: " + error.what());
  } catch (const std::logic_error &error) {  // a number that is none, or too large
    throw ImportError(json_path + " is not a TensorFlow.js graph model: bad number (" + error.what() + ")");
  }
}

}  // namespace oneadapt::import
