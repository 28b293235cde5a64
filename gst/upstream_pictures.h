// SPDX-License-Identifier: LGPL-2.1-or-later
// Which pictures a picture was made of on its way from the decoder; for our elements, not installed.
#pragma once
#include <gst/gst.h>

#include <memory>
#include <string>
#include <vector>

#include "core/gradient/frame_transform.h"

namespace oneadapt {

struct UnrefObject {
  void operator()(gpointer object) const { gst_object_unref(object); }
};
using PadRef = std::unique_ptr<GstPad, UnrefObject>;
using ElementRef = std::unique_ptr<GstElement, UnrefObject>;

/// One picture as a decoder, a source or a tunable element put it out.
struct UpstreamPicture {
  PadRef sink;         ///< an event that is pushed on this sink pad reaches where the picture comes from
  ElementRef element;  ///< which put it out; null when nothing is linked
  /// How it is seen in the picture on the pad that was asked for.
  struct View {
    FrameTransform transform;
    bool known = true;  ///< false: `transform` means nothing, things are moved in an unknown way
  };
  std::vector<View> views;         ///< never none; several behind a tee and a mixer
  unsigned width = 0, height = 0;  ///< pixels

  /// Whether the picture that was asked for is this one, at any size.
  bool is_unmoved() const { return views.size() == 1 && views[0].known && views[0].transform.is_whole(); }
};

/// An element that may have moved things in the picture.
struct Obstacle {
  std::string name, type;  ///< of the element, and of its factory
  bool unknown = false;    ///< the places are lost, or it was changing; otherwise they are taken to have stayed
};

struct UpstreamPictures {
  std::vector<UpstreamPicture> pictures;  ///< more than one behind a mixer; never none
  std::vector<Obstacle> obstacles;
  bool in_step = true;  ///< false: upstream was changing, and `pictures` may be those of a later frame
};

/// Follows the picture on a linked sink pad upstream: through bins and queues, along the active pad of a selector and
/// every pad of a mixer. Thread-safe; it is a snapshot.
UpstreamPictures upstream_pictures(GstPad *sink);

/// A gradient of the picture that was asked for, as the upstream picture has it: map and regions. 0 where nothing of
/// the upstream picture was seen; where places are not known, as much in all, the same everywhere. What is seen several
/// times counts as often.
Gradient gradient_at(const UpstreamPicture &picture, const Gradient &gradient);

}  // namespace oneadapt
