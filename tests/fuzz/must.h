// SPDX-License-Identifier: LGPL-2.1-or-later
// What must hold whatever the input is.
#pragma once
#include <cstdio>
#include <cstdlib>

#define MUST(condition)                                                            \
  do {                                                                             \
    if (!(condition)) {                                                            \
      std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                \
    }                                                                              \
  } while (false)
