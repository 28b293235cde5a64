// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lidar/draco_points.h"

#include <draco/compression/decode.h>
#include <draco/compression/encode.h>
#include <draco/point_cloud/point_cloud_builder.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>

namespace oneadapt {
namespace {

/// Where coordinates begin, as a multiple of the resolution, and how many bits they take.
struct Box {
  float origin[3];
  int bits;
  float range;
};

Box box_of(const PointCloud &points, float resolution) {
  float low[3] = {points[0].x, points[0].y, points[0].z}, high[3] = {low[0], low[1], low[2]};
  for (const Point &p : points) {
    const float at[3] = {p.x, p.y, p.z};
    for (int k = 0; k < 3; k++) {
      low[k] = std::min(low[k], at[k]);
      high[k] = std::max(high[k], at[k]);
    }
  }
  Box box;
  double extent = 0;
  for (int k = 0; k < 3; k++) {
    box.origin[k] = float(std::floor(double(low[k]) / resolution) * resolution);
    extent = std::max(extent, double(high[k]) - box.origin[k]);
  }
  box.bits = 1;
  while (double((std::uint64_t(1) << box.bits) - 1) * resolution < extent) box.bits++;
  box.range = float(double((std::uint64_t(1) << box.bits) - 1) * resolution);
  return box;
}

/// Draco allocates as many points as a stream says before it reads them: what it says is read here first.
bool says(const std::uint8_t *data, std::size_t size, std::size_t count) {
  // "DRACO", major and minor version, geometry (0: a point cloud), method (1: kd-tree), flags (2 bytes), points.
  constexpr std::size_t kBytes = 15;
  if (size < kBytes || std::string(reinterpret_cast<const char *>(data), 5) != "DRACO") return false;
  if (data[5] != 2 || data[7] != 0 || data[8] != 1 || data[9] || data[10]) return false;
  std::uint32_t points = 0;
  for (unsigned i = 4; i-- > 0;) points = points << 8 | data[11 + i];
  return points == count;
}

}  // namespace

void draco_encode(const PointCloud &points, float resolution, IntensityRange range, int speed,
                  std::vector<std::uint8_t> &out) {
  const auto n = std::uint32_t(points.size());
  std::vector<std::uint8_t> intensity(n);
  const float scale = 255 / (range.high - range.low);
  for (std::uint32_t i = 0; i < n; i++)
    intensity[i] = std::uint8_t(std::clamp((points[i].intensity - range.low) * scale + 0.5f, 0.0f, 255.0f));
  draco::PointCloudBuilder builder;
  builder.Start(n);
  const int position = builder.AddAttribute(draco::GeometryAttribute::POSITION, 3, draco::DT_FLOAT32);
  const int generic = builder.AddAttribute(draco::GeometryAttribute::GENERIC, 1, draco::DT_UINT8);
  builder.SetAttributeValuesForAllPoints(position, points.data(), sizeof(Point));
  builder.SetAttributeValuesForAllPoints(generic, intensity.data(), 1);
  const std::unique_ptr<draco::PointCloud> cloud = builder.Finalize(false);

  const Box box = box_of(points, resolution);
  draco::Encoder encoder;
  encoder.SetEncodingMethod(draco::POINT_CLOUD_KD_TREE_ENCODING);
  encoder.SetSpeedOptions(speed, speed);
  encoder.SetAttributeExplicitQuantization(draco::GeometryAttribute::POSITION, box.bits, 3, box.origin, box.range);
  draco::EncoderBuffer buffer;
  const draco::Status status = encoder.EncodePointCloudToBuffer(*cloud, &buffer);
  if (!status.ok()) throw std::runtime_error("Draco cannot code the points: " + status.error_msg_string());
  out.insert(out.end(), buffer.data(), buffer.data() + buffer.size());
}

bool draco_decode(const std::uint8_t *data, std::size_t size, std::size_t count, IntensityRange range,
                  PointCloud &points) {
  if (!says(data, size, count)) return false;
  draco::DecoderBuffer buffer;
  buffer.Init(reinterpret_cast<const char *>(data), size);
  std::unique_ptr<draco::PointCloud> cloud;
  try {
    draco::Decoder decoder;
    auto decoded = decoder.DecodePointCloudFromBuffer(&buffer);
    if (!decoded.ok()) return false;
    cloud = std::move(decoded).value();
  } catch (const std::exception &) {
    return false;  // it allocates what a damaged stream says
  }
  if (!cloud || cloud->num_points() != count) return false;
  const draco::PointAttribute *position = cloud->GetNamedAttribute(draco::GeometryAttribute::POSITION);
  const draco::PointAttribute *generic = cloud->GetNamedAttribute(draco::GeometryAttribute::GENERIC);
  if (!position || position->num_components() != 3 || position->data_type() != draco::DT_FLOAT32 || !generic ||
      generic->num_components() != 1 || generic->data_type() != draco::DT_UINT8)
    return false;
  if (position->size() < count || generic->size() < count) return false;
  points.resize(count);
  const float scale = (range.high - range.low) / 255;
  for (std::size_t i = 0; i < count; i++) {
    const draco::PointIndex index(static_cast<std::uint32_t>(i));
    float at[3];
    std::uint8_t intensity = 0;
    position->GetMappedValue(index, at);
    generic->GetMappedValue(index, &intensity);
    points[i] = {at[0], at[1], at[2], range.low + float(intensity) * scale};
  }
  return true;
}

}  // namespace oneadapt
