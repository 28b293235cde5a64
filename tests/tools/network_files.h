// SPDX-License-Identifier: LGPL-2.1-or-later
// Weights of small networks, as they come without a program.
#pragma once
#include <string>

#include "graph_file.h"

namespace import_test {

/// Point-GNN with so many layers of a graph; random weights about as large as `scale`. Returns the path of the table.
std::string write_point_gnn(const Folder &folder, int layers, float scale = 0.6F);

/// A small PointPillars of three classes, with the names of OpenPCDet or of mmdetection3d: 10 or 9 features of a point,
/// 6 of a pillar; blocks of 2, 1 and 1 convolutions. Returns the path of the table.
std::string write_point_pillars(const Folder &folder, bool openpcdet);

}  // namespace import_test
