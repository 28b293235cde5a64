// SPDX-License-Identifier: LGPL-2.1-or-later
// The page that shows the results of oneadapt-eval. No GStreamer, no file, no network.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace oneadapt::eval {

/// One self-contained HTML page (UTF-8): style, scripts, Chart.js and `results` are inside, and its content policy
/// forbids it to load anything. `results` is what results.json holds (docs/report.md); what is missing, or is of
/// another type than expected, is left out of the page. Bytes that are no UTF-8 are replaced. Safe for results from
/// anywhere: no text in them becomes markup, and only `data:image/` stills are shown. May be called from any thread.
/// Throws std::runtime_error when the program was built without the page's parts.
std::string render_report(const nlohmann::json &results);

/// `data:image/jpeg;base64,…` of a JPEG file's bytes, as render_report() takes stills.
std::string data_uri(const std::vector<std::uint8_t> &jpeg);

}  // namespace oneadapt::eval
