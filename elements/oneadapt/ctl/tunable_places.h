// SPDX-License-Identifier: LGPL-2.1-or-later
// Several tunables, one behind the other, with a crop or a flip between them: a gradient is that of the last one's
// picture, and the others see it elsewhere.
#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>

#include "ctl/tunables.h"
#include "gstoneadapt.h"
#include "upstream_pictures.h"

/// Thread-bound.
class TunablePlaces {
 public:
  /// `gradient` may be null, and must live as long as what of() gives is used.
  void set(const TunableList &tunables, const GstOneadaptGradient *gradient);
  /// As the tunable sees it.
  const GstOneadaptGradient *of(GstElement *tunable);

 private:
  struct Free {
    void operator()(GstOneadaptGradient *gradient) const { gst_oneadapt_gradient_free(gradient); }
  };
  /// The next tunable of the stream, and how it sees the picture of the one before.
  struct Next {
    GstElement *element;
    oneadapt::UpstreamPicture picture;
  };
  void warn(GstElement *tunable, const oneadapt::Obstacle &obstacle);

  const GstOneadaptGradient *gradient_ = nullptr;
  std::map<GstElement *, Next> next_;
  std::map<GstElement *, std::unique_ptr<GstOneadaptGradient, Free>> moved_;
  std::set<std::string> warned_;  ///< elements that places cannot be followed through
};
