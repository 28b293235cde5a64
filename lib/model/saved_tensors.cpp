// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/saved_tensors.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/generated/Functions.h>
#include <torch/csrc/autograd/saved_variable.h>

#include <limits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/activation_gradient.h"
#include "model/backward.h"

namespace oneadapt {
namespace {

namespace ag = torch::autograd;
namespace made = torch::autograd::generated;
using Hooks = ag::SavedVariableHooks;

/// Smaller ones are not worth the work.
constexpr std::int64_t kWorthIt = 16384;

/// A tensor of which only the form is read.
struct FormOnly : Hooks {
  void call_pack_hook(const at::Tensor &t) override {
    sizes = t.sizes().vec();
    strides = t.strides().vec();
    options = t.options();
  }
  at::Tensor call_unpack_hook() override { return at::empty_strided(sizes, strides, options); }
  std::vector<std::int64_t> sizes, strides;
  at::TensorOptions options;
};

/// The same, where the values enter what is thrown away.
struct Zeros : FormOnly {
  at::Tensor call_unpack_hook() override { return at::zeros({1}, options).expand(sizes); }
};

/// Where a mask is to go, while saved_mask() asks for it.
thread_local at::Tensor *mask_wanted = nullptr;

/// A tensor t of which only lower < t < upper is asked. It comes back as `inside` or `outside`.
struct Inside : Hooks {
  Inside(double lower, double upper, double inside_, double outside_)
      : low(lower), high(upper), inside(inside_), outside(outside_) {}
  void call_pack_hook(const at::Tensor &t) override {
    type = t.scalar_type();
    mask = mask_between(t, low, high);
  }
  at::Tensor call_unpack_hook() override {
    if (mask_wanted) {
      *mask_wanted = mask;
      return at::empty({0}, at::TensorOptions().dtype(type));
    }
    at::Tensor t = mask.to(type);
    return inside == 1 && outside == 0 ? t : t.mul_(inside - outside).add_(outside);
  }
  double low, high, inside, outside;
  at::ScalarType type = at::kFloat;
  at::Tensor mask;
};

/// A tensor in a narrower type.
struct Narrow : Hooks {
  explicit Narrow(at::ScalarType to) : narrow(to) {}
  void call_pack_hook(const at::Tensor &t) override {
    type = t.scalar_type();
    kept = t.to(narrow);
  }
  at::Tensor call_unpack_hook() override { return kept.to(type); }
  at::ScalarType narrow, type = at::kFloat;
  at::Tensor kept;
};

struct Observed {
  GradientMemory memory = GradientMemory::Exact;
  std::vector<std::int64_t> leaf;
  double end = 0;
  /// Nodes that were seen to. An operator's inner and outer calls show the same one; the weak pointer tells it from
  /// another that took its address.
  std::unordered_map<const ag::Node *, std::weak_ptr<ag::Node>> seen;
};
thread_local Observed *observed = nullptr;

template <typename Kept, typename... Arguments>
void keep(ag::SavedVariable &saved, const std::shared_ptr<ag::Node> &node, Arguments... arguments) {
  const at::Tensor t = saved.unpack(node);
  if (!t.defined() || t.numel() < kWorthIt || t.layout() != at::kStrided) return;
  saved.register_hooks(std::make_unique<Kept>(arguments...));
}

void keep_half(ag::SavedVariable &saved, const std::shared_ptr<ag::Node> &node) {
  const at::Tensor t = saved.unpack(node);
  if (t.defined() && t.scalar_type() == at::kFloat) keep<Narrow>(saved, node, at::kHalf);
}

/// Of a node that keeps one tensor. Whether it is such a node.
template <typename Node>
bool keep_half_of(const std::shared_ptr<ag::Node> &node, ag::SavedVariable Node::*saved) {
  auto *made = dynamic_cast<Node *>(node.get());
  if (made) keep_half(made->*saved, node);
  return made;
}

/// No gradient goes through this one: what led to it need not be kept.
void cut(ag::Node &node) {
  node.release_variables();
  ag::edge_list none(node.num_outputs());
  node.set_next_edges(std::move(none));
}

void lessen(const std::shared_ptr<ag::Node> &node, GradientMemory memory) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  ag::Node *const n = node.get();
  if (auto *convolution = dynamic_cast<made::ConvolutionBackward0 *>(n)) {
    if (!convolution->should_compute_output(1)) keep<FormOnly>(convolution->input_, node);
  } else if (auto *by_onednn = dynamic_cast<made::MkldnnConvolutionBackward0 *>(n)) {
    if (!by_onednn->should_compute_output(1)) keep<FormOnly>(by_onednn->self_, node);
  } else if (auto *leaky = dynamic_cast<made::LeakyReluBackward0 *>(n)) {
    keep<Inside>(leaky->self_, node, 0., kInfinity, 1., 0.);
  } else if (auto *leaky_in_place = dynamic_cast<made::LeakyReluBackward1 *>(n)) {
    keep<Inside>(leaky_in_place->result_, node, 0., kInfinity, 1., 0.);
  } else if (auto *relu = dynamic_cast<made::ReluBackward0 *>(n)) {
    keep<Inside>(relu->result_, node, 0., kInfinity, 1., 0.);
  } else if (auto *clamp = dynamic_cast<made::HardtanhBackward0 *>(n)) {
    const double low = clamp->min_val.toDouble(), high = clamp->max_val.toDouble();
    keep<Inside>(clamp->self_, node, low, high, (low + high) / 2, high);
  } else if (auto *pool = dynamic_cast<made::MaxPool2DWithIndicesBackward0 *>(n)) {
    keep<FormOnly>(pool->self_, node);
    keep<Narrow>(pool->result1_, node, at::kInt);  // within one plane
  } else if (auto *norm = dynamic_cast<made::NativeBatchNormBackward0 *>(n)) {
    if (!norm->training && !norm->should_compute_output(1) && norm->input_.unpack(node).is_cpu())
      keep<Zeros>(norm->input_, node);
  } else if (memory != GradientMemory::Half) {
    return;
  } else if (keep_half_of(node, &made::SiluBackward0::self_) || keep_half_of(node, &made::SigmoidBackward0::result_) ||
             keep_half_of(node, &made::TanhBackward0::result_) ||
             keep_half_of(node, &made::HardswishBackward0::self_) ||
             keep_half_of(node, &made::HardsigmoidBackward0::self_) ||
             keep_half_of(node, &made::MishBackward0::self_) || keep_half_of(node, &made::GeluBackward0::self_)) {
    return;
  } else if (auto *product = dynamic_cast<made::MulBackward0 *>(n)) {
    if (product->should_compute_output(1)) keep_half(product->self_, node);
    if (product->should_compute_output(0)) keep_half(product->other_, node);
  }
}

void on_result(const at::RecordFunction &call, at::ObserverContext *) {
  if (!observed || !at::GradMode::is_enabled()) return;
  for (const c10::IValue &value : call.outputs()) {
    if (!value.isTensor() || !value.toTensor().defined()) continue;
    const std::shared_ptr<ag::Node> node = value.toTensor().grad_fn();
    if (!node) continue;
    std::weak_ptr<ag::Node> &seen = observed->seen[node.get()];
    if (seen.lock() == node) continue;
    seen = node;
    // Inside, its own calls are not observed.
    const at::RecordFunctionGuard quiet(false);
    if (!observed->leaf.empty() && way_ends_at(value.toTensor().sizes(), observed->leaf, observed->end))
      cut(*node);
    else
      lessen(node, observed->memory);
  }
}

}  // namespace

SavedTensorsGuard::SavedTensorsGuard(GradientMemory memory, at::IntArrayRef leaf, double end) {
  if (memory == GradientMemory::All || observed) return;
  observed = new Observed{memory, leaf.vec(), end, {}};
  callback_ = at::addThreadLocalCallback(
      at::RecordFunctionCallback([](const at::RecordFunction &) { return std::unique_ptr<at::ObserverContext>(); },
                                 on_result)
          .needsOutputs(true)
          .scopes({at::RecordScope::FUNCTION}));
  on_ = true;
}

SavedTensorsGuard::~SavedTensorsGuard() {
  if (!on_) return;
  at::removeCallback(callback_);
  delete std::exchange(observed, nullptr);
}

at::Tensor saved_mask(const ag::SavedVariable &saved, std::shared_ptr<ag::Node> node) {
  at::Tensor mask;
  mask_wanted = &mask;
  const struct Asked {
    ~Asked() { mask_wanted = nullptr; }
  } asked;
  saved.unpack(std::move(node));
  return mask;
}

}  // namespace oneadapt
