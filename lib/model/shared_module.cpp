// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/shared_module.h"

#include <caffe2/serialize/inline_container.h>
#include <dlfcn.h>
#include <glob.h>
#include <sys/stat.h>
#include <torch/csrc/api/include/torch/version.h>
#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/runtime/print_handler.h>

#include <filesystem>
#include <iostream>
#include <map>
#include <mutex>
#include <tuple>
#include <type_traits>

#include "model/lstm_shapes.h"
#include "model/newer_operators.h"
#include "model/onnx_pair.h"
#include "model/torch_model.h"

namespace oneadapt {
namespace {

using Kind = ModelError::Kind;

constexpr const char *kExtraFile = "oneadapt.json";

/// Which kind of archive is it, when it is not TorchScript?
void expect_torchscript(const std::string &path) {
  const std::string file = "model file '" + path + "' ";
  bool data = false, program = false;
  try {
    caffe2::serialize::PyTorchStreamReader reader(path);
    data = reader.hasRecord("data.pkl");
    program = reader.hasRecord("constants.pkl");
  } catch (const std::exception &) {
    throw ModelError(Kind::Format,
                     file + "is a zip archive but not TorchScript, or a damaged one; save it with torch.jit.save");
  }
  if (data && !program)
    throw ModelError(Kind::Format, file +
                                       "holds pickled weights (torch.save, a state_dict), not a program; save it with "
                                       "torch.jit.script or torch.jit.trace and torch.jit.save");
  if (!program)
    throw ModelError(Kind::Format, file + "is a PyTorch archive but not TorchScript; save it with torch.jit.save");
}

/// A shared library that registers operators with LibTorch when it is loaded. It stays for good: they cannot be taken
/// back.
void load_operators(const std::string &library) {
  if (!dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL)) {
    const char *reason = dlerror();
    throw ModelError(Kind::File,
                     "operator library '" + library + "' cannot be loaded: " + (reason ? reason : "no reason given"));
  }
}

/// Where Debian's python3-torchvision, pip and a build of its C++ library put torchvision's operators.
bool load_torchvision() {
  if (dlopen("libtorchvision.so", RTLD_NOW | RTLD_GLOBAL)) return true;
  glob_t found = {};
  bool loaded = false;
  if (glob("/usr/lib/python3/dist-packages/torchvision/_C*.so", 0, nullptr, &found) == 0)
    for (std::size_t i = 0; i < found.gl_pathc && !loaded; ++i)
      loaded = dlopen(found.gl_pathv[i], RTLD_NOW | RTLD_GLOBAL) != nullptr;
  globfree(&found);
  return loaded;
}

/// When `e` is about operators that nobody has registered: finds those of torchvision, or says what to do.
bool provide_operators(const std::string &path, const std::exception &e) {
  const std::string text = e.what(), mark = "Unknown builtin op: ";
  const auto at = text.find(mark);
  if (at == std::string::npos) return false;
  const std::string name =
      text.substr(at + mark.size(), text.find_first_of(".\n ", at + mark.size()) - at - mark.size());
  if (name.rfind("torchvision::", 0) == 0 && load_torchvision()) return true;
  if (name.rfind("aten::", 0) == 0)
    throw ModelError(Kind::Format,
                     "model file '" + path + "' needs the operator " + name +
                         ", which LibTorch " TORCH_VERSION
                         " does not have: it was saved by a newer PyTorch; export it as ONNX and convert that with "
                         "oneadapt-import, or save it with PyTorch " TORCH_VERSION);
  throw ModelError(Kind::Format, "model file '" + path + "' needs the operator " + name +
                                     (name.rfind("torchvision::", 0) == 0 ? "; install python3-torchvision, or name "
                                                                            "libtorchvision.so in operator-libraries"
                                                                          : "; name the shared library that has it in "
                                                                            "operator-libraries"));
}

bool writes(torch::jit::Block *block, const torch::jit::AliasDb &aliases) {
  for (torch::jit::Node *node : block->nodes()) {
    if (node->kind() == c10::prim::SetAttr) return true;
    if (node->kind() == c10::prim::GetAttr && aliases.hasWriters(node->output())) return true;
    for (torch::jit::Block *inner : node->blocks())
      if (writes(inner, aliases)) return true;
  }
  return false;
}

/// Whether running it changes it: it sets an attribute, or writes into a tensor or a list that is one.
bool changes_itself(const torch::jit::Module &module) {
  const auto forward = module.find_method("forward");
  if (!forward) return false;
  try {
    const auto graph = forward->graph()->copy();
    torch::jit::Inline(*graph);  // what forward() calls, too
    return writes(graph->block(), torch::jit::AliasDb(graph));
  } catch (const std::exception &) {
    return true;  // LibTorch cannot tell
  }
}

std::shared_ptr<SharedModule> load(const std::string &path, const c10::Device &device,
                                   const std::vector<std::string> &operator_libraries) {
  expect_torchscript(path);
  check_lstm_shapes();
  register_newer_operators();
  // What a program prints must not end up between the results of a program that writes them to its standard output.
  torch::jit::setPrintHandler([](const std::string &text) { std::cerr << text; });
  for (const std::string &library : operator_libraries) load_operators(library);
  auto shared = std::make_shared<SharedModule>();
  torch::jit::ExtraFilesMap extra{{kExtraFile, ""}, {kOnnxRecordFile, ""}};
  const auto read = [&] { shared->module = torch::jit::load(path, device, extra); };
  try {
    try {
      read();
    } catch (const std::exception &e) {
      if (!provide_operators(path, e)) throw;
      read();
    }
  } catch (const ModelError &) {
    throw;
  } catch (const std::exception &e) {
    throw ModelError(Kind::Format,
                     "model file '" + path + "' is damaged, or of another LibTorch's format: " + first_sentence(e));
  }
  shared->description = extra[kExtraFile];
  shared->onnx_record = extra[kOnnxRecordFile];
  // Frozen: no gradient of a weight is ever computed or stored (§4.1).
  shared->module.eval();
  const auto freeze = [](at::Tensor tensor) {
    if (tensor.requires_grad()) tensor.requires_grad_(false);
  };
  for (const at::Tensor &t : shared->module.parameters()) freeze(t);
  for (const at::Tensor &t : shared->module.buffers()) freeze(t);
  shared->stateful = changes_itself(shared->module);
  return shared;
}

/// The type of map that `deepcopy` takes. LibTorch 1.13 compares its keys by storage, LibTorch 2 by identity.
template <typename Value, typename = void>
struct CopiesOf {
  using Map = typename Value::HashAliasedIValueMap;
};
template <typename Value>
struct CopiesOf<Value, std::void_t<typename Value::HashIdentityIValueMap>> {
  using Map = typename Value::HashIdentityIValueMap;
};

}  // namespace

torch::jit::Module SharedModule::to_run() const {
  if (!stateful) return module;
  // Parameters stand for themselves, so all else is copied.
  CopiesOf<c10::IValue>::Map copies;
  for (const at::Tensor &weight : module.parameters()) copies[weight] = weight;
  return torch::jit::Module(module._ivalue()->deepcopy(copies));
}

const Plans &SharedModule::plans(const std::function<Plans()> &search) {
  std::lock_guard<std::mutex> lock(mutex_);  // while searching too: nobody may run the module meanwhile
  if (!plans_) plans_ = search();
  return *plans_;
}

std::shared_ptr<PlainEngine> SharedModule::engine(unsigned threads,
                                                  const std::function<std::shared_ptr<PlainEngine>()> &make) {
  std::lock_guard<std::mutex> lock(engines_mutex_);
  auto &one = engines_[threads];
  if (!one) one = make();
  return one;
}

std::shared_ptr<SharedModule> load_shared(const std::string &path, const c10::Device &device, const std::string &plan,
                                          const std::vector<std::string> &operator_libraries) {
  using Key = std::tuple<std::string, std::string, std::string, off_t, time_t, long>;
  // Never destroyed: elements may outlive static objects.
  static auto &mutex = *new std::mutex;
  static auto &loaded = *new std::map<Key, std::weak_ptr<SharedModule>>;

  std::error_code ignored;
  const std::string real = std::filesystem::canonical(path, ignored).string();
  struct stat s = {};
  const bool known = !real.empty() && stat(real.c_str(), &s) == 0;
  std::lock_guard<std::mutex> lock(mutex);  // while loading too: who comes second waits and shares
  if (!known) return load(path, device, operator_libraries);
  for (auto i = loaded.begin(); i != loaded.end();) i = i->second.expired() ? loaded.erase(i) : std::next(i);
  auto &entry = loaded[Key{real, device.str(), plan, s.st_size, s.st_mtim.tv_sec, s.st_mtim.tv_nsec}];
  auto shared = entry.lock();
  if (!shared) entry = shared = load(path, device, operator_libraries);
  return shared;
}

}  // namespace oneadapt
