// SPDX-License-Identifier: LGPL-2.1-or-later
#include <iostream>

#include "cli.h"

int main(int argc, char **argv) { return oneadapt::import::run(argc, argv, std::cout, std::cerr); }
