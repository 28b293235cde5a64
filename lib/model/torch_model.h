// SPDX-License-Identifier: LGPL-2.1-or-later
// The Model behind model.h. Internal: sees LibTorch; only lib/model and its tests include it.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "model/heads.h"
#include "model/model.h"
#include "model/onnx_pair.h"
#include "model/picture_input.h"
#include "model/plan_memory.h"
#include "model/plans.h"
#include "model/torch_passes.h"

namespace oneadapt {

class TorchModel final : public LoadedFile<Model> {
 public:
  explicit TorchModel(const ModelOptions &options);

  void set_input_size(unsigned width, unsigned height) override;
  FrameSize input_size(FrameSize frame) const override { return input_->size(frame); }
  std::vector<Detection> infer(const RgbFrame &frame) override;
  std::vector<Detection> infer_for_gradient(const RgbFrame &frame) override;
  std::string gradient_problem(const RgbFrame *frame) override;
  std::vector<Box> element_boxes() const override { return element_boxes_; }
  std::string results_problem() const override { return box_problem_; }
  void set_gradient(GradientMethod method, GradientMemory memory) override;
  void set_weight_gradients(bool on) override;
  PlanReport plan() const override { return plan_report_; }
  std::string plan_problem() const override { return lost_plan_; }

  // The parts, for tests.
  /// PictureInput's.
  at::Tensor upload(const RgbFrame &frame) const { return input_->upload(frame, plan_now().layout); }
  at::Tensor prepare(const at::Tensor &rgb) const { return input_->prepare(rgb); }
  at::Tensor prepare_frame(const RgbFrame &frame) const { return input_->prepare_frame(frame, plan_now().layout); }
  /// From prepared input to elements, scores ≥ `least`; differentiable in its scores.
  Elements forward(const at::Tensor &input, double least);
  /// |∂z/∂y| of every pixel and channel, 1×3×H×W, for the elements that infer_for_gradient() kept.
  at::Tensor pixel_gradient(double &z) { return input_gradient(z); }
  torch::jit::Module &module() { return module_; }
  const SharedModule &shared() const { return *shared_; }
  c10::ScalarType type() const { return type_; }
  /// Remembers `rgb` (a leaf that requires grad) and its elements, as infer_for_gradient() does, which does not keep
  /// its pixels.
  std::vector<Detection> run_for_gradient(at::Tensor rgb, bool keep_pixels = true);

 private:
  /// From what comes where the way back ends to the leaf's gradient.
  struct Magnitude {
    double factor = 0;   ///< 0: not known
    unsigned since = 0;  ///< gradients since it was found
    bool find = false;   ///< on this one
  };

  void choose_plans(const ModelOptions &options);
  PlanSearch plan_search(const ModelOptions &options, const OnnxPair &pair, unsigned threads);
  PlanKey plan_key(const OnnxPair &pair) const;
  std::string gradient_problem_on(const at::Tensor &input, int directions);
  std::string gradient_problem_at(const at::Tensor &input, int directions);
  /// The memory of larger pictures than this goes back to the system at once.
  void release_larger(const RgbFrame &frame);
  /// Of what runs now: with autograd or without.
  const Plan &plan_now() const;
  /// What the model gives for a prepared picture, as its description's layout has it.
  std::vector<at::Tensor> outputs_of(const at::Tensor &input);
  /// The same by LibTorch.
  std::vector<at::Tensor> torch_outputs(const Plan &plan, const at::Tensor &input);
  at::Tensor gradient_of(const at::Tensor &sum, const at::Tensor &leaf) override;
  at::Tensor approximate_gradient(const at::Tensor &sum, const at::Tensor &leaf);
  BlockMap map_of(const at::Tensor &gradient) override;
  Domain domain() const override { return Domain::Grid; }
  /// Size of the picture that boxes refer to: the input itself, or what the features in it are of.
  std::int64_t shown_width(const at::Tensor &input) const {
    return description_.is_tail() ? std::int64_t(description_.features.picture[0]) : input.size(3);
  }
  std::int64_t shown_height(const at::Tensor &input) const {
    return description_.is_tail() ? std::int64_t(description_.features.picture[1]) : input.size(2);
  }
  std::vector<Detection> detections(const Elements &elements, std::int64_t width, std::int64_t height) const;

  Plan results_, gradients_;
  PlanReport plan_report_;
  std::string lost_plan_;
  std::vector<at::Tensor> weights_;  ///< those that want a gradient; none but for measurements
  at::Tensor wanted_;                // bool, one a class
  std::unique_ptr<PictureInput> input_;
  std::uint64_t pixels_ = 0;  ///< of the last picture
  GradientMethod method_ = GradientMethod::Exact;
  Magnitude magnitude_;
  std::string box_problem_;
  std::vector<Box> element_boxes_;  ///< of the last pass with a graph
  GradientMemory memory_ = GradientMemory::Exact;
};

/// Mean over each block × block pixels of `plane` (H×W), blocks cut by the edge averaged over what they have.
at::Tensor block_means(const at::Tensor &plane, std::int64_t block);

}  // namespace oneadapt
