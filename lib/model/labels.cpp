// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/labels.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace oneadapt {
namespace {

/// Whether the bytes are UTF-8: each first byte is followed by as many others as it says.
bool is_utf8(const std::string &text) {
  int left = 0;
  for (const char c : text) {
    const auto byte = std::uint8_t(c);
    if (left ? (byte & 0xc0) != 0x80 : byte >= 0x80 && (byte < 0xc2 || byte > 0xf4)) return false;
    if (left)
      --left;
    else if (byte >= 0x80)
      left = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
  }
  return left == 0;
}

std::vector<std::string> lines_of(const std::string &text) {
  const std::string mark = "\xef\xbb\xbf";
  std::vector<std::string> lines;
  for (std::size_t from = text.compare(0, 3, mark) == 0 ? 3 : 0; from <= text.size();) {
    const std::size_t to = std::min(text.find('\n', from), text.size());
    std::string line = text.substr(from, to - from);
    while (!line.empty() && std::isspace(std::uint8_t(line.back()))) line.pop_back();
    lines.push_back(line);
    from = to + 1;
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

/// The name behind a number and a colon, a comma, a tab or a blank; empty: there is no such number.
std::string name_behind(const std::string &line, std::size_t number) {
  const std::string digits = std::to_string(number);
  std::size_t at = digits.size();
  if (line.compare(0, at, digits) != 0 || at == line.size() || !std::strchr(":,\t ", line[at])) return "";
  while (at < line.size() && std::strchr(":,\t ", line[at])) ++at;
  return line.substr(at);
}

}  // namespace

std::vector<std::string> parse_labels(const std::string &text) {
  std::vector<std::string> lines = lines_of(text);
  if (lines.empty()) throw std::invalid_argument("holds no name; write one label a line");
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string line = "line " + std::to_string(i + 1);
    if (lines[i].empty()) throw std::invalid_argument("has a blank " + line + "; write one label a line");
    if (!is_utf8(lines[i]))
      throw std::invalid_argument("is no UTF-8 in " + line + "; save it as UTF-8 (iconv -f latin1 -t utf8)");
  }
  for (const std::size_t first : {0, 1}) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < lines.size(); ++i) names.push_back(name_behind(lines[i], first + i));
    if (std::none_of(names.begin(), names.end(), [](const std::string &name) { return name.empty(); })) return names;
  }
  return lines;
}

const std::vector<std::string> &coco_labels() {
  static const std::vector<std::string> names{
      "person",         "bicycle",    "car",           "motorcycle",    "airplane",     "bus",           "train",
      "truck",          "boat",       "traffic light", "fire hydrant",  "stop sign",    "parking meter", "bench",
      "bird",           "cat",        "dog",           "horse",         "sheep",        "cow",           "elephant",
      "bear",           "zebra",      "giraffe",       "backpack",      "umbrella",     "handbag",       "tie",
      "suitcase",       "frisbee",    "skis",          "snowboard",     "sports ball",  "kite",          "baseball bat",
      "baseball glove", "skateboard", "surfboard",     "tennis racket", "bottle",       "wine glass",    "cup",
      "fork",           "knife",      "spoon",         "bowl",          "banana",       "apple",         "sandwich",
      "orange",         "broccoli",   "carrot",        "hot dog",       "pizza",        "donut",         "cake",
      "chair",          "couch",      "potted plant",  "bed",           "dining table", "toilet",        "tv",
      "laptop",         "mouse",      "remote",        "keyboard",      "cell phone",   "microwave",     "oven",
      "toaster",        "sink",       "refrigerator",  "book",          "clock",        "vase",          "scissors",
      "teddy bear",     "hair drier", "toothbrush"};
  return names;
}

}  // namespace oneadapt
