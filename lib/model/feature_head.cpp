// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/feature_head.h"

#include <cstring>

#include "model/files.h"
#include "model/picture_input.h"
#include "model/plans.h"
#include "model/torch_errors.h"
#include "model/torch_file.h"

namespace oneadapt {
namespace {

using Kind = ModelError::Kind;

constexpr double kPlanSeconds = 1;

class TorchHead final : public FeatureHead, private TorchFile {
 public:
  explicit TorchHead(const ModelOptions &options)
      : TorchFile(options, {"one tensor 1×3×H×W", "frame"}), input_(description_, device_.device, type_) {
    if (!description_.is_head())
      throw ModelError(Kind::Description,
                       "model file '" + path_ + "' is no first half of a detector (its task is \"" + description_.task +
                           "\", not \"features\"); \"oneadapt-import --split NODE " + path_ + " OUTPUT.pt\" makes one");
    if (takes_list_) throw ModelError(Kind::Format, "model file '" + path_ + "': forward() takes a list, not a tensor");
    plan_.module = module_;
    if (!device_.device.is_cpu()) return;
    const TensorPool::Use pool(shared_->pool);
    threads_.use();
    PlanSearch search;
    search.wanted = options.plan == "onnxruntime" ? "auto" : options.plan;
    search.seconds = kPlanSeconds;
    const FrameSize size = input_.size({});
    search.input = input_.prepare(at::rand({1, 3, size.height, size.width}, at::TensorOptions().dtype(type_)));
    search.call = [this](torch::jit::Module program, const at::Tensor &x) { return program.forward({x}); };
    const Plans plans = find_plans(shared_->stateful ? shared_->to_run() : module_, search);
    plan_ = plans.results;
    report_ = plans.report;
  }
  ~TorchHead() override { shared_->pool->release(); }

  const ModelDescription &description() const override { return description_; }
  const std::string &device() const override { return device_.name; }
  const std::string &device_reason() const override { return device_.reason; }
  PlanReport plan() const override { return report_; }

  void run(const RgbFrame &frame, std::uint8_t *mosaic, std::size_t stride) override {
    guarded("the model failed", [&] {
      const TensorPool::Use pool(shared_->pool);
      const at::NoGradGuard no_grad;
      threads_.use();
      write(forward(frame), mosaic, stride);
      return 0;
    });
  }

 private:
  at::Tensor forward(const RgbFrame &frame) {
    const at::Tensor input = input_.prepare_frame(frame, plan_.layout);
    const c10::IValue value = plan_.module.forward({input.contiguous(plan_.layout)});
    const MosaicLayout &layout = description_.features.mosaic;
    if (value.isTensor()) {
      const at::Tensor x = value.toTensor();
      if (x.dim() == 4 && x.size(0) == 1 && x.size(1) == 1 && x.size(2) == layout.height() &&
          x.size(3) == layout.width())
        return x[0][0];
    }
    throw ModelError(Kind::Run, "the model gave no mosaic of " + std::to_string(layout.width()) + "×" +
                                    std::to_string(layout.height()) + " (a tensor 1×1×H×W); does its description fit?");
  }

  void write(const at::Tensor &levels, std::uint8_t *mosaic, std::size_t stride) const {
    if (!levels.isfinite().all().item<bool>())
      throw ModelError(Kind::NotFinite, "the model gave features that are not finite");
    const at::Tensor bytes = levels.round().clamp(0, 255).to(at::kByte).cpu().contiguous();
    const auto width = std::size_t(bytes.size(1));
    for (std::int64_t y = 0; y < bytes.size(0); ++y)
      std::memcpy(mosaic + stride * std::size_t(y), bytes.data_ptr<std::uint8_t>() + width * std::size_t(y), width);
    description_.features.pair.write(mosaic, stride, description_.features.mosaic);
  }

  PictureInput input_;
  Plan plan_;
  PlanReport report_;
};

}  // namespace

std::unique_ptr<FeatureHead> FeatureHead::load(const ModelOptions &options) {
  return loading(options, [&]() -> std::unique_ptr<FeatureHead> { return std::make_unique<TorchHead>(options); });
}

}  // namespace oneadapt
