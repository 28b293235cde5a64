// SPDX-License-Identifier: LGPL-2.1-or-later
#include "policyfile.h"

#include <glib.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

using nlohmann::json;

namespace {

constexpr int kVersion = 1;

std::string read_all(const std::string &path) {
  gchar *text = nullptr;
  gsize size = 0;
  GError *error = nullptr;
  if (!g_file_get_contents(path.c_str(), &text, &size, &error)) {
    const std::string why = error->message;  // which names the file once more; what comes after that is the cause
    g_clear_error(&error);
    throw std::runtime_error("cannot be read (" + why.substr(why.rfind(": ") == why.npos ? 0 : why.rfind(": ") + 2) +
                             ")");
  }
  const std::string whole(text, size);
  g_free(text);
  return whole;
}

std::vector<double> numbers(const json &file, const char *name) {
  std::vector<double> list;
  for (const json &value : file.at(name)) {
    if (!value.is_number())
      throw std::runtime_error(std::string("has something else than numbers in \"") + name + "\"");
    list.push_back(value.get<double>());
  }
  return list;
}

oneadapt::CasvaModel parse(const std::string &text) {
  const json file = json::parse(text);
  if (!file.is_object() || file.value("format", json()) != "oneadapt-casva")
    throw std::runtime_error("is no network of policy \"casva\"");
  if (file.value("version", json()) != kVersion)
    throw std::runtime_error("is of version " + file.value("version", json()).dump() + ", and only version " +
                             std::to_string(kVersion) + " is known here");
  oneadapt::CasvaModel model;
  model.knobs = file.at("knobs").get<std::vector<std::string>>();
  model.net.inputs = oneadapt::CasvaModel::inputs(model.knobs.size());
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

std::shared_ptr<const oneadapt::CasvaModel> read_policy_file(const std::string &path) {
  const std::string name = "\"" + path + "\" ";
  try {
    return std::make_shared<const oneadapt::CasvaModel>(parse(read_all(path)));
  } catch (const json::parse_error &) {
    throw std::runtime_error(name + "is no network of policy \"casva\" (it is not JSON)");
  } catch (const json::out_of_range &e) {
    // 403: a field that is missing; 406: a number that no double holds
    throw std::runtime_error(name + (e.id == 406 ? "has a number that is not finite" : "lacks one of its fields"));
  } catch (const json::exception &) {
    throw std::runtime_error(name + "has a field of the wrong type");
  } catch (const std::invalid_argument &e) {
    throw std::runtime_error(name + "cannot be used: " + e.what());
  } catch (const std::runtime_error &e) {
    throw std::runtime_error(name + e.what());
  }
}
