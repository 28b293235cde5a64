// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/onnx_pair.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "model/onnx_engine.h"

namespace oneadapt {
namespace fs = std::filesystem;

std::string onnx_path(const std::string &model_path) { return model_path + ".onnx"; }

std::string onnx_record(const std::string &graph) {
  // FNV-1a: it tells files apart that were mixed up, not those that somebody made alike.
  std::uint64_t sum = 0xcbf29ce484222325;
  for (const char c : graph) sum = (sum ^ std::uint8_t(c)) * 0x100000001b3;
  return nlohmann::json{{"bytes", graph.size()}, {"fnv1a", sum}}.dump();
}

OnnxPair::OnnxPair(std::string model_path, std::string record)
    : model_(std::move(model_path)), path_(onnx_path(model_)), record_(std::move(record)) {}

std::string OnnxPair::problem() const {
  if (onnx_runtime_version().empty())
    return "it needs ONNX Runtime, which this build does not have; install it (Debian 13: libonnxruntime-dev) and "
           "build again, or set plan=auto";
  if (record_.empty())
    return "it needs the ONNX graph that a model was made of, and '" + model_ +
           "' tells of none; make the model of an ONNX file with oneadapt-import, or set plan=auto";
  std::error_code error;
  if (!fs::is_regular_file(path_, error))
    return "it needs the model's ONNX graph '" + path_ +
           "', which does not exist; copy it beside the model or import the model again, or set plan=auto";
  return {};
}

std::string OnnxPair::read() const {
  std::ifstream in(path_, std::ios::binary);
  std::string graph((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in && graph.empty()) throw std::runtime_error("'" + path_ + "' cannot be read");
  if (onnx_record(graph) != record_)
    throw std::runtime_error("'" + path_ + "' is not the graph that '" + model_ +
                             "' was made of (its checksum is another); import the ONNX file again, or remove it");
  return graph;
}

std::string OnnxPair::identity() const {
  if (!problem().empty()) return {};
  std::error_code none;
  const auto time = fs::last_write_time(path_, none).time_since_epoch().count();
  return " ONNX Runtime " + onnx_runtime_version() + " " + std::to_string(fs::file_size(path_, none)) + " " +
         std::to_string(time);
}

}  // namespace oneadapt
