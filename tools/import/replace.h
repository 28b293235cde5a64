// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once
#include <functional>
#include <string>

namespace oneadapt::import {

/// Has `write` fill a file beside `path` under another name, and moves it to `path`. When `write` throws, `path` is as
/// it was. Throws ImportError when there is nowhere to write.
void replace_file(const std::string &path, const std::function<void(const std::string &temporary)> &write);

}  // namespace oneadapt::import
