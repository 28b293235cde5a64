// SPDX-License-Identifier: LGPL-2.1-or-later
// Segmentation: regions of a map of classes, and Mask R-CNN's masks.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/vision/regions.h"
#include "model/heads_common.h"

namespace oneadapt {
namespace {

/// A probability for each class and pixel, C×h×w.
at::Tensor probabilities(const ModelDescription &d, const at::Tensor &map) {
  if (d.probabilities) return map;
  // One plane alone is the logit of "it is there".
  return map.size(0) == 1 ? map.sigmoid() : map.softmax(0);
}

/// The class of each pixel that is of interest; −1 elsewhere.
at::Tensor classes(const ModelDescription &d, const at::Tensor &probabilities, const at::Tensor &wanted) {
  const auto [best, label] = probabilities.max(0);
  expect_scores(best);  // one number of a pixel that is not finite makes its best so
  at::Tensor interest = wanted.index_select(0, label.flatten()).view(label.sizes());
  if (d.background >= 0) interest = interest & label.ne(d.background);
  if (probabilities.size(0) == 1) interest = interest & best.ge(0.5);
  return label.masked_fill(~interest, -1);
}

}  // namespace

Elements semantic(const ModelDescription &d, const std::vector<at::Tensor> &outputs, std::int64_t width,
                  std::int64_t height, const at::Tensor &wanted, double least) {
  const at::Tensor map = output(outputs, d.score_outputs[0], 3, "scores");
  const std::int64_t rows = map.size(1), columns = map.size(2), cells = rows * columns;
  if (map.size(0) != std::int64_t(d.labels.size()) || cells == 0 || cells > std::int64_t(1) << 28)
    bad_output("the model's output " + std::to_string(d.score_outputs[0]) + " (output.scores) has shape " +
               shape_text(map) + ", but its description makes it a plane for each of " +
               std::to_string(d.labels.size()) + " classes");
  const at::Tensor p = probabilities(d, map);

  // Regions are chosen without autograd, on the CPU.
  const at::Tensor label = classes(d, p.detach(), wanted).to(at::kInt).cpu().contiguous();
  const auto smallest = std::size_t(std::ceil(d.smallest * double(cells)));
  const Regions regions = connected_regions(label.data_ptr<int>(), unsigned(columns), unsigned(rows), smallest);

  // The score of a region is the mean of its class's probability over its pixels: the one thing that is differentiated.
  const auto count = std::int64_t(regions.all.size());
  const at::Tensor of = at::from_blob(const_cast<std::int32_t *>(regions.of.data()), {cells}, at::kInt).to(at::kLong);
  const at::Tensor cell = of.ge(0).nonzero().squeeze(1), region = of.index_select(0, cell);
  const at::Tensor place = label.flatten().to(at::kLong).index_select(0, cell).mul(cells).add(cell);
  std::vector<double> sizes;
  for (const Region &r : regions.all) sizes.push_back(double(r.cells));
  // In double precision: a sum over a large region would lose a hundredth of itself.
  const at::Tensor values = p.reshape({-1}).index_select(0, place.to(p.device())).to(at::kDouble);
  const at::Tensor scores = at::zeros({count}, values.options())
                                .index_add(0, region.to(p.device()), values)
                                .div(at::tensor(sizes, at::kDouble).to(p.device()));

  const at::Tensor known = scores.detach().to(at::kDouble).cpu().contiguous();
  const double *const score = known.data_ptr<double>();
  std::vector<std::int64_t> order(regions.all.size());
  std::iota(order.begin(), order.end(), std::int64_t(0));
  order.erase(std::remove_if(order.begin(), order.end(), [&](std::int64_t i) { return score[i] < least; }),
              order.end());
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) { return score[a] > score[b]; });
  if (order.size() > std::size_t(kMaxCandidates)) order.resize(std::size_t(kMaxCandidates));

  Elements result;
  std::vector<Mask> masks = region_masks(regions);
  const double across = double(width) / double(columns), down = double(height) / double(rows);
  for (const std::int64_t i : order) {
    const Region &r = regions.all[std::size_t(i)];
    result.boxes.push_back({{r.x0 * across, r.y0 * down, r.x1 * across, r.y1 * down},
                            score[i],
                            r.label,
                            std::move(masks[std::size_t(i)])});
  }
  result.scores = scores.index_select(0, at::tensor(order, at::dtype(at::kLong)).to(scores.device()));
  return result;
}

std::vector<Mask> instance_masks(const std::vector<at::Tensor> &outputs, const at::Tensor &index) {
  const at::Tensor all = outputs[3].detach();
  const std::int64_t count = outputs[1].size(0);
  if (all.dim() != 4 || all.size(0) != count || all.size(1) != 1 || all.size(2) * all.size(3) > std::int64_t(1) << 28)
    bad_output("the model's \"masks\" have shape " + shape_text(all) + ", but " + std::to_string(count) +
               " objects make it " + std::to_string(count) + "×1×height×width");
  // Column by column, as they are coded. A value that is not finite is not inside.
  const at::Tensor inside =
      all.index_select(0, index).squeeze(1).ge(0.5).to(at::kByte).transpose(1, 2).contiguous().cpu();
  std::vector<Mask> masks;
  for (std::int64_t i = 0; i < inside.size(0); ++i)
    masks.push_back(mask_of(inside[i].data_ptr<std::uint8_t>(), unsigned(inside.size(1)), unsigned(inside.size(2))));
  return masks;
}

}  // namespace oneadapt
