// SPDX-License-Identifier: LGPL-2.1-or-later
// How the pictures that arrive were coded: what announcements, marks and gradients say of it.
#pragma once
#include <gst/gst.h>

#include <optional>
#include <vector>

#include "core/gradient/gradient.h"
#include "wire/mark.h"

namespace oneadapt {

/// One a macroblock of a picture; empty: there is no map.
struct QpOffsets {
  unsigned width = 0, height = 0;  ///< of the picture that the map is for
  std::vector<float> values;
  /// The map, if it is for such a picture; else none.
  std::vector<float> of(unsigned w, unsigned h) const {
    return w == width && h == height ? values : std::vector<float>();
  }
};

/// QP and map of received pictures. Within a process the filter announces them. Across a network the mark of an
/// interval's first frame has the QP and the map's range, and the map is made as the camera makes it, from the
/// gradients that it was sent. Where both come, announcements are exact, and marks are left out. Thread-bound.
class ReceivedCoding {
 public:
  /// An event of the stream. Nothing changes where it says nothing of the coding.
  void event(GstEvent *event);
  void mark(const IntervalMark &mark);
  /// A gradient on its way to the camera.
  void gradient(const Gradient &gradient);
  void reset() { *this = ReceivedCoding(); }

  /// Whether the controller wants to know the accuracy. None: nobody has said it.
  std::optional<bool> wanted() const { return wanted_; }
  /// None: nobody has said it.
  std::optional<int> qp() const { return qp_; }
  const QpOffsets &map() const { return map_; }
  /// Of the coded picture, as its map or a gradient says it; 0: not known.
  unsigned width() const;

 private:
  void announce(GstEvent *event);

  std::optional<int> qp_;
  std::optional<bool> wanted_;
  bool announced_ = false;
  QpOffsets map_;
  GradientSmoother smoother_;  ///< the controller's default
  std::optional<Gradient> newest_;
};

}  // namespace oneadapt
