// SPDX-License-Identifier: LGPL-2.1-or-later
// Heads with one candidate for each place of a grid: YOLO, YOLOX, CenterNet.
#include "model/heads.h"
#include "model/heads_common.h"

namespace oneadapt {
namespace {

/// The predictions as candidates × columns. Exports differ in which comes first; the number of columns tells.
at::Tensor candidates(const ModelDescription &d, const std::vector<at::Tensor> &outputs, std::int64_t columns) {
  const at::Tensor t = output(outputs, d.score_outputs[0], 2, "predictions");
  const bool rows = t.size(1) == columns, turned = t.size(0) == columns;
  if (!rows && !turned)
    bad_output("the model's output " + std::to_string(d.score_outputs[0]) + " (output.predictions) has shape " +
               shape_text(t) + ", but 4 numbers of a box" + (d.objectness ? ", objectness" : "") + " and " +
               std::to_string(d.labels.size()) + " class scores make " + std::to_string(columns) +
               " a candidate; \"labels\" or output.objectness is wrong");
  return rows ? t : t.t();
}

/// The cell of every candidate (x, y) and its stride, in YOLOX's order: stride by stride, row by row.
at::Tensor cells(const ModelDescription &d, std::int64_t count, std::int64_t width, std::int64_t height,
                 const at::TensorOptions &options) {
  std::vector<at::Tensor> all;
  for (const std::int64_t stride : d.strides) {
    const std::int64_t columns = (width + stride - 1) / stride, rows = (height + stride - 1) / stride;
    const at::Tensor x = at::arange(columns, options).repeat({rows});
    const at::Tensor y = at::arange(rows, options).repeat_interleave(columns);
    all.push_back(at::stack({x, y, at::full_like(x, double(stride))}, 1));
  }
  const at::Tensor table = at::cat(all);
  if (table.size(0) != count)
    bad_output("the model gave " + std::to_string(count) + " candidates, but output.strides make " +
               std::to_string(table.size(0)) + " of a picture of " + std::to_string(width) + "×" +
               std::to_string(height));
  return table;
}

}  // namespace

Raw yolo(const ModelDescription &d, const std::vector<at::Tensor> &outputs, std::int64_t width, std::int64_t height,
         const at::Tensor &wanted, double least) {
  const auto classes = std::int64_t(d.labels.size());
  const std::int64_t first = d.objectness ? 5 : 4;
  const at::Tensor all = candidates(d, outputs, first + classes);
  // Logits of all, once: a sigmoid of those that are chosen would do, but they are checked as well.
  const at::Tensor scores = activated(d, all.narrow(1, first, classes));
  expect_scores(scores);
  at::Tensor best, label;
  std::tie(best, label) = scores.detach().max(1);
  const at::Tensor there = d.objectness ? activated(d, all.select(1, 4)) : at::Tensor();
  if (d.objectness) {
    expect_scores(there);
    best = best.mul(there.detach());
  }
  // As with NanoDet: chosen without autograd, so that the backward pass starts from a few numbers.
  const at::Tensor index = choose(best, label, wanted, least);
  const at::Tensor of = label.index_select(0, index), rows = all.index_select(0, index);
  at::Tensor score = scores.index_select(0, index).gather(1, of.unsqueeze(1)).squeeze(1);
  if (d.objectness) score = score.mul(there.index_select(0, index));

  at::Tensor box = rows.detach().narrow(1, 0, 4);
  if (d.layout == "yolox") {
    const at::Tensor cell = cells(d, all.size(0), width, height, box.options()).index_select(0, index);
    const at::Tensor stride = cell.narrow(1, 2, 1);
    box = corners(box.narrow(1, 0, 2).add(cell.narrow(1, 0, 2)).mul(stride), box.narrow(1, 2, 2).exp().mul(stride));
  } else {
    box = corners_of(d, box, width, height);
  }
  return {score, of, box};
}

/// Objects are the heat map's peaks: cells that are the largest of their 3×3 (Objects as Points, §4).
Raw centernet(const ModelDescription &d, const std::vector<at::Tensor> &outputs, std::int64_t width,
              std::int64_t height, const at::Tensor &wanted, double least) {
  const auto classes = std::int64_t(d.labels.size());
  const at::Tensor heat = output(outputs, d.score_outputs[0], 3, "scores");
  const at::Tensor sizes = output(outputs, d.box_outputs[0], 3, "boxes").detach();
  const std::int64_t rows = heat.size(1), columns = heat.size(2);
  const auto expect = [&](const at::Tensor &t, int index, const std::string &role, std::int64_t planes) {
    if (t.size(0) != planes || t.size(1) != rows || t.size(2) != columns)
      bad_output("the model's output " + std::to_string(index) + " (output." + role + ") has shape " + shape_text(t) +
                 ", but its description makes it " + std::to_string(planes) + "×" + std::to_string(rows) + "×" +
                 std::to_string(columns));
  };
  expect(heat, d.score_outputs[0], "scores", classes);
  expect(sizes, d.box_outputs[0], "boxes", 2);
  expect_scores(heat);

  const at::Tensor flat = heat.reshape({-1}), h = heat.detach();
  const at::Tensor around = at::max_pool2d(h.unsqueeze(0), {3, 3}, {1, 1}, {1, 1}).squeeze(0);
  const at::Tensor peaks = h.mul(h.eq(around)).reshape({-1});
  const at::Tensor labels =
      at::arange(classes, at::dtype(at::kLong).device(h.device())).repeat_interleave(rows * columns);
  const at::Tensor index = choose(peaks, labels, wanted, least);
  const at::Tensor cell = index.remainder(rows * columns);
  const at::Tensor place = at::stack({cell.remainder(columns), cell.div(columns, "floor")}, 1).to(sizes.scalar_type());
  at::Tensor centre = place.add(0.5);
  if (d.offset_output >= 0) {
    const at::Tensor offsets = output(outputs, d.offset_output, 3, "offsets").detach();
    expect(offsets, d.offset_output, "offsets", 2);
    centre = place.add(offsets.reshape({2, -1}).index_select(1, cell).t());
  }
  const at::Tensor unit = at::tensor({double(width) / double(columns), double(height) / double(rows)})
                              .to(sizes.device(), sizes.scalar_type());
  const at::Tensor size = sizes.reshape({2, -1}).index_select(1, cell).t();
  return {flat.index_select(0, index), labels.index_select(0, index), corners(centre.mul(unit), size.mul(unit))};
}

}  // namespace oneadapt
