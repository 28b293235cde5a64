// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadaptoverlay in a harness, and pictures that can be compared pixel by pixel.
#pragma once
#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gstoneadapt.h"

namespace overlay_test {

struct Rect {
  int x0, y0, x1, y1;  ///< x1, y1 are outside
  bool has(int x, int y) const { return x >= x0 && x < x1 && y >= y0 && y < y1; }
};

struct Rgb {
  int r, g, b;
};

/// A frame as it came out, and what it was before.
class Shot {
 public:
  Shot(const GstVideoInfo &info, GstBuffer *before, GstBuffer *after);
  ~Shot();
  Shot(const Shot &) = delete;
  Shot &operator=(const Shot &) = delete;

  /// In any of the planes, at the pixel's sample.
  bool changed(int x, int y) const;
  int changes(const Rect &where) const;
  /// Changed pixels for which `allowed` is false.
  int changes_outside(const std::function<bool(int, int)> &allowed) const;
  /// Formats of three or four bytes a pixel.
  Rgb rgb(int x, int y) const;
  /// Brightness (first component) after minus before.
  int brighter(int x, int y) const;
  bool same_bytes() const;
  Rect frame() const { return {0, 0, GST_VIDEO_INFO_WIDTH(&info_), GST_VIDEO_INFO_HEIGHT(&info_)}; }
  GstBuffer *after() const { return after_; }

 private:
  int sample(const GstVideoFrame &frame, guint component, int x, int y) const;
  GstVideoInfo info_;
  GstBuffer *before_, *after_;
  GstVideoFrame was_, is_;
};

class OverlayRun {
 public:
  explicit OverlayRun(const std::string &properties = "",
                      const std::string &caps = "video/x-raw,format=BGRx,width=320,height=240,framerate=10/1",
                      const std::string &in_front = "");
  ~OverlayRun();
  void caps(const std::string &text);
  void set(const char *property, const char *value) { gst_util_set_object_arg(G_OBJECT(element), property, value); }
  /// A textured, dark picture.
  GstBuffer *picture(GstClockTime pts = 0) const;
  /// Pushes it and pulls what comes out.
  std::unique_ptr<Shot> shoot(GstBuffer *picture);
  std::unique_ptr<Shot> shoot() { return shoot(picture()); }
  /// Takes the event.
  void send(GstEvent *event) { ASSERT_TRUE(gst_harness_push_event(harness, event)); }

  GstHarness *harness;
  GstElement *element;
  GstVideoInfo info;
};

/// As oneadaptdnn attaches it; sides are fractions.
void add_box(GstBuffer *picture, const GstVideoInfo &info, double x0, double y0, double x1, double y1,
             const char *label = "car", double confidence = 0.87, int id = 2);

/// A mask for the region that was added last, as oneadaptdnn attaches it: a grid over the frame, '#' inside.
GstStructure *add_mask(GstBuffer *picture, const std::vector<std::string> &rows);

/// All values 0 but those of `hot`, given as column and row.
GstEvent *gradient_event(unsigned width, unsigned height, const std::vector<std::pair<unsigned, unsigned>> &hot,
                         guint64 interval = 0, GstClockTime stream_time = 900 * GST_MSECOND, unsigned block = 16);
/// qp 32, scale 0.5; 50 kB in one second are 400 kbit/s.
GstEvent *configuration_event(guint64 interval = 1, guint64 bytes = 50000);

}  // namespace overlay_test
