// SPDX-License-Identifier: LGPL-2.1-or-later
// A third medium of oneadaptdnn: buffers of numbers. Its stand-in for a model finds an element in each number above a
// half. What it does is logged.
#pragma once
#include <string>
#include <vector>

#include "dnn_medium.h"

namespace oneadapt_test {

/// What a test tells the medium to do, and what it and its model were asked to.
struct NumbersScript {
  std::vector<std::string> log;
  std::string fail_infer, fail_backward;  ///< what is thrown; empty: nothing
  bool fail_take_in = false;
  unsigned held_back = 0;  ///< passes that rest() gives
};
/// Of the medium that is made next; the test's own.
extern NumbersScript *numbers_script;

/// Rows of media: numbers first, then another that is never made.
const oneadapt::DnnMedia &numbers_media();

}  // namespace oneadapt_test
