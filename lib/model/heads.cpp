// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/heads.h"

#include <cmath>

#include "core/vision/nms.h"
#include "model/box_oddity.h"
#include "model/heads_common.h"
#include "model/model.h"

namespace oneadapt {

void bad_output(const std::string &what) { throw ModelError(ModelError::Kind::Run, what); }

std::string shape_text(const at::Tensor &t) {
  std::string text;
  for (std::int64_t side : t.sizes()) text += (text.empty() ? "" : "×") + std::to_string(side);
  return text.empty() ? "no dimensions" : text;
}

at::Tensor output(const std::vector<at::Tensor> &outputs, int index, std::int64_t dims, const std::string &role) {
  if (index < 0 || std::size_t(index) >= outputs.size())
    bad_output("the model gave " + std::to_string(outputs.size()) + " tensors, but its description takes output." +
               role + " from number " + std::to_string(index));
  at::Tensor t = outputs[std::size_t(index)];
  if (t.dim() == dims + 1 && t.size(0) == 1) t = t.squeeze(0);
  if (t.dim() != dims)
    bad_output("the model's output " + std::to_string(index) + " (output." + role + ") has shape " +
               shape_text(outputs[std::size_t(index)]) + ", but " + std::to_string(dims) + " dimensions are due");
  return t;
}

void expect_shape(const at::Tensor &t, int index, const std::string &role, std::int64_t rows, std::int64_t columns) {
  if (t.size(0) == rows && t.size(1) == columns) return;
  bad_output("the model's output " + std::to_string(index) + " (output." + role + ") has shape " + shape_text(t) +
             ", but its description makes it " + std::to_string(rows) + "×" + std::to_string(columns));
}

void expect_scores(const at::Tensor &scores) {
  if (scores.numel() == 0) return;
  const at::Tensor s = scores.detach();
  const at::Tensor check = at::stack({s.sum(at::kDouble), s.min().to(at::kDouble), s.max().to(at::kDouble)}).cpu();
  const double *v = check.data_ptr<double>();
  if (!std::isfinite(v[0]) || !std::isfinite(v[1]) || !std::isfinite(v[2]))
    bad_output("the model gave scores that are not finite numbers; its weights or its normalisation are wrong");
  if (v[1] < -1e-3 || v[2] > 1 + 1e-3)
    bad_output("the model gave scores from " + std::to_string(v[1]) + " to " + std::to_string(v[2]) +
               ", but a score is due in 0 to 1: apply the sigmoid or softmax inside the model");
}

at::Tensor choose(const at::Tensor &scores, const at::Tensor &labels, const at::Tensor &wanted, double least) {
  const at::Tensor s = scores.detach();
  at::Tensor index = (s.ge(least) & wanted.index_select(0, labels)).nonzero().squeeze(1);
  if (index.size(0) > kMaxCandidates)
    index = index.index_select(0, std::get<1>(s.index_select(0, index).topk(kMaxCandidates)));
  return index;
}

namespace {

struct Cells {
  at::Tensor scores, sides;
};

/// Of one stride, from a tensor that has scores and distributions of all strides.
Cells rows_of(const ModelDescription &d, const std::vector<at::Tensor> &outputs, std::int64_t first,
              std::int64_t count) {
  const auto classes = std::int64_t(d.labels.size()), sides = 4 * std::int64_t(d.bins);
  const at::Tensor all = output(outputs, d.score_outputs[0], 2, "predictions");
  if (all.size(1) != classes + sides || all.size(0) < first + count)
    bad_output("the model's output " + std::to_string(d.score_outputs[0]) + " (output.predictions) has shape " +
               shape_text(all) + ", but " + std::to_string(classes) + " class scores and " + std::to_string(sides) +
               " bins make " + std::to_string(classes + sides) +
               " a cell; \"labels\", output.bins or output.strides is " + "wrong");
  const at::Tensor rows = all.narrow(0, first, count);
  return {rows.narrow(1, 0, classes), rows.detach().narrow(1, classes, sides)};
}

/// NanoDet's head: at each stride, scores N×classes after the sigmoid, and per side a distribution over `bins`
/// distances in strides, whose expectation is the distance from the cell's centre (cell + 0.5)·stride.
Raw nanodet(const ModelDescription &d, const std::vector<at::Tensor> &outputs, std::int64_t width, std::int64_t height,
            const at::Tensor &wanted, double least) {
  std::vector<at::Tensor> scores, labels, boxes;
  const auto classes = std::int64_t(d.labels.size());
  const bool together = d.score_outputs.size() < d.strides.size();
  std::int64_t first = 0;
  for (std::size_t i = 0; i < d.strides.size(); ++i) {
    const std::int64_t stride = d.strides[i];
    const std::int64_t columns = (width + stride - 1) / stride, rows = (height + stride - 1) / stride;
    const auto [all, sides] = together ? rows_of(d, outputs, first, columns * rows)
                                       : Cells{output(outputs, d.score_outputs[i], 2, "scores"),
                                               output(outputs, d.box_outputs[i], 2, "boxes").detach()};
    first += columns * rows;
    if (!together) expect_shape(all, d.score_outputs[i], "scores", columns * rows, classes);
    if (!together) expect_shape(sides, d.box_outputs[i], "boxes", columns * rows, 4 * d.bins);
    expect_scores(all);

    // Chosen without autograd; only the chosen scores are then taken out of the graph's tensor, so that the backward
    // pass starts from a few numbers.
    const auto [best, label] = all.detach().max(1);
    const at::Tensor index = choose(best, label, wanted, least);
    const at::Tensor of = label.index_select(0, index);
    scores.push_back(all.index_select(0, index).gather(1, of.unsqueeze(1)).squeeze(1));
    labels.push_back(of);
    const at::Tensor steps = at::arange(d.bins, sides.options());
    const at::Tensor distance =
        sides.index_select(0, index).view({-1, 4, d.bins}).softmax(2).matmul(steps).mul(double(stride));
    const at::Tensor x = index.remainder(columns).to(sides.scalar_type()).add(0.5).mul(double(stride));
    const at::Tensor y = index.div(columns, "floor").to(sides.scalar_type()).add(0.5).mul(double(stride));
    boxes.push_back(at::stack(
        {x - distance.select(1, 0), y - distance.select(1, 1), x + distance.select(1, 2), y + distance.select(1, 3)},
        1));
  }
  return {at::cat(scores), at::cat(labels), at::cat(boxes)};
}

}  // namespace

Elements elements(const ModelDescription &description, const std::vector<at::Tensor> &outputs, std::int64_t width,
                  std::int64_t height, const at::Tensor &wanted, double least) {
  const std::string &layout = description.layout;
  if (layout == "semantic") return semantic(description, outputs, width, height, wanted, least);
  const Raw raw = layout == "nanodet"     ? nanodet(description, outputs, width, height, wanted, least)
                  : layout == "centernet" ? centernet(description, outputs, width, height, wanted, least)
                  : layout == "yolo" || layout == "yolox" ? yolo(description, outputs, width, height, wanted, least)
                  : layout == "detections" ? detections(description, outputs, width, height, wanted, least)
                                           : boxes(description, outputs, width, height, wanted, least);
  // One transfer: rows of x0 y0 x1 y1 score label.
  const at::Tensor table = at::cat({raw.boxes.to(at::kDouble), raw.scores.detach().to(at::kDouble).unsqueeze(1),
                                    raw.labels.to(at::kDouble).unsqueeze(1)},
                                   1)
                               .cpu()
                               .contiguous();
  const double *v = table.data_ptr<double>();
  std::vector<ScoredBox> all(std::size_t(table.size(0)));
  for (ScoredBox &box : all) {
    for (int i = 0; i < 4; ++i)
      if (!std::isfinite(v[i])) bad_output("the model gave box coordinates that are not finite numbers");
    box = {{v[0], v[1], v[2], v[3]}, v[4], int(v[5])};
    v += 6;
  }
  Elements result;
  result.oddity = oddity_of(all, double(width), double(height));
  std::vector<std::int64_t> kept;
  for (std::size_t i : nms(all, description.nms_iou)) {
    kept.push_back(std::int64_t(i));
    result.boxes.push_back(all[i]);
  }
  const at::Tensor index = at::tensor(kept, at::dtype(at::kLong)).to(raw.scores.device());
  result.scores = raw.scores.index_select(0, index);
  if (description.task == "segmentation") {
    std::vector<Mask> masks = instance_masks(outputs, raw.index.index_select(0, index));
    for (std::size_t i = 0; i < masks.size(); ++i) result.boxes[i].mask = std::move(masks[i]);
  }
  return result;
}

at::Tensor utility(const at::Tensor &scores, double theta, double slope) {
  return scores.sub(theta).mul(slope).sigmoid().mul(2).sub(1).sum();
}

}  // namespace oneadapt
