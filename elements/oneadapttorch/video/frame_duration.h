// SPDX-License-Identifier: LGPL-2.1-or-later
// How long a frame lasts.
#pragma once
#include <gst/gst.h>

namespace oneadapt {

/// In ns; 0: neither the frame nor its caps (a rate of `rate_n`/`rate_d`) say so.
inline GstClockTime frame_duration(const GstBuffer *buffer, int rate_n, int rate_d) {
  if (GST_BUFFER_DURATION_IS_VALID(buffer)) return GST_BUFFER_DURATION(buffer);
  if (rate_n <= 0) return 0;
  return gst_util_uint64_scale(GST_SECOND, guint64(rate_d), guint64(rate_n));
}

}  // namespace oneadapt
