// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/discover.h"

#include <gst/pbutils/pbutils.h>

namespace oneadapt::tools {
namespace {

/// A file on a slow disk is known well before; what takes longer hangs.
constexpr GstClockTime kPatience = 20 * GST_SECOND;

void read_streams(GstDiscovererInfo *info, FileFacts &facts) {
  if (GList *streams = gst_discoverer_info_get_video_streams(info)) {
    auto *video = GST_DISCOVERER_VIDEO_INFO(streams->data);
    facts.video = true;
    facts.still = gst_discoverer_video_info_is_image(video);
    facts.width = gst_discoverer_video_info_get_width(video);
    facts.height = gst_discoverer_video_info_get_height(video);
    gst_discoverer_stream_info_list_free(streams);
  }
  if (GList *streams = gst_discoverer_info_get_audio_streams(info)) {
    facts.sound = true;
    gst_discoverer_stream_info_list_free(streams);
  }
  const GstClockTime duration = gst_discoverer_info_get_duration(info);
  if (GST_CLOCK_TIME_IS_VALID(duration)) facts.seconds = double(duration) / GST_SECOND;
}

}  // namespace

FileFacts discover(const std::string &path) {
  FileFacts facts;
  GError *error = nullptr;
  gchar *uri = gst_filename_to_uri(path.c_str(), &error);
  GstDiscoverer *discoverer = uri ? gst_discoverer_new(kPatience, &error) : nullptr;
  GstDiscovererInfo *info = discoverer ? gst_discoverer_discover_uri(discoverer, uri, &error) : nullptr;
  g_free(uri);
  facts.readable = info && gst_discoverer_info_get_result(info) == GST_DISCOVERER_OK;
  if (facts.readable)
    read_streams(info, facts);
  else if (error)
    facts.problem = error->message;
  if (info) gst_discoverer_info_unref(info);
  if (discoverer) g_object_unref(discoverer);
  g_clear_error(&error);
  return facts;
}

}  // namespace oneadapt::tools
