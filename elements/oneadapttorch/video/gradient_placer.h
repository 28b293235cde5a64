// SPDX-License-Identifier: LGPL-2.1-or-later
// From the picture that the DNN sees to the pictures that a camera can do something about.
#pragma once
#include <gst/gst.h>

#include <set>
#include <string>
#include <vector>

#include "gradient_sender.h"
#include "upstream_pictures.h"

namespace oneadapt {

/// Undoes what elements between decoder and DNN do to the picture: cropping, borders, flips, quarter turns, mixing. The
/// part of a picture that the DNN does not see has a gradient of 0. Where the places cannot be followed, the gradient
/// goes upstream without them: every block weighs the same, and what was found is everywhere. Thread-bound.
class GradientPlacer {
 public:
  /// `sink`: the pad on which the DNN's pictures arrive; warnings are posted on `element`.
  GradientPlacer(GstElement *element, GstPad *sink) : element_(element), sink_(sink) {}

  /// One for each picture that the DNN's was made of; never none. `newest`: the gradient's picture is of the caps that
  /// `sink` has now; false where it waited and upstream has gone on.
  std::vector<PlacedGradient> place(const Gradient &gradient, bool newest);
  /// Warns of elements that stood in the way of what was placed last, of each element once.
  void warn();
  /// Forgets the stream.
  void reset() { last_ = {}; }

 private:
  GstElement *const element_;
  GstPad *const sink_;
  UpstreamPictures last_;     ///< with pictures only when it was in step
  unsigned out_of_step_ = 0;  ///< gradients in a row without places because upstream was changing
  unsigned last_width_ = 0, last_height_ = 0;
  std::vector<Obstacle> obstacles_;
  std::set<std::string> warned_;
};

}  // namespace oneadapt
