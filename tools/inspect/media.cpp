// SPDX-License-Identifier: LGPL-2.1-or-later
#include "media.h"

#include <gst/app/gstappsink.h>
#include <gst/audio/audio.h>
#include <gst/video/video.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <random>
#include <utility>

#include "common/discover.h"

namespace oneadapt::inspect {
namespace {

/// Time stamps are rounded.
constexpr double kRounding = 1e-3;
/// A decoder that gives nothing for so long hangs.
constexpr GstClockTime kPatience = 60 * GST_SECOND;
/// An error does not wake who waits for a frame.
constexpr GstClockTime kLook = 50 * GST_MSECOND;

Picture picture_of(GstSample *sample, bool clip) {
  GstVideoInfo info;
  GstVideoFrame frame;
  GstBuffer *buffer = gst_sample_get_buffer(sample);
  if (!gst_video_info_from_caps(&info, gst_sample_get_caps(sample)) ||
      !gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ))
    throw InspectError("a decoded frame cannot be read");
  Picture picture;
  picture.width = unsigned(GST_VIDEO_FRAME_WIDTH(&frame));
  picture.height = unsigned(GST_VIDEO_FRAME_HEIGHT(&frame));
  picture.stride = std::size_t(GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0));
  const auto *pixels = static_cast<const std::uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0));
  // The last row may end where its pixels do.
  picture.rgb.assign(pixels, pixels + picture.stride * (picture.height - 1) + std::size_t(3) * picture.width);
  gst_video_frame_unmap(&frame);
  const GstSegment *segment = gst_sample_get_segment(sample);
  if (clip && segment && segment->format == GST_FORMAT_TIME && GST_BUFFER_PTS_IS_VALID(buffer)) {
    const guint64 time = gst_segment_to_stream_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
    if (time != GST_CLOCK_TIME_NONE) picture.seconds = double(time) / GST_SECOND;
  }
  return picture;
}

}  // namespace

class Decoder {
 public:
  /// `tail`: from what decodebin gives to what is wanted.
  Decoder(const std::string &path, bool sound, const std::string &tail) : path_(path) {
    look(sound);
    open(tail);
  }
  ~Decoder() {
    if (pipeline_) gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  }
  Decoder(const Decoder &) = delete;
  Decoder &operator=(const Decoder &) = delete;

  using Sample = std::unique_ptr<GstSample, decltype(&gst_sample_unref)>;
  /// Null at the end.
  Sample pull();
  void seek(double seconds) {
    gst_element_seek_simple(pipeline_.get(), GST_FORMAT_TIME,
                            GstSeekFlags(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE), gint64(seconds * GST_SECOND));
  }
  bool clip() const { return clip_; }
  double duration() const { return duration_; }

 private:
  struct Unref {
    void operator()(gpointer object) const { gst_object_unref(object); }
  };
  void look(bool sound);
  void open(const std::string &tail);
  void check_bus();
  [[noreturn]] void fail(const std::string &why) const { throw InspectError("--input: '" + path_ + "' " + why); }

  std::string path_;
  bool clip_ = true;
  double duration_ = 0;
  std::unique_ptr<GstElement, Unref> pipeline_, sink_;
};

Picture made_picture(FrameSize size, unsigned seed) {
  std::mt19937 random(seed);
  Picture picture;
  picture.width = size.width;
  picture.height = size.height;
  picture.stride = std::size_t(3) * size.width;
  picture.rgb.assign(picture.stride * size.height, 128);
  for (int shape = 0; shape < 12; ++shape) {
    const int cx = int(random() % size.width), cy = int(random() % size.height);
    const int rx = 8 + int(random() % (size.width / 6 + 1)), ry = 8 + int(random() % (size.height / 4 + 1));
    const std::uint8_t colour[3] = {std::uint8_t(random()), std::uint8_t(random()), std::uint8_t(random())};
    for (int y = std::max(0, cy - ry); y < std::min(int(size.height), cy + ry); ++y)
      for (int x = std::max(0, cx - rx); x < std::min(int(size.width), cx + rx); ++x) {
        const double dx = double(x - cx) / rx, dy = double(y - cy) / ry;
        if (dx * dx + dy * dy < 1)
          std::copy(colour, colour + 3, &picture.rgb[std::size_t(y) * picture.stride + 3 * std::size_t(x)]);
      }
  }
  return picture;
}

/// Is there anything to see, or to hear? A pipeline would only say that it is not linked.
void Decoder::look(bool sound) {
  const std::string what = sound ? "a recording or a clip with sound" : "a picture or a video file";
  std::error_code ec;
  if (!std::filesystem::exists(path_, ec)) fail("does not exist; name " + what);
  if (!std::filesystem::is_regular_file(path_, ec)) fail("is no file; name " + what);
  const tools::FileFacts facts = tools::discover(path_);
  if (!facts.readable)
    fail("cannot be decoded (" + (facts.problem.empty() ? "is it " + what + "?" : facts.problem) + ")");
  if (!(sound ? facts.sound : facts.video))
    fail(std::string("has no ") + (sound ? "sound" : "picture") + " in it; name " + what);
  if (!sound) clip_ = !facts.still;
  duration_ = facts.seconds;
}

void Decoder::open(const std::string &tail) {
  GError *error = nullptr;
  GstElement *made = gst_parse_launch(
      ("filesrc name=file ! decodebin ! " + tail + " ! appsink name=sink sync=false max-buffers=1").c_str(), &error);
  const std::string why = error ? error->message : "";
  g_clear_error(&error);
  if (made) pipeline_.reset(GST_ELEMENT(gst_object_ref_sink(made)));
  if (!why.empty() || !made)
    throw InspectError("--input: GStreamer lacks an element (" + why +
                       "); install gstreamer1.0-plugins-base and -good");
  sink_.reset(gst_bin_get_by_name(GST_BIN(made), "sink"));
  const std::unique_ptr<GstElement, Unref> file(gst_bin_get_by_name(GST_BIN(made), "file"));
  g_object_set(file.get(), "location", path_.c_str(), nullptr);
  gst_element_set_state(made, GST_STATE_PLAYING);
}

void Decoder::check_bus() {
  const std::unique_ptr<GstBus, Unref> bus(gst_element_get_bus(pipeline_.get()));
  GstMessage *message = gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR);
  if (!message) return;
  GError *error = nullptr;
  gst_message_parse_error(message, &error, nullptr);
  const std::string why = error->message;
  g_clear_error(&error);
  gst_message_unref(message);
  fail("cannot be decoded (" + why + ")");
}

Decoder::Sample Decoder::pull() {
  for (GstClockTime waited = 0; waited <= kPatience; waited += kLook) {
    if (GstSample *sample = gst_app_sink_try_pull_sample(GST_APP_SINK(sink_.get()), kLook))
      return {sample, gst_sample_unref};
    check_bus();
    if (gst_app_sink_is_eos(GST_APP_SINK(sink_.get()))) return {nullptr, gst_sample_unref};
  }
  fail("gives nothing, though decoding goes on");
}

Footage::Footage(const std::string &path)
    : decoder_(std::make_unique<Decoder>(
          path, false, "videoconvert ! videoflip video-direction=auto ! videoconvert ! video/x-raw,format=RGB")) {}
Footage::~Footage() = default;
bool Footage::is_clip() const { return decoder_->clip(); }
double Footage::duration() const { return decoder_->duration(); }

std::optional<Picture> Footage::next(double from) {
  for (;;) {
    const auto sample = decoder_->pull();
    if (!sample) return std::nullopt;
    Picture picture = picture_of(sample.get(), decoder_->clip());
    const double missing = picture.seconds ? from - *picture.seconds : 0;
    if (missing <= kRounding) return picture;
    // Far ahead by a seek, where the file has an index; else frame by frame.
    if (missing > 2 && !std::exchange(sought_, true)) decoder_->seek(from);
  }
}

Recording::Recording(const std::string &path, unsigned rate)
    : decoder_(std::make_unique<Decoder>(
          path, true,
          "audioconvert ! audioresample ! audio/x-raw,layout=interleaved,channels=1,format=" GST_AUDIO_NE(
              F32) ",rate=" +
              std::to_string(rate))),
      rate_(rate) {}
Recording::~Recording() = default;
double Recording::duration() const { return decoder_->duration(); }

std::optional<Sound> Recording::next(double from, double context) {
  const auto place = [&](double seconds) { return std::size_t(std::llround(std::max(0.0, seconds) * rate_)); };
  const std::size_t begin = place(from - context), first = place(from), end = place(from + 1);
  while (!ended_ && forgotten_ + held_.size() < end) {
    const auto sample = decoder_->pull();
    ended_ = !sample;
    GstMapInfo map;
    if (ended_ || !gst_buffer_map(gst_sample_get_buffer(sample.get()), &map, GST_MAP_READ)) continue;
    const auto *data = reinterpret_cast<const float *>(map.data);
    held_.insert(held_.end(), data, data + map.size / sizeof(float));
    gst_buffer_unmap(gst_sample_get_buffer(sample.get()), &map);
    const std::size_t gone = std::min(held_.size(), begin - std::min(begin, forgotten_));
    held_.erase(held_.begin(), held_.begin() + std::ptrdiff_t(gone));
    forgotten_ += gone;
  }
  const std::size_t last = std::min(end, forgotten_ + held_.size());
  if (last < first + rate_ / 10) return std::nullopt;
  Sound sound;
  sound.rate = rate_;
  sound.seconds = from;
  sound.first = first - begin;
  const auto at = [&](std::size_t sample) { return held_.begin() + std::ptrdiff_t(sample - forgotten_); };
  sound.samples.assign(at(begin), at(last));
  return sound;
}

Sound made_sound(unsigned rate, double context) {
  constexpr double kPi = 3.14159265358979323846;
  Sound sound;
  sound.rate = rate;
  sound.first = std::size_t(std::llround(context * rate));
  sound.samples.assign(sound.first + rate, 0);
  // Four beeps from low to high, with soft edges.
  const double tones[] = {0.06, 0.12, 0.2, 0.36};  // of the sampling rate
  for (unsigned i = 0; i < rate; ++i) {
    const double quarter = 4.0 * i / rate, inside = (quarter - std::floor(quarter) - 0.2) / 0.6;
    if (inside <= 0 || inside >= 1) continue;
    sound.samples[sound.first + i] =
        float(0.3 * std::sin(kPi * inside) * std::sin(2 * kPi * tones[int(quarter)] * double(i)));
  }
  return sound;
}

Picture wave_of(const Sound &sound) {
  Picture picture;
  picture.width = 1000;
  picture.height = 240;
  picture.stride = std::size_t(3) * picture.width;
  picture.rgb.assign(picture.stride * picture.height, 40);
  float loudest = 0;
  for (std::size_t i = sound.first; i < sound.samples.size(); ++i)
    loudest = std::max(loudest, std::abs(sound.samples[i]));
  for (unsigned x = 0; x < picture.width; ++x) {
    const std::size_t from = sound.first + sound.count() * x / picture.width,
                      to = std::max(from + 1, sound.first + sound.count() * (x + 1) / picture.width);
    float low = 0, high = 0;
    for (std::size_t i = from; i < std::min(to, sound.samples.size()); ++i) {
      low = std::min(low, sound.samples[i]);
      high = std::max(high, sound.samples[i]);
    }
    const auto row = [&](float value) {
      return unsigned(std::lround(picture.height / 2.0 - (loudest > 0 ? value / loudest : 0) * picture.height * 0.38));
    };
    for (unsigned y = row(high); y <= row(low); ++y)
      std::fill_n(&picture.rgb[y * picture.stride + 3 * std::size_t(x)], 3, std::uint8_t(230));
  }
  return picture;
}

}  // namespace oneadapt::inspect
