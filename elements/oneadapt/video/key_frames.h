// SPDX-License-Identifier: LGPL-2.1-or-later
// When an IDR picture is due. Pure: pictures are counted as they are coded.
#pragma once
#include <algorithm>

namespace oneadapt {

/// libx264's own `keyint`. The automatic choice of the element x264enc is ten seconds.
constexpr unsigned kDefaultKeyInterval = 250;

/// Thread-bound.
class KeyFrames {
 public:
  /// Most pictures from one IDR picture to the next; 0: kDefaultKeyInterval.
  explicit KeyFrames(unsigned key_int_max) : most_(key_int_max ? key_int_max : kDefaultKeyInterval) {}

  /// The next picture is to be an IDR picture, whatever was coded before.
  void require() { required_ = true; }
  /// An adaptation interval of about `pictures` begins; 0: as many as the last one had. An IDR picture that would be
  /// due in it comes at its beginning, so that where `key_int_max` is an interval, each interval is one closed GOP.
  void begin_interval(unsigned pictures) {
    required_ = due_in(pictures);
    in_interval_ = 0;
  }
  /// Whether an interval of about `pictures` that began now would begin with an IDR picture.
  bool due_in(unsigned pictures) const {
    return required_ || in_gop_ + std::min(pictures ? pictures : in_interval_, most_) > most_;
  }
  /// Whether the picture that is coded next must be an IDR picture.
  bool due() const { return required_ || in_gop_ >= most_; }
  void on_coded(bool idr) {
    if (idr) in_gop_ = 0;
    in_gop_++;
    in_interval_++;
    required_ = false;
  }
  unsigned most() const { return most_; }

 private:
  const unsigned most_;
  bool required_ = true;
  unsigned in_gop_ = 0;       // pictures from the last IDR picture on
  unsigned in_interval_ = 0;  // pictures of the interval
};

}  // namespace oneadapt
