// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once
#include <iosfwd>

namespace oneadapt::import {

/// The program. Returns its exit status: 0, or 1 with a message on `err` (command line mistakes too).
int run(int argc, const char *const *argv, std::ostream &out, std::ostream &err);

}  // namespace oneadapt::import
