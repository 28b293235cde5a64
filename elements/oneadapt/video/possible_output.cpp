// SPDX-License-Identifier: LGPL-2.1-or-later
#include "video/possible_output.h"

#include <utility>

namespace oneadapt {
namespace {

/// Profiles by their names in caps and as x264 calls them, those with the fewest bits first.
constexpr std::pair<const char *, const char *> kProfiles[] = {
    {"high", "high"}, {"progressive-high", "high"},         {"constrained-high", "high"},
    {"main", "main"}, {"constrained-baseline", "baseline"}, {"baseline", "baseline"}};

/// The first of kProfiles that downstream takes, by its name in caps; empty: any. Nothing: none can be coded.
/// Payloaders of an RTSP server name constrained-baseline first, but take any.
std::optional<std::string> wanted_profile(const GstCaps *allowed) {
  for (const auto &[name, x264] : kProfiles) {
    GstCaps *profile = gst_caps_new_simple("video/x-h264", "profile", G_TYPE_STRING, name, nullptr);
    for (guint i = 0; i < gst_caps_get_size(allowed); i++) {
      const GstStructure *s = gst_caps_get_structure(allowed, i), *p = gst_caps_get_structure(profile, 0);
      if (!gst_structure_has_name(s, "video/x-h264") || !gst_structure_can_intersect(s, p)) continue;
      const bool any = !gst_structure_has_field(s, "profile");
      gst_caps_unref(profile);
      return any ? "" : name;
    }
    gst_caps_unref(profile);
  }
  return std::nullopt;
}

}  // namespace

const char *x264_profile(const std::string &name) {
  for (const auto &[in_caps, x264] : kProfiles)
    if (name == in_caps) return x264;
  return nullptr;
}

PossibleOutput possible_output(GstPad *src, const GstVideoInfo &info) {
  PossibleOutput output;
  output.downstream.reset(gst_pad_peer_query_caps(src, nullptr));
  GstCaps *allowed = gst_pad_get_allowed_caps(src);
  if (!allowed) allowed = gst_pad_get_pad_template_caps(src);
  GstCaps *raw = gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, GST_VIDEO_INFO_NAME(&info), nullptr),
          *h264 = gst_caps_new_empty_simple("video/x-h264");
  const GstVideoFormat format = GST_VIDEO_INFO_FORMAT(&info);
  const bool takes = format == GST_VIDEO_FORMAT_I420 || format == GST_VIDEO_FORMAT_NV12 ||
                     format == GST_VIDEO_FORMAT_GRAY8 || format == GST_VIDEO_FORMAT_GRAY16_LE;
  const bool codable = takes && info.width >= 16 && info.height >= 16 && info.width <= 16385 && info.height <= 16385;
  output.profile = wanted_profile(allowed);
  output.h264 = codable && output.profile;
  output.raw = gst_caps_can_intersect(allowed, raw);
  output.other_h264 =
      codable && !gst_caps_is_any(output.downstream.get()) && gst_caps_can_intersect(output.downstream.get(), h264);
  for (GstCaps *caps : {allowed, raw, h264}) gst_caps_unref(caps);
  return output;
}

}  // namespace oneadapt
