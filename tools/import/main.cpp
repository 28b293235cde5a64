// SPDX-License-Identifier: LGPL-2.1-or-later
#include <iostream>

#include "cli.h"
#include "common/interruption.h"

int main(int argc, char **argv) {
  oneadapt::tools::end_on_interrupts("oneadapt-import", "no file was written");
  return oneadapt::import::run(argc, argv, std::cout, std::cerr);
}
