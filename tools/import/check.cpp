// SPDX-License-Identifier: LGPL-2.1-or-later
#include "check.h"

#include <torch/script.h>

#include "graph.h"

namespace oneadapt::import {

std::string first_line(const std::exception &error) {
  const auto *torch_error = dynamic_cast<const c10::Error *>(&error);
  const std::string text = torch_error ? torch_error->what_without_backtrace() : error.what();
  // The interpreter puts its own trace in front; the message follows "RuntimeError: ".
  const auto start = text.rfind("RuntimeError: ");
  std::string message = start == std::string::npos ? text : text.substr(start + 14);
  message.erase(0, message.find_first_not_of("\n "));
  return message.substr(0, message.find('\n'));
}

std::string words(const std::vector<std::int64_t> &shape) {
  std::string text;
  for (auto size : shape) text += (text.empty() ? "" : "×") + std::to_string(size);
  return text.empty() ? "a number" : text;
}

at::Tensor picture(std::int64_t height, std::int64_t width, std::int64_t channels) {
  // Any picture will do, but the same one each time: results are compared bit by bit.
  torch::manual_seed(1);
  return torch::rand({1, channels, height, width}) * 4 - 2;
}

namespace {

at::Tensor output_at(const std::vector<at::Tensor> &outputs, int index) {
  if (index < 0 || std::size_t(index) >= outputs.size())
    throw ImportError("the description names output " + std::to_string(index) + ", the graph has " +
                      std::to_string(outputs.size()));
  return outputs[std::size_t(index)];
}

void expect(const std::string &what, const at::Tensor &tensor, std::int64_t rows, std::int64_t columns) {
  const std::int64_t have_rows = tensor.dim() >= 2 ? tensor.size(-2) : -1,
                     have_columns = tensor.dim() >= 1 ? tensor.size(-1) : -1;
  if (have_rows != rows || have_columns != columns)
    throw ImportError(what + " is " + words(tensor.sizes().vec()) + "; the description makes it " +
                      std::to_string(rows) + "×" + std::to_string(columns));
}

/// NanoDet's scores and distributions in one tensor.
bool together(const ModelDescription &d) {
  return d.score_outputs.size() == 1 && d.box_outputs == d.score_outputs && d.strides.size() > 1;
}

void check_together(const ModelDescription &d, const std::vector<at::Tensor> &outputs, std::int64_t height,
                    std::int64_t width) {
  std::int64_t cells = 0;
  for (const auto stride : d.strides) cells += ((height + stride - 1) / stride) * ((width + stride - 1) / stride);
  const int index = d.score_outputs[0];
  expect("output " + std::to_string(index), output_at(outputs, index), cells,
         std::int64_t(d.labels.size()) + 4 * std::int64_t(d.bins));
}

/// Boxes N×4 or 4×N beside scores N×classes or classes×N.
void check_by_class(const ModelDescription &d, const std::vector<at::Tensor> &outputs) {
  const at::Tensor boxes = output_at(outputs, d.box_outputs[0]), scores = output_at(outputs, d.score_outputs[0]);
  const auto classes = std::int64_t(d.labels.size());
  const auto count = [](const at::Tensor &t, std::int64_t columns) -> std::int64_t {
    if (t.dim() < 2) return -1;
    return t.size(-1) == columns ? t.size(-2) : t.size(-2) == columns ? t.size(-1) : -1;
  };
  const auto n = count(boxes, 4);
  if (n < 0)
    throw ImportError("output " + std::to_string(d.box_outputs[0]) + " (boxes) is " + words(boxes.sizes().vec()) +
                      "; the description makes it 4 numbers a box");
  if (count(scores, classes) != n)
    throw ImportError("output " + std::to_string(d.score_outputs[0]) + " (scores) is " + words(scores.sizes().vec()) +
                      "; the description makes it " + std::to_string(n) + "×" + std::to_string(classes) +
                      ", a number for each of the labels");
}

/// CenterNet's sizes and offsets.
void expect_planes(int index, const at::Tensor &planes, const at::Tensor &map) {
  if (planes.dim() < 3 || planes.size(-3) != 2 || planes.size(-2) != map.size(-2) || planes.size(-1) != map.size(-1))
    throw ImportError("output " + std::to_string(index) + " is " + words(planes.sizes().vec()) +
                      "; the description makes it two planes of " + std::to_string(map.size(-2)) + "×" +
                      std::to_string(map.size(-1)));
}

}  // namespace

void check_outputs(const ModelDescription &d, const std::vector<at::Tensor> &outputs, std::int64_t height,
                   std::int64_t width) {
  if (d.layout.empty()) return;
  if (d.layout == "nanodet") {
    if (together(d)) return check_together(d, outputs, height, width);
    if (d.strides.empty() || d.score_outputs.size() != d.strides.size() || d.box_outputs.size() != d.strides.size())
      throw ImportError("the layout nanodet needs one score output and one box output for each stride");
    for (std::size_t i = 0; i < d.strides.size(); ++i) {
      const std::int64_t stride = d.strides[i];
      const std::int64_t cells = ((height + stride - 1) / stride) * ((width + stride - 1) / stride);
      const auto name = [&](int index) {
        return "output " + std::to_string(index) + " (stride " + std::to_string(stride) + ")";
      };
      expect(name(d.score_outputs[i]), output_at(outputs, d.score_outputs[i]), cells, std::int64_t(d.labels.size()));
      expect(name(d.box_outputs[i]), output_at(outputs, d.box_outputs[i]), cells, 4 * std::int64_t(d.bins));
    }
  } else if (d.layout == "boxes") {
    if (d.score_outputs.size() != 1 || d.box_outputs.size() != 1)
      throw ImportError("the layout boxes needs one score output and one box output");
    const at::Tensor boxes = output_at(outputs, d.box_outputs[0]);
    const std::int64_t count = boxes.dim() >= 2 ? boxes.size(-2) : -1;
    if (d.label_output < 0) return check_by_class(d, outputs);
    expect("output " + std::to_string(d.box_outputs[0]) + " (boxes)", boxes, count, 4);
    for (const int index : {d.score_outputs[0], d.label_output}) {
      const at::Tensor tensor = output_at(outputs, index);
      if (tensor.numel() != count)
        throw ImportError("output " + std::to_string(index) + " is " + words(tensor.sizes().vec()) + "; there are " +
                          std::to_string(count) + " boxes, so it must be as many numbers");
    }
  } else if (d.layout == "detections") {
    const int index = d.score_outputs.empty() ? 0 : d.score_outputs[0];
    const at::Tensor rows = output_at(outputs, index);
    expect("output " + std::to_string(index), rows, rows.dim() >= 2 ? rows.size(-2) : 0, 6);
  } else if (d.layout == "yolo" || d.layout == "yolox") {
    const int index = d.score_outputs.empty() ? 0 : d.score_outputs[0];
    const at::Tensor all = output_at(outputs, index);
    const auto columns = std::int64_t(d.labels.size()) + (d.objectness || d.layout == "yolox" ? 5 : 4);
    if (all.dim() < 2 || (all.size(-1) != columns && all.size(-2) != columns))
      throw ImportError("output " + std::to_string(index) + " is " + words(all.sizes().vec()) +
                        "; the description makes " + std::to_string(columns) + " numbers a candidate");
    if (d.layout == "yolox") {
      std::int64_t cells = 0;
      for (const auto stride : d.strides) cells += ((height + stride - 1) / stride) * ((width + stride - 1) / stride);
      const auto rows = all.size(-1) == columns ? all.size(-2) : all.size(-1);
      if (rows != cells)
        throw ImportError("output " + std::to_string(index) + " has " + std::to_string(rows) +
                          " candidates; the strides make it " + std::to_string(cells));
    }
  } else if (d.layout == "centernet") {
    if (d.score_outputs.size() != 1 || d.box_outputs.size() != 1)
      throw ImportError("the layout centernet needs one score output and one box output");
    const at::Tensor heat = output_at(outputs, d.score_outputs[0]), sizes = output_at(outputs, d.box_outputs[0]);
    if (heat.dim() < 3 || heat.size(-3) != std::int64_t(d.labels.size()))
      throw ImportError("output " + std::to_string(d.score_outputs[0]) + " is " + words(heat.sizes().vec()) +
                        "; the description makes it one plane for each of " + std::to_string(d.labels.size()) +
                        " classes");
    expect_planes(d.box_outputs[0], sizes, heat);
    if (d.offset_output >= 0) expect_planes(d.offset_output, output_at(outputs, d.offset_output), heat);
  } else if (d.layout == "semantic") {
    const int index = d.score_outputs.empty() ? 0 : d.score_outputs[0];
    const at::Tensor map = output_at(outputs, index);
    if (map.dim() < 3 || map.size(-3) != std::int64_t(d.labels.size()))
      throw ImportError("output " + std::to_string(index) + " is " + words(map.sizes().vec()) +
                        "; the description makes it one plane for each of " + std::to_string(d.labels.size()) +
                        " classes");
  } else {
    throw ImportError("the layout '" + d.layout +
                      "' is unknown; there are nanodet, boxes, detections, yolo, yolox, centernet and semantic");
  }
}

}  // namespace oneadapt::import
