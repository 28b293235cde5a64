// SPDX-License-Identifier: LGPL-2.1-or-later
// Heads that give a list of boxes: with scores and labels beside them, with a score for each class, or all in one row.
#include "model/heads.h"
#include "model/heads_common.h"

namespace oneadapt {
namespace {

void expect_labels(const ModelDescription &d, const at::Tensor &labels) {
  if (labels.numel() == 0) return;
  const auto low = labels.min().item<std::int64_t>(), high = labels.max().item<std::int64_t>();
  if (low < 0 || high >= std::int64_t(d.labels.size()))
    bad_output("the model gave label " + std::to_string(low < 0 ? low : high) + ", but its description has " +
               std::to_string(d.labels.size()) + " labels, counted from 0");
}

/// Scores N×classes: the best class of each that is not the background.
Raw by_class(const ModelDescription &d, const at::Tensor &scores, const at::Tensor &sides, const at::Tensor &wanted,
             double least) {
  const auto classes = std::int64_t(d.labels.size());
  expect_shape(scores, d.score_outputs[0], "scores", sides.size(0), classes);
  const at::Tensor all = activated(d, scores);
  expect_scores(all);
  at::Tensor open = all.detach();
  if (d.background >= 0) open = open.index_fill(1, at::full({1}, d.background, wanted.options().dtype(at::kLong)), -1);
  const auto [best, label] = open.max(1);
  const at::Tensor index = choose(best, label, wanted, least), of = label.index_select(0, index);
  return {all.index_select(0, index).gather(1, of.unsqueeze(1)).squeeze(1), of, sides.index_select(0, index), index};
}

}  // namespace

at::Tensor corners(const at::Tensor &centre, const at::Tensor &size) {
  const at::Tensor half = size.mul(0.5);
  return at::cat({centre.sub(half), centre.add(half)}, 1);
}

at::Tensor corners_of(const ModelDescription &d, const at::Tensor &boxes, std::int64_t width, std::int64_t height) {
  at::Tensor b = boxes;
  const auto half = [&](std::int64_t from) { return b.narrow(1, from, 2); };
  if (d.box == "corners-yx") b = at::stack({b.select(1, 1), b.select(1, 0), b.select(1, 3), b.select(1, 2)}, 1);
  if (d.box == "centre") b = corners(half(0), half(2));
  if (d.box == "corner-size") b = at::cat({half(0), half(0).add(half(2))}, 1);
  if (!d.normalised) return b;
  const double w = double(width), h = double(height);
  return b.mul(at::tensor({w, h, w, h}).to(b.device(), b.scalar_type()));
}

at::Tensor activated(const ModelDescription &d, const at::Tensor &scores) {
  if (d.activation == "sigmoid") return scores.sigmoid();
  return d.activation == "softmax" ? scores.softmax(1) : scores;
}

Raw boxes(const ModelDescription &d, const std::vector<at::Tensor> &outputs, std::int64_t width, std::int64_t height,
          const at::Tensor &wanted, double least) {
  const bool each = d.layout == "boxes" && d.label_output < 0;
  at::Tensor scores = output(outputs, d.score_outputs[0], each ? 2 : 1, "scores");
  at::Tensor sides = output(outputs, d.box_outputs[0], 2, "boxes").detach();
  if (each) {
    if (sides.size(1) != 4 && sides.size(0) == 4) sides = sides.t();
    if (scores.size(0) != sides.size(0) && scores.size(1) == sides.size(0)) scores = scores.t();
    expect_shape(sides, d.box_outputs[0], "boxes", scores.size(0), 4);
    return by_class(d, scores, corners_of(d, sides, width, height), wanted, least);
  }
  const at::Tensor labels = output(outputs, d.label_output, 1, "labels").detach().to(at::kLong);
  const std::int64_t n = scores.size(0);
  expect_shape(sides, d.box_outputs[0], "boxes", n, 4);
  if (labels.size(0) != n)
    bad_output("the model gave " + std::to_string(n) + " scores but " + std::to_string(labels.size(0)) + " labels");
  expect_scores(scores);
  expect_labels(d, labels);
  const at::Tensor index = choose(scores, labels, wanted, least);
  const at::Tensor of = d.layout == "boxes" ? corners_of(d, sides, width, height) : sides;
  return {scores.index_select(0, index), labels.index_select(0, index), of.index_select(0, index), index};
}

Raw detections(const ModelDescription &d, const std::vector<at::Tensor> &outputs, std::int64_t width,
               std::int64_t height, const at::Tensor &wanted, double least) {
  const at::Tensor rows = output(outputs, d.score_outputs[0], 2, "predictions");
  expect_shape(rows, d.score_outputs[0], "predictions", rows.size(0), 6);
  const at::Tensor scores = rows.select(1, 4), labels = rows.detach().select(1, 5).round().to(at::kLong);
  expect_scores(scores);
  // Rows that are filled up may have any label.
  const at::Tensor real = scores.detach().ge(least).nonzero().squeeze(1);
  expect_labels(d, labels.index_select(0, real));
  const at::Tensor index = choose(scores, labels.clamp(0, std::int64_t(d.labels.size()) - 1), wanted, least);
  const at::Tensor sides = corners_of(d, rows.detach().narrow(1, 0, 4), width, height);
  return {scores.index_select(0, index), labels.index_select(0, index), sides.index_select(0, index), index};
}

}  // namespace oneadapt
