// SPDX-License-Identifier: LGPL-2.1-or-later
// An inspection in words, and as JSON (docs/inspect.md).
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "findings.h"
#include "inspection.h"

namespace oneadapt::inspect {

/// Each part ends with a line's end.
std::string model_text(const Inspection &inspection);
/// What the model is shown: a line in front of the frames.
std::string input_text(const Inspection &inspection, const Options &options);
std::string frame_text(const Inspection &inspection, std::size_t frame);
std::string cost_text(const Inspection &inspection);
/// The last line.
std::string verdict_text(const Inspection &inspection, const std::vector<Finding> &findings);

nlohmann::ordered_json to_json(const Inspection &inspection, const Options &options,
                               const std::vector<Finding> &findings);

}  // namespace oneadapt::inspect
