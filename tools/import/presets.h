// SPDX-License-Identifier: LGPL-2.1-or-later
// What cannot be read from a graph, for models that we know.
#pragma once
#include <string>
#include <vector>

#include "model/description.h"

namespace oneadapt::import {

struct Preset {
  const char *name;
  const char *summary;
  std::vector<std::string> outputs;  ///< nodes, in the order that the description counts them; empty: the signature's
  ModelDescription description;      ///< sizes 0: the graph's
};

const std::vector<Preset> &presets();
/// nullptr: none of this name.
const Preset *find_preset(const std::string &name);

}  // namespace oneadapt::import
