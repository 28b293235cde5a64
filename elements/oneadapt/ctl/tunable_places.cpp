// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ctl/tunable_places.h"

#include <algorithm>
#include <vector>

#include "upstream_pictures.h"
#include "walk.h"

namespace {

oneadapt::Gradient places_of(const GstOneadaptGradient *g) {
  oneadapt::Gradient c;
  c.map = oneadapt::BlockMap(g->frame_width, g->frame_height, g->block_size);
  c.map.values.assign(g->values, g->values + std::size_t(g->columns) * g->rows);
  for (guint i = 0; i < g->n_regions; ++i)
    c.regions.push_back({g->regions[i].x_min, g->regions[i].y_min, g->regions[i].x_max, g->regions[i].y_max});
  return c;
}

/// `like` at other places.
GstOneadaptGradient *moved(const GstOneadaptGradient *like, const oneadapt::Gradient &places) {
  const oneadapt::BlockMap &map = places.map;
  GstOneadaptGradient *g = gst_oneadapt_gradient_new(map.frame_width, map.frame_height, map.block_size);
  g->interval = like->interval;
  g->interval_duration = like->interval_duration;
  g->stream_time = like->stream_time;
  g->stream = like->stream;
  g->z = like->z;
  g->elements = like->elements;
  g->confident = like->confident;
  g->theta = like->theta;
  g->slope = like->slope;
  g->early = like->early;
  g->domain = like->domain;
  std::copy(map.values.begin(), map.values.end(), g->values);
  std::vector<GstOneadaptRegion> regions;
  for (const oneadapt::Box &box : places.regions) regions.push_back({box.x0, box.y0, box.x1, box.y1});
  gst_oneadapt_gradient_set_regions(g, regions.data(), guint(regions.size()));
  return g;
}

oneadapt::PadRef sink_pad(GstElement *element) {
  GST_OBJECT_LOCK(element);
  GstPad *pad = element->sinkpads ? GST_PAD(gst_object_ref(element->sinkpads->data)) : nullptr;
  GST_OBJECT_UNLOCK(element);
  return oneadapt::PadRef(pad);
}

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

void TunablePlaces::warn(GstElement *tunable, const oneadapt::Obstacle &obstacle) {
  if (!obstacle.unknown || !warned_.insert(obstacle.name).second) return;
  GST_ELEMENT_WARNING(
      tunable, STREAM, FAILED,
      ("Element \"%s\" (%s) moves things in the picture in a way that cannot be followed, so this element is adapted "
       "without places. Put it in front of oneadaptctl, or behind the DNN.",
       obstacle.name.c_str(), obstacle.type.c_str()),
      (nullptr));
}

void TunablePlaces::set(const TunableList &tunables, const GstOneadaptGradient *gradient) {
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

const GstOneadaptGradient *TunablePlaces::of(GstElement *tunable) {
  const auto next = next_.find(tunable);
  if (next == next_.end()) return gradient_;  // the last one
  const GstOneadaptGradient *there = of(next->second.element);
  const oneadapt::UpstreamPicture &picture = next->second.picture;
  if (picture.known && picture.transform.is_whole()) return there;
  auto &own = moved_[tunable];
  if (!own) own.reset(moved(there, oneadapt::gradient_at(picture, places_of(there))));
  return own.get();
}
