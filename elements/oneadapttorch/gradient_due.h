// SPDX-License-Identifier: LGPL-2.1-or-later
// The intervals for which a gradient is to be taken now.
#pragma once
#include <cstdint>
#include <optional>

namespace oneadapt {

/// The gradient of one frame, or of one interval of sound, is taken for these intervals.
struct GradientDue {
  bool own = false;                     ///< it is the last of its interval
  bool also = false;                    ///< it is an every n-th one of its interval, which has not ended yet
  bool first = false;                   ///< it is the first of all, and not the last of its interval
  std::optional<std::uint64_t> missed;  ///< an earlier interval, which ended without any: its last frame was lost, or
                                        ///< frames do not say how long they last
  bool any() const { return own || also || first || missed; }
};

}  // namespace oneadapt
