// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sound.h"

#include <gst/app/gstappsink.h>
#include <gst/audio/audio.h>
#include <gst/gst.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <stdexcept>

#include "common/output.h"

namespace oneadapt_speech {

namespace {

template <typename T>
struct Unref {
  void operator()(T *object) const { gst_object_unref(object); }
};

struct FreeResampler {
  void operator()(GstAudioResampler *r) const { gst_audio_resampler_free(r); }
};

void put(std::string &bytes, std::uint32_t value, int count) {
  for (int i = 0; i < count; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
}

}  // namespace

Sound load_sound(const std::string &path, int rate) {
  GError *error = nullptr;
  std::unique_ptr<GstElement, Unref<GstElement>> pipeline(gst_parse_launch(
      "filesrc name=file ! decodebin ! audioconvert ! audioresample ! appsink name=sink sync=false", &error));
  if (!pipeline) {
    const std::string why = error ? error->message : "no pipeline";
    g_clear_error(&error);
    throw std::runtime_error("cannot decode " + path + ": " + why);
  }
  g_clear_error(&error);
  std::unique_ptr<GstElement, Unref<GstElement>> file(gst_bin_get_by_name(GST_BIN(pipeline.get()), "file"));
  std::unique_ptr<GstElement, Unref<GstElement>> sink(gst_bin_get_by_name(GST_BIN(pipeline.get()), "sink"));
  g_object_set(file.get(), "location", path.c_str(), nullptr);
  GstCaps *caps = gst_caps_new_simple("audio/x-raw", "format", G_TYPE_STRING, GST_AUDIO_NE(F32), "channels", G_TYPE_INT,
                                      1, "rate", G_TYPE_INT, rate, "layout", G_TYPE_STRING, "interleaved", nullptr);
  g_object_set(sink.get(), "caps", caps, nullptr);
  gst_caps_unref(caps);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  Sound sound;
  while (GstSample *sample = gst_app_sink_pull_sample(GST_APP_SINK(sink.get()))) {
    GstMapInfo map;
    GstBuffer *buffer = gst_sample_get_buffer(sample);
    if (buffer && gst_buffer_map(buffer, &map, GST_MAP_READ)) {
      const auto *first = reinterpret_cast<const float *>(map.data);
      sound.insert(sound.end(), first, first + map.size / sizeof(float));
      gst_buffer_unmap(buffer, &map);
    }
    gst_sample_unref(sample);
  }
  std::string why = "there is no sound in it";
  std::unique_ptr<GstBus, Unref<GstBus>> bus(gst_element_get_bus(pipeline.get()));
  if (GstMessage *message = gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR)) {
    gst_message_parse_error(message, &error, nullptr);
    why = error->message;
    g_clear_error(&error);
    gst_message_unref(message);
    sound.clear();
  }
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  if (sound.empty()) throw std::runtime_error("cannot decode " + path + ": " + why);
  return sound;
}

Sound resample(const Sound &in, int in_rate, int out_rate) {
  if (in_rate == out_rate || in.empty()) return in;
  const auto wanted = static_cast<std::size_t>(std::llround(static_cast<double>(in.size()) * out_rate / in_rate));
  GstStructure *options = gst_structure_new_empty("options");
  gst_audio_resampler_options_set_quality(GST_AUDIO_RESAMPLER_METHOD_KAISER, 4, in_rate, out_rate, options);
  std::unique_ptr<GstAudioResampler, FreeResampler> resampler(
      gst_audio_resampler_new(GST_AUDIO_RESAMPLER_METHOD_KAISER, GST_AUDIO_RESAMPLER_FLAG_NONE, GST_AUDIO_FORMAT_F32, 1,
                              in_rate, out_rate, options));
  gst_structure_free(options);
  if (!resampler)
    throw std::runtime_error("no resampler from " + std::to_string(in_rate) + " to " + std::to_string(out_rate) +
                             " Hz");
  // Its output is aligned; the last samples come out once as much silence as its filter reaches has gone in.
  Sound padded = in;
  padded.resize(in.size() + gst_audio_resampler_get_max_latency(resampler.get()) +
                2 * static_cast<std::size_t>(in_rate / out_rate + 1));
  Sound out(gst_audio_resampler_get_out_frames(resampler.get(), padded.size()));
  gpointer from[] = {padded.data()}, to[] = {out.data()};
  gst_audio_resampler_resample(resampler.get(), from, padded.size(), to, out.size());
  out.resize(wanted);
  return out;
}

void save_wav(const std::string &path, const Sound &sound, int rate) {
  const auto size = static_cast<std::uint32_t>(sound.size() * 2);
  std::string bytes = "RIFF";
  put(bytes, 36 + size, 4);
  bytes += "WAVEfmt ";
  put(bytes, 16, 4);
  put(bytes, 1, 2);
  put(bytes, 1, 2);
  put(bytes, static_cast<std::uint32_t>(rate), 4);
  put(bytes, static_cast<std::uint32_t>(rate) * 2, 4);
  put(bytes, 2, 2);
  put(bytes, 16, 2);
  bytes += "data";
  put(bytes, size, 4);
  for (const float s : sound)
    put(bytes, static_cast<std::uint32_t>(std::lround(std::clamp(s * 32768.0F, -32768.0F, 32767.0F))), 2);
  oneadapt::tools::write_file(path, bytes, "--output");
}

double rms(const Sound &sound) {
  if (sound.empty()) return 0;
  double sum = 0;
  for (const float s : sound) sum += static_cast<double>(s) * s;
  return std::sqrt(sum / static_cast<double>(sound.size()));
}

double decibels(double factor) { return 20 * std::log10(factor); }
double factor_of(double db) { return std::pow(10.0, db / 20); }

Sound trimmed(const Sound &sound, int rate, double below_peak, double margin) {
  const std::size_t step = std::max<std::size_t>(1, static_cast<std::size_t>(rate / 100));
  std::vector<double> power;
  for (std::size_t i = 0; i < sound.size(); i += step) {
    double sum = 0;
    const std::size_t end = std::min(sound.size(), i + step);
    for (std::size_t k = i; k < end; ++k) sum += static_cast<double>(sound[k]) * sound[k];
    power.push_back(sum / static_cast<double>(end - i));
  }
  if (power.empty()) return sound;
  const double limit = *std::max_element(power.begin(), power.end()) * std::pow(10.0, below_peak / 10);
  if (limit <= 0) return sound;
  std::size_t first = 0, last = power.size() - 1;
  while (power[first] < limit) ++first;
  while (power[last] < limit) --last;
  const auto kept = static_cast<std::size_t>(margin * rate);
  const std::size_t begin = first * step > kept ? first * step - kept : 0;
  const std::size_t end = std::min(sound.size(), (last + 1) * step + kept);
  return Sound(sound.begin() + static_cast<std::ptrdiff_t>(begin), sound.begin() + static_cast<std::ptrdiff_t>(end));
}

}  // namespace oneadapt_speech
