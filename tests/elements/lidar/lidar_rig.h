// SPDX-License-Identifier: LGPL-2.1-or-later
// The elements for point clouds in a harness, and a street to feed them with.
#pragma once
#include <gst/check/gstharness.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "element_rig.h"
#include "gstoneadapt.h"
#include "lidar/point_cloud.h"
#include "lidar/polar_grid.h"

namespace lidar_test {

using oneadapt::Point;
using oneadapt::PointCloud;
using oneadapt::PolarGrid;

constexpr unsigned kTurns = 10;  // a second
constexpr GstClockTime kTurn = GST_SECOND / kTurns;

/// One turn of a sensor of `beams` beams, 1.7 m above a plane, with walls 12 m to the left and the right.
inline PointCloud street(unsigned beams = 32, unsigned columns = 900) {
  std::mt19937 random(4);
  PointCloud points;
  for (unsigned beam = 0; beam < beams; beam++)
    for (unsigned column = 0; column < columns; column++) {
      const double angle = 2 * M_PI * column / columns, down = (2.0 + 22.0 * beam / beams) * M_PI / 180;
      const double ground = 1.7 / std::tan(down), wall = 12 / std::max(1e-3, std::abs(std::sin(angle)));
      const double distance = std::min(ground, wall) * (1 + 0.0005 * double(random() % 10));
      points.push_back({float(distance * std::cos(angle)), float(distance * std::sin(angle)),
                        float(-distance * std::tan(down)), float(random() % 100) / 100});
    }
  return points;
}

inline GstBuffer *buffer_of(const PointCloud &points, guint64 turn) {
  GstBuffer *buffer =
      points.empty() ? gst_buffer_new() : gst_buffer_new_memdup(points.data(), points.size() * sizeof(Point));
  GST_BUFFER_PTS(buffer) = turn * kTurn;
  GST_BUFFER_DURATION(buffer) = kTurn;
  return buffer;
}
inline PointCloud points_of(GstBuffer *buffer) {
  PointCloud points(gst_buffer_get_size(buffer) / sizeof(Point));
  gst_buffer_extract(buffer, 0, points.data(), points.size() * sizeof(Point));
  return points;
}

/// Elements between a source of turns and what takes them.
struct Rig {
  GstHarness *h;
  GstBus *bus;
  guint64 turns = 0;

  explicit Rig(const std::string &launch, const char *caps = "application/x-lidar")
      : h(gst_harness_new_parse(launch.c_str())), bus(gst_bus_new()) {
    gst_element_set_bus(h->element, bus);
    if (caps) gst_harness_set_src_caps_str(h, caps);
  }
  ~Rig() {
    gst_element_set_bus(h->element, nullptr);
    gst_object_unref(bus);
    gst_harness_teardown(h);
  }
  Rig(const Rig &) = delete;
  Rig &operator=(const Rig &) = delete;

  GstFlowReturn push(const PointCloud &points) { return gst_harness_push(h, buffer_of(points, turns++)); }
  /// What comes of a turn.
  PointCloud turn(const PointCloud &points) {
    EXPECT_EQ(push(points), GST_FLOW_OK);
    PointCloud out;
    while (GstBuffer *buffer = gst_harness_try_pull(h)) {
      out = points_of(buffer);
      gst_buffer_unref(buffer);
    }
    return out;
  }
  GstElement *find(const char *name) {  // transfer none: the harness keeps it
    GstElement *element = gst_harness_find_element(h, name);
    gst_object_unref(element);
    return element;
  }
  std::string caps() {
    GstCaps *caps = gst_pad_get_current_caps(h->sinkpad);
    gchar *text = gst_caps_to_string(caps);
    const std::string copy = text;
    g_free(text);
    gst_caps_unref(caps);
    return copy;
  }
  std::string error() {
    std::string text = "no error";
    count_messages(bus, GST_MESSAGE_ERROR, &text);
    return text;
  }
};

/// A gradient of the blocks of a grid, each `value`.
inline GstOneadaptGradient *gradient(const PolarGrid &grid, guint64 interval, float value = 0) {
  GstOneadaptGradient *g = gst_oneadapt_gradient_new(grid.sectors, grid.rings, 1);
  g->domain = GST_ONEADAPT_DOMAIN_SPACE;
  g->interval = interval;
  g->interval_duration = GST_SECOND;
  g->stream_time = (interval + 1) * GST_SECOND - kTurn;
  g->z = g->elements = g->confident = 1;
  for (guint i = 0; i < grid.blocks(); i++) g->values[i] = value;
  return g;
}

}  // namespace lidar_test
