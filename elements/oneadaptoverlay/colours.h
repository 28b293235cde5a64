// SPDX-License-Identifier: LGPL-2.1-or-later
// Colours that drawings share.
#pragma once
#include <vector>

namespace oneadapt {

/// Each from 0 to 1.
struct Colour {
  double r, g, b;
};

/// Of a class. Neighbouring ids get hues that are far apart; id 0 is green.
Colour colour_of(int id);

/// `t` in 0…1: violet, red, orange, yellow.
Colour heat_colour(double t);

/// How much of heat_colour() a value has, [0, 1], if the colours end at `peak`: the root of it, because values span
/// orders of magnitude, and nothing of what is below 2 %, which would only veil the picture.
double heat(double value, double peak);

/// Where the colours end: the value that 99 % of the blocks stay below, because a few blocks far above the rest must
/// not hide it. `values`: at least one.
float bright(const std::vector<float> &values);

}  // namespace oneadapt
