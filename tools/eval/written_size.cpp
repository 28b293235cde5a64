// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/written_size.h"

#include <algorithm>

#include "eval/pads.h"

namespace oneadapt::eval {

void WrittenSize::tap(GstBin *pipeline) {
  pipeline_ = pipeline;
  eval::tap(pipeline, "caps", "src", on_caps, this, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM);
  eval::tap(pipeline, "caps", "src", on_frame, this);
  eval::tap(pipeline, "dnn", "src", on_scaled_caps, this, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM);
}

GstPadProbeReturn WrittenSize::on_frame(GstPad *, GstPadProbeInfo *, gpointer data) {
  static_cast<WrittenSize *>(data)->begun_ = true;
  return GST_PAD_PROBE_OK;
}

/// The caps of the clip's first frame: a clip that lies on its side has others in front of them, before its tags come.
GstPadProbeReturn WrittenSize::on_caps(GstPad *, GstPadProbeInfo *info, gpointer data) {
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
  auto *self = static_cast<WrittenSize *>(data);
  if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS || self->begun_) return GST_PAD_PROBE_OK;
  GstCaps *caps;
  gst_event_parse_caps(event, &caps);
  GstVideoInfo &video = self->written_;
  if (!gst_video_info_from_caps(&video, caps)) return GST_PAD_PROBE_OK;
  self->width_ = unsigned(video.width);
  self->height_ = unsigned(video.height);
  // H.264 of 4:2:0 has even sides only. Encoders other than ours do not see to that themselves.
  if (const Ref<GstElement> even{gst_bin_get_by_name(self->pipeline_, "even")})
    g_object_set(even.get(), "right", video.width & 1, "bottom", video.height & 1, nullptr);
  video.width = std::max(2, video.width & ~1);
  video.height = std::max(2, video.height & ~1);
  for (const char *name : {"size", "still-size"}) {
    Ref<GstElement> size(gst_bin_get_by_name(self->pipeline_, name));
    if (!size) continue;
    GstCaps *fixed = gst_caps_new_simple("video/x-raw", "width", G_TYPE_INT, video.width, "height", G_TYPE_INT,
                                         video.height, "format", G_TYPE_STRING, "I420", "pixel-aspect-ratio",
                                         GST_TYPE_FRACTION, video.par_n, video.par_d, nullptr);
    g_object_set(size.get(), "caps", fixed, nullptr);
    gst_caps_unref(fixed);
  }
  return GST_PAD_PROBE_OK;
}

/// Behind the DNN. At each scale the picture is the whole clip's, but its sides are rounded, and a scaler would make up
/// for that with borders, which results do not follow: with this pixel aspect ratio there is nothing to make up for.
GstPadProbeReturn WrittenSize::on_scaled_caps(GstPad *, GstPadProbeInfo *info, gpointer data) {
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
  const GstVideoInfo &written = static_cast<WrittenSize *>(data)->written_;
  if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS) return GST_PAD_PROBE_OK;
  GstCaps *caps;
  gst_event_parse_caps(event, &caps);
  GstVideoInfo video;
  gint across_n, across_d, n, d;
  if (!gst_video_info_from_caps(&video, caps) ||
      !gst_util_fraction_multiply(written.width, video.width, written.par_n, written.par_d, &across_n, &across_d) ||
      !gst_util_fraction_multiply(across_n, across_d, video.height, written.height, &n, &d))
    return GST_PAD_PROBE_OK;
  caps = gst_caps_copy(caps);
  gst_caps_set_simple(caps, "pixel-aspect-ratio", GST_TYPE_FRACTION, n, d, nullptr);
  GST_PAD_PROBE_INFO_DATA(info) = gst_event_new_caps(caps);
  gst_caps_unref(caps);
  gst_event_unref(event);
  return GST_PAD_PROBE_OK;
}

}  // namespace oneadapt::eval
