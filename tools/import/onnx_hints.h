// SPDX-License-Identifier: LGPL-2.1-or-later
// What an ONNX file shows besides its operators. No LibTorch in here.
#pragma once
#include <string>
#include <vector>

#include "graph.h"

namespace oneadapt::import {

/// Names of classes as Ultralytics' exporter writes them, "{0: 'person', 1: 'bicycle'}", or as JSON has them. Empty:
/// they are not counted from 0 without a gap.
std::vector<std::string> names_of(const std::string &text);

/// 255 where the picture that the graph takes is of bytes, or is divided by about so much at once, or is compared with
/// means that are far above 1; else 0.
double white_value(const Graph &graph);

}  // namespace oneadapt::import
