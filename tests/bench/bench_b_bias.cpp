// SPDX-License-Identifier: LGPL-2.1-or-later
// How many pictures x264 makes B pictures by its bias, and the width of the logistic curve through that: what the knob
// b-bias is taken to do at biases that were not tried (elements/oneadapt/video/picture_measurement.cpp).
//
// Usage: bench-b-bias CLIP...
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "clip.h"
#include "codec/h264.h"

using namespace oneadapt;

namespace {

constexpr unsigned kMost = 3, kFrames = 200, kGop = 25;

Picture picture_of(GstVideoFrame *frame) {
  Picture p;
  p.width = unsigned(GST_VIDEO_FRAME_WIDTH(frame)) & ~1u;
  p.height = unsigned(GST_VIDEO_FRAME_HEIGHT(frame)) & ~1u;
  for (unsigned i = 0; i < 3; ++i) {
    p.plane[i] = static_cast<const std::uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(frame, i));
    p.stride[i] = std::size_t(GST_VIDEO_FRAME_PLANE_STRIDE(frame, i));
  }
  return p;
}

/// Share of B pictures.
double share(const Clip &clip, int bias) {
  H264Settings settings;
  settings.width = unsigned(clip.info.width) & ~1u;
  settings.height = unsigned(clip.info.height) & ~1u;
  settings.b_frames = kMost;
  H264Encoder encoder(settings);
  unsigned all = 0, b = 0;
  const auto count = [&](const AccessUnit &unit) {
    all += unit.size > 0;
    b += unit.size > 0 && unit.b;
    return unit.size > 0;
  };
  for (std::size_t i = 0; i < clip.frames.size(); ++i) {
    GstVideoFrame frame;
    gst_video_frame_map(&frame, const_cast<GstVideoInfo *>(&clip.info), clip.frames[i], GST_MAP_READ);
    H264Frame wanted;
    wanted.qp = 32;
    wanted.b_bias = bias;
    wanted.pts = std::int64_t(i);
    wanted.idr = i % kGop == 0;
    while (wanted.idr && i > 0 && count(encoder.flush())) {
    }
    count(encoder.encode(picture_of(&frame), wanted));
    gst_video_frame_unmap(&frame);
  }
  while (count(encoder.flush())) {
  }
  return double(b) / all;
}

}  // namespace

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  if (argc < 2) {
    std::fprintf(stderr, "usage: bench-b-bias CLIP...\n");
    return 2;
  }
  std::vector<double> widths;
  for (int i = 1; i < argc; ++i) {
    const Clip clip = load_clip(argv[i], kFrames);
    if (clip.frames.empty()) {
      std::fprintf(stderr, "bench-b-bias: %s: no video\n", argv[i]);
      return 1;
    }
    std::printf("%s\n ", argv[i]);
    // Least squares through the logits of what is neither all nor nothing.
    double n = 0, x = 0, y = 0, xx = 0, xy = 0;
    for (int bias = -60; bias <= 80; bias += 10) {
      const double part = share(clip, bias) * (kMost + 1) / kMost;
      std::printf(" %d:%.2f", bias, part);
      if (part < 0.02 || part > 0.98) continue;
      const double logit = std::log(part / (1 - part));
      n += 1, x += bias, y += logit, xx += double(bias) * bias, xy += bias * logit;
    }
    const double slope = (n * xy - x * y) / (n * xx - x * x);
    widths.push_back(1 / slope);
    std::printf("\n  width %.0f\n", widths.back());
  }
  std::sort(widths.begin(), widths.end());
  std::printf("median width %.0f\n", widths[widths.size() / 2]);
}
