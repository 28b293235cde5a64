// SPDX-License-Identifier: LGPL-2.1-or-later
// What a file is that is no model here. Internal; needs no LibTorch.
#pragma once
#include <string>

namespace oneadapt {

/// What a file of another kind is and what to do with it, in words that go on after its name: weights without a
/// program, the formats of other runtimes, a page of a web site, a pointer of Git LFS. Empty: it is none of these.
std::string foreign_kind(const std::string &path);

}  // namespace oneadapt
