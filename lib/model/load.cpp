// SPDX-License-Identifier: LGPL-2.1-or-later
// Loading: device, archive, description, labels.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/runtime/graph_iterator.h>

#include <algorithm>
#include <sstream>
#include <unordered_set>

#include "model/files.h"
#include "model/torch_file.h"

namespace oneadapt {
namespace {

using Kind = ModelError::Kind;

constexpr const char *kWhatToWrite =
    R"({"format": 1, "input": {"multiple_of": 32}, "output": {"layout": "boxes", "boxes": [0], "scores": [1], "labels": 2}, "labels": ["person", …]})";

/// A small sum on the device: a driver that is too old, or a build without kernels for this GPU, shows here.
void try_device(const c10::Device &device) {
  const at::Tensor two = at::ones({2, 2}, at::TensorOptions().device(device));
  if (two.matmul(two).sum().item<float>() != 8) throw std::runtime_error("it computed 2·2·2 wrongly");
}

}  // namespace

std::string first_sentence(const std::exception &e) {
  const auto *torch_error = dynamic_cast<const c10::Error *>(&e);
  std::string text = torch_error ? torch_error->what_without_backtrace() : e.what();
  // An interpreter's error quotes the program and ends with the reason.
  const bool traceback = text.find("Traceback of TorchScript") != std::string::npos;
  std::istringstream lines(text);
  std::string line, chosen;
  while (std::getline(lines, line)) {
    if (line.rfind("Exception raised from", 0) == 0) break;
    const std::size_t from = line.find_first_not_of(" \t");
    if (from == std::string::npos) continue;
    if (chosen.empty() || traceback) chosen = line.substr(from);
    if (!traceback && !chosen.empty()) break;
  }
  const std::string prefix = "RuntimeError: ";
  if (chosen.rfind(prefix, 0) == 0) chosen.erase(0, prefix.size());
  return chosen.empty() ? "no reason given" : chosen;
}

std::vector<at::Tensor> tensors_of(const c10::IValue &value) {
  std::vector<at::Tensor> tensors;
  if (value.isTensor()) {
    tensors.push_back(value.toTensor());
  } else if (value.isTensorList()) {
    tensors = value.toTensorVector();
  } else if (value.isTuple()) {
    for (const c10::IValue &element : value.toTupleRef().elements()) {
      if (element.isNone()) {
        tensors.emplace_back();
        continue;
      }
      if (!element.isTensor())
        throw ModelError(Kind::Run, "the model gave a tuple with a " + element.tagKind() +
                                        " in it; forward() must return tensors only");
      tensors.push_back(element.toTensor());
    }
  } else {
    throw ModelError(Kind::Run, "the model gave a " + value.tagKind() +
                                    "; forward() must return a tensor, or a tuple or list of tensors");
  }
  return tensors;
}

void expect_graph(const at::Tensor &scores) {
  if (!scores.requires_grad())
    throw ModelError(
        Kind::Run,
        "the model's scores do not depend on its input through autograd, so there is no gradient; trace or "
        "script it without torch.no_grad() and detach()");
}

TorchFile::TorchFile(const ModelOptions &options, const char *takes) : path_(options.path), threads_(options.threads) {
  if (options.threshold && !(*options.threshold >= 0 && *options.threshold <= 1))
    throw ModelError(Kind::Input, "the threshold must be from 0 to 1, it is " + std::to_string(*options.threshold));
  check_archive(options.path);
  choose_device(options.device);
  use_threads();
  load_module(options);
  read_signature(takes);
  find_type();
}

void TorchFile::use_threads() {
  if (threads_ && threads_set_in_ != std::this_thread::get_id()) {
    at::set_num_threads(int(threads_));
    threads_set_in_ = std::this_thread::get_id();
  }
  blas_threads_.use(threads_ ? int(threads_) : at::get_num_threads());
}

void TorchFile::choose_device(const std::string &wanted) {
  const int count = at::hasCUDA() ? int(at::getNumGPUs()) : 0;
  const std::string none = c10::impl::hasDeviceGuardImpl(c10::kCUDA) ? "LibTorch sees no CUDA device"
                                                                     : "this LibTorch was built without CUDA";
  if (wanted == "cpu") {
    device_reason_ = "asked for";
  } else if (wanted == "auto" || wanted.empty()) {
    device_reason_ = none;
    if (count > 0) {
      try {
        try_device(c10::Device(c10::kCUDA, 0));
        device_ = c10::Device(c10::kCUDA, 0);
        device_reason_ = "CUDA works on it";
      } catch (const std::exception &e) {
        device_reason_ = "CUDA is there but does not work: " + first_sentence(e);
      }
    }
  } else {
    int index = 0;
    const bool plain = wanted == "cuda";
    if (!plain) {
      const std::string digits = wanted.rfind("cuda:", 0) == 0 ? wanted.substr(5) : "";
      if (digits.empty() || digits.size() > 3 || digits.find_first_not_of("0123456789") != std::string::npos)
        throw ModelError(Kind::Device, "there is no device \"" + wanted + "\"; write auto, cpu, cuda or cuda:N");
      index = std::stoi(digits);
    }
    if (count == 0)
      throw ModelError(Kind::Device, "there is no device \"" + wanted + "\": " + none + "; write auto or cpu");
    if (index >= count)
      throw ModelError(Kind::Device, "there is no device \"" + wanted + "\": LibTorch sees " + std::to_string(count) +
                                         " CUDA device" + (count > 1 ? "s" : "") + ", counted from 0");
    device_ = c10::Device(c10::kCUDA, c10::DeviceIndex(index));
    try {
      try_device(device_);
    } catch (const std::exception &e) {
      throw ModelError(Kind::Device,
                       "device \"" + wanted + "\" does not work: " + first_sentence(e) + "; write auto or cpu");
    }
    device_reason_ = "asked for";
  }
  device_name_ = device_.is_cuda() ? "cuda:" + std::to_string(int(device_.index())) : "cpu";
}

/// forward() takes one input, and what else it takes may be left out.
void TorchFile::read_signature(const char *takes) {
  const auto &arguments = module_.get_method("forward").function().getSchema().arguments();
  const auto fail = [&](const std::string &what) {
    throw ModelError(Kind::Format,
                     "model file '" + path_ + "': forward() " + what + ", but oneadaptdnn gives it " + takes);
  };
  if (arguments.size() < 2) fail("takes no input");
  const auto &type = *arguments[1].type();
  takes_list_ = type.kind() == c10::TypeKind::ListType &&
                type.castRaw<c10::ListType>()->getElementType()->kind() == c10::TypeKind::TensorType;
  if (!takes_list_ && type.kind() != c10::TypeKind::TensorType) fail("takes a " + type.str());
  for (std::size_t i = 2; i < arguments.size(); ++i)
    if (!arguments[i].default_value()) fail("also needs \"" + arguments[i].name() + "\"");
}

void TorchFile::load_module(const ModelOptions &options) {
  shared_ = load_shared(options.path, device_, options.operator_libraries);
  module_ = shared_->to_run();
  if (!module_.find_method("forward"))
    throw ModelError(Kind::Format, "model file '" + options.path + "' has no method forward()");

  const std::string &own = shared_->description;
  const auto sidecar = read_sidecar(options.path);
  if (own.empty() && !sidecar)
    throw ModelError(Kind::Description, "model file '" + options.path +
                                            "' does not describe itself; let \"oneadapt-import --describe " +
                                            options.path + "\" guess what it is, or write '" + options.path +
                                            ".json', such as " + kWhatToWrite);
  try {
    // A sidecar with "format" may stand alone; any other lays its keys over the file's own.
    description_ = own.empty() ? ModelDescription::parse(sidecar->text)
                               : ModelDescription::parse(own, sidecar ? sidecar->text : std::string());
  } catch (const std::invalid_argument &e) {
    const std::string where =
        sidecar ? "model description '" + sidecar->path + "'" + (own.empty() ? "" : " (laid over the model's own)")
                : "oneadapt.json in model file '" + options.path + "'";
    throw ModelError(Kind::Description, where + ": " + e.what());
  }

  labels_ =
      options.labels_file.empty() ? description_.labels : read_labels(options.labels_file, description_.labels.size());
  theta_ = options.threshold.value_or(description_.threshold);
}

void TorchFile::find_type() {
  const auto typed = [&](const at::Tensor &tensor) {
    if (!tensor.is_floating_point()) return false;
    type_ = tensor.scalar_type();
    return true;
  };
  bool found = false;
  for (const at::Tensor &t : module_.parameters())
    if ((found = typed(t))) break;
  if (!found)
    for (const at::Tensor &t : module_.buffers())
      if (typed(t)) break;

  // Few of LibTorch's operators compute in them there.
  if (device_.is_cpu() && (type_ == at::kHalf || type_ == at::kBFloat16))
    throw ModelError(Kind::Format,
                     "model file '" + path_ +
                         "' has weights of 16 bits, which LibTorch does not compute with on the CPU; save "
                         "it in 32 bits (net.float()), or set device=cuda");
}

ModelWeights TorchFile::count_weights() const {
  ModelWeights weights;
  weights.type = type_ == at::kBFloat16 ? "bfloat16" : "float" + std::to_string(8 * c10::elementSize(type_));
  std::unordered_set<const void *> counted;
  const auto count = [&](const at::Tensor &tensor) {
    if (!tensor.defined() || !counted.insert(tensor.unsafeGetTensorImpl()).second) return;
    weights.numbers += std::uint64_t(tensor.numel());
    weights.bytes += std::uint64_t(tensor.numel()) * tensor.element_size();
  };
  for (const at::Tensor &tensor : module_.parameters()) count(tensor);
  for (const at::Tensor &tensor : module_.buffers()) count(tensor);
  // A module that was frozen has them as constants.
  auto graph = module_.get_method("forward").graph()->copy();
  torch::jit::Inline(*graph);
  torch::jit::DepthFirstGraphNodeIterator nodes(graph);
  for (torch::jit::Node *node = nodes.next(); node; node = nodes.next())
    if (node->kind() == c10::prim::Constant)
      if (const auto value = torch::jit::toIValue(node->output()); value && value->isTensor()) count(value->toTensor());
  return weights;
}

}  // namespace oneadapt
