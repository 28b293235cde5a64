// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs ONNX's own test cases (Debian's libonnx-testdata) through the importer: model → TorchScript → outputs.
// Usage: onnx-cases DATA LIST
//        onnx-cases DATA LIST --write OTHER_DATA   (writes LIST anew for both versions of the data; read its diff)
// Every case whose operators and types the importer has must be in LIST, a line each:
//   CASE [VERSION] [refused: TEXT | differs: TEXT]
// VERSION: only the data of that version of ONNX have it. refused: the importer says TEXT. differs: the outputs do, for
// a reason that the comments at its beginning give; where a newer LibTorch makes it pass, that is welcome.
// A case whose inputs have to be constants (shapes, axes, weights of an LSTM) is run with all inputs but the first as
// constants, as models have them.
#include <onnx/onnx_pb.h>
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

using Declarations = google::protobuf::RepeatedPtrField<onnx::ValueInfoProto>;

/// The data hold bfloat16 as unsigned numbers of 16 bits; the model says what they are.
std::vector<at::Tensor> tensors(const fs::path &folder, const std::string &kind, const Declarations &declared) {
  std::vector<at::Tensor> all;
  for (int i = 0; fs::exists(folder / (kind + "_" + std::to_string(i) + ".pb")); ++i) {
    all.push_back(to_tensor(read_onnx_tensor(folder / (kind + "_" + std::to_string(i) + ".pb"))));
    const bool bfloat =
        i < declared.size() && declared[i].type().tensor_type().elem_type() == onnx::TensorProto::BFLOAT16;
    if (bfloat && all.back().scalar_type() == torch::kLong)
      all.back() = all.back().bitwise_left_shift(16).to(torch::kInt).view(torch::kFloat);
  }
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
  return "differs by " + std::to_string((a - b).abs().nan_to_num().max().item<double>());
}

/// The outputs are not the data's.
class Difference : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

void run(const Graph &graph, const std::vector<GraphInput> &inputs, const std::vector<at::Tensor> &expected) {
  const auto module = translate(graph, inputs);
  std::vector<torch::jit::IValue> arguments;
  for (const auto &input : inputs)
    if (!input.constant) arguments.emplace_back(input.value);
  const auto result = module->module.forward(arguments);
  const auto outputs = result.toTupleRef().elements();
  if (outputs.size() < expected.size()) throw Difference("gives fewer outputs");
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const std::string text = difference(outputs[i].toTensor(), expected[i]);
    if (!text.empty()) throw Difference("output " + std::to_string(i) + " " + text);
  }
}

/// Throws when the case does not pass. True: some inputs had to be constants.
bool run_case(const fs::path &folder) {
  const Graph graph = read_onnx(folder / "model.onnx");
  for (const auto &[name, node] : graph.nodes)
    if (node.op != "Const" && node.op != "Placeholder" && !find_onnx_operator(node.op))
      throw ImportError("operator " + node.op + " of node " + name + " is not supported");
  onnx::ModelProto model;
  std::ifstream in(folder / "model.onnx", std::ios::binary);
  model.ParseFromIstream(&in);
  const auto values = tensors(folder / "test_data_set_0", "input", model.graph().input()),
             expected = tensors(folder / "test_data_set_0", "output", model.graph().output());
  std::vector<GraphInput> inputs;
  if (values.size() > graph.inputs.size()) throw ImportError("has more values than inputs");
  for (std::size_t i = 0; i < values.size(); ++i) inputs.push_back({graph.inputs[i], values[i], false});
  const auto wants_constants = [](const ImportError &error) {
    return std::string(error.what()).find("must be a constant") != std::string::npos;
  };
  try {
    run(graph, inputs, expected);
    return false;
  } catch (const ImportError &error) {
    if (!wants_constants(error)) throw;
  }
  try {
    for (std::size_t i = 1; i < inputs.size(); ++i) inputs[i].constant = true;
    run(graph, inputs, expected);
  } catch (const ImportError &error) {
    if (!wants_constants(error)) throw;
    inputs[0].constant = true;
    run(graph, inputs, expected);
  }
  return true;
}

/// Not what the importer is for: operators that it does not have, or values that are no tensors of numbers.
bool is_outside(const std::string &why) {
  for (const char *text :
       {"operator ", "the type STRING", "is no tensor", "does not say which opset", "uses opset 1 of"})
    if (why.find(text) != std::string::npos && (text != std::string("operator ") || why.rfind(text, 0) == 0))
      return true;
  return false;
}

struct Results {
  std::size_t passed = 0, with_constants = 0;
  std::map<std::string, std::string> why;  ///< of cases that did not pass, and have to be in the list; "": passed
  std::map<std::string, int> outside;      ///< reason → cases
};

Results run_all(const fs::path &data) {
  Results results;
  for (const char *kind : {"node", "simple", "pytorch-operator", "pytorch-converted"}) {
    for (const auto &entry : fs::directory_iterator(data / kind)) {
      const std::string name = std::string(kind) + "/" + entry.path().filename().string();
      std::string why;
      try {
        if (run_case(entry.path())) ++results.with_constants;
        ++results.passed;
      } catch (const Difference &error) {
        why = std::string("differs: ") + error.what();
      } catch (const std::exception &error) {
        why = error.what();
        why = why.substr(0, why.find('\n'));
        if (is_outside(why)) {
          const auto subject = why.find(" of node ");
          ++results
                .outside[why.rfind("operator ", 0) == 0 ? why.substr(0, subject) : "no tensor of numbers, or no opset"];
          continue;
        }
        why = "refused: " + why;
      }
      results.why[name] = why;
    }
  }
  return results;
}

/// Told by cases that only one of them has.
std::string version_of(const fs::path &data) {
  if (fs::exists(data / "node/test_gelu_default_1")) return "1.17";
  return fs::exists(data / "node/test_split_equal_parts_1d") ? "1.12" : "";
}

/// What the list says of the cases of this version: name → "", "refused: …" or "differs: …".
std::map<std::string, std::string> read_list(const fs::path &path, const std::string &version) {
  std::map<std::string, std::string> list;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    const auto space = line.find(' ');
    std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
    const bool marked = rest.rfind("1.", 0) == 0;
    if (marked && rest.substr(0, rest.find(' ')) != version) continue;
    if (marked) rest = rest.find(' ') == std::string::npos ? "" : rest.substr(rest.find(' ') + 1);
    list[line.substr(0, space)] = rest;
  }
  return list;
}

/// The differences' own numbers are left out: they are LibTorch's.
std::string line_of(const std::string &why) {
  return why.rfind("differs: ", 0) == 0 ? why.substr(0, why.find(" by ")) : why;
}

/// The comments at the beginning stay.
void write_list(const fs::path &path, const std::map<std::string, Results> &versions) {
  std::string comments;
  {
    std::ifstream in(path);
    for (std::string line; std::getline(in, line) && !line.empty() && line[0] == '#';) comments += line + "\n";
  }
  std::map<std::string, std::map<std::string, std::string>> lines;  // case → version → what it says
  for (const auto &[version, results] : versions)
    for (const auto &[name, why] : results.why) lines[name][version] = line_of(why);
  std::ofstream out(path);
  out << comments;
  for (const auto &[name, said] : lines) {
    const bool same = said.size() == versions.size() &&
                      std::all_of(said.begin(), said.end(), [&](auto &s) { return s.second == said.begin()->second; });
    for (const auto &[version, text] : said) {
      out << name << (same ? "" : " " + version) << (text.empty() ? "" : " ") << text << "\n";
      if (same) break;
    }
  }
}

/// Prints what is not as the list says. Returns how many.
int compare(const Results &results, const std::map<std::string, std::string> &list) {
  int wrong = 0;
  const auto report = [&wrong](const std::string &text) {
    ++wrong;
    std::cout << text << "\n";
  };
  for (const auto &[name, expected] : list) {
    const auto found = results.why.find(name);
    if (found == results.why.end())
      report("LOST " + name + ": there is no such case, or it is outside what the importer has");
    else if (found->second.empty() && expected.rfind("differs:", 0) == 0)
      std::cout << name << " passes with this LibTorch\n";
    else if (expected.empty() ? !found->second.empty() : found->second.find(expected) != 0)
      report("LOST " + name + ": " + (found->second.empty() ? "passes" : found->second) +
             (expected.empty() ? "" : "; expected " + expected));
  }
  for (const auto &[name, why] : results.why)
    if (!list.count(name)) report("NOT LISTED " + name + ": " + (why.empty() ? "passes" : why));
  return wrong;
}

}  // namespace

int main(int argc, char **argv) {
  const fs::path data = argv[1], list = argv[2];
  if (!fs::exists(data / "node")) {
    std::cout << "skipped: there is no " << data.string() << " (Debian's libonnx-testdata)\n";
    return 77;
  }
  if (argc > 4 && std::string(argv[3]) == "--write") {
    std::map<std::string, Results> versions;
    for (const fs::path folder : {argv[1], argv[4]}) versions[version_of(folder)] = run_all(folder);
    write_list(list, versions);
    return 0;
  }
  const std::string version = version_of(data);
  if (version.empty()) {
    std::cout << data.string() << " is neither of ONNX 1.12 nor of 1.17, which the list is for\n";
    return 1;
  }
  const Results results = run_all(data);
  std::cout << "data of ONNX " << version << ": " << results.passed << " cases passed (" << results.with_constants
            << " with parameters as constants), " << results.why.size() - results.passed << " are refused or differ\n";
  for (const auto &[reason, count] : results.outside) std::cout << "  outside: " << reason << ": " << count << "\n";
  const auto expected = read_list(list, version);
  // It has 845 of the data of 1.12 and 1141 of 1.17.
  if (expected.size() < 700)
    std::cout << "the list holds " << expected.size() << " cases: the test would test nothing\n";
  return compare(results, expected) || expected.size() < 700 ? 1 : 0;
}
