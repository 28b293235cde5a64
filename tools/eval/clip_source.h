// SPDX-License-Identifier: LGPL-2.1-or-later
// Reading a clip of pictures, for every pipeline that does.
#pragma once
#include <string>

#include "eval/pads.h"

namespace oneadapt::eval {

/// Decodes what the element "source" names, and turns it as its tags say: telephones record lying on their side.
constexpr const char *kClipSource =
    "filesrc name=source ! decodebin ! videoconvert ! videoflip name=upright video-direction=auto";

/// Caps of the pictures that are taken from a clip; `fps` 0: its own rate.
std::string raw_caps(double fps);

/// For a pad probe on the source pad of "upright": what has been turned must not be turned again, by a player of the
/// written video.
inline GstPadProbeReturn forget_orientation(GstPad *, GstPadProbeInfo *info, gpointer) {
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
  GstTagList *tags = nullptr;
  if (GST_EVENT_TYPE(event) == GST_EVENT_TAG) gst_event_parse_tag(event, &tags);
  if (!tags || gst_tag_list_get_tag_size(tags, GST_TAG_IMAGE_ORIENTATION) == 0) return GST_PAD_PROBE_OK;
  tags = gst_tag_list_copy(tags);
  gst_tag_list_remove_tag(tags, GST_TAG_IMAGE_ORIENTATION);
  GST_PAD_PROBE_INFO_DATA(info) = gst_event_new_tag(tags);
  gst_event_unref(event);
  return GST_PAD_PROBE_OK;
}

}  // namespace oneadapt::eval
