// SPDX-License-Identifier: LGPL-2.1-or-later
// Gradient messages as bytes.
#pragma once
#include <vector>

#include "gstoneadapt.h"

using Bytes = std::vector<guint8>;

/// The message of a gradient (transfer full).
inline Bytes bytes_of(GstOneadaptGradient *gradient) {
  GBytes *bytes = gst_oneadapt_gradient_to_bytes(gradient, nullptr);
  gsize size = 0;
  const auto *data = static_cast<const guint8 *>(g_bytes_get_data(bytes, &size));
  const Bytes out(data, data + size);
  g_bytes_unref(bytes);
  gst_oneadapt_gradient_free(gradient);
  return out;
}
