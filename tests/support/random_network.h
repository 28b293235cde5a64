// SPDX-License-Identifier: LGPL-2.1-or-later
// Networks of many kinds, made at random, whose gradients are compared with central differences. Their source is
// TorchScript; they are saved in single and in double precision.
#pragma once
#include <cstdint>
#include <map>
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

/// The same network for the same seed. `parts` are kinds that it must have in it.
RandomNetwork save_random_network(const TemporaryFolder &folder, unsigned seed,
                                  const std::vector<std::string> &parts = {});

/// All kinds of parts.
std::vector<std::string> network_kinds();

struct GradientCheck {
  double relative_error = 0;
  double length = 0;   ///< of the numeric gradient over the places that were looked at
  double z_error = 0;  ///< of z in single precision, relative above 1
  std::string doubt;   ///< Model::gradient_problem(), of the plain plan
};
/// The relative error of DNNGrad's pixels, by plan, against central differences in double precision: over the places
/// with the greatest gradients, a third of all, and some at random.
std::map<std::string, GradientCheck> check_gradients(const RandomNetwork &network, unsigned seed, int places = 24);

}  // namespace oneadapt_test
