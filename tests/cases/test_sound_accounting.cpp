// SPDX-License-Identifier: LGPL-2.1-or-later
// A microphone in front of the whole loop of sound, whose buffers come otherwise than caps and time stamps promise.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "camera.h"
#include "test_models.h"
#include "watched_pipeline.h"

using namespace oneadapt_test;

namespace {

constexpr unsigned kRate = 8000, kPerBuffer = 160;  // 20 ms by the caps

struct Microphone {
  const char *name;
  double speed = 1;               ///< seconds by its clock of a second's samples
  double jitter = 0;              ///< of time stamps, seconds
  double gap = 0, step_back = 0;  ///< after seven seconds, and again after thirteen; seconds
  bool stamped = true;
};

/// 20 s of a tone.
void feed(const WatchedPipeline &pipeline, const Microphone &microphone) {
  const auto source = pipeline.find("microphone");
  std::mt19937 random(5);
  std::uniform_real_distribution<double> share(-1, 1);
  for (unsigned i = 0; i < 20 * kRate / kPerBuffer; ++i) {
    double time = double(i) * kPerBuffer / kRate * microphone.speed;
    const int passed = (time >= 7) + (time >= 13);
    time += passed * (microphone.gap - microphone.step_back) + microphone.jitter * share(random);
    GstBuffer *buffer = gst_buffer_new_allocate(nullptr, kPerBuffer * 2, nullptr);
    GstMapInfo map;
    gst_buffer_map(buffer, &map, GST_MAP_WRITE);
    for (unsigned k = 0; k < kPerBuffer; ++k)
      reinterpret_cast<std::int16_t *>(map.data)[k] =
          std::int16_t(6000 * std::sin(2 * 3.14159265 * 500 * (i * kPerBuffer + k) / kRate));
    gst_buffer_unmap(buffer, &map);
    if (microphone.stamped) GST_BUFFER_PTS(buffer) = GstClockTime(std::max(0.0, time) * GST_SECOND);
    gst_app_src_push_buffer(GST_APP_SRC(source.get()), buffer);
  }
  gst_app_src_end_of_stream(GST_APP_SRC(source.get()));
}

/// Intervals that had sound at the DNN, one that time comes back to twice, and samples.
struct Arrived {
  std::optional<std::uint64_t> interval;
  std::size_t intervals = 0;
  std::uint64_t samples = 0;
};

GstPadProbeReturn on_sound(GstPad *, GstPadProbeInfo *info, gpointer data) {
  auto *a = static_cast<Arrived *>(data);
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  const std::uint64_t interval = GST_BUFFER_PTS(buffer) / GST_SECOND;
  a->intervals += !a->interval || *a->interval != interval;
  a->interval = interval;
  a->samples += gst_buffer_get_size(buffer) / 2;
  return GST_PAD_PROBE_OK;
}

}  // namespace

TEST(SoundAccounting, WhateverTheMicrophoneDoes) {
  const TemporaryFolder folder;
  const std::string model = save_tones(folder);
  for (const Microphone &microphone : std::vector<Microphone>{{"regular"},
                                                              {"jitter", 1, 0.01},
                                                              {"short gaps", 1, 0, 0.4},
                                                              {"long gaps", 1, 0, 2.5},
                                                              {"short steps back", 1, 0, 0, 0.3},
                                                              {"long steps back", 1, 0, 0, 2.5},
                                                              {"slow clock", 0.98},
                                                              {"fast clock", 1.02},
                                                              {"twice the rate of the caps", 0.5},
                                                              {"half the rate of the caps", 2},
                                                              {"not stamped", 1, 0, 0, 0, false}}) {
    SCOPED_TRACE(microphone.name);
    WatchedPipeline pipeline(
        "appsrc name=microphone format=time max-bytes=0 caps=audio/x-raw,format=S16LE,rate=8000,channels=1,"
        "layout=interleaved ! oneadaptctl name=ctl knobs=rate alpha=0 warm-start=false lockstep=true "
        "lockstep-timeout=100000000 ! oneadaptaudiofilter name=filter ! oneadaptdnn name=dnn threads=1 model=" +
        model + " ! fakesink sync=false");
    Arrived arrived;
    pipeline.on_buffers("dnn", "sink", on_sound, &arrived);
    feed(pipeline, microphone);
    EXPECT_EQ(pipeline.play(), "");
    EXPECT_EQ(pipeline.stat("filter", "samples-in"), 20 * kRate);
    EXPECT_EQ(arrived.samples, 20 * kRate + pipeline.stat("filter", "filled") - pipeline.stat("filter", "dropped"));
    EXPECT_GE(double(pipeline.stat("ctl", "gradients")), 0.95 * double(arrived.intervals - 1)) << arrived.intervals;
    EXPECT_EQ(pipeline.stat("ctl", "gradients-ignored"), 0u);
    EXPECT_EQ(pipeline.stat("ctl", "lockstep-timeouts"), 0u);
    EXPECT_TRUE(pipeline.warnings().empty()) << pipeline.warnings().front();
  }
}
