// SPDX-License-Identifier: LGPL-2.1-or-later
// Pictures of what a model found and where it looks, as PNG; drawn by oneadaptoverlay's painter.
#pragma once
#include <string>
#include <vector>

#include "core/gradient/gradient.h"
#include "media.h"

namespace oneadapt::inspect {

/// Whether this program was built with Pango and Cairo.
bool can_draw();

/// The picture with boxes, masks, a name each, and scores. Throws InspectError when `path` cannot be written.
void draw_objects(const Picture &picture, const std::vector<Detection> &objects, const std::vector<std::string> &names,
                  const std::string &path);
/// The picture in grey under the heat map of `gradient`, with a legend. Throws InspectError when `path` cannot be
/// written.
void draw_gradient(const Picture &picture, const BlockMap &gradient, const std::string &path);

}  // namespace oneadapt::inspect
