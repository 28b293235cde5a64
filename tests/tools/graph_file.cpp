// SPDX-License-Identifier: LGPL-2.1-or-later
#include "graph_file.h"

#include <gtest/gtest.h>
#include <torch/script.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "source_module.h"

namespace import_test {
namespace {

namespace fs = std::filesystem;

std::string base64(const std::string &in) {
  static const char *digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < in.size(); i += 3) {
    unsigned bits = 0;
    for (std::size_t k = 0; k < 3; ++k) bits = bits << 8 | (i + k < in.size() ? std::uint8_t(in[i + k]) : 0);
    for (std::size_t k = 0; k < 4; ++k) out += i + k <= in.size() ? digits[bits >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

template <typename T>
std::string bytes_of(const std::vector<T> &values) {
  return std::string(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T));
}

}  // namespace

Json text(const std::string &value) { return {{"s", base64(value)}}; }
Json texts(const std::vector<std::string> &values) {
  Json list = Json::array();
  for (const auto &value : values) list.push_back(base64(value));
  return {{"list", {{"s", list}}}};
}
Json number(double value) { return {{"f", value}}; }
Json integer(long value) { return {{"i", std::to_string(value)}}; }
Json integers(const std::vector<long> &values) {
  Json list = Json::array();
  for (auto value : values) list.push_back(std::to_string(value));
  return {{"list", {{"i", list}}}};
}
Json flag(bool value) { return {{"b", value}}; }
Json type(const std::string &name) { return {{"type", name}}; }

Folder::Folder() {
  std::string name = (fs::temp_directory_path() / "oneadapt-import-XXXXXX").string();
  if (!mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
  path_ = name;
}
Folder::~Folder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}
std::vector<std::string> Folder::list() const {
  std::vector<std::string> names;
  for (const auto &entry : fs::directory_iterator(path_)) names.push_back(entry.path().filename());
  return names;
}

GraphFile::GraphFile(const Dims &shape) {
  json = {{"format", "graph-model"},
          {"modelTopology", {{"node", Json::array()}}},
          {"weightsManifest", {{{"paths", Json::array()}, {"weights", Json::array()}}}}};
  Json dims = Json::array();
  for (auto size : shape) dims.push_back({{"size", std::to_string(size)}});
  node("Placeholder", "x", {}, {{"dtype", type("DT_FLOAT")}, {"shape", {{"shape", {{"dim", dims}}}}}});
}

GraphFile &GraphFile::node(const std::string &op, const std::string &name, const std::vector<std::string> &inputs,
                           Json attributes) {
  json["modelTopology"]["node"].push_back({{"name", name}, {"op", op}, {"input", inputs}, {"attr", attributes}});
  return *this;
}

GraphFile &GraphFile::raw(const std::string &name, const std::string &dtype, const Dims &shape,
                          const std::string &bytes, Json quantization) {
  Json weight{{"name", name}, {"dtype", dtype}, {"shape", shape}};
  if (!quantization.is_null()) weight["quantization"] = quantization;
  json["weightsManifest"][0]["weights"].push_back(weight);
  weights += bytes;
  return node("Const", name, {});
}

GraphFile &GraphFile::floats(const std::string &name, const Dims &shape, const std::vector<float> &values) {
  return raw(name, "float32", shape, bytes_of(values));
}
GraphFile &GraphFile::ints(const std::string &name, const Dims &shape, const std::vector<int> &values) {
  return raw(name, "int32", shape, bytes_of(values));
}
GraphFile &GraphFile::ints(const std::string &name, const std::vector<int> &values) {
  return ints(name, Dims{std::int64_t(values.size())}, values);
}

std::string GraphFile::write(const Folder &folder, int shards) const {
  Json out = json;
  const std::size_t part = weights.size() / std::size_t(shards);
  for (int i = 0; i < shards; ++i) {
    const std::string name = "group1-shard" + std::to_string(i + 1) + ".bin";
    out["weightsManifest"][0]["paths"].push_back(name);
    const std::size_t begin = part * std::size_t(i);
    std::ofstream(folder.path(name), std::ios::binary)
        << weights.substr(begin, i + 1 == shards ? std::string::npos : part);
  }
  std::ofstream(folder.path("model.json")) << out;
  return folder.path("model.json");
}

namespace {
oneadapt::import::Converted convert_file(const GraphFile &file, const std::vector<std::string> &outputs,
                                         int multiple_of) {
  const Folder folder;
  oneadapt::import::ConvertOptions options;
  options.sizes = multiple_of ? oneadapt::import::Sizes::Auto : oneadapt::import::Sizes::Fixed;
  options.description.multiple_of = unsigned(multiple_of);
  for (const auto &name : outputs) options.outputs.push_back(oneadapt::import::parse_edge(name));
  // Something has to depend on the picture, even when the node under test is a constant.
  options.outputs.push_back({"x", 0});
  return oneadapt::import::convert(oneadapt::import::read_tfjs(file.write(folder)), options);
}
}  // namespace

Runnable::Runnable(const GraphFile &file, const std::vector<std::string> &outputs, int multiple_of)
    : converted(convert_file(file, outputs, multiple_of)) {}

std::vector<Numbers> Runnable::operator()(const Numbers &picture) const {
  auto x = torch::tensor(picture.values, torch::kFloat).reshape(picture.shape);
  // Models take NCHW whatever the graph takes.
  if (picture.shape.at(1) != 3) x = x.permute({0, 3, 1, 2});
  const auto result = converted.module->module.forward({x});
  std::vector<Numbers> outputs;
  for (const auto &element : result.toTupleRef().elements()) {
    const auto tensor = element.toTensor().to(torch::kDouble).contiguous();
    outputs.push_back({tensor.sizes().vec(),
                       std::vector<double>(tensor.data_ptr<double>(), tensor.data_ptr<double>() + tensor.numel())});
  }
  outputs.pop_back();
  return outputs;
}

Numbers run(const GraphFile &file, const std::string &output, const Numbers &picture) {
  return Runnable(file, {output})(picture).at(0);
}

Numbers first_colour(const Dims &shape, const std::vector<double> &values) {
  Numbers picture{shape, std::vector<double>(3 * values.size())};
  const std::size_t step = shape.at(1) == 3 ? 1 : 3;
  for (std::size_t i = 0; i < values.size(); ++i) picture.values[i * step] = values[i];
  return picture;
}

void expect_numbers(const Numbers &have, const Dims &shape, const std::vector<double> &values, double tolerance) {
  EXPECT_EQ(have.shape, shape);
  ASSERT_EQ(have.values.size(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    EXPECT_NEAR(have.values[i], values[i], tolerance * std::max(1.0, std::abs(values[i]))) << "number " << i;
}

}  // namespace import_test
