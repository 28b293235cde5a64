// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/picture_input.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

namespace oneadapt {
namespace {

using Kind = ModelError::Kind;

/// Shares of R, G and B in what a model of one channel sees (BT.601, as JPEG and OpenCV); gray stays as it is.
constexpr double kLuma[3] = {0.299, 0.587, 0.114};

unsigned round_up(unsigned value, unsigned multiple) { return (value + multiple - 1) / multiple * multiple; }

void expect_pixels(const RgbFrame &frame) {
  if (!frame.data || !frame.width || !frame.height || frame.stride < std::size_t(3) * frame.width)
    throw ModelError(Kind::Input, "the frame has no pixels, or rows shorter than its width");
}

}  // namespace

PictureInput::PictureInput(const ModelDescription &d, const c10::Device &device, c10::ScalarType type)
    : multiple_of_(d.multiple_of),
      own_{d.width, d.height},
      turned_(d.colour == "BGR"),
      gray_(d.channels() == 1),
      device_(device),
      type_(type) {
  const unsigned channels = d.channels();
  // input = (rgb·range − mean) / std, per channel in the model's order.
  at::Tensor scale = at::empty({1, channels, 1, 1}, at::TensorOptions().dtype(at::kDouble));
  at::Tensor shift = at::empty_like(scale);
  for (std::size_t c = 0; c < channels; ++c) {
    scale.data_ptr<double>()[c] = d.range / d.std[c];
    shift.data_ptr<double>()[c] = d.mean[c] / d.std[c];
  }
  scale_ = scale.to(device, type);
  shift_ = shift.to(device, type);
  values_ =
      at::arange(256, scale_.options()).div_(255.0).expand({1, channels, 1, 256}).mul(scale_).sub(shift_).contiguous();
  const at::Tensor luma = at::empty({1, 3, 1, 1}, at::TensorOptions().dtype(at::kDouble));
  std::copy_n(kLuma, 3, luma.data_ptr<double>());
  luma_ = luma.to(device, type);
}

void PictureInput::set_size(unsigned width, unsigned height) { wanted_ = {width, height}; }

FrameSize PictureInput::size(FrameSize frame) const {
  if (!multiple_of_) return own_;
  if (wanted_.width && wanted_.height) frame = wanted_;
  return {round_up(frame.width, multiple_of_), round_up(frame.height, multiple_of_)};
}

at::Tensor PictureInput::upload(const RgbFrame &frame, at::MemoryFormat layout) const {
  expect_pixels(frame);
  const at::Tensor bytes = at::from_blob(const_cast<std::uint8_t *>(frame.data), {frame.height, frame.width, 3},
                                         {std::int64_t(frame.stride), 3, 1}, at::TensorOptions().dtype(at::kByte));
  // As bytes across the bus: a quarter of the floats. A GPU copy needs the rows packed.
  const at::Tensor there = device_.is_cpu() ? bytes : bytes.contiguous().to(device_);
  const auto options = at::TensorOptions().dtype(type_).device(device_).memory_format(layout);
  at::Tensor planes = at::empty({1, 3, frame.height, frame.width}, options);
  planes.copy_(there.permute({2, 0, 1}).unsqueeze(0));
  return planes.div_(255.0);
}

at::Tensor PictureInput::prepare(const at::Tensor &rgb) const {
  const FrameSize wanted = size({unsigned(rgb.size(3)), unsigned(rgb.size(2))});
  const std::int64_t width = wanted.width, height = wanted.height;
  at::Tensor x = rgb;
  const bool shrinks = width < x.size(3) || height < x.size(2);
  if (width != x.size(3) || height != x.size(2)) {
    const std::int64_t sides[] = {height, width};
    x = shrinks ? at::_upsample_bilinear2d_aa(x, sides, /*align_corners=*/false)
                : at::upsample_bilinear2d(x, sides, /*align_corners=*/false);
  }
  if (turned_) x = x.flip(1);
  if (gray_) x = at::conv2d(x, luma_);
  return x.mul(scale_).sub(shift_);
}

at::Tensor PictureInput::prepare_frame(const RgbFrame &frame, at::MemoryFormat layout) const {
  const FrameSize wanted = size({frame.width, frame.height});
  if (gray_ || !device_.is_cpu() || type_ != at::kFloat || wanted.width != frame.width || wanted.height != frame.height)
    return prepare(upload(frame, layout));
  expect_pixels(frame);
  at::Tensor input = at::empty({1, 3, frame.height, frame.width}, at::TensorOptions().memory_format(layout));
  const std::int64_t channel = input.stride(1), column = input.stride(3), row = input.stride(2);
  float *const out = input.data_ptr<float>();
  for (std::int64_t c = 0; c < 3; ++c) {
    const float *const value = values_.data_ptr<float>() + 256 * c;
    const std::int64_t from = turned_ ? 2 - c : c;
    at::parallel_for(0, frame.height, 64, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t y = begin; y < end; ++y) {
        const std::uint8_t *const in = frame.data + std::size_t(y) * frame.stride + from;
        float *const line = out + c * channel + y * row;
        for (std::int64_t x = 0; x < std::int64_t(frame.width); ++x) line[x * column] = value[in[3 * x]];
      }
    });
  }
  return input;
}

}  // namespace oneadapt
