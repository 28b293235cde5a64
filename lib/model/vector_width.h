// SPDX-License-Identifier: LGPL-2.1-or-later
// Loops over numbers as wide as the processor has them.
#pragma once

/// In front of a function: one copy of it for each width of the processor's vectors. The right one is found when the
/// library is loaded.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define FOR_EACH_VECTOR_WIDTH __attribute__((target_clones("avx512f", "arch=haswell", "default")))
#else
#define FOR_EACH_VECTOR_WIDTH
#endif
