// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/policy/casva/file.h"

#include <nlohmann/json.hpp>

#include "core/policy/registry.h"

namespace oneadapt {

using nlohmann::json;

namespace {

std::vector<double> numbers(const json &file, const char *name) {
  std::vector<double> list;
  for (const json &value : file.at(name)) {
    if (!value.is_number()) throw PolicyFileError(std::string("has something else than numbers in \"") + name + "\"");
    list.push_back(value.get<double>());
  }
  return list;
}

CasvaModel parse(const std::string &text) {
  const json file = json::parse(text);
  if (!file.is_object() || file.value("format", json()) != kCasvaFormat)
    throw PolicyFileError("is no network of policy \"casva\"");
  if (file.value("version", json()) != kCasvaVersion)
    throw PolicyFileError("is of version " + file.value("version", json()).dump() + ", and only version " +
                          std::to_string(kCasvaVersion) + " is known here");
  CasvaModel model;
  model.knobs = file.at("knobs").get<std::vector<std::string>>();
  model.net.inputs = CasvaModel::inputs(model.knobs.size());
  model.net.hidden = file.at("hidden").get<std::size_t>();
  model.net.weights = numbers(file, "weights");
  model.input_mean = numbers(file, "input_mean");
  model.input_scale = numbers(file, "input_scale");
  model.output_mean = numbers(file, "output_mean");
  model.output_scale = numbers(file, "output_scale");
  model.check();
  return model;
}

}  // namespace

CasvaModel read_casva(const std::string &text) {
  try {
    return parse(text);
  } catch (const json::parse_error &) {
    throw PolicyFileError("is no network of policy \"casva\" (it is not JSON)");
  } catch (const json::out_of_range &e) {
    // 403: a field that is missing; 406: a number that no double holds
    throw PolicyFileError(e.id == 406 ? "has a number that is not finite" : "lacks one of its fields");
  } catch (const json::exception &) {
    throw PolicyFileError("has a field of the wrong type");
  } catch (const std::invalid_argument &e) {
    throw PolicyFileError(std::string("cannot be used: ") + e.what());
  }
}

}  // namespace oneadapt
