// SPDX-License-Identifier: LGPL-2.1-or-later
// Refuses LSTMs whose tensors do not fit each other. No LibTorch header in here.
#pragma once

namespace oneadapt {

/// After this call, `torch.lstm` compares the shapes of its operands before it computes, everywhere in the process. It
/// throws c10::Error when they do not fit each other.
///
/// LibTorch itself does not compare all of them. On the CPU, LibTorch 2.x gives oneDNN their addresses only; oneDNN
/// then reads and writes behind their ends. It is enough to run a program that was traced with 64 features on 80. When
/// there are fewer cell states than hidden states, every version reads behind the end of a vector. Thread-safe; may be
/// called any number of times.
void check_lstm_shapes();

}  // namespace oneadapt
