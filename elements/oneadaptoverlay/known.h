// SPDX-License-Identifier: LGPL-2.1-or-later
// What the stream said besides its frames. For the streaming thread.
#pragma once
#include <gst/gst.h>

#include <memory>
#include <optional>
#include <string>

#include "core/gradient/gradient.h"

namespace oneadapt {

/// The newest gradient.
struct Feedback {
  guint64 interval = 0;
  GstClockTime interval_duration = 0, stream_time = 0;
  double z = 0;
  std::optional<double> accuracy;  ///< measured; none: nobody measures, or nothing was found
  std::shared_ptr<const BlockMap> map;
};

/// The newest configuration.
struct Configuration {
  guint64 interval = 0;
  std::string knobs;
  std::optional<double> kbps;
  std::shared_ptr<const BlockMap> qp_map;
};

struct Known {
  std::optional<Feedback> feedback;
  std::optional<Configuration> configuration;
  bool detections = false;  ///< somebody detects: no box means no object
  bool frames = false;      ///< there was a frame
  bool results = false;     ///< a frame came with results, or with a sign that it has lost them
  bool warned = false;      ///< of results that are lost

  std::shared_ptr<const BlockMap> placed_map;  ///< the QP map that `map_in_place` is of
  bool map_in_place = true, map_warned = false;
};

/// Of a well-formed event of gst_event_new_oneadapt_gradient_downstream(); another one changes nothing.
void take_gradient(GstElement *overlay, GstEvent *event, Known &known);

/// Of a well-formed event of gst_event_new_oneadapt_configuration(); another one changes nothing.
void take_configuration(GstElement *overlay, GstEvent *event, Known &known);

/// Whether the configuration's QP map, which is of the picture that was coded, may be laid over this element's: nothing
/// on the way has cropped, turned or framed the picture. Otherwise it posts a warning, once a stream.
bool qp_map_in_place(GstElement *overlay, Known &known);

/// Posts a warning, once a stream: `what` (a sentence without its full stop) has happened, and what to do.
void warn_of_loss(GstElement *overlay, Known &known, const char *what);

}  // namespace oneadapt
