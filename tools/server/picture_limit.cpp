// SPDX-License-Identifier: LGPL-2.1-or-later
#include "picture_limit.h"

#include <gst/sdp/gstsdpmessage.h>

#include <algorithm>
#include <memory>
#include <vector>

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
    GST_ELEMENT_ERROR(parser, STREAM, FORMAT, ("%s", limit.fault(width, height).c_str()), (nullptr));
    gst_object_unref(parser);
  }
  return GST_PAD_PROBE_DROP;
}

using Bytes = std::vector<guint8>;

/// The parameter sets of a=fmtp, each without a start code.
std::vector<Bytes> parameter_sets(const std::string &sprop) {
  constexpr int kMostSets = 16;
  std::vector<Bytes> sets;
  gchar **parts = g_strsplit(sprop.c_str(), ",", kMostSets);
  for (gchar **part = parts; *part; ++part) {
    if (!**part) continue;
    gsize size = 0;
    guchar *data = g_base64_decode(*part, &size);
    if (size > 3 && size <= G_MAXUINT16) sets.emplace_back(data, data + size);
    g_free(data);
  }
  g_strfreev(parts);
  return sets;
}

/// avcC (ISO/IEC 14496-15, 5.3.3.1) of a sequence parameter set and a picture parameter set.
GstBuffer *codec_data(const Bytes &sequence, const Bytes &picture) {
  Bytes out{1, sequence[1], sequence[2], sequence[3], 0xff, 0xe1};
  const auto add = [&out](const Bytes &set) {
    out.push_back(guint8(set.size() >> 8));
    out.push_back(guint8(set.size()));
    out.insert(out.end(), set.begin(), set.end());
  };
  add(sequence);
  out.push_back(1);
  add(picture);
  return gst_buffer_new_memdup(out.data(), out.size());
}

struct Size {
  int width = 0, height = 0;
};

gboolean note_size(GstPad *pad, GstObject *, GstEvent *event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
    auto *size = static_cast<Size *>(gst_pad_get_element_private(pad));
    GstCaps *caps = nullptr;
    gst_event_parse_caps(event, &caps);
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    gst_structure_get(s, "width", G_TYPE_INT, &size->width, "height", G_TYPE_INT, &size->height, nullptr);
  }
  gst_event_unref(event);
  return TRUE;
}

/// What h264parse reads from the two sets; 0×0: nothing.
Size size_of(const Bytes &sequence, const Bytes &picture) {
  Size size;
  GstElement *parser = gst_element_factory_make("h264parse", nullptr);
  if (!parser) return size;
  gst_object_ref_sink(parser);
  GstPad *source = gst_pad_new("source", GST_PAD_SRC), *sink = gst_pad_new("sink", GST_PAD_SINK);
  gst_pad_set_element_private(sink, &size);
  gst_pad_set_event_function(sink, note_size);
  GstPad *in = gst_element_get_static_pad(parser, "sink"), *out = gst_element_get_static_pad(parser, "src");
  gst_pad_link(source, in);
  gst_pad_link(out, sink);
  gst_pad_set_active(source, TRUE);
  gst_pad_set_active(sink, TRUE);
  gst_element_set_state(parser, GST_STATE_PAUSED);
  gst_pad_push_event(source, gst_event_new_stream_start("announced"));
  GstBuffer *data = codec_data(sequence, picture);
  GstCaps *caps = gst_caps_new_simple("video/x-h264", "stream-format", G_TYPE_STRING, "avc", "alignment", G_TYPE_STRING,
                                      "au", "codec_data", GST_TYPE_BUFFER, data, nullptr);
  gst_buffer_unref(data);
  gst_pad_push_event(source, gst_event_new_caps(caps));
  gst_caps_unref(caps);
  gst_element_set_state(parser, GST_STATE_NULL);
  for (GstPad *pad : {in, out, source, sink}) gst_object_unref(pad);
  gst_object_unref(parser);
  return size;
}

/// Of one medium.
std::string fault_of(const GstSDPMedia *medium, const PictureLimit &limit) {
  for (guint i = 0; const gchar *fmtp = gst_sdp_media_get_attribute_val_n(medium, "fmtp", i); ++i) {
    const std::string text = fmtp, key = "sprop-parameter-sets=";
    const std::size_t at = text.find(key);
    if (at == text.npos) continue;
    const std::size_t begin = at + key.size();
    const std::vector<Bytes> sets = parameter_sets(text.substr(begin, text.find_first_of("; ", begin) - begin));
    constexpr guint8 kType = 0x1f, kSequence = 7, kPicture = 8;
    const auto picture =
        std::find_if(sets.begin(), sets.end(), [](const Bytes &set) { return (set[0] & kType) == kPicture; });
    if (picture == sets.end()) continue;
    for (const Bytes &set : sets) {
      const Size size = (set[0] & kType) == kSequence ? size_of(set, *picture) : Size();
      if (!limit.allows(size.width, size.height)) return limit.fault(size.width, size.height);
    }
  }
  return "";
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

std::string PictureLimit::fault(int picture_width, int picture_height) const {
  return "--max-picture: its pictures have " + std::to_string(picture_width) + "×" + std::to_string(picture_height) +
         " pixels, and at most " + std::to_string(width) + "×" + std::to_string(height) +
         " are taken. Let it send smaller ones, or raise the limit.";
}

std::string announced_fault(const GstRTSPMessage *announce, const PictureLimit &limit) {
  guint8 *body = nullptr;
  guint size = 0;
  if (gst_rtsp_message_get_body(announce, &body, &size) != GST_RTSP_OK || !body) return "";
  const std::string text(reinterpret_cast<const char *>(body), size);
  if (!g_utf8_validate(text.c_str(), -1, nullptr))  // GStreamer cannot hold it
    return "its session description is not UTF-8.";
  GstSDPMessage *sdp = nullptr;
  if (gst_sdp_message_new(&sdp) != GST_SDP_OK) return "";
  std::string fault;
  if (gst_sdp_message_parse_buffer(body, size, sdp) == GST_SDP_OK)
    for (guint i = 0; i < gst_sdp_message_medias_len(sdp) && fault.empty(); ++i)
      fault = fault_of(gst_sdp_message_get_media(sdp, i), limit);
  gst_sdp_message_free(sdp);
  return fault;
}

void limit_pictures(GstElement *parser, const PictureLimit &limit) {
  GstPad *pad = gst_element_get_static_pad(parser, "src");
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_caps, new PictureLimit(limit),
                    [](gpointer data) { delete static_cast<PictureLimit *>(data); });
  gst_object_unref(pad);
}

}  // namespace oneadapt::server
