// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ctl/tunable_places.h"

#include <algorithm>
#include <utility>

#include "upstream_pictures.h"
#include "walk.h"

namespace {

/// Which of the tunables a picture comes from: what it was decoded from is what that one coded. Null: none of them.
GstElement *origin(const oneadapt::UpstreamPicture &picture, const TunableList &tunables) {
  GstElement *found = nullptr;
  const auto visit = [&](GstElement *element, GstPad *) {
    if (!found && std::find(tunables.begin(), tunables.end(), element) != tunables.end()) found = element;
    return !found;
  };
  if (!picture.element || !visit(picture.element.get(), nullptr)) return found;
  if (const oneadapt::PadRef sink = sink_pad(picture.element.get())) oneadapt::walk_pads(sink.get(), visit);
  return found;
}

}  // namespace

oneadapt::PadRef sink_pad(GstElement *element) {
  GST_OBJECT_LOCK(element);
  GstPad *pad = element->sinkpads ? GST_PAD(gst_object_ref(element->sinkpads->data)) : nullptr;
  GST_OBJECT_UNLOCK(element);
  return oneadapt::PadRef(pad);
}

void TunablePlaces::warn(GstElement *tunable, const oneadapt::Obstacle &obstacle) {
  if (!obstacle.unknown || !warned_.insert(obstacle.name).second) return;
  GST_ELEMENT_WARNING(
      tunable, STREAM, FAILED,
      ("Element \"%s\" (%s) moves things in the picture in a way that cannot be followed, so this element is adapted "
       "without places. Put it in front of oneadaptctl, or behind the DNN.",
       obstacle.name.c_str(), obstacle.type.c_str()),
      (nullptr));
}

void TunablePlaces::set(const TunableList &tunables, const oneadapt::Gradient *gradient) {
  gradient_ = gradient;
  next_.clear();
  moved_.clear();
  if (!gradient || tunables.size() < 2) return;
  for (GstElement *element : tunables) {
    const oneadapt::PadRef sink = sink_pad(element);
    if (!sink) continue;
    oneadapt::UpstreamPictures upstream = oneadapt::upstream_pictures(sink.get());
    for (oneadapt::UpstreamPicture &picture : upstream.pictures) {
      GstElement *before = origin(picture, tunables);
      if (!before) continue;
      for (const oneadapt::Obstacle &obstacle : upstream.obstacles) warn(before, obstacle);
      next_.insert_or_assign(before, Next{element, std::move(picture)});
    }
  }
}

const oneadapt::Gradient *TunablePlaces::of(GstElement *tunable) {
  const auto next = next_.find(tunable);
  if (next == next_.end()) return gradient_;  // the last one
  const oneadapt::Gradient *there = of(next->second.element);
  const oneadapt::UpstreamPicture &picture = next->second.picture;
  if (picture.is_unmoved()) return there;
  const auto own = moved_.find(tunable);
  if (own != moved_.end()) return &own->second;
  return &moved_.emplace(tunable, oneadapt::gradient_at(picture, *there)).first->second;
}
