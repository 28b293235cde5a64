// SPDX-License-Identifier: LGPL-2.1-or-later
#include "upstream_pictures.h"

#include <gst/video/video.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "element_transform.h"
#include "gstoneadapt.h"

namespace oneadapt {

namespace {

using Certainty = ElementTransform::Certainty;

PadRef ref(GstPad *pad) { return PadRef(GST_PAD(gst_object_ref(pad))); }

/// Bins that are looked at from outside.
bool is_opaque(GstElement *bin) { return GST_IS_ONEADAPT_TUNABLE(bin) || GST_IS_VIDEO_DIRECTION(bin); }

/// The element's source pad, or an opaque bin's, that feeds a sink pad; null when it is not linked.
PadRef feeding_pad(GstPad *sink) {
  PadRef pad(gst_pad_get_peer(sink));
  while (pad && GST_IS_PROXY_PAD(pad.get())) {
    if (GST_IS_GHOST_PAD(pad.get())) {  // of a bin, which is entered
      const ElementRef bin(gst_pad_get_parent_element(pad.get()));
      if (bin && is_opaque(bin.get())) return pad;
      pad.reset(gst_ghost_pad_get_target(GST_GHOST_PAD(pad.get())));
    } else {  // the inner side of a bin's sink pad: the bin is left
      const PadRef ghost(GST_PAD(gst_proxy_pad_get_internal(GST_PROXY_PAD(pad.get()))));
      pad.reset(ghost ? gst_pad_get_peer(ghost.get()) : nullptr);
    }
  }
  return pad;
}

/// The element's sink pads that carry raw video to `src`.
std::vector<PadRef> inputs_of(GstElement *element, GstPad *src) {
  std::vector<PadRef> pads;
  GstIterator *all = GST_IS_BIN(element) ? gst_element_iterate_sink_pads(element) : gst_pad_iterate_internal_links(src);
  if (!all) return pads;
  const auto collect = [](const GValue *item, gpointer list) {
    auto *pad = static_cast<GstPad *>(g_value_get_object(item));
    if (picture_caps(pad)) static_cast<std::vector<PadRef> *>(list)->push_back(ref(pad));
  };
  while (gst_iterator_foreach(all, collect, &pads) == GST_ITERATOR_RESYNC) {
    pads.clear();
    gst_iterator_resync(all);
  }
  gst_iterator_free(all);
  return pads;
}

/// Of a selector (input-selector, concat); null when there is none.
PadRef active_pad(GstElement *element) {
  const GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element), "active-pad");
  if (!spec || !g_type_is_a(spec->value_type, GST_TYPE_PAD)) return nullptr;
  GstPad *pad = nullptr;
  g_object_get(element, "active-pad", &pad, nullptr);
  return PadRef(pad);
}

/// The gradient as a source picture has it.
Gradient seen_from(const Gradient &gradient, const UpstreamPicture &picture, const FrameTransform &transform) {
  Gradient out = gradient;
  out.map = resample(gradient.map, transform, picture.width, picture.height);
  out.regions.clear();
  for (const Box &region : gradient.regions) {
    const Box seen = intersection(region, transform.shown());
    const double x = (region.x0 + region.x1) / 2, y = (region.y0 + region.y1) / 2;
    const auto covers = [x, y](const Box &box) { return x >= box.x0 && x < box.x1 && y >= box.y0 && y < box.y1; };
    // Where another picture lies above this one, what was found is in that one.
    if (std::any_of(transform.hidden().begin(), transform.hidden().end(), covers)) continue;
    if (!is_empty(seen)) out.regions.push_back(intersection(transform.to_source(seen), {0, 0, 1, 1}));
  }
  return out;
}

/// As much in all, the same everywhere.
Gradient without_places(const Gradient &gradient, const UpstreamPicture &picture) {
  Gradient out = gradient;
  const BlockMap whole = resample(gradient.map, FrameTransform(), picture.width, picture.height);
  double sum = 0;
  for (unsigned r = 0; r < whole.rows(); ++r)
    for (unsigned c = 0; c < whole.columns(); ++c) sum += double(whole.at(c, r)) * whole.pixels(c, r);
  out.map = whole;
  std::fill(out.map.values.begin(), out.map.values.end(), float(sum / (double(picture.width) * picture.height)));
  if (!out.regions.empty()) out.regions = {{0, 0, 1, 1}};
  return out;
}

class Walk {
 public:
  /// `to`: the pad whose picture `transform` leads from; `events`: where its events go.
  void follow(PadRef to, PadRef events, FrameTransform transform, bool known) {
    for (;;) {
      const PadRef src = feeding_pad(to.get());
      ElementRef element(src ? gst_pad_get_parent_element(src.get()) : nullptr);
      if (!element || GST_IS_ONEADAPT_TUNABLE(element.get()))
        return end(to.get(), std::move(events), std::move(element), transform, known);
      std::vector<PadRef> inputs = inputs_of(element.get(), src.get());
      if (inputs.empty()) return end(to.get(), std::move(events), std::move(element), transform, known);
      if (is_mixer(element.get())) {
        for (PadRef &input : inputs) {
          const ElementTransform step = mixer_transform(element.get(), input.get(), src.get());
          follow(ref(input.get()), ref(input.get()), step.transform.then(transform),
                 known && note(element.get(), step));
        }
        return;
      }
      PadRef input = std::move(inputs.front());
      if (inputs.size() > 1) input = active_pad(element.get());
      ElementTransform step{Certainty::Unknown, {}};
      if (input) step = element_transform(element.get(), input.get(), src.get());
      known = note(element.get(), step) && known;
      if (!input) return end(to.get(), std::move(events), std::move(element), transform, known);
      transform = step.transform.then(transform);
      to = std::move(input);
    }
  }

  UpstreamPictures result;

 private:
  /// Whether places can be followed through the element.
  bool note(GstElement *element, const ElementTransform &step) {
    if (step.certainty == Certainty::OutOfStep) result.in_step = false;
    const bool unknown = step.certainty == Certainty::Unknown || step.certainty == Certainty::OutOfStep;
    if (unknown || step.certainty == Certainty::Assumed) {
      GstElementFactory *factory = gst_element_get_factory(element);
      result.obstacles.push_back(
          {GST_OBJECT_NAME(element), factory ? GST_OBJECT_NAME(factory) : G_OBJECT_TYPE_NAME(element), unknown});
    }
    return !unknown;
  }

  void end(GstPad *sink, PadRef events, ElementRef element, const FrameTransform &transform, bool known) {
    const auto before = std::find(ends_.begin(), ends_.end(), sink);
    if (before != ends_.end()) {  // a controller takes one gradient a picture
      result.pictures[std::size_t(before - ends_.begin())].views.push_back({transform, known});
      return;
    }
    ends_.push_back(sink);
    UpstreamPicture picture;
    picture.sink = std::move(events);
    picture.element = std::move(element);
    picture.views.push_back({transform, known});
    if (const auto caps = picture_caps(sink)) {
      picture.width = unsigned(caps->width);
      picture.height = unsigned(caps->height);
    }
    result.pictures.push_back(std::move(picture));
  }

  std::vector<GstPad *> ends_;  ///< the pad that each picture came in by: the same one is the same picture
};

}  // namespace

UpstreamPictures upstream_pictures(GstPad *sink) {
  Walk walk;
  walk.follow(ref(sink), ref(sink), {}, true);
  return std::move(walk.result);
}

Gradient gradient_at(const UpstreamPicture &picture, const Gradient &gradient) {
  std::optional<Gradient> sum;
  for (const UpstreamPicture::View &view : picture.views) {
    const Gradient seen = view.known ? seen_from(gradient, picture, view.transform) : without_places(gradient, picture);
    if (!sum) {
      sum = seen;
      continue;
    }
    std::transform(seen.map.values.begin(), seen.map.values.end(), sum->map.values.begin(), sum->map.values.begin(),
                   std::plus<>());
    sum->regions.insert(sum->regions.end(), seen.regions.begin(), seen.regions.end());
  }
  return *sum;
}

}  // namespace oneadapt
