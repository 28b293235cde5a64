// SPDX-License-Identifier: LGPL-2.1-or-later
// What an imported model says of itself before it is described.
#pragma once
#include <string>
#include <vector>

namespace oneadapt::import {

/// The file in the archive: JSON with "of", "names", "task", "range", "imgsz" (height, width).
constexpr const char *kHintsFile = "oneadapt-hints.json";

/// Names of so many classes where that number is COCO's: 80; 91 and 92 count COCO's own numbers, of which some have no
/// class (92: and DETR's none). Empty: it is not.
std::vector<std::string> coco_labels_of(int classes);

}  // namespace oneadapt::import
