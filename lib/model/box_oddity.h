// SPDX-License-Identifier: LGPL-2.1-or-later
// Boxes that cannot be right: those of a model whose description has another convention than the model.
#pragma once
#include <string>
#include <vector>

#include "core/vision/metrics.h"

namespace oneadapt {

/// Why boxes of candidates, x0 y0 x1 y1 in pixels of a picture of this size, cannot be right, in words that go on after
/// "the boxes". Empty: they may be. Says so only of what is true of all of them, and, but for fractions, of three at
/// least: a single box may be odd by chance.
std::string oddity_of(const std::vector<ScoredBox> &boxes, double width, double height);

}  // namespace oneadapt
