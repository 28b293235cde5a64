// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadapt-import --split.
#pragma once
#include <iosfwd>
#include <string>

namespace oneadapt::import {

/// Cuts a described model at a node; "list" prints where it can be cut. `size`: WIDTHxHEIGHT of its pictures; 0×0: as
/// its description says. `output`: FILE.pt makes FILE-head.pt and FILE-tail.pt. Throws ImportError.
void split_model(const std::string &path, const std::string &node, unsigned width, unsigned height,
                 const std::string &output, std::ostream &out);

}  // namespace oneadapt::import
