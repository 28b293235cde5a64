// SPDX-License-Identifier: LGPL-2.1-or-later
// Built without Pango and Cairo.
#include "drawing.h"

namespace oneadapt::inspect {

bool can_draw() { return false; }
void draw_objects(const Picture &, const std::vector<Detection> &, const std::vector<std::string> &,
                  const std::string &) {}
void draw_gradient(const Picture &, const BlockMap &, const std::string &) {}

}  // namespace oneadapt::inspect
