// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadaptaudiofilter as a tunable: what a controller of a third party would ask of it.
#include <algorithm>
#include <atomic>
#include <numeric>
#include <thread>

#include "audio_run.h"

namespace {

/// Mean of |sin| where the samples fall on 16 places of a period, evenly: 1500 Hz at 8 kHz, 3000 Hz at 16 kHz (in
/// between it would be 2/π).
const double kMean = 1 / (8 * std::tan(M_PI / 16));

/// A gradient of one interval at the DNN's rate, the same everywhere.
GstOneadaptGradient *gradient_of(guint64 interval, guint width, float value, guint block = 80) {
  GstOneadaptGradient *gradient = gst_oneadapt_gradient_new(width, 1, block);
  gradient->interval = interval;
  gradient->domain = GST_ONEADAPT_DOMAIN_SIGNAL;
  gradient->interval_duration = GST_SECOND;
  gradient->stream_time = interval * GST_SECOND;
  std::fill(gradient->values, gradient->values + gradient->columns, value);
  return gradient;
}

struct Probe {
  Probe(const AudioRun &run, guint64 interval, const GstOneadaptGradient *gradient,
        std::vector<const gchar *> names = {}) {
    names.push_back(nullptr);
    probe = gst_oneadapt_tunable_probe(run.tunable(), interval, gradient, names.size() > 1 ? names.data() : nullptr,
                                       &error);
  }
  ~Probe() {
    if (probe) gst_oneadapt_probe_free(probe);
    g_clear_error(&error);
  }
  const GstOneadaptKnob *knob(const char *name) const {
    for (guint i = 0; probe && i < probe->knobs->len; i++) {
      auto *k = static_cast<GstOneadaptKnob *>(probe->knobs->pdata[i]);
      if (!g_strcmp0(k->name, name)) return k;
    }
    return nullptr;
  }
  GstOneadaptProbe *probe = nullptr;
  GError *error = nullptr;
};

/// What the table of knobs weighs Σ |DNNGrad| |Δy| with.
constexpr double kWeight = 70;

}  // namespace

TEST(AudioTunable, OutputGradOfASineByHand) {
  // 1500 Hz: 2000 Hz loses it, 4000 Hz keeps it. 8000 samples, gradient 3.
  const double whole = kWeight * 3 * 8000 * 0.8 * kMean;
  AudioRun run("rate=4000 rate-ladder=2000,4000,8000");
  run.push_all(sine(1500), 0, 144000);
  GstOneadaptGradient *gradient = gradient_of(1, 8000, 3);
  {
    Probe probe(run, 1, gradient);
    ASSERT_NE(probe.probe, nullptr) << probe.error->message;
    const GstOneadaptKnob *knob = probe.knob("rate");
    ASSERT_NE(knob, nullptr);
    EXPECT_EQ(knob->rung, 1u);
    EXPECT_EQ(knob->value, 4000);
    ASSERT_TRUE(knob->has_down && knob->has_up);
    EXPECT_NEAR(knob->output_grad_down, whole, whole * 2e-3);
    EXPECT_NEAR(knob->output_grad_up, 0, whole * 1e-3);
    EXPECT_NEAR(knob->resource_change_down, -0.25, 1e-9);
    EXPECT_NEAR(knob->resource_change_up, 0.5, 1e-9);
    EXPECT_NEAR(probe.probe->resource, 0.5, 1e-3);
    EXPECT_EQ(probe.probe->bytes, 4000u * 4);
    EXPECT_EQ(probe.probe->frames_in, 1u);
    EXPECT_EQ(probe.probe->frames_out, 1u);
    EXPECT_EQ(probe.probe->compute, 1);
    EXPECT_EQ(probe.knob("bits"), nullptr);  // on request
  }
  // The sound is remembered as it was: a move up is exact from below too.
  run.apply(3, "rate", 2000);
  run.push_all(sine(1500), 144000, 240000);
  {
    Probe probe(run, 3, gradient);
    const GstOneadaptKnob *knob = probe.knob("rate");
    ASSERT_NE(knob, nullptr);
    EXPECT_FALSE(knob->has_down);
    EXPECT_NEAR(knob->output_grad_up, whole, whole * 2e-3);
    EXPECT_NEAR(probe.probe->resource, 0.25, 1e-3);
  }
  EXPECT_EQ(run.stat("probes"), 2u);
  gst_oneadapt_gradient_free(gradient);
}

// More samples than 16 bits count.
TEST(AudioTunable, OutputGradOfAnIntervalOfNineSeconds) {
  AudioRun run("interval=9000000000 rate=8000 rate-ladder=2000,8000", 8000);
  run.push_all(sine(1500), 0, 80000);
  GstOneadaptGradient *gradient = gradient_of(0, 72000, 3);
  gradient->interval_duration = 9 * GST_SECOND;
  Probe probe(run, 0, gradient);
  ASSERT_NE(probe.probe, nullptr) << probe.error->message;
  // At 8 kHz a period of 1500 Hz falls on 16 places, as in kMean; 2000 Hz loses it.
  const double whole = kWeight * 3 * 72000 * 0.8 * kMean;
  EXPECT_NEAR(probe.knob("rate")->output_grad_down, whole, whole * 2e-3);
  gst_oneadapt_gradient_free(gradient);
}

TEST(AudioTunable, OutputGradFallsOnTheBlocksWhereTheSoundIs) {
  // High from 0.5 s to 0.75 s of interval 1 only; gradients elsewhere see nothing of it.
  const Wave wave = [](double t) {
    const double into = t - 1;
    return into >= 0.5 && into < 0.75 ? 0.8 * std::sin(2 * M_PI * 3000 * t) : 0.8 * std::sin(2 * M_PI * 200 * t);
  };
  AudioRun run("rate=16000 rate-ladder=2000,16000");
  run.push_all(wave, 0, 144000);
  GstOneadaptGradient *gradient = gradient_of(1, 16000, 0, 160);
  ASSERT_EQ(gradient->columns, 100u);
  double inside = 0, outside = 0;
  for (guint column = 0; column < 100; column++) {
    std::fill(gradient->values, gradient->values + 100, 0.0f);
    gradient->values[column] = 1;
    const double there = Probe(run, 1, gradient).knob("rate")->output_grad_down / kWeight;
    (column >= 50 && column < 75 ? inside : outside) += there;
    if (column > 51 && column < 73) {
      EXPECT_NEAR(there, 160 * 0.8 * kMean, 0.1) << column;
    }
    if (column < 48 || column > 77) {
      EXPECT_LT(there, 0.1) << column;
    }
  }
  EXPECT_GT(inside, 20 * outside);
  gst_oneadapt_gradient_free(gradient);
}

TEST(AudioTunable, AnIntervalThatBeganLateIsMeasuredInItsPlace) {
  AudioRun run("rate=16000 rate-ladder=2000,16000");
  run.push_all(sine(3000), 24000, 96000);  // from 0.5 s on
  GstOneadaptGradient *gradient = gradient_of(0, 16000, 0, 160);
  for (guint column : {10u, 49u, 52u, 90u}) {
    std::fill(gradient->values, gradient->values + 100, 0.0f);
    gradient->values[column] = 1;
    const double there = Probe(run, 0, gradient).knob("rate")->output_grad_down / kWeight;
    EXPECT_NEAR(there, column < 50 ? 0 : 160 * 0.8 * kMean, 1) << column;
  }
  gst_oneadapt_gradient_free(gradient);
}

TEST(AudioTunable, BitsAreProbedOnRequest) {
  AudioRun run("rate=8000 bits=4", 48000, "S16LE");
  run.push_all(sine(310.7), 0, 96000);
  GstOneadaptGradient *gradient = gradient_of(0, 8000, 1);
  Probe probe(run, 0, gradient, {"bits", "somebody-elses"});
  const GstOneadaptKnob *knob = probe.knob("bits");
  ASSERT_NE(knob, nullptr);
  EXPECT_EQ(probe.knob("rate"), nullptr);
  EXPECT_EQ(knob->rung, 0u);
  EXPECT_FALSE(knob->has_down);
  // Between roundings to 1/8 and to 1/32: mean |error| of 1/8 is 1/32.
  EXPECT_NEAR(knob->output_grad_up / kWeight, 8000.0 / 32, 8000.0 / 32 * 0.25);
  EXPECT_NEAR(knob->resource_change_up, 0.5 * (6 - 4) / 16, 1e-9);  // of 16 kHz and 16 bits
  gst_oneadapt_gradient_free(gradient);
}

TEST(AudioTunable, WhatIsAskedWronglyIsAnErrorThatSaysSo) {
  AudioRun run("rate=8000");
  run.push_all(sine(300), 0, 240000);
  const auto failure = [&](guint64 interval, GstOneadaptGradient *gradient) {
    Probe probe(run, interval, gradient);
    EXPECT_EQ(probe.probe, nullptr);
    gst_oneadapt_gradient_free(gradient);
    return std::string(probe.error ? probe.error->message : "");
  };
  EXPECT_NE(failure(77, gradient_of(77, 8000, 1)).find("remember"), std::string::npos);
  EXPECT_NE(failure(3, gradient_of(3, 100, 1)).find("interval"), std::string::npos);
  EXPECT_NE(failure(3, gradient_of(3, 8000, NAN)).find("must be finite"), std::string::npos);
  EXPECT_NE(failure(3, gst_oneadapt_gradient_new(640, 480, 16)).find("of a grid in space, not of a signal in time"),
            std::string::npos);
  for (const auto &[knob, value] : std::vector<std::pair<const char *, double>>{
           {"qp", 20}, {"rate", -1}, {"rate", 1e6}, {"rate", NAN}, {"bits", 33}}) {
    GstStructure *s = gst_structure_new("configuration", knob, G_TYPE_DOUBLE, value, nullptr);
    GError *error = nullptr;
    EXPECT_FALSE(gst_oneadapt_tunable_apply(run.tunable(), 5, s, &error)) << knob;
    ASSERT_NE(error, nullptr);
    EXPECT_NE(std::string(error->message).find(knob), std::string::npos);
    g_clear_error(&error);
    EXPECT_EQ(gst_oneadapt_tunable_render(run.tunable(), 3, s, &error), nullptr);
    g_clear_error(&error);
    gst_structure_free(s);
  }
}

TEST(AudioTunable, WithoutAGradientThereAreBytesAndRungs) {
  AudioRun run("rate=8000");
  run.push_all(sine(300), 0, 96000);
  Probe probe(run, 0, nullptr);
  ASSERT_NE(probe.probe, nullptr);
  EXPECT_EQ(probe.probe->bytes, 32000u);
  EXPECT_FALSE(probe.knob("rate")->has_up);
  EXPECT_NEAR(probe.probe->resource, 0.5, 1e-3);
}

TEST(AudioTunable, RenderingsAreTheIntervalAtAnyRate) {
  AudioRun run("rate=8000", 44100);
  run.push_all(sine(300), 0, 44100 * 3, 441);
  for (int rate : {1000, 4000, 16000}) {
    GstStructure *s = gst_structure_new("configuration", "rate", G_TYPE_DOUBLE, double(rate), nullptr);
    GError *error = nullptr;
    GstOneadaptRendering *rendering = gst_oneadapt_tunable_render(run.tunable(), 1, s, &error);
    ASSERT_NE(rendering, nullptr) << error->message;
    gst_structure_free(s);
    EXPECT_NEAR(rendering->resource, rate / 16000.0, 1e-9);
    ASSERT_EQ(rendering->samples->len, 1u);
    EXPECT_EQ(g_array_index(rendering->times, GstClockTime, 0), GST_SECOND);
    ASSERT_EQ(rendering->wanted->len, 1u);
    EXPECT_EQ(g_array_index(rendering->wanted, GstClockTime, 0), 2 * GST_SECOND);
    auto *sample = static_cast<GstSample *>(rendering->samples->pdata[0]);
    GstAudioInfo info;
    ASSERT_TRUE(gst_audio_info_from_caps(&info, gst_sample_get_caps(sample)));
    EXPECT_EQ(info.rate, rate);
    EXPECT_EQ(info.channels, 1);
    GstBuffer *buffer = gst_sample_get_buffer(sample);
    EXPECT_EQ(GST_BUFFER_PTS(buffer), GST_SECOND);
    EXPECT_EQ(GST_BUFFER_DURATION(buffer), GST_SECOND);
    GstMapInfo map;
    gst_buffer_map(buffer, &map, GST_MAP_READ);
    ASSERT_EQ(map.size, gsize(rate) * 4);
    for (int i = 0; i < rate; i++)
      ASSERT_NEAR(reinterpret_cast<float *>(map.data)[i], sine(300)(1 + double(i) / rate), 1e-4) << i;
    gst_buffer_unmap(buffer, &map);
    gst_oneadapt_rendering_free(rendering);
  }
  // The interval stays known while others go by.
  run.push_all(sine(300), 44100 * 3, 44100 * 9, 441);
  GstStructure *s = gst_structure_new_empty("configuration");
  GstOneadaptRendering *rendering = gst_oneadapt_tunable_render(run.tunable(), 1, s, nullptr);
  EXPECT_NE(rendering, nullptr);
  if (rendering) gst_oneadapt_rendering_free(rendering);
  EXPECT_EQ(gst_oneadapt_tunable_render(run.tunable(), 2, s, nullptr), nullptr);
  gst_structure_free(s);
}

TEST(AudioTunable, SoundBeforeAHoleIsRemembered) {
  AudioRun run("rate=16000 rate-ladder=2000,16000");
  run.push_all(sine(3000), 0, 48000);
  run.push_all(sine(3000), 48000 * 4, 48000 * 5);
  GstOneadaptGradient *gradient = gradient_of(0, 16000, 1, 160);
  Probe probe(run, 0, gradient);
  ASSERT_NE(probe.probe, nullptr) << probe.error->message;
  EXPECT_NEAR(probe.knob("rate")->output_grad_down / kWeight, 16000 * 0.8 * kMean, 50);
  gst_oneadapt_gradient_free(gradient);
}

TEST(AudioTunable, MayBeProbedFromAnotherThreadWhileSoundFlows) {
  AudioRun run("interval=20000000");
  std::atomic<bool> done{false};
  unsigned answered = 0;
  std::thread prober([&] {
    GstOneadaptGradient *gradient = gradient_of(0, 160, 0);
    gradient->values[0] = gradient->values[1] = 1;
    for (guint64 k = 0; !done; k = (k + 1) % 200) {
      Probe probe(run, k, gradient);
      answered += probe.probe != nullptr;
      run.apply(k, "rate", 1000 + double(k % 10) * 1000);
    }
    gst_oneadapt_gradient_free(gradient);
  });
  for (unsigned again = 0; again < 50 && !answered; again++)
    run.push_all(sine(300), again * 192000, (again + 1) * 192000);
  done = true;
  prober.join();
  EXPECT_GT(answered, 0u);
}

TEST(AudioTunable, TheGradientSurvivesTheWire) {
  GstOneadaptGradient *gradient = gradient_of(4, 8000, 0, 80);
  for (guint i = 0; i < gradient->columns; i++) gradient->values[i] = i >= 30 && i < 60 ? 0.02f : 1e-4f;
  GError *error = nullptr;
  GBytes *bytes = gst_oneadapt_gradient_to_bytes(gradient, &error);
  ASSERT_NE(bytes, nullptr) << error->message;
  GstOneadaptGradient *back = gst_oneadapt_gradient_from_bytes(bytes, &error);
  ASSERT_NE(back, nullptr) << error->message;
  EXPECT_EQ(back->frame_width, 8000u);
  EXPECT_EQ(back->frame_height, 1u);
  ASSERT_EQ(back->columns, 100u);
  EXPECT_EQ(back->rows, 1u);
  for (guint i = 0; i < 100; i++)
    EXPECT_NEAR(back->values[i], gradient->values[i], i >= 30 && i < 60 ? 0.01 : 0.005) << i;
  gst_oneadapt_gradient_free(back);
  g_bytes_unref(bytes);
  gst_oneadapt_gradient_free(gradient);
}
