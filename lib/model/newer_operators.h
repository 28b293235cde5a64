// SPDX-License-Identifier: LGPL-2.1-or-later
// Operators that newer versions of LibTorch have, for programs that they saved. Internal; includes no LibTorch header.
#pragma once
namespace oneadapt {

/// Registers those that this LibTorch lacks, once: aten::scaled_dot_product_attention of LibTorch 2, made of products
/// and a softmax.
void register_newer_operators();

}  // namespace oneadapt
