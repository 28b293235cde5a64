// SPDX-License-Identifier: LGPL-2.1-or-later
// Several tunables, one behind the other, with a crop or a flip between them: a gradient is that of the last one's
// picture, and the others see it elsewhere.
#pragma once
#include <map>
#include <set>
#include <string>

#include "core/gradient/gradient.h"
#include "ctl/tunables.h"
#include "upstream_pictures.h"

/// An element's first one; null: it has none.
oneadapt::PadRef sink_pad(GstElement *element);

/// Thread-bound.
class TunablePlaces {
 public:
  /// `gradient` may be null, and must live as long as what of() gives is used.
  void set(const TunableList &tunables, const oneadapt::Gradient *gradient);
  /// As the tunable sees it.
  const oneadapt::Gradient *of(GstElement *tunable);

 private:
  /// The next tunable of the stream, and how it sees the picture of the one before.
  struct Next {
    GstElement *element;
    oneadapt::UpstreamPicture picture;
  };
  void warn(GstElement *tunable, const oneadapt::Obstacle &obstacle);

  const oneadapt::Gradient *gradient_ = nullptr;
  std::map<GstElement *, Next> next_;
  std::map<GstElement *, oneadapt::Gradient> moved_;
  std::set<std::string> warned_;  ///< elements that places cannot be followed through
};
