// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs ONNX's own test cases (Debian's libonnx-testdata) through the importer: model → TorchScript → outputs.
// Usage: onnx-cases DATA LIST. LIST holds the cases that must pass; with --write it is written instead.
// A case whose operators are known but whose inputs have to be constants (shapes, axes, weights of an LSTM) is run with
// all inputs but the first as constants, as models have them.
#include <torch/script.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <set>

#include "convert.h"
#include "onnx.h"
#include "operators.h"
#include "source_module.h"

namespace fs = std::filesystem;
using namespace oneadapt::import;

namespace {

std::vector<at::Tensor> tensors(const fs::path &folder, const std::string &kind) {
  std::vector<at::Tensor> all;
  for (int i = 0; fs::exists(folder / (kind + "_" + std::to_string(i) + ".pb")); ++i)
    all.push_back(to_tensor(read_onnx_tensor(folder / (kind + "_" + std::to_string(i) + ".pb"))));
  return all;
}

/// 1e-4, or a thousandth of the number where that is more.
std::string difference(const at::Tensor &have, const at::Tensor &want) {
  if (have.sizes() != want.sizes()) {
    std::ostringstream text;
    text << "shape " << have.sizes() << ", expected " << want.sizes();
    return text.str();
  }
  const auto a = have.to(torch::kDouble), b = want.to(torch::kDouble);
  if (torch::allclose(a, b, 1e-3, 1e-4, true)) return "";
  return "differs by " + std::to_string((a - b).abs().max().item<double>());
}

void run(const Graph &graph, const std::vector<GraphInput> &inputs, const std::vector<at::Tensor> &expected) {
  const auto module = translate(graph, inputs);
  std::vector<torch::jit::IValue> arguments;
  for (const auto &input : inputs)
    if (!input.constant) arguments.emplace_back(input.value);
  const auto result = module->module.forward(arguments);
  const auto outputs = result.toTupleRef().elements();
  if (outputs.size() < expected.size()) throw ImportError("gives fewer outputs");
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const std::string text = difference(outputs[i].toTensor(), expected[i]);
    if (!text.empty()) throw ImportError("output " + std::to_string(i) + " " + text);
  }
}

/// Throws when the case does not pass. True: some inputs had to be constants.
bool run_case(const fs::path &folder) {
  const Graph graph = read_onnx(folder / "model.onnx");
  const auto values = tensors(folder / "test_data_set_0", "input"),
             expected = tensors(folder / "test_data_set_0", "output");
  std::vector<GraphInput> inputs;
  if (values.size() > graph.inputs.size()) throw ImportError("has more values than inputs");
  for (std::size_t i = 0; i < values.size(); ++i) inputs.push_back({graph.inputs[i], values[i], false});
  try {
    run(graph, inputs, expected);
    return false;
  } catch (const ImportError &error) {
    if (std::string(error.what()).find("must be a constant") == std::string::npos) throw;
  }
  try {
    for (std::size_t i = 1; i < inputs.size(); ++i) inputs[i].constant = true;
    run(graph, inputs, expected);
  } catch (const ImportError &error) {
    if (std::string(error.what()).find("must be a constant") == std::string::npos) throw;
    inputs[0].constant = true;
    run(graph, inputs, expected);
  }
  return true;
}

}  // namespace

int main(int argc, char **argv) {
  const fs::path data = argv[1], list = argv[2];
  if (!fs::exists(data / "node")) {
    std::cout << "skipped: there is no " << data.string() << " (Debian's libonnx-testdata)\n";
    return 77;
  }
  std::set<std::string> passed, constants;
  std::map<std::string, std::vector<std::string>> reasons;
  std::map<std::string, std::string> why;
  for (const char *kind : {"node", "simple", "pytorch-operator", "pytorch-converted"}) {
    for (const auto &entry : fs::directory_iterator(data / kind)) {
      const std::string name = std::string(kind) + "/" + entry.path().filename().string();
      try {
        if (run_case(entry.path())) constants.insert(name);
        passed.insert(name);
      } catch (const std::exception &error) {
        const std::string text = error.what();
        why[name] = text.substr(0, text.find('\n'));
        const bool unknown = text.rfind("operator ", 0) == 0;
        const std::string op = text.substr(9, text.find(' ', 9) - 9);
        reasons[unknown ? "operator " + op + " is not supported" : "other"].push_back(name);
      }
    }
  }
  std::cout << passed.size() << " cases passed (" << constants.size() << " with parameters as constants), "
            << why.size() << " did not\n";
  for (const auto &[reason, names] : reasons) {
    if (reason != "other") std::cout << "  " << reason << ": " << names.size() << " cases\n";
  }
  for (const auto &name : reasons["other"]) std::cout << "  " << name << ": " << why[name] << "\n";
  if (argc > 3 && std::string(argv[3]) == "--write") {
    std::ofstream out(list);
    for (const auto &name : passed) out << name << "\n";
    return 0;
  }
  int lost = 0;
  std::ifstream in(list);
  std::size_t expected = 0;
  for (std::string name; std::getline(in, name); ++expected) {
    if (passed.count(name)) continue;
    ++lost;
    std::cout << "LOST " << name << ": " << (why.count(name) ? why[name] : "there is no such case") << "\n";
  }
  if (expected < 30) std::cout << "the list holds " << expected << " cases: the test would test nothing\n";
  return lost || expected < 30 ? 1 : 0;
}
