// SPDX-License-Identifier: LGPL-2.1-or-later
// What caps say of a mosaic of features, as long as it is raw (docs/features.md). Behind a decoder they are gone.
#pragma once
#include <gst/gst.h>

#include "core/vision/mosaic.h"

namespace oneadapt {

/// Adds the layout, the pair and the size of the picture to caps of one structure, which must be writable.
inline void set_mosaic(GstCaps *caps, const MosaicLayout &layout, PairNumber pair, const unsigned picture[2]) {
  gst_caps_set_simple(caps, "oneadapt-pair", G_TYPE_STRING, pair.text().c_str(), "oneadapt-channels", G_TYPE_INT,
                      int(layout.channels), "oneadapt-plane-width", G_TYPE_INT, int(layout.plane[0]),
                      "oneadapt-plane-height", G_TYPE_INT, int(layout.plane[1]), "oneadapt-columns", G_TYPE_INT,
                      int(layout.columns), "oneadapt-picture-width", G_TYPE_INT, int(picture[0]),
                      "oneadapt-picture-height", G_TYPE_INT, int(picture[1]), nullptr);
}

/// The layout; no channels: the caps are of a picture.
inline MosaicLayout mosaic_of(const GstCaps *caps) {
  const GstStructure *s = gst_caps_get_structure(caps, 0);
  int channels = 0, width = 0, height = 0, columns = 0;
  if (!gst_structure_get(s, "oneadapt-channels", G_TYPE_INT, &channels, "oneadapt-plane-width", G_TYPE_INT, &width,
                         "oneadapt-plane-height", G_TYPE_INT, &height, "oneadapt-columns", G_TYPE_INT, &columns,
                         nullptr) ||
      channels < 1 || width < 1 || height < 1 || columns < 1)
    return {};
  return {unsigned(channels),
          {unsigned(width), unsigned(height)},
          unsigned(columns),
          (unsigned(channels) + unsigned(columns) - 1) / unsigned(columns)};
}

}  // namespace oneadapt
