// SPDX-License-Identifier: LGPL-2.1-or-later
// Networks that this program knows how to build, from weights that come without a program.
#pragma once
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "model/description.h"
#include "source.h"
#include "weights.h"

namespace oneadapt::import {

/// What the user says of a network: "voxel=0.8".
class Parameters {
 public:
  /// Throws ImportError.
  explicit Parameters(const std::vector<std::string> &texts);
  /// In [least, most]. Throws ImportError.
  double number(const std::string &name, double fallback, double least, double most);
  /// Throws ImportError for one that nobody asked for.
  void finish() const;

 private:
  std::map<std::string, std::string> given_;
  std::vector<std::string> known_;
};

struct Network {
  std::unique_ptr<Source::Module> module;
  ModelDescription description;
};

/// Point-GNN (Shi and Rajkumar, CVPR 2020), as its authors trained it to find cars. Throws ImportError.
Network build_point_gnn(const Weights &weights, Parameters &parameters);
/// PointPillars (Lang et al., CVPR 2019), as OpenPCDet and mmdetection3d (from 1.0 on) train it on KITTI. Throws
/// ImportError.
Network build_point_pillars(const Weights &weights, Parameters &parameters);

/// What the command line says.
struct NetworkRequest {
  std::string network, weights, output;
  std::vector<std::string> parameters;
  std::string description_patch;  ///< JSON, over the network's own description
};

/// "point-gnn, …", for help and messages.
std::string network_names();
/// Builds, tries and writes the network. Throws ImportError, tools::OutputError.
void import_network(const NetworkRequest &request, std::ostream &out);

}  // namespace oneadapt::import
