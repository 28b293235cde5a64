// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes a model that takes no time to run, so that processes by the handful keep pace on any machine.
#include "../support/test_models.h"

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  oneadapt_test::save_module(argv[1], oneadapt_test::colours_forward(), oneadapt_test::colours_description());
  return 0;
}
