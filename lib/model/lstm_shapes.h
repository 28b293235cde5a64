// SPDX-License-Identifier: LGPL-2.1-or-later
// LSTMs whose tensors do not fit each other. No LibTorch header in here.
#pragma once

namespace oneadapt {

/// From now on, `torch.lstm` compares the shapes of its operands before it computes, in the whole process, and throws
/// c10::Error where they do not fit each other.
///
/// LibTorch itself compares too little: on the CPU, 2.x gives oneDNN the bare addresses, which then reads and writes
/// behind the ends of tensors (a program that was traced with 64 features a step and is given 80 is enough), and every
/// version takes cell states that are fewer than the hidden ones from behind the end of a vector. Thread-safe; may be
/// called as often as one likes.
void check_lstm_shapes();

}  // namespace oneadapt
