// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/plan_memory.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

namespace oneadapt {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Empty: the user has no place for it.
fs::path file() {
  const char *cache = std::getenv("XDG_CACHE_HOME"), *home = std::getenv("HOME");
  if (cache && *cache == '/') return fs::path(cache) / "oneadapt" / "plans.json";
  return home && *home == '/' ? fs::path(home) / ".cache" / "oneadapt" / "plans.json" : fs::path();
}

/// An object, empty where there is none.
json read() {
  std::ifstream in(file());
  json all = json::parse(in, nullptr, /*allow_exceptions=*/false);
  return all.is_object() ? all : json::object();
}

bool is_plan(const std::string &name) {
  return name == kUnfrozenPlan || std::find(plan_names().begin(), plan_names().end(), name) != plan_names().end();
}

}  // namespace

namespace {

/// Never destroyed: models may be loaded while static objects are.
struct Decided {
  std::mutex mutex;
  std::map<std::string, std::pair<std::string, PlanReport>> plans;  ///< by path: state and plan
};
Decided &decided() {
  static auto &all = *new Decided;
  return all;
}

}  // namespace

std::optional<PlanReport> decided_plan(const PlanKey &key) {
  std::lock_guard<std::mutex> lock(decided().mutex);
  const auto found = decided().plans.find(key.path);
  if (found == decided().plans.end() || found->second.first != key.state) return std::nullopt;
  return found->second.second;
}

void decide_plan(const PlanKey &key, const PlanReport &report) {
  std::lock_guard<std::mutex> lock(decided().mutex);
  PlanReport &plan = (decided().plans[key.path] = {key.state, report}).second;
  plan.remembered = true;
}

std::optional<PlanReport> remembered_plan(const PlanKey &key) try {
  const json all = read();
  const auto entry = all.find(key.path);
  if (entry == all.end() || entry->at("state") != key.state) return std::nullopt;
  PlanReport report;
  report.results = entry->at("results").get<std::string>();
  report.gradients = entry->at("gradients").get<std::string>();
  for (const json &trial : entry->at("trials"))
    report.trials.push_back(
        {trial.at("plan").get<std::string>(), trial.at("ms").get<double>(), trial.at("problem").get<std::string>()});
  report.gradient_problem = entry->value("gradient_problem", "");
  report.remembered = true;
  if (!is_plan(report.results) || !is_plan(report.gradients)) return std::nullopt;
  return report;
} catch (const json::exception &) {
  return std::nullopt;
}

bool remember_plan(const PlanKey &key, const PlanReport &report) {
  const fs::path path = file();
  if (path.empty() || key.path.empty()) return false;
  json all = read();
  std::error_code error;
  for (auto i = all.begin(); i != all.end();) i = fs::exists(i.key(), error) ? std::next(i) : all.erase(i);
  json &entry = all[key.path] = json::object();
  entry["state"] = key.state;
  entry["results"] = report.results;
  entry["gradients"] = report.gradients;
  if (!report.gradient_problem.empty()) entry["gradient_problem"] = report.gradient_problem;
  entry["trials"] = json::array();
  for (const PlanTrial &trial : report.trials)
    entry["trials"].push_back({{"plan", trial.name}, {"ms", trial.milliseconds}, {"problem", trial.problem}});
  fs::create_directories(path.parent_path(), error);
  // Whole, whatever other processes do meanwhile.
  const fs::path made = path.string() + "." + std::to_string(getpid());
  std::ofstream out(made);
  out << all.dump(1, ' ', false, json::error_handler_t::replace) << '\n';
  out.close();
  if (out) fs::rename(made, path, error);
  if (!out || error) fs::remove(made, error);
  return bool(out);
}

}  // namespace oneadapt
