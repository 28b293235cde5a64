// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames are counted and limited by the time at which they come, whatever caps promise; tests/soak has the whole
// matrix.
#include <gtest/gtest.h>

#include "accounting.h"
#include "test_models.h"

using namespace oneadapt_test;

TEST(Accounting, ACoveringPartOfTheMatrix) {
  const TemporaryFolder folder;
  const std::string model = save_brightest(folder);
  for (const Cell &cell : covering_part()) expect_accounted(cell, model);
}
