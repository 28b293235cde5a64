// SPDX-License-Identifier: LGPL-2.1-or-later
#include "picture_limit.h"

#include <algorithm>

namespace oneadapt::server {
namespace {

GstPadProbeReturn on_caps(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
  if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS) return GST_PAD_PROBE_OK;
  const auto &limit = *static_cast<PictureLimit *>(data);
  GstCaps *caps = nullptr;
  gst_event_parse_caps(event, &caps);
  const GstStructure *s = gst_caps_get_structure(caps, 0);
  int width = 0, height = 0;
  if (!gst_structure_get_int(s, "width", &width) || !gst_structure_get_int(s, "height", &height) ||
      limit.allows(width, height))
    return GST_PAD_PROBE_OK;
  if (GstElement *parser = gst_pad_get_parent_element(pad)) {
    GST_ELEMENT_ERROR(
        parser, STREAM, FORMAT,
        ("--max-picture: its pictures have %d×%d pixels, and at most %u×%u are taken. Let it send smaller "
         "ones, or raise the limit.",
         width, height, limit.width, limit.height),
        (nullptr));
    gst_object_unref(parser);
  }
  return GST_PAD_PROBE_DROP;
}

}  // namespace

std::optional<PictureLimit> PictureLimit::parse(const std::string &text) {
  const std::size_t cross = text.find('x');
  if (cross == text.npos) return std::nullopt;
  guint64 width = 0, height = 0;
  if (!g_ascii_string_to_unsigned(text.substr(0, cross).c_str(), 10, 16, 16384, &width, nullptr) ||
      !g_ascii_string_to_unsigned(text.substr(cross + 1).c_str(), 10, 16, 16384, &height, nullptr))
    return std::nullopt;
  return PictureLimit{unsigned(width), unsigned(height)};
}

bool PictureLimit::allows(int picture_width, int picture_height) const {
  const auto [shorter, longer] = std::minmax(picture_width, picture_height);
  const auto [least, most] = std::minmax(width, height);
  return guint(shorter) <= least && guint(longer) <= most;
}

void limit_pictures(GstElement *parser, const PictureLimit &limit) {
  GstPad *pad = gst_element_get_static_pad(parser, "src");
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_caps, new PictureLimit(limit),
                    [](gpointer data) { delete static_cast<PictureLimit *>(data); });
  gst_object_unref(pad);
}

}  // namespace oneadapt::server
