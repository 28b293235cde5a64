// SPDX-License-Identifier: LGPL-2.1-or-later
// How the pictures that arrive were coded: what announcements, marks and gradients say of it.
#pragma once
#include <gst/gst.h>

#include <optional>
#include <vector>

#include "core/gradient/gradient.h"
#include "wire/mark.h"

namespace oneadapt {

/// QP and map of received pictures. Within a process the filter announces them. Across a network the mark of an
/// interval's first frame has the QP and the map's range, and the map is made as the camera makes it, from the
/// gradients that it was sent. Where both come, announcements are exact, and marks are left out. Thread-bound.
class ReceivedCoding {
 public:
  /// A configuration event. False, and no change, where it says nothing of a QP.
  bool announce(GstEvent *event);
  void mark(const IntervalMark &mark);
  /// A gradient on its way to the camera.
  void gradient(const Gradient &gradient);
  void reset() { *this = ReceivedCoding(); }

  /// None: nobody has said it.
  std::optional<int> qp() const { return qp_; }
  /// One a macroblock of such a picture; empty: there is no map, or it is of another size.
  std::vector<float> offsets(unsigned width, unsigned height) const;

 private:
  std::optional<int> qp_;
  bool announced_ = false;
  unsigned width_ = 0, height_ = 0;  ///< of the picture that the map is for
  std::vector<float> offsets_;
  GradientSmoother smoother_;  ///< the controller's default
  std::optional<Gradient> newest_;
};

}  // namespace oneadapt
