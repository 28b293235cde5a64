// SPDX-License-Identifier: LGPL-2.1-or-later
#include "audio/sound_profile.h"

#include <algorithm>

#include "audio/sound_window.h"

GST_DEBUG_CATEGORY_EXTERN(oneadaptdnn_debug);
#define GST_CAT_DEFAULT oneadaptdnn_debug

namespace oneadapt {
namespace {

/// How far apart, in seconds, the same word in two results may stand (paper §5.1 compares words, not times).
constexpr double kTolerance = 0.5;

}  // namespace

std::optional<double> SoundProfile::accuracy(RenderingRef rendering, ProfileInferences &inferences) {
  const std::optional<Words> words = hear(*rendering, inferences);
  if (!words) return std::nullopt;
  if (!reference_) reference_ = words;
  return sequence_f1(*words, *reference_, kTolerance);
}

std::optional<SoundProfile::Words> SoundProfile::hear(const GstOneadaptRendering &rendering,
                                                      ProfileInferences &inferences) {
  SoundWindow sound;
  for (guint i = 0; i < rendering.samples->len; ++i) {
    auto *sample = static_cast<GstSample *>(rendering.samples->pdata[i]);
    GstBuffer *buffer = gst_sample_get_buffer(sample);
    GstCaps *caps = gst_sample_get_caps(sample);
    GstAudioInfo info;
    std::vector<float> samples;
    guint64 not_finite = 0;
    if (!buffer || !caps || !gst_audio_info_from_caps(&info, caps) || GST_AUDIO_INFO_CHANNELS(&info) != 1 ||
        !read_samples(buffer, info, samples, not_finite)) {
      GST_WARNING_OBJECT(element_, "a profile's sample cannot be read: %" GST_PTR_FORMAT, caps);
      return std::nullopt;
    }
    sound.append(time_at(rendering.times, i), unsigned(GST_AUDIO_INFO_RATE(&info)), samples);
  }
  Words words;
  if (sound.empty()) return words;
  const unsigned rate = model_.description().sample_rate;
  std::vector<float> samples = sound.read(sound.begin(), sound.end(), rate);
  samples.resize(std::max<std::size_t>(samples.size(), rate / 10), 0.f);
  const bool done = inferences.run([&] {
    for (const Word &word : model_.infer(samples)) words.push_back({word.text, word.peak});
    return true;
  });
  if (!done) return std::nullopt;
  return words;
}

}  // namespace oneadapt
