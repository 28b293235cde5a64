// SPDX-License-Identifier: LGPL-2.1-or-later
// Names of classes. Internal; needs no LibTorch.
#pragma once
#include <string>
#include <vector>

namespace oneadapt {

/// The names in a text of one a line: with any ends of lines, with or without a byte-order mark, and with or without
/// the number of each in front ("0: person", "1 person"), which is left away where all lines have it, counted from 0
/// or 1. Blank lines at the end are ignored. Throws std::invalid_argument, in words that go on after the file's name:
/// no names, a line that is blank or no UTF-8.
std::vector<std::string> parse_labels(const std::string &text);

/// COCO's 80 classes, in the order of every detector that is trained on it.
const std::vector<std::string> &coco_labels();

}  // namespace oneadapt
