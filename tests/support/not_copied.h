// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace oneadapt_test {

/// Base of what must not be copied.
struct NotCopied {
  NotCopied() = default;
  NotCopied(const NotCopied &) = delete;
  NotCopied &operator=(const NotCopied &) = delete;
};

}  // namespace oneadapt_test
