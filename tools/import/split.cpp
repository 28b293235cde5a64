// SPDX-License-Identifier: LGPL-2.1-or-later
#include "split.h"

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/passes/freeze_module.h>
#include <torch/csrc/jit/passes/inliner.h>

#include <algorithm>
#include <map>
#include <set>

#include "check.h"
#include "common/output.h"
#include "graph.h"
#include "model/picture_input.h"
#include "source_module.h"

namespace oneadapt::import {
namespace {

namespace jit = torch::jit;
using Values = std::set<const jit::Value *>;

/// What a statement reads, in blocks of its own too.
void add_read(const jit::Node *node, Values &values) {
  for (const jit::Value *input : node->inputs()) values.insert(input);
  for (const jit::Block *block : node->blocks()) {
    for (const jit::Node *inner : block->nodes()) add_read(inner, values);
    for (const jit::Value *output : block->outputs()) values.insert(output);
  }
}

std::string name_of(const jit::Value *value) {
  return value->hasDebugName() ? value->debugNameBase() : value->debugName();
}

/// The program's graph, to be changed in place.
std::shared_ptr<jit::Graph> graph_of(const jit::Module &module) {
  auto graph = module.get_method("forward").graph();
  jit::Inline(*graph);
  return graph;
}

/// Its graph was changed: what it takes and gives is looked at anew.
void renew_schema(jit::Module &module) {
  auto method = module.get_method("forward");
  const jit::Graph &graph = *method.graph();
  std::vector<c10::Argument> arguments, returns;
  for (const jit::Value *input : graph.inputs())
    arguments.emplace_back(arguments.empty() ? "self" : "x", input->type());
  for (const jit::Value *output : graph.outputs()) returns.emplace_back("", output->type());
  method.function().setSchema(c10::FunctionSchema("forward", "", arguments, returns));
}

/// Values that follow from the picture, in order, and after each statement those that somebody still reads.
struct Flow {
  explicit Flow(const jit::Graph &graph) {
    Values from_picture{graph.inputs()[1]};
    for (const jit::Node *node : graph.nodes()) {
      Values read;
      add_read(node, read);
      const bool follows = std::any_of(read.begin(), read.end(), [&](auto *v) { return from_picture.count(v) > 0; });
      if (!follows) continue;
      for (const jit::Value *v : read)
        if (from_picture.count(v)) last_read[v] = count;
      for (const jit::Value *output : node->outputs()) {
        from_picture.insert(output);
        made[output] = count;
      }
      order.push_back(node);
      ++count;
    }
    for (const jit::Value *output : graph.outputs())
      if (from_picture.count(output)) last_read[output] = count;
    last_read.emplace(graph.inputs()[1], 0);
    made[graph.inputs()[1]] = 0;
  }
  /// Whatever else is read after it was made; NULL: nothing.
  const jit::Value *also_needed(const jit::Value *cut) const {
    for (const auto &[value, last] : last_read)
      if (value != cut && made.at(value) <= made.at(cut) && last > made.at(cut)) return value;
    return nullptr;
  }

  std::size_t count = 1;  // 0 is the picture itself
  std::vector<const jit::Node *> order;
  std::map<const jit::Value *, std::size_t> made, last_read;
};

const jit::Value *find(const jit::Graph &graph, const std::string &name) {
  for (const jit::Node *node : graph.nodes())
    for (const jit::Value *output : node->outputs())
      if (name_of(output) == name && output->type()->isSubtypeOf(*c10::TensorType::get())) return output;
  return nullptr;
}

/// Ends the program at a value.
void keep_front(jit::Module &module, const std::string &name) {
  const auto graph = graph_of(module);
  auto *cut = const_cast<jit::Value *>(find(*graph, name));
  while (!graph->outputs().empty()) graph->eraseOutput(0);
  graph->registerOutput(cut);
  jit::EliminateDeadCode(graph);
  renew_schema(module);
}

/// Begins it there.
void keep_rest(jit::Module &module, const std::string &name) {
  const auto graph = graph_of(module);
  auto *cut = const_cast<jit::Value *>(find(*graph, name));
  jit::Value *given = graph->addInput("features");
  given->setType(c10::TensorType::get());
  cut->replaceAllUsesWith(given);
  jit::EliminateDeadCode(graph);
  if (graph->inputs()[1]->hasUses()) throw ImportError("what comes after " + name + " still needs the picture");
  graph->eraseInput(1);
  renew_schema(module);
}

double weights_in(const jit::Graph &graph) {
  double sum = 0;
  for (const jit::Node *node : graph.nodes())
    if (node->kind() == c10::prim::Constant)
      if (const auto value = jit::toIValue(node->output()); value && value->isTensor())
        sum += double(value->toTensor().numel());
  return sum;
}

c10::IValue run(jit::Module module, const at::Tensor &x) {
  const at::NoGradGuard no_grad;
  const jit::GraphOptimizerEnabledGuard plain_executor{false};
  return module.forward({x});
}

}  // namespace

Cutter::Cutter(const jit::Module &module, const ModelDescription &description) {
  if (description.takes_sound() || description.takes_points())
    throw ImportError("a model of " + std::string(description.medium()) +
                      " is not cut; only detectors on pictures are");
  if (description.is_head() || description.is_tail()) throw ImportError("the model is half a detector already");
  channels_ = description.channels();
  jit::Module whole = module.deepcopy();
  whole.eval();
  // Weights become constants of the program: each half has its own then, and no other.
  whole_ = jit::freeze_module(whole);
  const auto graph = graph_of(whole_);
  if (graph->inputs().size() != 2 || !graph->inputs()[1]->type()->isSubtypeOf(*c10::TensorType::get()))
    throw ImportError("the model does not take one tensor, so it cannot be cut");
}

std::vector<CleanCut> Cutter::clean_cuts(unsigned width, unsigned height) const {
  const auto graph = whole_.get_method("forward").graph();
  const Flow flow(*graph);
  std::vector<CleanCut> cuts;
  const double all = weights_in(*graph);
  for (const jit::Node *node : flow.order) {
    if (node->outputs().size() != 1) continue;
    const jit::Value *value = node->output();
    if (!value->type()->isSubtypeOf(*c10::TensorType::get()) || !value->hasDebugName() || flow.also_needed(value))
      continue;
    CleanCut cut;
    cut.name = name_of(value);
    jit::Module front = whole_.clone();
    keep_front(front, cut.name);
    const at::Tensor features = run(front, at::zeros({1, channels_, height, width})).toTensor();
    cut.shape = features.sizes().vec();
    cut.share = all > 0 ? weights_in(*front.get_method("forward").graph()) / all : 0;
    if (cut.shape.size() == 4 && cut.shape[2] * cut.shape[3] > 1) cuts.push_back(cut);
  }
  return cuts;
}

Halves Cutter::cut(const std::string &name) const {
  const auto graph = whole_.get_method("forward").graph();
  const jit::Value *value = find(*graph, name);
  if (!value) throw ImportError("the program has no value " + name + "; --split list shows where it can be cut");
  const Flow flow(*graph);
  if (!flow.made.count(value)) throw ImportError(name + " does not follow from the picture");
  if (const jit::Value *other = flow.also_needed(value))
    throw ImportError("what comes after " + name + " needs " +
                      (other == graph->inputs()[1] ? "the picture" : name_of(other)) +
                      " too; --split list shows where the program can be cut");
  Halves halves{whole_.clone(), whole_.clone()};
  keep_front(halves.front, name);
  keep_rest(halves.rest, name);
  return halves;
}

at::Tensor rows_of(const at::Tensor &features) { return features.squeeze(0).flatten(1).transpose(0, 1); }

ChannelTransform scaled_transform(const at::Tensor &to, const at::Tensor &back, const at::Tensor &features, Unit unit) {
  const at::Tensor x = features.to(at::kDouble), mean = x.mean(0);
  const at::Tensor d = to.to(at::kDouble), b = back.to(at::kDouble);
  const at::Tensor y = (x - mean).matmul(d.t());
  at::Tensor least = std::get<0>(y.min(0)), range = std::get<0>(y.max(0)) - least;
  if (unit == Unit::Common) {
    const at::Tensor widest = range.max();
    least = least - (widest - range) / 2;
    range = widest.expand_as(range);
  }
  const at::Tensor level = (range / 255).clamp_min(1e-9);
  ChannelTransform t;
  t.to = d / level.unsqueeze(1);
  t.to_shift = -(least + d.matmul(mean)) / level;
  t.back = b * level.unsqueeze(0);
  t.back_shift = b.matmul(least) + mean;
  return t;
}

ChannelTransform identity_transform(const at::Tensor &features) {
  const at::Tensor eye = at::eye(features.size(1), at::kDouble);
  return scaled_transform(eye, eye, features, Unit::Each);
}

std::vector<at::Tensor> made_pictures(const ModelDescription &description, unsigned width, unsigned height) {
  ModelDescription fixed = description;
  fixed.width = width;
  fixed.height = height;
  fixed.multiple_of = 0;
  const PictureInput input(fixed, at::kCPU, at::kFloat);
  const at::Tensor x = at::arange(std::int64_t(width)).to(at::kFloat).view({1, 1, 1, -1});
  const at::Tensor y = at::arange(std::int64_t(height)).to(at::kFloat).view({1, 1, -1, 1});
  const at::Tensor c = at::arange(3).to(at::kFloat).view({1, 3, 1, 1});
  torch::manual_seed(1);
  std::vector<at::Tensor> pictures;
  for (const double period : {0.02, 0.06, 0.2}) {
    const at::Tensor smooth = (x * period + c).sin() * (y * period * 1.3 - c).cos();
    const at::Tensor edges = ((x * period * 3).sin() * (y * period * 2).sin() + 0.3 * c - 0.3).sign();
    const at::Tensor noise = at::randn({1, 3, std::int64_t(height), std::int64_t(width)});
    pictures.push_back(input.prepare((0.5 + 0.25 * smooth + 0.22 * edges + 0.03 * noise).clamp(0, 1)));
  }
  return pictures;
}

namespace {

/// Half a model and its description.
struct Half {
  jit::Module module;
  ModelDescription description;
  std::string path;
};

std::string numbers(std::initializer_list<unsigned> all) {
  std::string text;
  for (const unsigned n : all) text += (text.empty() ? "" : ", ") + std::to_string(n);
  return "[" + text + "]";
}

/// Picture → features → levels → tiles.
jit::Module head_of(const jit::Module &front, const ChannelTransform &t, const MosaicLayout &m) {
  jit::Module head("Head");
  head.register_module("front", front);
  head.register_buffer("matrix", t.to.to(at::kFloat).unsqueeze(2).unsqueeze(3).contiguous());
  head.register_buffer("shift", t.to_shift.to(at::kFloat).contiguous());
  const unsigned empty = m.columns * m.rows - m.channels;
  head.define(
      "def forward(self, x):\n"
      "    y = torch.conv2d(self.front.forward(x), self.matrix, self.shift)\n"
      "    y = torch.replication_pad2d(y, " +
      numbers({0, m.tile_width() - m.plane[0], 0, m.tile_height() - m.plane[1]}) +
      ")\n"
      "    y = torch.constant_pad_nd(y, " +
      numbers({0, 0, 0, 0, 0, empty}) +
      ", 128.0)\n"
      "    y = torch.reshape(y, " +
      numbers({m.rows, m.columns, m.tile_height(), m.tile_width()}) +
      ")\n"
      "    y = torch.reshape(torch.permute(y, [0, 2, 1, 3]), " +
      numbers({1, 1, m.rows * m.tile_height(), m.width()}) +
      ")\n"
      "    return torch.constant_pad_nd(y, " +
      numbers({0, 0, 0, m.strip_height()}) + ", 128.0)\n");
  head.eval();
  return head;
}

/// Tiles → levels → features → outputs.
jit::Module tail_of(const jit::Module &rest, const ChannelTransform &t, const MosaicLayout &m) {
  jit::Module tail("Tail");
  tail.register_module("rest", rest);
  tail.register_buffer("matrix", t.back.to(at::kFloat).unsqueeze(2).unsqueeze(3).contiguous());
  tail.register_buffer("shift", t.back_shift.to(at::kFloat).contiguous());
  const auto slice = [](unsigned dimension, unsigned end) {
    return "torch.slice(y, " + std::to_string(dimension) + ", 0, " + std::to_string(end) + ")";
  };
  tail.define(
      "def forward(self, x):\n"
      "    y = torch.slice(x, 2, 0, " +
      std::to_string(m.rows * m.tile_height()) +
      ")\n"
      "    y = torch.reshape(y, " +
      numbers({m.rows, m.tile_height(), m.columns, m.tile_width()}) +
      ")\n"
      "    y = torch.reshape(torch.permute(y, [0, 2, 1, 3]), " +
      numbers({1, m.rows * m.columns, m.tile_height(), m.tile_width()}) +
      ")\n"
      "    y = " +
      slice(1, m.channels) + "\n    y = " + slice(2, m.plane[1]) + "\n    y = " + slice(3, m.plane[0]) +
      "\n"
      "    return self.rest.forward(torch.conv2d(y, self.matrix, self.shift))\n");
  tail.eval();
  return tail;
}

void describe(Half &head, Half &tail, const ModelDescription &whole, unsigned width, unsigned height,
              const MosaicLayout &mosaic) {
  ModelDescription &h = head.description = whole;
  h.task = "features";
  h.width = width;
  h.height = height;
  h.multiple_of = 0;
  h.features.picture[0] = width;
  h.features.picture[1] = height;
  h.features.mosaic = mosaic;
  const std::string bytes = bytes_of(tail.module, {}) + bytes_of(head.module, {});
  h.features.pair = PairNumber::of({bytes.begin(), bytes.end()});
  ModelDescription &t = tail.description = whole;
  t.features = h.features;
  t.width = mosaic.width();
  t.height = mosaic.height();
  t.multiple_of = 0;
  t.colour = "gray";
  t.range = 255;
  t.mean = {0};
  t.std = {1};
}

void write(const Half &half) {
  const std::string text = half.description.to_json();
  ModelDescription::parse(text);  // one that its own reader would refuse must not leave this program
  tools::write_file(half.path, bytes_of(half.module, {{"oneadapt.json", text}}), "OUTPUT");
}

}  // namespace

std::pair<std::string, std::string> write_halves(const Halves &halves, const ChannelTransform &transform,
                                                 const ModelDescription &whole, unsigned width, unsigned height,
                                                 const std::string &base) {
  try {
    const at::Tensor x = made_pictures(whole, width, height).front();
    const at::Tensor features = run(halves.front, x).toTensor();
    const MosaicLayout mosaic =
        MosaicLayout::of(unsigned(transform.to.size(0)), unsigned(features.size(3)), unsigned(features.size(2)));
    Half head{head_of(halves.front, transform, mosaic), {}, base + "-head.pt"};
    Half tail{tail_of(halves.rest, transform, mosaic), {}, base + "-tail.pt"};
    describe(head, tail, whole, width, height, mosaic);
    std::vector<at::Tensor> outputs;
    const c10::IValue given = run(tail.module, run(head.module, x).toTensor().round().clamp(0, 255));
    if (given.isTensor()) outputs = {given.toTensor()};
    if (given.isTuple())
      for (const c10::IValue &element : given.toTupleRef().elements()) outputs.push_back(element.toTensor());
    if (whole.layout != "torchvision") check_outputs(whole, outputs, height, width);
    write(head);
    write(tail);
    return {head.path, tail.path};
  } catch (const ImportError &) {
    throw;
  } catch (const std::exception &error) {
    throw ImportError("the halves do not work: " + first_line(error));
  }
}

}  // namespace oneadapt::import
