// SPDX-License-Identifier: GPL-2.0-or-later
// Pictures and settings for the encoder's tests.
#pragma once
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "codec/h264.h"

/// An I420 picture: texture everywhere that drifts by `t` pixels, so that P pictures have something to predict.
struct Image {
  unsigned width, height;
  std::vector<std::uint8_t> y, u, v;
  Image(unsigned w, unsigned h, unsigned t = 0)
      : width(w), height(h), y(std::size_t(w) * h), u(std::size_t(w / 2) * (h / 2)), v(u.size()) {
    std::mt19937 noise(7);
    std::vector<std::uint8_t> texture(256 * 256);
    for (auto &p : texture) p = std::uint8_t(noise() % 48);
    for (unsigned r = 0; r < h; r++)
      for (unsigned c = 0; c < w; c++)
        y[std::size_t(r) * w + c] = std::uint8_t(64 + 40 * std::sin((c + t) * 0.11) + 30 * std::cos(r * 0.07) +
                                                 texture[(r % 256) * 256 + (c + t) % 256]);
    for (std::size_t i = 0; i < u.size(); i++) {
      u[i] = std::uint8_t(110 + i % 31);
      v[i] = std::uint8_t(140 - i % 17);
    }
  }
  oneadapt::Picture picture() const {
    oneadapt::Picture p;
    p.width = width;
    p.height = height;
    p.plane[0] = y.data();
    p.plane[1] = u.data();
    p.plane[2] = v.data();
    p.stride[0] = width;
    p.stride[1] = p.stride[2] = width / 2;
    return p;
  }
};

inline oneadapt::H264Settings settings(unsigned w, unsigned h, bool qp_offsets = false, bool reconstruction = true) {
  oneadapt::H264Settings s;
  s.qp_offsets = qp_offsets;
  s.width = w;
  s.height = h;
  s.reconstruction = reconstruction;
  return s;
}

/// Black and white by chance: whatever it is predicted from, every macroblock has residual at every QP.
inline Image noise(unsigned w, unsigned h, std::mt19937 &random) {
  Image image(w, h);
  for (auto *plane : {&image.y, &image.u, &image.v})
    for (auto &pixel : *plane) pixel = random() & 1 ? 235 : 16;
  return image;
}
