// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli_split.h"

#include <cmath>
#include <ostream>

#include "check.h"
#include "common/output.h"
#include "graph.h"
#include "model/files.h"
#include "model/model.h"
#include "split.h"

namespace oneadapt::import {
namespace {

struct Whole {
  torch::jit::Module module;
  ModelDescription description;
};

Whole load(const std::string &path) {
  try {
    ModelOptions options;
    options.path = path;
    options.device = "cpu";
    options.plan = "plain";
    const auto description = read_description(options);
    return {torch::jit::load(path, torch::kCPU), *description};
  } catch (const std::exception &error) {
    throw ImportError(first_line(error));
  }
}

std::string base_of(const std::string &output) {
  const std::string ending = ".pt";
  const bool ends = output.size() > ending.size() && output.compare(output.size() - 3, 3, ending) == 0;
  return ends ? output.substr(0, output.size() - 3) : output;
}

void list(const Cutter &cutter, unsigned width, unsigned height, std::ostream &out) {
  for (const CleanCut &cut : cutter.clean_cuts(width, height))
    out << cut.name << ": " << words(cut.shape) << ", " << std::lround(100 * cut.share)
        << " % of the weights in front of it\n";
}

/// Throws whatever LibTorch throws, too.
void split(const std::string &path, const std::string &node, unsigned width, unsigned height, const std::string &output,
           std::ostream &out) {
  const Whole whole = load(path);
  const ModelDescription &d = whole.description;
  const Cutter cutter(whole.module, d);
  const unsigned multiple = d.multiple_of;
  if (!width) std::tie(width, height) = std::pair(d.width, d.height);
  if (!width) throw ImportError("the model takes pictures of any size; say which with --input-size WIDTHxHEIGHT");
  if (multiple ? width % multiple || height % multiple : width != d.width || height != d.height)
    throw ImportError("--input-size " + std::to_string(width) + "x" + std::to_string(height) + ": the model takes " +
                      (multiple ? "multiples of " + std::to_string(multiple)
                                : std::to_string(d.width) + "x" + std::to_string(d.height) + " only"));
  if (node == "list") return list(cutter, width, height, out);
  if (output.empty()) throw ImportError("no file to write given; oneadapt-import --split NODE MODEL.pt OUTPUT.pt");
  const Halves halves = cutter.cut(node);
  std::vector<at::Tensor> rows;
  {
    const at::NoGradGuard no_grad;
    torch::jit::Module front = halves.front;
    for (const at::Tensor &picture : made_pictures(d, width, height))
      rows.push_back(rows_of(front.forward({picture}).toTensor()));
  }
  const auto [head, tail] = write_halves(halves, identity_transform(at::cat(rows)), d, width, height, base_of(output));
  out << head << ": pictures of " << width << "×" << height << " to a mosaic of " << rows[0].size(1) << " channels\n"
      << tail << ": the mosaic to what the whole model gives\n";
}

}  // namespace

void split_model(const std::string &path, const std::string &node, unsigned width, unsigned height,
                 const std::string &output, std::ostream &out) {
  try {
    split(path, node, width, height, output, out);
  } catch (const ImportError &) {
    throw;
  } catch (const std::exception &error) {
    throw ImportError(path + " cannot be cut: " + first_line(error));
  }
}

}  // namespace oneadapt::import
