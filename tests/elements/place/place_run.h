// SPDX-License-Identifier: LGPL-2.1-or-later
// Cameras that see one bright thing each, a DNN that finds the brightest, and what lies between them.
#pragma once
#include <gst/gst.h>

#include <functional>
#include <string>
#include <vector>

#include "gstoneadapt.h"
#include "test_models.h"

namespace oneadapt_test {

struct Rectangle {
  int x = 0, y = 0, width = 0, height = 0;  ///< pixels
};

/// A grey picture with a bright thing in it.
struct Camera {
  int width = 256, height = 192;
  Rectangle thing{24, 16, 24, 24};
  int brightness = 160;          ///< luma of the thing
  std::string caps = "";         ///< more of them, each with a comma in front
  std::string orientation = "";  ///< for a tag
  GstTagScope scope = GST_TAG_SCOPE_STREAM;
};

/// What somebody upstream got.
struct Map {
  unsigned width = 0, height = 0, columns = 0;
  std::vector<float> values;
  std::vector<GstOneadaptRegion> regions;
  bool early = false;
  guint32 stream = 0;

  /// Σ value·pixels of all blocks, or of those that lie in the rectangle (of that picture) to at least a part.
  double weight() const;
  double weight(const Rectangle &where) const;
  /// The same rectangle of the camera's picture, in this one's pixels.
  Rectangle scaled(const Rectangle &where, const Camera &camera) const;
  /// For messages: the place of the greatest value in fractions, and the sums.
  std::string text() const;
};

struct PlaceResult {
  std::vector<std::vector<Map>> maps;  ///< for each camera, in order
  std::vector<Map> echoes;             ///< what the DNN sent downstream
  std::vector<std::string> warnings, errors;
  std::vector<guint32> streams;  ///< of the cameras
};

struct PlaceOptions {
  bool upstream = true;                             ///< somebody upstream of the cameras' own pads takes gradients
  int frames = 12;                                  ///< of each camera, 10 a second
  std::function<void(GstElement *)> setup, finish;  ///< called with the pipeline before it plays, and at its end
  std::string properties = "";                      ///< of oneadaptdnn
};

/// Runs pictures of each camera through `launch`, in which the cameras are "cam0." and so on and the way to the DNN
/// begins at "dnn_in."; MODEL stands for the model's file.
PlaceResult run_place(const std::vector<Camera> &cameras, const std::string &launch, const PlaceOptions &options = {});

/// The same, for one camera and elements in a row.
PlaceResult run_between(const Camera &camera, const std::string &between, const PlaceOptions &options = {});

Map map_of(const GstOneadaptGradient &gradient);
/// Of a gradient event, upstream or downstream.
Map map_of(GstEvent *event);

/// I420.
GstBuffer *picture(const Camera &camera, GstClockTime time);

/// Everything that came for the camera says where its thing is, and that nothing is elsewhere. The DNN's blocks, over
/// which the gradient is averaged, lie elsewhere than the camera's: `around` pixels of the camera's picture, the size
/// of the DNN's block there, may have a part of it.
void expect_on_the_thing(const PlaceResult &result, const Camera &camera, std::size_t index = 0, int around = 16);

/// Cameras with the thing near each corner of 256 × 192 pixels, never at the same distance from two sides.
std::vector<Camera> corners();

void set_property(GstElement *pipeline, const char *element, const char *property, const std::string &value);

/// Calls `then` with the pipeline when the first camera's picture of this number comes by, in its thread.
struct AtPicture {
  int number;
  std::function<void(GstElement *)> then;
  GstElement *pipeline = nullptr;
  int seen = 0;

  void watch(GstElement *bin);
};

/// Whether there is such an element; with properties, or without.
bool there_is(const std::string &element);

#define NEED(element) \
  if (!there_is(element)) GTEST_SKIP() << "there is no element " << (element)

}  // namespace oneadapt_test
