// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli_values.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "core/output/json_depth.h"
#include "graph.h"
#include "model/labels.h"

namespace oneadapt::import {
namespace {

using Json = nlohmann::json;

std::string read_text(const std::string &path, const std::string &what) {
  std::error_code error;
  std::ifstream in(path, std::ios::binary);
  if (std::filesystem::is_directory(path, error)) throw ImportError(what + " " + path + " is a directory");
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in && text.empty()) throw ImportError(what + " " + path + " cannot be read");
  return text;
}

}  // namespace

nlohmann::json parse_json(const std::string &text) {
  return nests_too_deep(text) ? Json(Json::value_t::discarded) : Json::parse(text, nullptr, false);
}

std::vector<std::string> read_labels(const std::string &path) {
  try {
    return parse_labels(read_text(path, "the labels file"));
  } catch (const std::invalid_argument &error) {
    throw ImportError("the labels file " + path + " " + error.what());
  }
}

nlohmann::json read_json(const std::string &path) {
  const Json json = parse_json(read_text(path, "the description"));
  if (!json.is_object()) throw ImportError("the description " + path + " is no JSON object");
  return json;
}

std::pair<unsigned, unsigned> parse_size(const std::string &text) {
  const auto cross = text.find('x');
  const auto number = [&](const std::string &part) {
    const bool digits = !part.empty() && part.size() < 6 && part.find_first_not_of("0123456789") == std::string::npos;
    const unsigned long value = digits ? std::stoul(part) : 0;
    if (value < 1 || value > 16384) throw ImportError("--input-size wants WIDTHxHEIGHT, each up to 16384, not " + text);
    return unsigned(value);
  };
  return {number(text.substr(0, cross)), number(cross == std::string::npos ? "" : text.substr(cross + 1))};
}

std::pair<std::string, std::vector<double>> parse_constant(const std::string &text) {
  const auto equals = text.rfind('=');
  const Json list = equals == std::string::npos || !equals
                        ? Json()
                        : Json::parse("[" + text.substr(equals + 1) + "]", nullptr, false);
  const auto is_number = [](const Json &value) { return value.is_number(); };
  if (!list.is_array() || list.empty() || !std::all_of(list.begin(), list.end(), is_number))
    throw ImportError("--constant wants NAME=NUMBER,NUMBER,…, not " + text);
  return {text.substr(0, equals), list.get<std::vector<double>>()};
}

nlohmann::json setting(const std::string &text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) throw ImportError("--set wants KEY=VALUE, not " + text);
  Json value = parse_json(text.substr(equals + 1));
  if (value.is_discarded()) value = text.substr(equals + 1);
  std::string key = text.substr(0, equals);
  for (auto dot = key.rfind('.'); dot != std::string::npos; dot = key.rfind('.')) {
    value = Json{{key.substr(dot + 1), value}};
    key.resize(dot);
  }
  return Json{{key, value}};
}

}  // namespace oneadapt::import
