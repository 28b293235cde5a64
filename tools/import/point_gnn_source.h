// SPDX-License-Identifier: LGPL-2.1-or-later
// The programs of Point-GNN in TorchScript. Words in capitals are numbers (point_gnn.cpp).
#pragma once

namespace oneadapt::import::point_gnn {

/// mlp: weights and biases in turn; the last layer has a ReLU too, or not.
/// cells: of each point the cell of a grid, from 1 on, so that each has neighbours; and how many there are.
/// key_points: of each voxel the point that is nearest to the middle of its points.
/// sorted: numbers of cells in order, whose points they are, cells, sizes.
/// rows: of each of the points `at` the nine rows of three cells around it, as a start in `sorted` and a length.
/// edges: from the points in the rows of centres `first` to `past` to these, where they are near enough: source,
/// target less `first`, and difference. Where more than MOST are to be looked at, every second, third, … is.
/// chunks: ends of groups of centres with PAIRS points to be looked at, so that memory does not grow with the cloud.
inline const char *const kNeighbours = R"(
def mlp(self, x, weights: List[Tensor], last: bool):
    for i in range(0, len(weights), 2):
        x = torch.linear(x, weights[i], weights[i + 1])
        if last or i + 2 < len(weights):
            x = torch.relu_(x)
    return x

def cells(self, xyz, size: float):
    c = torch.floor(xyz / size).long()
    c = c - c.min(0)[0] + 1
    d = c.max(0)[0] + 2
    return c, d

def key_points(self, xyz):
    c, d = self.cells(xyz, VOXEL)
    places, inverse, count = torch._unique2((c[:, 0] * d[1] + c[:, 1]) * d[2] + c[:, 2], True, True, True)
    n = places.size(0)
    middle = torch.zeros([n, 3], dtype=xyz.dtype, device=xyz.device).index_add(0, inverse, xyz)
    middle = middle / count.unsqueeze(1).to(xyz.dtype)
    away = (xyz - middle.index_select(0, inverse)).square().sum(1)
    least = torch.full([n], 1e9, dtype=xyz.dtype, device=xyz.device)
    least = torch.scatter_reduce(least, 0, inverse, away, "amin")
    nearest = torch.nonzero(away == least.index_select(0, inverse)).squeeze(1)
    first = torch.full([n], xyz.size(0), dtype=LONG, device=xyz.device)
    return torch.scatter_reduce(first, 0, inverse.index_select(0, nearest), nearest, "amin")

def sorted(self, xyz, radius: float):
    c, d = self.cells(xyz, radius)
    key, order = torch.sort((c[:, 0] * d[1] + c[:, 1]) * d[2] + c[:, 2], stable=True)
    return key, order, c, d

def rows(self, key, c, d, at):
    around = torch.tensor([-1, 0, 1], device=key.device)
    own = c.index_select(0, at)
    x = own[:, 0].reshape(-1, 1, 1) + around.reshape(1, 3, 1)
    y = own[:, 1].reshape(-1, 1, 1) + around.reshape(1, 1, 3)
    cell = ((x * d[1] + y) * d[2] + own[:, 2].reshape(-1, 1, 1)).reshape(-1, 9)
    low = torch.searchsorted(key, cell - 1)
    return low, torch.searchsorted(key, cell + 2) - low

def edges(self, low, count, order, xyz, centres, radius: float, first: int, past: int):
    n = count[first:past]
    step = torch.div(n.sum(1) + MOST - 1, MOST, rounding_mode="floor").clamp(min=1).unsqueeze(1).expand(-1, 9)
    step = step.reshape(-1)
    n = torch.div(n.reshape(-1) + step - 1, step, rounding_mode="floor")
    row = torch.repeat_interleave(torch.arange(n.size(0), device=n.device), n)
    along = torch.arange(row.size(0), device=n.device) - (torch.cumsum(n, 0) - n).index_select(0, row)
    source = order.index_select(0, low[first:past].reshape(-1).index_select(0, row) +
                                along * step.index_select(0, row))
    target = torch.div(row, 9, rounding_mode="floor")
    away = xyz.index_select(0, source) - centres[first:past].index_select(0, target)
    near = torch.nonzero(away.square().sum(1) <= radius * radius).squeeze(1)
    return source.index_select(0, near), target.index_select(0, near), away.index_select(0, near)

def chunks(self, count):
    total = torch.cumsum(count.sum(1).clamp(max=MOST), 0)
    ends: List[int] = []
    first = 0
    done = 0
    while first < count.size(0):
        past = int(torch.searchsorted(total, done + PAIRS))
        past = min(max(past, first + 1), count.size(0))
        ends.append(past)
        done = int(total[past - 1])
        first = past
    return ends
)";

/// pool_points: the greatest feature of the points around each key point `at`; a feature is multiplied by the point's
/// presence. With `who`, also whose it is: the gradient then needs no other point.
/// pool_keys: the greatest feature of the edges to the key points `need`. The first layer is linear, so that it is
/// worked out for each end of an edge: a of its source less b of its target.
/// sources: key points with an edge to those of `need`, and these.
/// graph_layer: the next features of the key points `need`.
inline const char *const kLayers = R"(
def pool_points(self, xyz, intensity, presence, at, cloud: Tuple[Tensor, Tensor, Tensor, Tensor], who: bool):
    key, order, c, d = cloud
    low, count = self.rows(key, c, d, at)
    centres = xyz.index_select(0, at)
    w = self.layer1_point()
    n = w[len(w) - 1].size(0)
    best: List[Tensor] = []
    winners: List[Tensor] = []
    first = 0
    for past in self.chunks(count):
        source, target, away = self.edges(low, count, order, xyz, centres, NEAR, first, past)
        h = self.mlp(torch.cat([intensity.index_select(0, source).unsqueeze(1), away], 1), w, True)
        h = h * presence.index_select(0, source).unsqueeze(1)
        index = target.unsqueeze(1).expand(-1, n)
        top = torch.scatter_reduce(torch.zeros([past - first, n], dtype=h.dtype, device=h.device), 0, index, h, "amax")
        best.append(top)
        if who:
            number = torch.arange(1, source.size(0) + 1, device=h.device).to(FLOAT).unsqueeze(1)
            won = (h == top.index_select(0, target)).to(FLOAT) * number
            edge = torch.scatter_reduce(torch.zeros([past - first, n], dtype=FLOAT, device=h.device), 0, index,
                                        won, "amax").long() - 1
            winners.append(source.index_select(0, edge.clamp(min=0).reshape(-1)).reshape(-1, n))
        first = past
    if not who:
        return torch.cat(best), torch.zeros([0], dtype=LONG, device=xyz.device)
    return torch.cat(best), torch.cat(winners)

def pool_keys(self, a, b, keys, need, low, count, order, w: List[Tensor]):
    centres = keys.index_select(0, need)
    best: List[Tensor] = []
    first = 0
    for past in self.chunks(count):
        source, target, away = self.edges(low, count, order, keys, centres, FAR, first, past)
        h = torch.relu_(a.index_select(0, source).sub_(b[first:past].index_select(0, target)))
        h = self.mlp(h, w, True)
        index = target.unsqueeze(1).expand(-1, h.size(1))
        best.append(torch.scatter_reduce(torch.zeros([past - first, h.size(1)], dtype=h.dtype, device=h.device), 0,
                                         index, h, "amax"))
        first = past
    return torch.cat(best)

def sources(self, keys, need, low, count, order):
    centres = keys.index_select(0, need)
    all: List[Tensor] = [need]
    first = 0
    for past in self.chunks(count):
        source, target, away = self.edges(low, count, order, keys, centres, FAR, first, past)
        all.append(torch._unique2(source)[0])
        first = past
    return torch._unique2(torch.cat(all))[0]

def graph_layer(self, v, keys, need, low, count, order, offset: List[Tensor], edge: List[Tensor], key: List[Tensor]):
    n = v.size(1)
    own = v.index_select(0, need)
    places = keys.index_select(0, need) + self.mlp(own, offset, False)
    a = torch.linear(torch.cat([v, keys], 1), edge[0], edge[1])
    pooled = self.pool_keys(a, torch.linear(places, edge[0][:, n:]), keys, need, low, count, order, edge[2:])
    return self.mlp(pooled, key, False) + own
)";

/// overlap: of each of the boxes a with each of b, as if b was turned as a is, or across.
/// merged: of each box, the medians of those that overlap it, and the sum S of their scores by how much they overlap
/// it, as S / (S + ENOUGH). Many boxes are of one car; what one key point is sure of is often nothing.
inline const char *const kMerge = R"(
def overlap(self, a, b):
    dx = b[:, 0].unsqueeze(0) - a[:, 0].unsqueeze(1)
    dy = b[:, 1].unsqueeze(0) - a[:, 1].unsqueeze(1)
    c = torch.cos(a[:, 6]).unsqueeze(1)
    s = torch.sin(a[:, 6]).unsqueeze(1)
    turned = torch.cos(2.0 * (b[:, 6].unsqueeze(0) - a[:, 6].unsqueeze(1))) < 0
    length = torch.where(turned, b[:, 4].unsqueeze(0), b[:, 3].unsqueeze(0))
    width = torch.where(turned, b[:, 3].unsqueeze(0), b[:, 4].unsqueeze(0))
    l = self.shared(dx * c + dy * s, a[:, 3].unsqueeze(1), length)
    w = self.shared(dy * c - dx * s, a[:, 4].unsqueeze(1), width)
    h = self.shared(b[:, 2].unsqueeze(0) - a[:, 2].unsqueeze(1), a[:, 5].unsqueeze(1), b[:, 5].unsqueeze(0))
    both = l * w * h
    volume = (a[:, 3] * a[:, 4] * a[:, 5]).unsqueeze(1) + (b[:, 3] * b[:, 4] * b[:, 5]).unsqueeze(0)
    return both / (volume - both)

def shared(self, away, a, b):
    return torch.clamp(torch.minimum(a / 2, away + b / 2) - torch.maximum(-a / 2, away - b / 2), min=0)

def merged(self, boxes, scores):
    if boxes.size(0) == 0:
        return boxes, scores
    near = self.overlap(boxes, boxes) > 0.01
    turn = boxes[:, 6].unsqueeze(0) - boxes[:, 6].unsqueeze(1)
    turn = turn - torch.round(turn / PI) * PI
    numbers: List[Tensor] = []
    for k in range(7):
        value = turn if k == 6 else boxes[:, k].unsqueeze(0).expand_as(turn)
        middle = torch.nanmedian(torch.where(near, value, torch.full_like(value, NAN)), 1)[0]
        numbers.append(boxes[:, 6] + middle if k == 6 else middle)
    middles = torch.stack(numbers, 1)
    support = torch.mv(self.overlap(middles, boxes), scores)
    return middles, support / (support + ENOUGH)
)";

/// boxes_of: of key points, the boxes of both directions with a score of LEAST. From the camera's coordinates (x right,
/// y down, z ahead; y of a box is that of its lower side) to the sensor's.
/// forward: all key points without a gradient; then, if there is to be one, those again that have boxes.
inline const char *const kForward = R"(
def boxes_of(self, v, keys):
    p = torch.softmax(self.mlp(v, self.cls(), False), 1)
    boxes: List[Tensor] = []
    for along in [True, False]:
        b = self.mlp(v, self.box1() if along else self.box2(), False)
        median = torch.tensor([3.88, 1.5, 1.63], dtype=v.dtype, device=v.device)
        c = b[:, :3] * median + keys
        d = torch.exp(b[:, 3:6].clamp(max=3.0)) * median
        yaw = -PI / 2 - b[:, 6] * (PI / 4) - (0.0 if along else PI / 2)
        boxes.append(torch.stack([c[:, 2], -c[:, 0], d[:, 1] / 2 - c[:, 1], d[:, 0], d[:, 2], d[:, 1], yaw], 1))
    scores = torch.cat([p[:, 1], p[:, 2]])
    index = torch.nonzero(scores > LEAST).squeeze(1)
    return torch.cat(boxes).index_select(0, index), scores.index_select(0, index)

def forward(self, points, presence):
    p = points
    seen = (presence > 0) & (p[:, 0].abs() < REACH) & (p[:, 1].abs() < REACH)
    seen = seen & (torch.atan2(p[:, 1], p[:, 0]).abs() <= VIEW)
    there = torch.nonzero(seen).squeeze(1)
    p = p.index_select(0, there)
    w = presence.index_select(0, there)
    labels = torch.zeros([0], dtype=LONG, device=points.device)
    if p.size(0) == 0:
        return p.new_zeros([0, 7]), w, labels
    xyz = torch.stack([-p[:, 1], -p[:, 2], p[:, 0]], 1)
    at = self.key_points(xyz)
    keys = xyz.index_select(0, at)
    cloud = self.sorted(xyz, NEAR)
    v = self.mlp(self.pool_points(xyz, p[:, 3], w.detach(), at, cloud, False)[0], self.layer1_key(), True)
    key, order, c, d = self.sorted(keys, FAR)
    all = torch.arange(keys.size(0), device=keys.device)
    low, count = self.rows(key, c, d, all)
    v = self.layers(v, keys, [all], low, count, order)
    best = torch.softmax(self.mlp(v, self.cls(), False), 1)[:, 1:3].max(1)[0]
    score, chosen = torch.topk(best, min(best.size(0), 1024))
    chosen = chosen.index_select(0, torch.nonzero(score > LEAST).squeeze(1))
    v = v.index_select(0, chosen)
    if presence.requires_grad and chosen.size(0) > 0:
        needs: List[Tensor] = [chosen]
        for layer in range(LAYERS):
            need = needs[0]
            needs.insert(0, self.sources(keys, need, low.index_select(0, need), count.index_select(0, need), order))
        own = at.index_select(0, needs[0])
        top, winner = self.pool_points(xyz, p[:, 3], w.detach(), own, cloud, True)
        felt = top * (w / w.detach()).index_select(0, winner.reshape(-1)).reshape(top.size(0), -1)
        part = self.mlp(felt, self.layer1_key(), True)
        v = torch.zeros([keys.size(0), part.size(1)], dtype=v.dtype, device=v.device).index_copy(0, needs[0], part)
        v = self.layers(v, keys, needs[1:], low, count, order).index_select(0, chosen)
    boxes, scores = self.boxes_of(v, keys.index_select(0, chosen))
    boxes, scores = self.merged(boxes, scores)
    return boxes, scores, torch.zeros([scores.size(0)], dtype=LONG, device=scores.device)
)";

}  // namespace oneadapt::import::point_gnn
