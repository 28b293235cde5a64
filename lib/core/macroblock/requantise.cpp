// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/macroblock/requantise.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include "core/macroblock/allocation.h"

namespace oneadapt {
namespace {

constexpr unsigned kBlock = 8, kShift = 4, kMacroblock = 16;
// What x264 rounds intra coefficients by, as a share of a step.
constexpr float kRounding = 1.0f / 3;

using Block = std::array<float, kBlock * kBlock>;

/// The orthonormal DCT; its rows are the basis.
const Block &dct() {
  static const Block matrix = [] {
    Block m{};
    for (unsigned k = 0; k < kBlock; ++k)
      for (unsigned x = 0; x < kBlock; ++x)
        m[k * kBlock + x] = float((k ? 0.5 : std::sqrt(0.125)) * std::cos(M_PI * (2 * x + 1) * k / 16));
    return m;
  }();
  return matrix;
}

/// a · b, or a · bᵀ.
Block product(const Block &a, const Block &b, bool transposed) {
  Block out{};
  for (unsigned i = 0; i < kBlock; ++i)
    for (unsigned k = 0; k < kBlock; ++k)
      for (unsigned j = 0; j < kBlock; ++j)
        out[i * kBlock + j] += a[i * kBlock + k] * (transposed ? b[j * kBlock + k] : b[k * kBlock + j]);
  return out;
}

Block transposed(const Block &a) {
  Block out;
  for (unsigned i = 0; i < kBlock; ++i)
    for (unsigned j = 0; j < kBlock; ++j) out[i * kBlock + j] = a[j * kBlock + i];
  return out;
}

/// The step that an orthonormal coefficient is divided by (H.264 8.5.9: it doubles every six QPs, and is 1 at 4).
float step_of(int qp) { return std::exp2(float(qp - 4) / 6); }

/// H.264 table 8-15.
int chroma_qp(int qp) {
  static const int table[] = {29, 30, 31, 32, 32, 33, 34, 34, 35, 35, 36, 36, 37, 37, 37, 38, 38, 38, 39, 39, 39, 39};
  return qp < 30 ? qp : table[qp - 30];
}

struct Samples {
  unsigned width, height;
  std::vector<float> values;
  Samples(unsigned w, unsigned h) : width(w), height(h), values(std::size_t(w) * h) {}
  float &at(unsigned x, unsigned y) { return values[std::size_t(y) * width + x]; }
};

/// The QP of each place.
class Qps {
 public:
  Qps(const RgbPicture &picture, int qp, const std::vector<float> &offsets)
      : qp_(qp), columns_((picture.width + kMacroblock - 1) / kMacroblock), offsets_(offsets) {
    const std::size_t rows = (picture.height + kMacroblock - 1) / kMacroblock;
    if (!offsets.empty() && offsets.size() != columns_ * rows)
      throw std::invalid_argument("a QP map must have an offset for each macroblock of the picture");
  }
  /// Of the macroblock at a pixel of the luma.
  int at(unsigned x, unsigned y) const {
    return offsets_.empty() ? qp_ : coded_qp(qp_, offsets_[std::size_t(y / kMacroblock) * columns_ + x / kMacroblock]);
  }

 private:
  int qp_;
  std::size_t columns_;
  const std::vector<float> &offsets_;
};

/// Replaces the samples by what quantising changed. `scale`: pixels of the luma a sample.
void quantise(Samples &s, const Qps &qps, unsigned scale) {
  Samples change(s.width, s.height);
  const Block &m = dct(), back = transposed(m);
  const auto inside = [](unsigned begin, unsigned i, unsigned size) {  // the edge goes on outside
    return std::min(begin + i < kShift ? 0 : begin + i - kShift, size - 1);
  };
  for (unsigned top = 0; top < s.height + kShift; top += kBlock)
    for (unsigned left = 0; left < s.width + kShift; left += kBlock) {
      Block block;
      for (unsigned i = 0; i < kBlock; ++i)
        for (unsigned j = 0; j < kBlock; ++j)
          block[i * kBlock + j] = s.at(inside(left, j, s.width), inside(top, i, s.height));
      const int luma = qps.at(scale * inside(left, kBlock / 2, s.width), scale * inside(top, kBlock / 2, s.height));
      const float step = step_of(scale == 1 ? luma : chroma_qp(luma));
      Block coefficients = product(product(m, block, false), m, true);
      for (float &c : coefficients) c = std::copysign(std::floor(std::abs(c) / step + kRounding) * step, c);
      const Block coded = product(product(back, coefficients, false), back, true);
      for (unsigned i = 0; i < kBlock; ++i)
        for (unsigned j = 0; j < kBlock; ++j) {
          const unsigned x = left + j, y = top + i;
          if (x >= kShift && y >= kShift && x - kShift < s.width && y - kShift < s.height)
            change.at(x - kShift, y - kShift) = coded[i * kBlock + j] - block[i * kBlock + j];
        }
    }
  s = std::move(change);
}

}  // namespace

void requantise(const RgbPicture &p, int qp, const std::vector<float> &offsets) {
  const Qps qps(p, std::clamp(qp, 0, 51), offsets);
  if (!p.width || !p.height) return;
  const unsigned half_width = (p.width + 1) / 2, half_height = (p.height + 1) / 2;
  Samples luma(p.width, p.height), blue(half_width, half_height), red(half_width, half_height);
  for (unsigned y = 0; y < p.height; ++y)
    for (unsigned x = 0; x < p.width; ++x) {
      const std::uint8_t *rgb = p.data + p.stride * y + 3 * std::size_t(x);
      const float r = rgb[0], g = rgb[1], b = rgb[2], l = 0.257f * r + 0.504f * g + 0.098f * b;
      luma.at(x, y) = l;
      // Of two or four pixels, the last of an odd side counting as often as is missing.
      const float share =
          (x + 1 == p.width && p.width % 2 ? 1.0f : 0.5f) * (y + 1 == p.height && p.height % 2 ? 1.0f : 0.5f);
      blue.at(x / 2, y / 2) += share * (-0.148f * r - 0.291f * g + 0.439f * b);
      red.at(x / 2, y / 2) += share * (0.439f * r - 0.368f * g - 0.071f * b);
    }
  quantise(luma, qps, 1);
  quantise(blue, qps, 2);
  quantise(red, qps, 2);
  const auto add = [](std::uint8_t &value, float change) {
    value = std::uint8_t(std::clamp(std::lround(float(value) + change), 0L, 255L));
  };
  for (unsigned y = 0; y < p.height; ++y)
    for (unsigned x = 0; x < p.width; ++x) {
      std::uint8_t *rgb = p.data + p.stride * y + 3 * std::size_t(x);
      const float l = 1.164f * luma.at(x, y), u = blue.at(x / 2, y / 2), v = red.at(x / 2, y / 2);
      add(rgb[0], l + 1.596f * v);
      add(rgb[1], l - 0.392f * u - 0.813f * v);
      add(rgb[2], l + 2.017f * u);
    }
}

}  // namespace oneadapt
