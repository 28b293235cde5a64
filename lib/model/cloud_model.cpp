// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/cloud_model.h"

#include <algorithm>
#include <cmath>

#include "model/files.h"
#include "model/heads_common.h"
#include "model/torch_passes.h"

namespace oneadapt {
namespace {

using Kind = ModelError::Kind;

class TorchCloud final : public LoadedFile<CloudModel> {
 public:
  explicit TorchCloud(const ModelOptions &options) : LoadedFile(options, {"points N×4 and their presence N", "cloud"}) {
    if (!description_.takes_points())
      throw ModelError(Kind::Description, "model file '" + path_ + "' is for " + description_.medium() +
                                              " (\"task\": \"" + description_.task +
                                              "\"), but the input is point clouds; use a model of task "
                                              "\"detection3d\"");
    if (takes_list_)
      throw ModelError(Kind::Format, "model file '" + path_ +
                                         "': forward() takes a list, but a model of point clouds is given two tensors");
    wanted_ = select_classes(labels_, options.classes);
  }

  std::vector<ScoredBox3d> infer(const Point *points, std::size_t n) override {
    return run_plain([&] {
      const at::Tensor cloud = upload(points, n);
      if (!cloud.size(0)) return std::vector<ScoredBox3d>();
      return sure(forward(cloud, at::ones({cloud.size(0)}, cloud.options())).boxes);
    });
  }

  std::vector<ScoredBox3d> infer_for_gradient(const Point *points, std::size_t n, const PolarGrid &grid) override {
    return run_with_graph([&] {
      const at::Tensor cloud = upload(points, n);
      grid_ = grid;
      at::Tensor presence = at::ones({cloud.size(0)}, cloud.options());
      presence.requires_grad_(true);
      Found found{at::zeros({0}, cloud.options()), {}};
      if (cloud.size(0)) found = forward(cloud, presence);
      graph_ = {presence, found.scores};
      return sure(found.boxes);
    });
  }

 private:
  /// Elements after NMS, best first; the scores are part of the graph, where there is one.
  struct Found {
    at::Tensor scores;
    std::vector<ScoredBox3d> boxes;
  };

  Domain domain() const override { return Domain::Space; }

  BlockMap map_of(const at::Tensor &gradient) override {
    BlockMap map(grid_.sectors, grid_.rings, 1);
    const at::Tensor plain = gradient.detach().to(at::kFloat).cpu().contiguous();
    const auto *values = plain.data_ptr<float>();
    std::vector<double> sums(map.values.size());
    std::vector<std::size_t> counts(map.values.size());
    for (std::size_t i = 0; i < blocks_.size(); i++) {
      sums[blocks_[i]] += std::abs(double(values[i]));
      counts[blocks_[i]]++;
    }
    std::vector<float> means(sums.size());
    for (std::size_t b = 0; b < sums.size(); b++) means[b] = counts[b] ? float(sums[b] / double(counts[b])) : 0;
    fill(map, at::from_blob(means.data(), {std::int64_t(means.size())}));
    return map;
  }

  /// N×4, on the model's device; of those that have a place, the block of each goes to blocks_.
  at::Tensor upload(const Point *points, std::size_t n) {
    PointCloud cloud;
    cloud.reserve(n);
    for (std::size_t i = 0; i < n; i++)
      if (has_place(points[i])) cloud.push_back(with_finite_intensity(points[i]));
    for (Point &p : cloud) p.intensity = float(p.intensity * description_.intensity_scale);
    placed_ = std::move(cloud);
    return at::from_blob(placed_.data(), {std::int64_t(placed_.size()), 4}, at::kFloat)
        .to(device_.device, type_, false, true);
  }

  Found forward(const at::Tensor &cloud, const at::Tensor &presence) {
    blocks_.clear();
    if (presence.requires_grad())
      for (const Point &p : placed_) blocks_.push_back(grid_.block_of(p.x, p.y));
    const c10::IValue value = call(module_, std::vector<c10::IValue>{cloud, presence},
                                   "a cloud of " + std::to_string(cloud.size(0)) + " points (N×4, and presence N)",
                                   "that it is a model of point clouds, and the range that it was made for");
    const std::vector<at::Tensor> outputs = tensors_of(value);
    const ModelDescription &d = description_;
    const at::Tensor scores = output(outputs, d.score_outputs[0], 1, "scores");
    const at::Tensor boxes = output(outputs, d.box_outputs[0], 2, "boxes");
    const at::Tensor labels = output(outputs, d.label_output, 1, "labels");
    expect_shape(boxes, d.box_outputs[0], "boxes", scores.size(0), 7);
    if (labels.size(0) != scores.size(0))
      bad_output("the model's output (output.labels) has shape " + shape_text(labels) + ", but one for each of " +
                 std::to_string(scores.size(0)) + " scores is due");
    expect_scores(scores);
    return suppress(scores, boxes, labels);
  }

  /// NMS, in plain numbers; only the scores are differentiated.
  Found suppress(const at::Tensor &scores, const at::Tensor &boxes, const at::Tensor &labels) const {
    const at::Tensor s = scores.detach().to(at::kDouble).cpu().contiguous(),
                     b = boxes.detach().to(at::kDouble).cpu().contiguous(),
                     l = labels.detach().to(at::kLong).cpu().contiguous();
    const auto *score = s.data_ptr<double>(), *box = b.data_ptr<double>();
    const auto *label = l.data_ptr<std::int64_t>();
    std::vector<ScoredBox3d> all;
    std::vector<std::int64_t> places;
    for (std::int64_t i = 0; i < s.numel(); i++, box += 7) {
      if (label[i] < 0 || label[i] >= std::int64_t(labels_.size()))
        bad_output("the model gave the label " + std::to_string(label[i]) + ", but its description has " +
                   std::to_string(labels_.size()) + " labels");
      if (!wanted_[std::size_t(label[i])] || !(score[i] >= description_.floor)) continue;
      if (!std::all_of(box, box + 7, [](double v) { return std::isfinite(v); }))
        bad_output("the model gave a box that is not finite");
      const double lift = description_.origin == "bottom" ? box[5] / 2 : 0;
      all.push_back({{box[0], box[1], box[2] + lift, box[3], box[4], box[5], box[6]}, score[i], int(label[i])});
      places.push_back(i);
    }
    return pick(scores, all, places);
  }

  Found pick(const at::Tensor &scores, std::vector<ScoredBox3d> all, std::vector<std::int64_t> places) const {
    // Candidates that enter NMS, best first.
    std::vector<std::size_t> order(all.size());
    for (std::size_t i = 0; i < order.size(); i++) order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t x, std::size_t y) { return all[x].score > all[y].score; });
    order.resize(std::min(order.size(), std::size_t(kMaxCandidates)));
    std::vector<ScoredBox3d> best;
    for (std::size_t i : order) best.push_back(all[i]);
    Found found;
    std::vector<std::int64_t> kept;
    for (std::size_t i : nms(best, description_.nms_iou)) {
      found.boxes.push_back(best[i]);
      kept.push_back(places[order[i]]);
    }
    found.scores = scores.index_select(0, at::tensor(kept, at::kLong).to(scores.device()));
    return found;
  }

  std::vector<ScoredBox3d> sure(const std::vector<ScoredBox3d> &all) const {
    std::vector<ScoredBox3d> result;
    for (const ScoredBox3d &b : all)
      if (b.score >= theta_) result.push_back(b);
    return result;
  }

  std::vector<bool> wanted_;      ///< one a label
  PointCloud placed_;             ///< of the last cloud, those that the model got
  PolarGrid grid_;                ///< of the last pass with autograd
  std::vector<unsigned> blocks_;  ///< of these points
};

}  // namespace

std::unique_ptr<CloudModel> CloudModel::load(const ModelOptions &options) {
  return loading(options, [&]() -> std::unique_ptr<CloudModel> { return std::make_unique<TorchCloud>(options); });
}

}  // namespace oneadapt
