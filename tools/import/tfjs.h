// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads a TensorFlow.js graph model: one JSON file and the weight files that it names. No LibTorch in here.
#pragma once
#include <string>

#include "graph.h"

namespace oneadapt::import {

/// Throws ImportError: file missing, not a graph model, weights missing, too short, too long, or of an unknown type.
Graph read_tfjs(const std::string &json_path);

}  // namespace oneadapt::import
