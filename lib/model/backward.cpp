// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/backward.h"

#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/input_metadata.h>
#include <torch/csrc/autograd/variable.h>

#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "model/activation_gradient.h"
#include "model/convolution_gradient.h"
#include "model/norm_gradient.h"

namespace oneadapt {
namespace {

namespace ag = torch::autograd;

/// What LibTorch's engine does to a gradient before a node gets it: a broadcast's is summed up, a type converted.
at::Tensor fit(const ag::InputMetadata &metadata, at::Tensor g) {
  if (!metadata.is_same_shape(g) && metadata.is_expandable_to_shape(g)) g = metadata.reduce_grad(g);
  const auto type = c10::typeMetaToScalarType(metadata.options().dtype());
  return g.scalar_type() == type ? g : g.to(type);
}

bool has_cells_below(at::IntArrayRef result, at::IntArrayRef leaf, double cell) {
  return cell > 0 && result.size() == 4 && double(leaf[3]) < cell * double(result[3]) &&
         double(leaf[2]) < cell * double(result[2]);
}

/// Whether the way ends with these gradients; adds what they come to.
bool end_here(const ag::variable_list &in, const at::Tensor &leaf, double end, at::Tensor *ends) {
  at::Tensor squares;
  for (const at::Tensor &g : in) {
    if (!g.defined() || !way_ends_at(g.sizes(), leaf.sizes(), end)) continue;
    const at::Tensor sum = g.square().sum(1, true);
    squares = !squares.defined() ? sum : squares.sizes() == sum.sizes() ? squares + sum : squares;
  }
  if (!squares.defined()) return false;
  const at::Tensor there = at::upsample_nearest2d(squares.sqrt_(), leaf.sizes().slice(2));
  *ends = ends->defined() ? ends->add_(there) : there;
  return true;
}

}  // namespace

bool way_ends_at(at::IntArrayRef result, at::IntArrayRef leaf, double end) {
  return end > 0 && result.size() == 4 && result[1] > leaf[1] && double(leaf[3]) <= end * double(result[3]) &&
         double(leaf[2]) <= end * double(result[2]);
}

at::Tensor gradient_of_leaf(const at::Tensor &z, const at::Tensor &leaf, const WayBack &way, at::Tensor *ends) {
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
    bool leads = false;  // a node at which the forward pass already ended does not
    for (const ag::Edge &edge : node->next_edges()) leads = leads || edge.is_valid();
    if (any) {
      const bool later = after.count(node.get()) != 0;
      const bool ended = !later && end_here(in, leaf, way.end_cell, ends);
      if (way.continue_past_end && (ended || later))
        for (const ag::Edge &edge : node->next_edges())
          if (edge.is_valid()) after.insert(edge.function.get());
      if (leads && (!ended || way.continue_past_end)) {
        if (in[0].defined()) {
          out[0] = has_cells_below(in[0].sizes(), leaf.sizes(), way.fine_cell)
                       ? mean_over_channels(*node, in[0])
                       : short_convolution_gradient(*node, in[0]);
          if (!out[0].defined()) out[0] = norm_gradient(*node, in[0]);
          if (!out[0].defined()) out[0] = masked_gradient(*node, in[0]);
          if (!out[0].defined()) lay_gradient(*node, in[0]);
        }
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
        if (!sum.defined())
          sum = g;
        else if (is_exclusive(sum) && sum.sizes() == g.sizes())
          sum.add_(g);
        else
          sum = sum + g;
      }
      if (--waits[edge.function.get()] == 0) ready.push_back(edge.function);
    }
  }
  if (result.defined()) return way.with_signs ? result : result.abs();
  return ends && ends->defined() ? at::Tensor() : at::zeros(leaf.sizes(), leaf.options());
}

}  // namespace oneadapt
