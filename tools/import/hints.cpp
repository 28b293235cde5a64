// SPDX-License-Identifier: LGPL-2.1-or-later
#include "hints.h"

#include <algorithm>
#include <iterator>

#include "model/labels.h"

namespace oneadapt::import {

std::vector<std::string> coco_labels_of(int classes) {
  if (classes == 80) return coco_labels();
  if (classes != 91 && classes != 92) return {};
  static constexpr int unused[] = {0, 12, 26, 29, 30, 45, 66, 68, 69, 71, 83};
  std::vector<std::string> names;
  auto next = coco_labels().begin();
  for (int number = 0; number < 91; ++number) {
    const bool none = std::find(std::begin(unused), std::end(unused), number) != std::end(unused);
    names.push_back(none ? "unused " + std::to_string(number) : *next++);
  }
  if (classes == 92) names.push_back("no object");
  return names;
}

}  // namespace oneadapt::import
