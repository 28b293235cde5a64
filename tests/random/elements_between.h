// SPDX-License-Identifier: LGPL-2.1-or-later
// Rows of elements that a picture passes on its way: those that move it about, and those that leave it alone.
#pragma once
#include <string>
#include <vector>

#include "dice.h"
#include "recipe.h"

namespace random_pipelines {

/// A property that may be set in mid-stream.
struct Changeable {
  std::string element, property;
  std::vector<std::string> values;
  bool moves = false;  ///< things are elsewhere then
};

/// Keeps account of how small a picture can be by now, so that nothing is cropped away altogether.
class ElementsBetween {
 public:
  ElementsBetween(Dice &dice, Recipe &recipe) : dice_(dice), recipe_(recipe) {}

  /// A camera's picture can be of this size.
  void sees(int width, int height);
  void scale_by(double least) { width_ = int(width_ * least), height_ = int(height_ * least); }
  /// There is a mixer elsewhere.
  void set_mixed() { mixes_ = true; }
  /// So many elements (or short lines of them), each with " ! " behind it.
  std::string row(int count);
  /// Where tees lead besides.
  const std::string &side_branches() const { return side_branches_; }
  const std::vector<Changeable> &changeable() const { return changeable_; }

 private:
  std::string new_name(const char *kind) { return kind + std::to_string(++names_); }
  std::string caps_filter(const std::string &first, const std::vector<std::string> &others);
  std::string flip();
  std::string crop();
  std::string box();
  std::string scaler();
  std::string rate();
  std::string format();
  std::string queue();
  std::string mixer();
  std::string tee();
  std::string still();
  std::string untrackable();

  Dice &dice_;
  Recipe &recipe_;
  int names_ = 0;
  bool mixes_ = false;
  int width_ = 160, height_ = 128;  // the least that they can be here
  std::string side_branches_;
  std::vector<Changeable> changeable_;
};

}  // namespace random_pipelines
