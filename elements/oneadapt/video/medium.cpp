// SPDX-License-Identifier: LGPL-2.1-or-later
#include "video/medium.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/macroblock/allocation.h"

namespace oneadapt {

const char *const kPresets[] = {"ultrafast", "superfast", "veryfast", "faster",  "fast", "medium",
                                "slow",      "slower",    "veryslow", "placebo", nullptr};

SettingProperties<VideoSettings> VideoMedium::setting_properties;

void VideoMedium::new_run(bool over) {
  // What a DNN said of another run's pictures is no reason for a map.
  *gradient_.lock() = LastGradient();
  feedback = thresholds_asked = units_asked = accuracy_wanted = false;
  weights.lock()->reset();
  RememberingMedium::new_run(over);
}

Ladders VideoMedium::ladders(const Ladders &users) {
  const PictureFormat format = history.lock()->format();
  if (!format.info.width) return Ladders(kKnobs);
  const bool b_frames = settings.lock()->b_frames > 0;
  Ladders ladders = users;
  for (std::size_t knob = 0; knob < kKnobs; knob++) {
    const KnobRow &row = video_knobs()[knob];
    if (knob == kFramerate)
      ladders[knob] = framerate_ladder(ladders[knob], format.rate());
    else if ((row.h264_only && !format.h264) || (knob == kBBias && !b_frames))
      ladders[knob].clear();
    else if (ladders[knob].empty())
      ladders[knob] = default_ladder(row);
  }
  return ladders;
}

std::optional<Typical> VideoMedium::typical(std::size_t knob, double value, const std::vector<double> &) {
  const PictureFormat format = history.lock()->format();
  Typical typical = typical_of_video(knob, value, format.rate(), format.h264);
  if (!typical.compute) typical.compute = 1;
  return typical;
}

std::unique_ptr<Measurement> VideoMedium::measure(std::uint64_t interval, bool pinned, const ProbeRequest &request) {
  auto record = find(interval, pinned);
  if (!record) return nullptr;
  if (request.gradient) *gradient_.lock() = {request.gradient->map, request.gradient->confident};
  const char *preset = kPresets[settings.lock()->preset];
  return std::make_unique<PictureMeasurement>(tools_, std::move(*record), preset, request);
}

GstStructure *VideoMedium::counters() {
  const PictureCounters c = history.lock()->counters;
  return gst_structure_new("oneadaptfilter-stats", "frames-in", G_TYPE_UINT64, c.frames_in, "frames-out", G_TYPE_UINT64,
                           c.frames_out, "dropped", G_TYPE_UINT64, c.dropped, "filtered", G_TYPE_UINT64, c.filtered,
                           "intervals", G_TYPE_UINT64, c.intervals, "bytes", G_TYPE_UINT64, c.bytes,
                           "last-interval-bytes", G_TYPE_UINT64, c.last_interval_bytes, "encode-time", G_TYPE_UINT64,
                           c.coding_ns, "probe-time", G_TYPE_UINT64, c.probe_ns, "probes", G_TYPE_UINT64, c.probes,
                           nullptr);
}

void VideoMedium::merge(Values &values, const PartialValues &named) const {
  Medium::merge(values, named);
  // The QP that a map is laid over has one home.
  if (named[kQpMap]) values[kQp] = *named[kQpMap];
  values[kQpMap] = values[kQp];
}

PayloadRef VideoMedium::payload(const PartialValues &named, const Values &asked) {
  if (!named[kQpMap] && !named[kMapRange]) return nullptr;
  const VideoSettings now = *settings.lock();
  const LastGradient last = *gradient_.lock();
  const double base = named[kQpMap].value_or(asked[kQp]), range = named[kMapRange].value_or(asked[kMapRange]);
  auto map = std::make_shared<QpMap>();
  if (last.map.values.empty()) {
    // No gradient has come yet: offsets of 0, so that an encoder with B pictures is one that takes them from the start.
    if (range_over(base, range, 1) > 0) {
      map->columns = map->rows = 1;
      map->offsets = {0};
    }
    return map;
  }
  AllocationSettings allocation;
  allocation.range = range_over(base, range, last.confident);
  allocation.granularity = now.map_granularity;
  const guint64 start = thread_cpu_ns();
  map->offsets = allocate_for(history.lock()->format(), last.map, allocation);
  if (!map->offsets.empty()) {
    map->columns = last.map.columns();
    map->rows = last.map.rows();
    map->range = int(std::lround(allocation.range));
  }
  count_probe(thread_cpu_ns() - start, false);
  return map;
}

void VideoMedium::on_probe(const ProbeRequest &request) {
  for (std::size_t knob = 0; knob < kKnobs; knob++) {
    if (!request.named[knob]) continue;
    if (is_threshold(knob)) thresholds_asked = true;
    if (knob == kPixelThreshold || knob == kAreaThreshold) units_asked = true;
  }
  if (!request.gradient) return;
  // What the frame filter goes by from now on.
  BlockMap map = request.gradient->map;
  const auto blurred = box_blur(map);
  std::copy(blurred.begin(), blurred.end(), map.values.begin());
  feedback = true;
  *weights.lock() = Weights{std::move(map), double(request.gradient->confident)};
}

std::optional<double> VideoMedium::announced(std::size_t knob, double value) {
  const PictureFormat format = history.lock()->format();
  if (knob == kQpMap || knob == kMapRange || (knob == kBBias && !format.b_frames) ||
      (video_knobs()[knob].h264_only && !format.h264))
    return std::nullopt;
  if (knob == kFramerate && format.rate() > 0 && (value == 0 || value > format.rate())) return format.rate();
  return value;
}

}  // namespace oneadapt
