// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lidar/share_map.h"

#include <algorithm>
#include <cmath>

namespace oneadapt {
namespace {

constexpr double kLeastOfKeep = 0.25;
constexpr double kNeighbours = 0.5;  // what the eight around a block weigh together, beside it
/// By measurement on sensors of 64 and of 128 beams, from all points to 6 % of them, at 1 cm (docs/results/lidar.md).
constexpr double kBytesAPoint = 2.3, kBytesAHalving = 0.235, kLeastBytesAPoint = 0.5;

/// Each block with its neighbours; sectors go round.
std::vector<double> spread(const std::vector<float> &gradient, const PolarGrid &grid) {
  const int sectors = int(grid.sectors), rings = int(grid.rings);
  std::vector<double> out(gradient.size());
  for (int ring = 0; ring < rings; ring++)
    for (int sector = 0; sector < sectors; sector++) {
      double around = 0;
      for (int r = std::max(0, ring - 1); r <= std::min(rings - 1, ring + 1); r++)
        for (int s = sector - 1; s <= sector + 1; s++)
          if (r != ring || s != sector) around += gradient[std::size_t(r * sectors + (s + sectors) % sectors)];
      const auto own = std::size_t(ring * sectors + sector);
      out[own] = gradient[own] + kNeighbours / 8 * around;
    }
  return out;
}

}  // namespace

std::vector<float> shares_of(const ShareMap &map, const PolarGrid &grid, double keep) {
  std::vector<float> shares(grid.blocks(), float(keep));
  if (map.grid != grid || map.factors.size() != shares.size()) return shares;
  for (std::size_t b = 0; b < shares.size(); b++) shares[b] = float(std::clamp(keep * map.factors[b], 0.0, 1.0));
  return shares;
}

ShareMap allocate_shares(const std::vector<float> &gradient, const std::vector<std::uint32_t> &counts,
                         const PolarGrid &grid, double keep) {
  ShareMap map{grid, {}};
  const std::size_t blocks = grid.blocks();
  if (gradient.size() != blocks || counts.size() != blocks || !(keep > 0)) return map;
  const std::vector<double> weights = spread(gradient, grid);
  const double peak = *std::max_element(weights.begin(), weights.end());
  double all = 0;
  for (std::uint32_t count : counts) all += count;
  if (!(peak > 0) || !(all > 0) || keep >= 1) return map;

  const double least = kLeastOfKeep * keep;
  const auto share = [&](std::size_t b, double scale) { return std::clamp(scale * weights[b] / peak, least, 1.0); };
  const auto kept = [&](double scale) {
    double sum = 0;
    for (std::size_t b = 0; b < blocks; b++) sum += counts[b] * share(b, scale);
    return sum;
  };
  // Where few blocks have a gradient, all of their points may be less than what may be kept: the others get the rest.
  double low = 0, high = 1;
  while (kept(high) < keep * all && high < 1e9) high *= 2;
  for (int i = 0; i < 60; i++) {
    const double middle = (low + high) / 2;
    (kept(middle) < keep * all ? low : high) = middle;
  }
  double rest = keep * all - kept(high), others = 0;
  for (std::size_t b = 0; b < blocks; b++)
    if (!(weights[b] > 0)) others += counts[b];
  const double more = rest > 0 && others > 0 ? rest / others : 0;
  for (std::size_t b = 0; b < blocks; b++)
    map.factors.push_back(float((share(b, high) + (weights[b] > 0 ? 0 : more)) / keep));
  return map;
}

PointBytes::PointBytes(double bytes, const std::vector<std::uint32_t> &counts, const std::vector<float> &shares)
    : whole_(0), halved_(kBytesAHalving) {
  const double for_sparseness = of(counts, shares);
  double points = 0;
  for (std::size_t b = 0; b < counts.size(); b++) points += double(counts[b]) * shares[b];
  whole_ = points > 0 ? std::max(kLeastBytesAPoint, (bytes - for_sparseness) / points) : kBytesAPoint;
}

double PointBytes::of(std::uint32_t count, float share) const {
  return share > 0 ? count * double(share) * (whole_ - halved_ * std::log2(double(share))) : 0;
}

double PointBytes::of(const std::vector<std::uint32_t> &counts, const std::vector<float> &shares) const {
  double sum = 0;
  for (std::size_t b = 0; b < counts.size(); b++) sum += of(counts[b], shares[b]);
  return sum;
}

}  // namespace oneadapt
