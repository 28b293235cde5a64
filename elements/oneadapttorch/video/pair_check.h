// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether mosaics of features are those of a detector's other half.
#pragma once
#include <string>

#include "model/model.h"

namespace oneadapt {

class PairCheck {
 public:
  /// Why the frame is not for this model, which is the second half of a detector, in a sentence; empty: it may be. A
  /// number that cannot be read is no problem once one has been: the frame may be damaged.
  std::string problem(const RgbFrame &frame, const ModelDescription &description);
  void reset() { known_ = false; }

 private:
  bool known_ = false;
};

}  // namespace oneadapt
