// SPDX-License-Identifier: LGPL-2.1-or-later
// Where results go: metas on the buffer (DL Streamer's convention), JSON lines (gvametaconvert's keys).
#pragma once
#include <gst/video/video.h>

#include <optional>
#include <string>
#include <vector>

#include "model/model.h"

namespace oneadapt {

/// One GstVideoRegionOfInterestMeta a detection: roi_type = label, param `detection` with x_min, x_max, y_min, y_max
/// (gdouble, normalised), confidence (gdouble), label_id (gint); with a mask, param `mask` (gst/mask_param.h). Besides,
/// what keeps them behind a scaler or converter (gst/results_meta.h), also where there are none. `buffer` must be
/// writable.
void attach_results(GstBuffer *buffer, unsigned width, unsigned height, const std::vector<Detection> &detections,
                    const std::vector<std::string> &labels);

struct FrameInfo {
  guint64 frame = 0;                ///< counted from 0
  GstClockTime timestamp = 0;       ///< stream time, ns; GST_CLOCK_TIME_NONE: unknown
  std::optional<guint64> interval;  ///< number of the adaptation interval
  unsigned width = 0, height = 0;
};

/// One line of JSON, without its end. A mask is COCO's uncompressed run-length code.
std::string result_line(const FrameInfo &info, const std::vector<Detection> &detections,
                        const std::vector<std::string> &labels);

}  // namespace oneadapt
