// SPDX-License-Identifier: LGPL-2.1-or-later
#include "weights.h"

#include <ATen/ATen.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "core/output/json_depth.h"
#include "source.h"

namespace oneadapt::import {
namespace {

using Json = nlohmann::json;

std::string read(const std::string &path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error))
    throw ImportError("the file " + path + " does not exist or is no file");
  std::ifstream in(path, std::ios::binary);
  std::string data((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in) throw ImportError("the file " + path + " cannot be read");
  return data;
}

at::Tensor tensor_at(const Json &entry, const std::string &numbers, const std::string &file) {
  const auto name = entry.at("name").get<std::string>();
  const auto shape = entry.at("shape").get<Dims>();
  const auto offset = entry.at("offset").get<std::uint64_t>();
  std::uint64_t count = 1;
  for (const std::int64_t side : shape) {
    if (side < 1 || std::uint64_t(side) > numbers.size() / 4 / count)
      throw ImportError("weight " + name + " has the shape " + literal(shape) + ", more than " + file + " holds");
    count *= std::uint64_t(side);
  }
  if (offset % 4 || offset > numbers.size() || count * 4 > numbers.size() - offset)
    throw ImportError(file + " is too short for weight " + name + "; fetch it again");
  return at::from_blob(const_cast<char *>(numbers.data()) + offset, shape, at::kFloat).clone();
}

}  // namespace

Weights::Weights(const std::string &path) : path_(path) {
  const std::string text = read(path_);
  const std::string file = std::filesystem::path(path_).replace_extension(".f32").string();
  try {
    if (nests_too_deep(text)) throw ImportError(path_ + " nests more than 64 levels deep; it is no table of weights");
    const Json table = Json::parse(text);
    if (!table.is_array()) throw ImportError(path_ + " is no table of weights, which is an array of JSON objects");
    const std::string numbers = read(file);
    for (const Json &entry : table) tensors_[entry.at("name").get<std::string>()] = tensor_at(entry, numbers, file);
  } catch (const Json::exception &error) {
    throw ImportError(path_ + " is no table of weights: " + error.what());
  }
}

at::Tensor Weights::get(const std::string &name, const Dims &shape) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) throw ImportError(path_ + " has no weight \"" + name + "\"; it is of another network");
  const Dims own = found->second.sizes().vec();
  bool same = own.size() == shape.size();
  for (std::size_t i = 0; same && i < shape.size(); i++) same = shape[i] < 0 || shape[i] == own[i];
  if (!same)
    throw ImportError("weight \"" + name + "\" of " + path_ + " has the shape " + literal(own) + ", not " +
                      literal(shape) + "; it is of another network");
  return found->second;
}

}  // namespace oneadapt::import
