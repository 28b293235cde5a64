// SPDX-License-Identifier: LGPL-2.1-or-later
#include "profile.h"

namespace oneadapt {

bool ProfileInferences::run(const std::function<bool()> &work) {
  const ModelTurns::Picture turn(turns_, generation_);
  if (!turn) return false;
  const guint64 begin = now_ns();
  if (!work()) return false;
  ++count_;
  statistics_.count_profile(now_ns() - begin);
  return true;
}

}  // namespace oneadapt
