// SPDX-License-Identifier: LGPL-2.1-or-later
// The whole matrix of which the test `accounting` plays a part.
#include <gtest/gtest.h>

#include "accounting.h"
#include "test_models.h"

using namespace oneadapt_test;

TEST(Accounting, TheWholeMatrix) {
  const TemporaryFolder folder;
  const std::string model = save_brightest(folder);
  for (const Cell &cell : whole_matrix()) expect_accounted(cell, model);
}
