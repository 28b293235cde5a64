// SPDX-License-Identifier: LGPL-2.1-or-later
// The media that oneadaptdnn knows.
#include <gst/video/video.h>

#include "audio/recogniser.h"
#include "cloud/cloud_detector.h"
#include "cloud_caps.h"
#include "dnn_medium.h"
#include "video/detector.h"

namespace oneadapt {
namespace {

template <class Medium>
std::unique_ptr<DnnMedium> make(const MediumPlace &place, const RunSettings &settings) {
  return std::make_unique<Medium>(place, settings);
}

}  // namespace

const DnnMedia &dnn_media() {
  static const DnnMedia media{
      {"pictures",
       "video/x-raw",
       "video/x-raw, format = (string) { RGB, BGR, RGBx, BGRx, xRGB, xBGR, RGBA, BGRA, I420, NV12, GRAY8, "
       "GRAY16_LE }, "
       "width = (int) [ 1, 16384 ], height = (int) [ 1, 16384 ], framerate = " GST_VIDEO_FPS_RANGE,
       {"detection", "segmentation"},
       make<Detector>},
      {"sound",
       "audio/x-raw",
       "audio/x-raw, format = (string) { F32LE, S16LE }, layout = (string) interleaved, "
       "channels = (int) 1, rate = (int) [ 1000, 192000 ]",
       {"ctc"},
       make<Recogniser>,
       false},
      {"point clouds", ONEADAPT_CLOUD_TYPE, ONEADAPT_CLOUD_TYPE, {"detection3d"}, make<CloudDetector>},
  };
  return media;
}

}  // namespace oneadapt
