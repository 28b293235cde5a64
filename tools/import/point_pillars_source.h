// SPDX-License-Identifier: LGPL-2.1-or-later
// The programs of PointPillars in TorchScript. Words in capitals are numbers (point_pillars.cpp).
#pragma once

namespace oneadapt::import::point_pillars {

/// pillars: points and their presence to 1 × features × ROWS × COLUMNS. Of each pillar the first MOST points count. A
/// point's feature is multiplied by its presence; one whose presence is 0 has no part in the pillar's middle either.
/// The frameworks fill a pillar that has fewer points with zeros, whose feature is that of the biases alone: `nothing`.
inline const char *const kPillars = R"(
def pillars(self, points, presence):
    seen = (presence > 0) & (points[:, 0] >= X_FROM) & (points[:, 0] < X_TO) & (points[:, 1] >= Y_FROM)
    seen = seen & (points[:, 1] < Y_TO) & (points[:, 2] >= Z_FROM) & (points[:, 2] < Z_TO)
    index = torch.nonzero(seen).squeeze(1)
    p = points.index_select(0, index)
    column = torch.floor((p[:, 0] - X_FROM) / SIDE).long().clamp(max=COLUMNS - 1)
    row = torch.floor((p[:, 1] - Y_FROM) / SIDE).long().clamp(max=ROWS - 1)
    cell, order = torch.sort(row * COLUMNS + column, stable=True)
    places, pillar, count = torch.unique_consecutive(cell, return_inverse=True, return_counts=True)
    rank = torch.arange(cell.size(0), device=p.device) - (torch.cumsum(count, 0) - count).index_select(0, pillar)
    kept = torch.nonzero(rank < MOST).squeeze(1)
    pillar = pillar.index_select(0, kept)
    order = order.index_select(0, kept)
    p = p.index_select(0, order)
    w = presence.index_select(0, index.index_select(0, order))
    x = (column.index_select(0, order).to(p.dtype) + 0.5) * SIDE + X_FROM
    y = (row.index_select(0, order).to(p.dtype) + 0.5) * SIDE + Y_FROM
    n = places.size(0)
    total = torch.zeros([n], dtype=p.dtype, device=p.device).index_add(0, pillar, w)
    middle = torch.zeros([n, 3], dtype=p.dtype, device=p.device).index_add(0, pillar, p[:, :3] * w.unsqueeze(1))
    middle = (middle / total.unsqueeze(1)).index_select(0, pillar)
    way = torch.stack([p[:, 0] - x, p[:, 1] - y, p[:, 2] - (Z_FROM + Z_TO) / 2], 1)
    f = torch.cat([self.place(p, way), p[:, 3:], p[:, :3] - middle, way[:, :WAYS]], 1)
    h = torch.relu(torch.linear(f, self.point_weight, self.point_bias)) * w.unsqueeze(1)
    nothing = torch.relu(self.point_bias).unsqueeze(0) * (count < MOST).to(p.dtype).unsqueeze(1)
    top = torch.scatter_reduce(nothing, 0, pillar.unsqueeze(1).expand(-1, h.size(1)), h, "amax")
    grid = torch.zeros([ROWS * COLUMNS, h.size(1)], dtype=p.dtype, device=p.device).index_copy(0, places, top)
    return grid.t().reshape(1, h.size(1), ROWS, COLUMNS)
)";

/// What stands for x, y and z of a point: these, or, as mmdetection3d trains by default, the way from the pillar's
/// middle, as far as it is a feature.
inline const char *const kPlace = R"(
def place(self, p, way):
    return p[:, :3]
)";
inline const char *const kLegacyPlace = R"(
def place(self, p, way):
    return torch.cat([way[:, :WAYS], p[:, WAYS:3]], 1)
)";

/// decode: the three outputs of the head, each A·n × rows × columns for A anchors, to the boxes of the best anchors.
/// Anchors stand evenly from edge to edge; of each place they are two, along and across, of each class.
inline const char *const kDecode = R"(
def decode(self, cls, box, direction):
    rows = cls.size(1)
    columns = cls.size(2)
    scores, labels = torch.sigmoid(cls.permute(1, 2, 0).reshape(-1, CLASSES)).max(1)
    scores, index = torch.topk(scores, min(scores.size(0), 512))
    labels = labels.index_select(0, index)
    t = box.permute(1, 2, 0).reshape(-1, 7).index_select(0, index)
    back = direction.permute(1, 2, 0).reshape(-1, 2).index_select(0, index).argmax(1).to(t.dtype)
    kind = index % ANCHORS
    cell = torch.div(index, ANCHORS, rounding_mode="floor")
    column = cell % columns
    row = torch.div(cell, columns, rounding_mode="floor")
    a = self.anchors.index_select(0, kind)
    diagonal = torch.sqrt(a[:, 1] * a[:, 1] + a[:, 2] * a[:, 2])
    x = X_FROM + column.to(t.dtype) * ((X_TO - X_FROM) / (columns - 1)) + t[:, 0] * diagonal
    y = Y_FROM + row.to(t.dtype) * ((Y_TO - Y_FROM) / (rows - 1)) + t[:, 1] * diagonal
    z = a[:, 0] + a[:, 3] / 2 + t[:, 2] * a[:, 3]
    sides = torch.exp(t[:, 3:6].clamp(max=4.0)) * a[:, 1:4]
    yaw = t[:, 6] + a[:, 4] - OFFSET
    yaw = yaw - torch.floor(yaw / PI) * PI + OFFSET + PI * back
    return torch.cat([torch.stack([x, y, z], 1), sides, yaw.unsqueeze(1)], 1), scores, labels

def forward(self, points, presence):
    cls, box, direction = self.maps(self.pillars(points, presence))
    return self.decode(cls[0], box[0], direction[0])
)";

}  // namespace oneadapt::import::point_pillars
