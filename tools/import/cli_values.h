// SPDX-License-Identifier: LGPL-2.1-or-later
// What options of the command line hold, and files that they name. All of it throws ImportError, which names the option
// or the file.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace oneadapt::import {

/// What is no JSON, or too deep for what works on it, is discarded.
nlohmann::json parse_json(const std::string &text);
/// Names of classes, one a line.
std::vector<std::string> read_labels(const std::string &path);
/// A description, or some of its keys: an object.
nlohmann::json read_json(const std::string &path);
/// Width and height, of "640x384".
std::pair<unsigned, unsigned> parse_size(const std::string &text);
/// Of "NAME=1,2".
std::pair<std::string, std::vector<double>> parse_constant(const std::string &text);
/// "input.width=640" as a merge patch (RFC 7396); a value that is no JSON is a text.
nlohmann::json setting(const std::string &text);

}  // namespace oneadapt::import
