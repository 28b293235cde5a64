// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/channel_mean.h"

#include <c10/core/SymInt.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/generated/Functions.h>
#include <torch/csrc/autograd/input_metadata.h>
#include <torch/csrc/autograd/variable.h>

#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace oneadapt {
namespace {

namespace ag = torch::autograd;
namespace made = torch::autograd::generated;

// LibTorch 2 has symbolic integers where 1.13 has plain ones.
std::int64_t plain(std::int64_t value) { return value; }
[[maybe_unused]] std::int64_t plain(const c10::SymInt &value) { return value.expect_int(); }
/// One for height and one for width; a single number stands for both.
template <typename Integers>
std::vector<std::int64_t> two(const Integers &values) {
  std::vector<std::int64_t> result;
  for (const auto &value : values) result.push_back(plain(value));
  if (result.size() == 1) result.push_back(result[0]);
  return result;
}

/// The gradient of a 2D convolution's input, one for all channels of a group; undefined when it is no such one.
at::Tensor mean_over_channels(made::ConvolutionBackward0 &node, const at::Tensor &g) {
  const auto self = node.shared_from_this();
  const at::Tensor weight = node.weight_.unpack(self);
  if (node.transposed || g.dim() != 4 || weight.dim() != 4) return {};
  const std::vector<std::int64_t> in = node.input_.unpack(self).sizes().vec();
  const auto stride = two(node.stride), padding = two(node.padding), dilation = two(node.dilation);
  const std::int64_t groups = plain(node.groups), outputs = weight.size(0) / groups;
  const std::int64_t window = weight.size(2) * weight.size(3), batch = g.size(0);
  // Each result's share for each place of its window, laid over one another: a 1×1 convolution and col2im. LibTorch's
  // transposed convolution to few channels is several times slower.
  const at::Tensor kernel = weight.square().mean(1).reshape({groups, outputs, window}).transpose(1, 2);
  const std::vector<std::int64_t> one{1, 1}, none{0, 0};
  const at::Tensor columns =
      at::conv2d(g.square(), kernel.reshape({groups * window, outputs, 1, 1}), at::Tensor(), one, none, one, groups);
  const at::Tensor squares =
      at::col2im(columns.flatten(2), at::IntArrayRef(in).slice(2), weight.sizes().slice(2), dilation, padding, stride);
  return squares.sqrt_()
      .unsqueeze(2)
      .expand({batch, groups, weight.size(1), in[2], in[3]})
      .reshape({batch, groups * weight.size(1), in[2], in[3]});
}

/// What LibTorch's engine does to a gradient before a node gets it: a broadcast's is summed up, a type converted.
at::Tensor fit(const ag::InputMetadata &metadata, at::Tensor g) {
  if (!metadata.is_same_shape(g) && metadata.is_expandable_to_shape(g)) g = metadata.reduce_grad(g);
  const auto type = c10::typeMetaToScalarType(metadata.options().dtype());
  return g.scalar_type() == type ? g : g.to(type);
}

bool has_cells_below(at::IntArrayRef result, at::IntArrayRef leaf, double cell) {
  return double(leaf[3]) < cell * double(result[3]) && double(leaf[2]) < cell * double(result[2]);
}

}  // namespace

bool way_ends_at(at::IntArrayRef result, at::IntArrayRef leaf, double end) {
  return end > 0 && result.size() == 4 && result[1] > leaf[1] && double(leaf[3]) <= end * double(result[3]) &&
         double(leaf[2]) <= end * double(result[2]);
}

at::Tensor channel_mean_gradient(const at::Tensor &z, const at::Tensor &leaf, double cell, double end_cell, bool both,
                                 at::Tensor *ends) {
  const at::NoGradGuard no_grad;
  const std::shared_ptr<ag::Node> root = z.grad_fn();
  const ag::Node *const end = ag::impl::gradient_edge(leaf).function.get();
  // How many nodes each one waits for.
  std::unordered_map<ag::Node *, std::size_t> waits{{root.get(), 0}};
  std::vector<ag::Node *> open{root.get()};
  while (!open.empty()) {
    ag::Node *const node = open.back();
    open.pop_back();
    for (const ag::Edge &edge : node->next_edges()) {
      if (!edge.is_valid()) continue;
      const auto [entry, fresh] = waits.emplace(edge.function.get(), 0);
      ++entry->second;
      if (fresh) open.push_back(edge.function.get());
    }
  }
  std::unordered_map<ag::Node *, ag::variable_list> gradients;
  gradients[root.get()] = {at::ones_like(z)};
  at::Tensor result;
  std::unordered_set<ag::Node *> after;  // an end
  std::vector<std::shared_ptr<ag::Node>> ready{root};
  while (!ready.empty()) {
    const std::shared_ptr<ag::Node> node = ready.back();
    ready.pop_back();
    auto found = gradients.find(node.get());
    ag::variable_list in = found == gradients.end() ? ag::variable_list() : std::move(found->second);
    if (found != gradients.end()) gradients.erase(found);
    in.resize(node->num_inputs());
    bool any = false;
    for (const at::Tensor &g : in) any = any || g.defined();
    if (node.get() == end) {
      result = in[0];
      continue;
    }
    ag::variable_list out(node->num_outputs());
    if (any && node->num_outputs()) {
      const bool later = after.count(node.get()) != 0;
      const bool ended = !later && in[0].defined() && way_ends_at(in[0].sizes(), leaf.sizes(), end_cell);
      if (ended) {
        const at::Tensor there = at::upsample_nearest2d(in[0].square().sum(1, true).sqrt_(), leaf.sizes().slice(2),
                                                        c10::nullopt, c10::nullopt);
        *ends = ends->defined() ? *ends + there : there;
      }
      if (both && (ended || later))
        for (const ag::Edge &edge : node->next_edges())
          if (edge.is_valid()) after.insert(edge.function.get());
      auto *const convolution = dynamic_cast<made::ConvolutionBackward0 *>(node.get());
      if (!ended || both) {
        if (convolution && in[0].dim() == 4 && has_cells_below(in[0].sizes(), leaf.sizes(), cell))
          out[0] = mean_over_channels(*convolution, in[0]);
        if (!out[0].defined()) out = (*node)(std::move(in));
      }
    }
    in.clear();
    node->release_variables();
    for (std::size_t i = 0; i < node->num_outputs(); ++i) {
      const ag::Edge &edge = node->next_edge(i);
      if (!edge.is_valid()) continue;
      if (out[i].defined()) {
        ag::variable_list &sums = gradients[edge.function.get()];
        sums.resize(edge.function->num_inputs());
        at::Tensor &sum = sums[edge.input_nr];
        const at::Tensor g = fit(edge.function->input_metadata(edge.input_nr), std::move(out[i]));
        sum = sum.defined() ? sum + g : g;
      }
      if (--waits[edge.function.get()] == 0) ready.push_back(edge.function);
    }
  }
  if (result.defined()) return result.abs();
  return ends && ends->defined() ? at::Tensor() : at::zeros_like(leaf);
}

}  // namespace oneadapt
