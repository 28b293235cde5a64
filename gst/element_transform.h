// SPDX-License-Identifier: LGPL-2.1-or-later
// What an element does to the place of things in a picture; for our elements, not installed.
#pragma once
#include <gst/gst.h>

#include <optional>

#include "core/gradient/frame_transform.h"

namespace oneadapt {

/// What caps say of a picture.
struct PictureCaps {
  int width = 0, height = 0;  ///< pixels
  int par_n = 1, par_d = 1;   ///< pixel aspect ratio
  bool has_alpha = false;
};

/// Of the caps in force on the pad; none when it does not carry raw video.
std::optional<PictureCaps> picture_caps(GstPad *pad);

/// What is known of the way from one of an element's sink pads to a source pad.
struct ElementTransform {
  enum class Certainty {
    Known,      ///< it is `transform`
    Assumed,    ///< nothing is known of the element; the picture's size stays, and so may the place of things
    Unknown,    ///< things move in a way that is not known or is no FrameTransform
    OutOfStep,  ///< the properties and caps are those of two different moments: they are changing
  };
  Certainty certainty = Certainty::Known;
  FrameTransform transform;
};

/// `sink` and `src` are pads of `element` that carry raw video. For elements with one picture in and one out. Asks
/// elements that turn pictures by their stream's tags with a navigation event, which goes no further. Thread-safe.
ElementTransform element_transform(GstElement *element, GstPad *sink, GstPad *src);

/// Whether the element lays the pictures of its sink pads over each other (compositor and its like).
bool is_mixer(GstElement *element);

/// As element_transform(), from one sink pad of a mixer.
ElementTransform mixer_transform(GstElement *mixer, GstPad *sink, GstPad *src);

}  // namespace oneadapt
