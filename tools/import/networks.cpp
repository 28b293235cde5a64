// SPDX-License-Identifier: LGPL-2.1-or-later
#include "networks.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "common/output.h"
#include "model/cloud_model.h"
#include "source_module.h"

namespace oneadapt::import {
namespace {

struct Kind {
  const char *name;
  Network (*build)(const Weights &, Parameters &);
};

const std::vector<Kind> &kinds() {
  static const std::vector<Kind> all{{"point-gnn", build_point_gnn}, {"pointpillars", build_point_pillars}};
  return all;
}

/// A box of points on a ground, to try a network on.
PointCloud some_points() {
  PointCloud points;
  for (int i = -20; i < 20; i++)
    for (int j = -20; j < 20; j++) points.push_back({float(i) / 2 + 0.1F, float(j) / 2 + 0.1F, -1.7F, 0.3F});
  for (int i = 0; i < 20; i++)
    for (int j = 0; j < 8; j++) points.push_back({8 + 0.2F * float(i), 3, -1.5F + 0.2F * float(j), 0.5F});
  return points;
}

/// The file as oneadaptdnn reads it must run, with a gradient too.
void try_model(const std::string &path) {
  ModelOptions options;
  options.path = path;
  options.device = "cpu";
  const auto model = CloudModel::load(options);
  const PointCloud points = some_points();
  model->infer(points.data(), points.size());
  model->infer_for_gradient(points.data(), points.size(), PolarGrid());
  Gradient gradient;
  model->backward(gradient);
}

}  // namespace

Parameters::Parameters(const std::vector<std::string> &texts) {
  for (const std::string &text : texts) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || !equals) throw ImportError("--parameter wants KEY=VALUE, not " + text);
    given_[text.substr(0, equals)] = text.substr(equals + 1);
  }
}

double Parameters::number(const std::string &name, double fallback, double least, double most) {
  known_.push_back(name);
  const auto found = given_.find(name);
  if (found == given_.end()) return fallback;
  const nlohmann::json value = nlohmann::json::parse(found->second, nullptr, false);
  if (!value.is_number() || !(value.get<double>() >= least && value.get<double>() <= most))
    throw ImportError("--parameter " + name + " must be a number from " + literal(least) + " to " + literal(most) +
                      ", not \"" + found->second + "\"");
  return value.get<double>();
}

void Parameters::finish() const {
  for (const auto &[name, value] : given_)
    if (std::find(known_.begin(), known_.end(), name) == known_.end())
      throw ImportError("this network has no parameter \"" + name + "\"; it has " + join(known_));
}

std::string network_names() {
  std::vector<std::string> names;
  for (const Kind &kind : kinds()) names.emplace_back(kind.name);
  return join(names);
}

void import_network(const NetworkRequest &request, std::ostream &out) {
  const auto kind =
      std::find_if(kinds().begin(), kinds().end(), [&](const Kind &k) { return request.network == k.name; });
  if (kind == kinds().end())
    throw ImportError("there is no network \"" + request.network + "\"; known are " + network_names());
  if (request.weights.empty() || request.output.empty())
    throw ImportError("--network wants a file of weights and a file to write: oneadapt-import --network " +
                      request.network + " WEIGHTS OUTPUT.pt");
  std::error_code missing;
  if (std::filesystem::equivalent(std::filesystem::path(request.output).replace_extension(".json"), request.weights,
                                  missing))
    throw ImportError(request.output + " would take " + request.weights +
                      ", of the same name, for its description; write it by another name");
  tools::check_output(request.output, "OUTPUT");
  Parameters parameters(request.parameters);
  const Weights weights(request.weights);
  const Network network = kind->build(weights, parameters);
  parameters.finish();
  std::string description;
  try {
    description = ModelDescription::parse(network.description.to_json(), request.description_patch).to_json();
  } catch (const std::invalid_argument &error) {
    throw ImportError(std::string("the description is wrong: ") + error.what());
  }
  const torch::jit::Module &module = network.module->module;
  std::int64_t numbers = 0;
  for (const at::Tensor &weight : module.buffers()) numbers += weight.numel();
  tools::write_file(request.output, bytes_of(module, {{"oneadapt.json", description}}), "OUTPUT",
                    [&](const auto &copy) {
                      try {
                        try_model(copy);
                      } catch (const std::exception &error) {
                        throw ImportError("the network of " + request.weights + " does not run: " + error.what());
                      }
                    });
  out << request.output << ": " << network.description.name << ", " << numbers << " numbers\n";
}

}  // namespace oneadapt::import
