// SPDX-License-Identifier: LGPL-2.1-or-later
// Loading: device, archive, description, labels.
#include "model/torch_file.h"

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/runtime/graph_iterator.h>

#include <unordered_set>

#include "model/files.h"
#include "model/torch_errors.h"

namespace oneadapt {
namespace {

using Kind = ModelError::Kind;

constexpr const char *kWhatToWrite =
    R"({"format": 1, "input": {"multiple_of": 32}, "output": {"layout": "boxes", "boxes": [0], "scores": [1], "labels": 2}, "labels": ["person", …]})";

/// Only loads.
class DescriptionOnly : private TorchFile {
 public:
  explicit DescriptionOnly(const ModelOptions &options) : TorchFile(options, {"one tensor", "input"}) {}
  const ModelDescription &description() const { return description_; }
};

}  // namespace

TorchFile::TorchFile(const ModelOptions &options, const Words &words)
    : path_(options.path), words_(words), threads_(options.threads) {
  if (options.threshold && !(*options.threshold >= 0 && *options.threshold <= 1))
    throw ModelError(Kind::Input, "the threshold must be from 0 to 1, it is " + std::to_string(*options.threshold));
  check_archive(options.path);
  device_ = choose_device(options.device);
  load_module(options);
  read_signature();
  find_type();
}

/// forward() takes one input, of point clouds two, and what else it takes may be left out.
void TorchFile::read_signature() {
  const auto &arguments = module_.get_method("forward").function().getSchema().arguments();
  const auto fail = [&](const std::string &what) {
    throw ModelError(Kind::Format,
                     "model file '" + path_ + "': forward() " + what + ", but oneadaptdnn gives it " + words_.takes);
  };
  if (arguments.size() < 2) fail("takes no input");
  const auto &type = *arguments[1].type();
  takes_list_ = type.kind() == c10::TypeKind::ListType &&
                type.castRaw<c10::ListType>()->getElementType()->kind() == c10::TypeKind::TensorType;
  if (!takes_list_ && type.kind() != c10::TypeKind::TensorType) fail("takes a " + type.str());
  const std::size_t given = description_.takes_points() ? 2 : 1;
  if (arguments.size() <= given || (given == 2 && arguments[2].type()->kind() != c10::TypeKind::TensorType))
    fail("takes one tensor");
  for (std::size_t i = given + 1; i < arguments.size(); ++i)
    if (!arguments[i].default_value()) fail("also needs \"" + arguments[i].name() + "\"");
}

void TorchFile::load_module(const ModelOptions &options) {
  shared_ = load_shared(options.path, device_.device, options.plan, options.operator_libraries);
  module_ = shared_->to_run();
  if (!module_.find_method("forward"))
    throw ModelError(Kind::Format, "model file '" + options.path + "' has no method forward()");
  read_description(options);
  labels_ =
      options.labels_file.empty() ? description_.labels : read_labels(options.labels_file, description_.labels.size());
  theta_ = options.threshold.value_or(description_.threshold);
}

/// The file's own description, its sidecar laid over it.
void TorchFile::read_description(const ModelOptions &options) {
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
  if (device_.device.is_cpu() && (type_ == at::kHalf || type_ == at::kBFloat16))
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

std::shared_ptr<const ModelDescription> read_description(const ModelOptions &options) {
  return loading(options, [&] {
    const auto file = std::make_shared<DescriptionOnly>(options);
    return std::shared_ptr<const ModelDescription>(file, &file->description());
  });
}

}  // namespace oneadapt
