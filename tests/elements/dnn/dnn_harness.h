// SPDX-License-Identifier: LGPL-2.1-or-later
// A oneadaptdnn in a GstHarness.
#pragma once
#include <gst/check/gstharness.h>
#include <gst/video/video.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "element_rig.h"
#include "gstoneadapt.h"
#include "not_copied.h"
#include "test_models.h"

namespace oneadapt_test {

/// What passed the element's pads, in order: "buffer" downstream, "gradient N" upstream.
using Log = std::vector<std::string>;

struct Message {
  GstMessageType type;
  GQuark domain;
  gint code;
  std::string text;
};

class DnnHarness : NotCopied {
 public:
  /// The element is left in NULL: set what is to be set, then play().
  DnnHarness();
  ~DnnHarness();

  template <typename... Args>
  void set(const char *name, Args... args) {
    g_object_set(element, name, args..., nullptr);
  }
  void play();
  void caps(const std::string &format, int width, int height, const std::string &framerate = "10/1");
  /// Plays, with small pictures to come.
  void start() {
    play();
    caps("RGB", 32, 24);
  }
  /// A plain picture; `duration` GST_CLOCK_TIME_NONE: unset.
  GstBuffer *picture(GstClockTime pts, GstClockTime duration, int r, int g, int b) const;
  GstFlowReturn push(GstClockTime pts, int r = 204, int g = 0, int b = 0, GstClockTime duration = 100 * GST_MSECOND);
  /// Buffers that came out since the last call; unref them.
  std::vector<GstBuffer *> pull();
  void drop_output();
  /// Gradients that came out upstream since the last call; free them.
  std::vector<GstOneadaptGradient *> gradients();
  /// Messages of these types since the last call.
  std::vector<Message> messages(GstMessageType types);
  guint64 stat(const char *name) const;

  TemporaryFolder folder;
  GstElement *element;
  GstHarness *harness = nullptr;
  GstBus *bus;
  Log log;

 private:
  GstVideoInfo info_{};
};

/// Duration of a frame at 10 a second.
constexpr GstClockTime kFrame = 100 * GST_MSECOND;

/// The regions of interest of a buffer.
std::vector<GstVideoRegionOfInterestMeta *> rois(GstBuffer *buffer);
/// The JSON lines of a file.
std::vector<nlohmann::json> lines(const std::string &path);

/// The one error that was posted since the last call.
Message only_error(DnnHarness &dnn);

/// The element's state change to PAUSED must fail with exactly one error; this is it.
Message start_error(DnnHarness &dnn);

}  // namespace oneadapt_test
