// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/discover.h"

#include <gst/pbutils/pbutils.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>
#include <utility>

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

std::optional<NumberedFiles> numbered_clouds(const std::string &folder) {
  namespace fs = std::filesystem;
  const auto is_number = [](const std::string &text) {
    constexpr std::size_t kMost = 9;  // digits of what an int holds, leading zeros apart
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return g_ascii_isdigit(c); }) &&
           text.size() - std::min(text.find_first_not_of('0'), text.size() - 1) <= kMost;
  };
  std::map<std::string, std::set<std::pair<unsigned, std::string>>> names;  // by extension
  std::error_code error;
  for (const auto &entry : fs::directory_iterator(folder, error)) {
    const std::string stem = entry.path().stem().string(), extension = entry.path().extension().string();
    if ((extension == ".bin" || extension == ".pcd") && is_number(stem))
      names[extension].emplace(unsigned(std::stoul(stem)), stem);
  }
  if (names.empty()) return std::nullopt;
  const auto &[extension, numbers] = *names.begin();
  std::string path = folder;
  for (std::size_t at = 0; (at = path.find('%', at)) != std::string::npos; at += 2) path.insert(at, "%");
  NumberedFiles files;
  files.pattern = path + "/%0" + std::to_string(numbers.begin()->second.size()) + "d" + extension;
  files.first = numbers.begin()->first;
  for (const auto &[number, stem] : numbers)
    if (number == files.first + files.count) ++files.count;
  return files;
}

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
