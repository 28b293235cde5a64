// SPDX-License-Identifier: LGPL-2.1-or-later
// Networks of many kinds, made at random, whose gradients are compared with central differences. Their source is
// TorchScript; they are saved in single and in double precision.
#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "test_models.h"

namespace oneadapt_test {

struct RandomNetwork {
  std::string single, twice;       ///< files: of floats and of doubles, with the same weights
  std::set<std::string> kinds;     ///< of the parts that it is made of
  std::string source;              ///< of forward()
  unsigned width = 0, height = 0;  ///< of the pictures that it takes
};

/// The same network for the same seed. `part`, unless empty, is a kind that it must have in it.
RandomNetwork save_random_network(const TemporaryFolder &folder, unsigned seed, const std::string &part = "");

/// All kinds of parts.
std::vector<std::string> network_kinds();

/// The relative error of DNNGrad's pixels against central differences in double precision, over the places with the
/// greatest gradients and some at random. `plan`: of LibTorch.
struct GradientCheck {
  double relative_error = 0;
  double length = 0;   ///< of the numeric gradient over the places that were looked at
  double z_error = 0;  ///< of z in single precision, relative above 1
};
GradientCheck check_gradient(const RandomNetwork &network, const std::string &plan, unsigned seed);

}  // namespace oneadapt_test
