// SPDX-License-Identifier: LGPL-2.1-or-later
#include "video/gradient_placer.h"

#include <utility>

GST_DEBUG_CATEGORY_EXTERN(oneadaptdnn_debug);
#define GST_CAT_DEFAULT oneadaptdnn_debug

namespace oneadapt {
namespace {

PadRef ref(const PadRef &pad) { return PadRef(GST_PAD(gst_object_ref(pad.get()))); }

}  // namespace

std::vector<PlacedGradient> GradientPlacer::place(const Gradient &gradient, bool newest) {
  constexpr unsigned kMostChanges = 2;  // a change is over with the next gradient; what lasts longer is no change
  UpstreamPictures found = upstream_pictures(sink_);
  if (!newest) {
    found.in_step = false;
    for (UpstreamPicture &picture : found.pictures)
      for (UpstreamPicture::View &view : picture.views) view.known = false;
  }
  const unsigned width = gradient.map.frame_width, height = gradient.map.frame_height;
  // Behind a queue, upstream may have gone on to another size; then what was found for this one still holds.
  const bool last_fits = !last_.pictures.empty() && last_width_ == width && last_height_ == height;
  if (!found.in_step)
    GST_DEBUG_OBJECT(element_, "upstream is changing: %s", last_fits ? "as before" : "no places for this gradient");
  if (found.in_step || !last_fits) {
    out_of_step_ = found.in_step ? 0 : out_of_step_ + 1;
    obstacles_.clear();
    if (found.in_step || out_of_step_ > kMostChanges) obstacles_ = found.obstacles;
    last_ = std::move(found);
    last_width_ = width;
    last_height_ = height;
  }
  std::vector<PlacedGradient> placed;
  for (const UpstreamPicture &picture : last_.pictures) {
    const bool moved = !picture.is_unmoved();
    placed.push_back({ref(picture.sink), moved ? gradient_at(picture, gradient) : gradient, moved});
  }
  if (!last_.in_step) last_ = {};
  return placed;
}

void GradientPlacer::warn() {
  for (const Obstacle &o : obstacles_) {
    if (!warned_.insert(o.name).second) continue;
    if (o.unknown)
      GST_ELEMENT_WARNING(
          element_, STREAM, FAILED,
          ("Element \"%s\" (%s) moves things in the picture in a way that cannot be followed, so gradients go upstream "
           "without places: \"qp-map\" has no effect. Put it in front of oneadaptctl, or behind this element.",
           o.name.c_str(), o.type.c_str()),
          (nullptr));
    else
      GST_ELEMENT_WARNING(
          element_, STREAM, FAILED,
          ("Element \"%s\" (%s) may move things in the picture; gradients go upstream as if it did not. If it does, "
           "put it in front of oneadaptctl, or behind this element.",
           o.name.c_str(), o.type.c_str()),
          (nullptr));
  }
}

}  // namespace oneadapt
