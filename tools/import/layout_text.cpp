// SPDX-License-Identifier: LGPL-2.1-or-later
#include "layout_text.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace oneadapt::import {
namespace {

const char *const kWithDecoding =
    "export the model with its decoding, but without its NMS, so that it gives boxes N×4 and scores N×classes";

bool all_of(const std::vector<at::Tensor> &tensors, std::int64_t rank) {
  return !tensors.empty() &&
         std::all_of(tensors.begin(), tensors.end(), [&](const at::Tensor &t) { return t.dim() == rank; });
}

}  // namespace

std::string list(const std::vector<int> &values) {
  std::string text;
  for (const int value : values) text += (text.empty() ? "" : ",") + std::to_string(value);
  return "[" + text + "]";
}

std::string heads_before_decoding(std::size_t strides) {
  return std::string("the boxes are ") + (strides > 1 ? "one output for each stride, and " : "") +
         "offsets from anchors or cells, which the file does not hold, as the heads of SSD, RetinaNet and YuNet give "
         "them: " +
         kWithDecoding + " (torchvision: torch.jit.script(net), layout torchvision)";
}

std::string unknown_layout(const std::vector<at::Tensor> &tensors, std::int64_t height) {
  if (tensors.empty())
    return " (a dictionary, perhaps) cannot be described: let forward() return a tensor, or a tuple or list of tensors";
  // 1×anchors×rows×columns×numbers
  if (all_of(tensors, 5))
    return " are the heads of YOLOv5 or v7 before they are decoded: export with the decoding, \"python export.py "
           "--grid "
           "--weights WEIGHTS.pt\" (YOLOv7), \"python export.py --include onnx --weights WEIGHTS.pt\" (YOLOv5)";
  const auto is = [&](std::size_t i, std::int64_t rank) { return tensors[i].dim() == rank; };
  if (tensors.size() == 2 && ((is(0, 3) && is(1, 4)) || (is(0, 4) && is(1, 3))))
    return " look like boxes with coefficients of masks beside the masks, as YOLOv8-seg gives them; export the "
           "detector "
           "of that family: \"yolo export model=yolo11n.pt format=onnx\"";
  const bool smaller = std::any_of(tensors.begin(), tensors.end(),
                                   [&](const at::Tensor &t) { return t.dim() == 4 && t.size(2) * 2 <= height; });
  if (tensors.size() >= 2 && all_of(tensors, 4) && smaller)
    return std::string(" are heads before they are decoded, for which anchors are needed: ") + kWithDecoding;
  for (const at::Tensor &tensor : tensors)
    if (tensor.dim() == 2 && tensor.size(1) == 7)
      return " look like rows of a picture's number, box, class and score, behind an NMS inside the model, through "
             "which "
             "no gradient goes: export it without NMS (YOLOv7: \"python export.py --grid\" without --end2end)";
  return " are of no layout that is known; say what they are with --set output.layout=…";
}

}  // namespace oneadapt::import
