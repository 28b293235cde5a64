// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pictures.h"

#include <gst/app/gstappsink.h>
#include <gst/pbutils/pbutils.h>
#include <gst/video/video.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <utility>

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

Footage::Footage(const std::string &path) : path_(path) {
  look();
  open();
}

Footage::~Footage() {
  if (pipeline_) gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
}

void Footage::fail(const std::string &why) const { throw InspectError("--input: '" + path_ + "' " + why); }

/// Is there anything to see? A pipeline would only say that it is not linked.
void Footage::look() {
  std::error_code ec;
  if (!std::filesystem::exists(path_, ec)) fail("does not exist; name a picture or a video file");
  if (!std::filesystem::is_regular_file(path_, ec)) fail("is no file; name a picture or a video file");
  GError *error = nullptr;
  gchar *uri = gst_filename_to_uri(path_.c_str(), &error);
  GstDiscoverer *discoverer = uri ? gst_discoverer_new(20 * GST_SECOND, &error) : nullptr;
  GstDiscovererInfo *info = discoverer ? gst_discoverer_discover_uri(discoverer, uri, &error) : nullptr;
  g_free(uri);
  std::string problem;
  GList *streams = nullptr;
  if (!info || gst_discoverer_info_get_result(info) != GST_DISCOVERER_OK) {
    problem = "cannot be decoded (" + std::string(error ? error->message : "is it a picture or a video?") + ")";
  } else if (!(streams = gst_discoverer_info_get_video_streams(info))) {
    problem = "has no picture in it; name a picture or a video file";
  } else {
    clip_ = !gst_discoverer_video_info_is_image(GST_DISCOVERER_VIDEO_INFO(streams->data));
    const GstClockTime duration = gst_discoverer_info_get_duration(info);
    if (GST_CLOCK_TIME_IS_VALID(duration)) duration_ = double(duration) / GST_SECOND;
  }
  gst_discoverer_stream_info_list_free(streams);
  if (info) gst_discoverer_info_unref(info);
  if (discoverer) g_object_unref(discoverer);
  g_clear_error(&error);
  if (!problem.empty()) fail(problem);
}

void Footage::open() {
  GError *error = nullptr;
  GstElement *made = gst_parse_launch(
      "filesrc name=file ! decodebin ! videoconvert ! "
      "video/x-raw,format=RGB ! appsink name=sink sync=false max-buffers=1",
      &error);
  const std::string why = error ? error->message : "";
  g_clear_error(&error);
  if (made) pipeline_.reset(GST_ELEMENT(gst_object_ref_sink(made)));
  if (!why.empty() || !made)
    throw InspectError("--input: GStreamer lacks an element (" + why + "); install gstreamer1.0-plugins-base");
  sink_.reset(gst_bin_get_by_name(GST_BIN(made), "sink"));
  const std::unique_ptr<GstElement, Unref> file(gst_bin_get_by_name(GST_BIN(made), "file"));
  g_object_set(file.get(), "location", path_.c_str(), nullptr);
  gst_element_set_state(made, GST_STATE_PLAYING);
}

void Footage::check_bus() {
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

std::optional<Picture> Footage::next(double from) {
  for (bool sought = from <= kRounding;;) {
    GstSample *sample = nullptr;
    for (GstClockTime waited = 0; !sample; waited += kLook) {
      sample = gst_app_sink_try_pull_sample(GST_APP_SINK(sink_.get()), kLook);
      if (sample) break;
      check_bus();
      if (gst_app_sink_is_eos(GST_APP_SINK(sink_.get()))) return std::nullopt;
      if (waited > kPatience) fail("gives no frame, though decoding goes on");
    }
    const std::unique_ptr<GstSample, decltype(&gst_sample_unref)> owned(sample, gst_sample_unref);
    Picture picture = picture_of(sample, clip_);
    const double missing = picture.seconds ? from - *picture.seconds : 0;
    if (missing <= kRounding) return picture;
    // Far ahead by a seek, where the file has an index; else frame by frame.
    if (missing > 2 && !std::exchange(sought, true))
      gst_element_seek_simple(pipeline_.get(), GST_FORMAT_TIME,
                              GstSeekFlags(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE), gint64(from * GST_SECOND));
  }
}

}  // namespace oneadapt::inspect
