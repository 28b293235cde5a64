// SPDX-License-Identifier: LGPL-2.1-or-later
#include "video/picture_measurement.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <stdexcept>
#include <utility>

#include "core/macroblock/allocation.h"

namespace oneadapt {
namespace {

constexpr double kLimitedRange = 255.0 / 219.0;  // BT.601/709 luma uses 16…235 for [0, 1]

int rounded(double value) { return int(std::lround(value)); }

}  // namespace

PictureMeasurement::PictureMeasurement(ProbeTools &tools, PictureRecord record, const std::string &preset,
                                       const ProbeRequest &request)
    : tools_(tools),
      record_(std::move(record)),
      best_(most_expensive(record_.values, request.ladders)),
      grid_(scaled_size(record_.format.info, 1, record_.format.h264)) {
  const GstVideoInfo &info = record_.format.info;
  const bool direct = is_planar_luma(GST_VIDEO_INFO_FORMAT(&info));
  luma_range_ = direct && info.colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255 ? 1 : kLimitedRange;
  if (request.gradient) gradient_ = resample(request.gradient->map, grid_.width, grid_.height);
  tools_.encoders.set_interval(record_, preset);
  const auto is_map = [](std::size_t knob) { return knob == kQpMap || knob == kMapRange; };
  if (request.wanted.empty() || !(request.wanted[kQpMap] || request.wanted[kMapRange]) || !possible()) return;
  sent_gradient_ = request.gradient->map;
  confident_ = request.gradient->confident;
  only_map_ = true;
  for (std::size_t knob = 0; knob < kKnobs; knob++)
    if (!is_map(knob) && request.wanted[knob] && !request.ladders[knob].empty()) only_map_ = false;
  if (!request.ladders[kQpMap].empty() && record_.format.h264) prepare_map_model();
}

/* ---- pictures ------------------------------------------------------------------------------------------------ */

/// The remembered distance nearest to a gap, at least 1 where there is one.
unsigned PictureMeasurement::nearest_distance(double gap_frames) const {
  unsigned best = 0;
  for (const Remembered &r : record_.pictures)
    if (r.distance > 0 && (best == 0 || std::abs(r.distance - gap_frames) < std::abs(best - gap_frames)))
      best = r.distance;
  return best;
}

/// Distances, farthest first, of the remembered pictures that stand for those that would have been passed on.
std::vector<unsigned> PictureMeasurement::passed_on(double gap_frames) const {
  std::set<unsigned, std::greater<unsigned>> all;
  const unsigned farthest = record_.pictures.back().distance;
  for (unsigned n = 0; all.empty() || *all.begin() < farthest; n++) {
    const double at = std::min<double>(n * gap_frames, farthest);
    unsigned best = 0;
    for (const Remembered &r : record_.pictures)  // of two as near, the older
      if (std::abs(r.distance - at) <= std::abs(best - at)) best = r.distance;
    all.insert(best);
  }
  return {all.begin(), all.end()};
}

const Plane &PictureMeasurement::source(unsigned distance) {
  auto found = sources_.find(distance);
  if (found == sources_.end())
    found = sources_.emplace(distance, luma_of(record_.format.info, record_.at(distance).buffer.get(), grid_)).first;
  return found->second;
}

Plane PictureMeasurement::on_grid(const Plane &plane) {
  return plane.size == grid_ ? plane : tools_.scalers.scale(plane, grid_);
}

BlockMap PictureMeasurement::difference(const Plane &a, const Plane &b) const {
  BlockMap map = mean_abs_difference(a.data.data(), a.size.width, b.data.data(), b.size.width, grid_.width,
                                     grid_.height, gradient_.block_size);
  for (float &value : map.values) value = float(value * luma_range_);
  return map;
}

/* ---- frames -------------------------------------------------------------------------------------------------- */

/// Input frames from one that is passed on to the next.
double PictureMeasurement::gap(double framerate) const {
  if (framerate <= 0 || record_.frame_seconds <= 0) return 1;
  return std::max(1.0, 1 / record_.frame_seconds / framerate);
}

/// Frames that would have been passed on in this interval.
double PictureMeasurement::frames(double framerate) const {
  const double all = std::max(1u, record_.frames_in);
  // Where frames come at no rate that is known, only what was passed on is.
  if (record_.frame_seconds <= 0)
    return std::max(1u, framerate == record_.values[kFramerate] ? record_.frames_out : unsigned(all));
  return std::ceil(all / gap(framerate) - 1e-6);
}

const FilterOutcome &PictureMeasurement::filtered(const Values &values) {
  const FilterThresholds t = thresholds_of(values);
  const std::tuple<double, double, double> key{t.pixel, t.area, t.change};
  auto found = replays_.find(key);
  if (found == replays_.end())
    found = replays_.emplace(key, replay(record_.filter, t, record_.max_skip, luma_range_)).first;
  return found->second;
}

/// The same with thresholds, where frames were recorded that they can be tried on.
double PictureMeasurement::frames_of(const Values &values) {
  const double all = frames(values[kFramerate]);
  const std::size_t recorded = record_.filter.frames.size();
  if (!recorded || !(thresholds_of(values).any() || thresholds_of(record_.values).any())) return all;
  return std::max(1.0, all * filtered(values).kept / double(recorded));
}

double PictureMeasurement::gap_of(const Values &values) {
  return gap(values[kFramerate]) * frames(values[kFramerate]) / frames_of(values);
}

/* ---- resources ----------------------------------------------------------------------------------------------- */

PictureMeasurement::Outcome PictureMeasurement::encode(int qp, Size size, unsigned distance) {
  Outcome outcome;
  Plane luma;
  if (record_.format.h264) {
    outcome.first = outcome.other = double(tools_.encoders.encode(size, distance, qp, true, &luma));
    // One picture may be all there is.
    if (distance) outcome.other = double(tools_.encoders.encode(size, 0, qp, false, &luma));
  } else {
    luma = size == grid_ ? source(0) : tools_.scalers.scale(source(0), size);
    outcome.first = outcome.other = double(size.width) * size.height;
  }
  outcome.luma = on_grid(luma);
  return outcome;
}

const PictureMeasurement::Outcome &PictureMeasurement::outcome(const Values &values) {
  const Size size = scaled_size(record_.format.info, values[kScale], record_.format.h264);
  const int qp = rounded(values[kQp]);
  const unsigned distance = nearest_distance(gap_of(values));
  const std::tuple<int, unsigned, unsigned, unsigned> key{qp, size.width, size.height, distance};
  auto found = outcomes_.find(key);
  if (found == outcomes_.end()) found = outcomes_.emplace(key, encode(qp, size, distance)).first;
  return found->second;
}

/// What the interval would have taken under a configuration: bytes, or raw pixels.
double PictureMeasurement::cost(const Values &values) {
  const Outcome &o = outcome(values);
  const double all = frames_of(values), first = has_idr_each() ? 1 : all / record_.format.key_int_max;
  double other = o.other;
  if (record_.format.b_frames) other *= 1 + b_share(values[kBBias]) * b_effect().bytes;
  return first * o.first + (all - first) * other;
}

double PictureMeasurement::resource(const Values &values) {
  const double most = cost(best_);
  return cost(values) / most;
}

double PictureMeasurement::resource_in_force() {
  if (!only_map_) return resource(record_.values);
  return map_ ? map_->resource(record_.values[kQp]) : -1;
}

/// Whether every interval has an IDR picture.
bool PictureMeasurement::has_idr_each() const {
  return record_.format.b_frames > 0 || record_.format.key_int_max <= record_.frames_out;
}

/// Of a picture of the interval that is no IDR picture, in the mean; 0: there was none, or each interval has both.
double PictureMeasurement::p_bytes() const {
  if (!record_.format.h264 || has_idr_each() || record_.frames_out <= record_.idr_pictures) return 0;
  return double(record_.bytes - record_.idr_bytes) / (record_.frames_out - record_.idr_pictures);
}

std::uint64_t PictureMeasurement::next_bytes() {
  constexpr double kHalving = 6;  // steps of QP in which a picture's bytes halve, about
  // An IDR picture's fall more slowly with QP than those of the P pictures, by which plans go.
  constexpr double kMargin = 1.25;
  const double p = p_bytes();
  if (p <= 0 || (!record_.idr_pictures && !record_.idr_next)) return 0;
  double bytes = p * record_.frames_out;
  if (record_.idr_next && record_.last_idr.bytes) {
    const double finer = record_.last_idr.qp - record_.values[kQp];
    bytes += std::max(0.0, kMargin * double(record_.last_idr.bytes) * std::exp2(finer / kHalving) - p);
  }
  return std::uint64_t(bytes);
}

double PictureMeasurement::compute(const Values &values) {
  const double most = frames_of(best_);
  return frames_of(values) / most;
}

double PictureMeasurement::resource_change(const Move &move) {
  if (move.knob == kQpMap || move.knob == kMapRange) {
    const LaidMap here = laid_here(move), there = laid_there(move);
    return there.map.resource(there.base) - here.map.resource(here.base);
  }
  const double change = Measurement::resource_change(move);
  if (move.knob != kFramerate) return change;
  // One P picture for each gap is a small sample; but more pictures never cost less.
  return move.up ? std::max(0.0, change) : std::min(0.0, change);
}

/* ---- OutputGrad ---------------------------------------------------------------------------------------------- */

/// Mean over the positions 0 … gap − 1 in a gap of |picture there − picture that stands for it|; pictures that are not
/// remembered are interpolated between those that are.
BlockMap PictureMeasurement::reuse(double gap_frames) {
  BlockMap sum(grid_.width, grid_.height, gradient_.block_size);
  std::map<unsigned, BlockMap> at;
  for (const Remembered &r : record_.pictures) {
    const unsigned distance = r.distance;
    if (distance == 0) {
      at.emplace(0, sum);
      continue;
    }
    at.emplace(distance, difference(source(distance), source(0)));
    if (distance >= gap_frames - 1) break;
  }
  const unsigned positions = std::max(1u, unsigned(std::ceil(gap_frames - 1e-6)));
  for (unsigned position = 0; position < positions; position++) {
    auto after = at.lower_bound(position);
    if (after == at.end()) after = std::prev(at.end());
    auto before = after->first > position ? std::prev(after) : after;
    const double share = after == before ? 0 : double(position - before->first) / (after->first - before->first);
    for (std::size_t i = 0; i < sum.values.size(); i++)
      sum.values[i] += float(((1 - share) * before->second.values[i] + share * after->second.values[i]) / positions);
  }
  return sum;
}

double PictureMeasurement::output_grad(const Move &move) {
  const Values &here = move.here, &there = move.there;
  if (move.knob == kQpMap || move.knob == kMapRange) {
    const LaidMap from = laid_here(move), to = laid_there(move);
    return luma_range_ * oneadapt::output_grad(gradient_, to.map.change(from.map, from.base, to.base));
  }
  if (move.knob == kFramerate) {
    BlockMap delta = reuse(gap(here[kFramerate]));
    const BlockMap other = reuse(gap(there[kFramerate]));
    for (std::size_t i = 0; i < delta.values.size(); i++) delta.values[i] = std::abs(delta.values[i] - other.values[i]);
    return oneadapt::output_grad(gradient_, delta);
  }
  if (is_threshold(move.knob)) {
    // Two thresholds reuse other results for other frames: what counts is how far off they are in all.
    if (record_.filter.frames.empty()) return 0;
    const BlockMap a = resample(filtered(there).change, grid_.width, grid_.height),
                   b = resample(filtered(here).change, grid_.width, grid_.height);
    return std::abs(oneadapt::output_grad(gradient_, a) - oneadapt::output_grad(gradient_, b));
  }
  if (move.knob == kBBias) {
    BlockMap change = b_effect().change;
    const double share = std::abs(b_share(there[kBBias]) - b_share(here[kBBias]));
    for (float &value : change.values) value = float(value * share);
    return oneadapt::output_grad(gradient_, change);
  }
  return oneadapt::output_grad(gradient_, difference(outcome(there).luma, outcome(here).luma));
}

/* ---- B pictures ---------------------------------------------------------------------------------------------- */

/// Share of pictures that a bias makes B pictures: logistic, through what was seen of the bias in force.
double PictureMeasurement::b_share(double bias) const {
  if (bias <= -100) return 0;
  // In steps of bias. Measured (bench-b-bias): 17 to 27 on seven clips.
  constexpr double kWidth = 20;
  const double most = record_.format.b_frames / (1.0 + record_.format.b_frames), now = record_.values[kBBias];
  double centre = 0;
  if (now > -100 && record_.frames_out > 1) {
    // Half a picture is added to either side, so that the logit is finite where all or none were B pictures.
    const double seen = (record_.b_pictures + 0.5) / (most * record_.frames_out + 1);
    centre = now - kWidth * std::log(seen / (1 - seen));
  }
  return most / (1 + std::exp((centre - bias) / kWidth));
}

const PictureMeasurement::BPicture &PictureMeasurement::b_effect() {
  if (!b_picture_) b_picture_ = measure_b_picture();
  return *b_picture_;
}

/// By coding three pictures as I B P and as I P P.
PictureMeasurement::BPicture PictureMeasurement::measure_b_picture() {
  BPicture effect;
  effect.change = BlockMap(grid_.width, grid_.height, gradient_.values.empty() ? 16 : gradient_.block_size);
  const Values &here = record_.values;
  const double apart = gap_of(here);
  const unsigned middle = nearest_distance(apart), first = nearest_distance(2 * apart);
  if (!record_.format.h264 || middle == 0 || first <= middle) return effect;
  const Size size = scaled_size(record_.format.info, here[kScale], true);
  const int qp = rounded(here[kQp]);
  ProbeEncoders &encoders = tools_.encoders;
  Plane as_p, as_b;
  encoders.encode(size, first, qp, true);
  double p_bytes = double(encoders.encode(size, middle, qp, false, &as_p)), b_bytes = 0;
  const double last = double(encoders.encode(size, 0, qp, false));
  p_bytes += last;
  for (const auto &unit : encoders.encode_sequence(size, {first, middle, 0}, qp, 0, 1, true)) {
    if (!unit.idr) b_bytes += double(unit.bytes);
    if (unit.b) as_b = luma_of(encoders.picture_info(size), unit.picture.get(), size);
  }
  if (as_b.data.empty() || last <= 0) return effect;
  effect.bytes = (b_bytes - p_bytes) / last;
  effect.change = difference(on_grid(as_b), on_grid(as_p));
  return effect;
}

/* ---- the QP map ---------------------------------------------------------------------------------------------- */

void PictureMeasurement::prepare_map_model() {
  const Plane &picture = source(0);
  const BlockMap texture =
      block_texture(picture.data.data(), picture.size.width, picture.size.width, picture.size.height);
  const auto offsets =
      stretch_offsets(record_.map.offsets, record_.map.columns, record_.map.rows, texture.columns(), texture.rows());
  // Fitted to the stream's bytes; not to those of an interval that is still under way.
  if (record_.number != tools_.fitted && !record_.map_changed && record_.frames_out > 1) {
    const double p = p_bytes();
    tools_.rate.observe(texture, offsets, record_.values[kQp], p > 0 ? p : double(record_.bytes) / record_.frames_out);
    tools_.fitted = record_.number;
  }
  map_.emplace(texture, offsets, tools_.rate.halving());
}

/// The map before a move of the base QP or of the range: for the base, the stream's own; ranges are compared as the
/// gradient makes them.
PictureMeasurement::LaidMap PictureMeasurement::laid_here(const Move &move) const {
  const double base = move.here[kQp];
  return {move.knob == kQpMap ? *map_ : map_of_range(base, move.here[kMapRange]), base};
}

PictureMeasurement::LaidMap PictureMeasurement::laid_there(const Move &move) const {
  const double base = move.knob == kQpMap ? move.there[kQpMap] : move.here[kQp], range = move.there[kMapRange];
  const bool same = move.knob == kQpMap &&
                    range_over(base, range, confident_) == range_over(move.here[kQp], move.here[kMapRange], confident_);
  return {same ? *map_ : map_of_range(base, range), base};
}

/// Of the map that the gradient would make with another range.
MapModel PictureMeasurement::map_of_range(double base, double range) const {
  AllocationSettings allocation;
  allocation.range = range_over(base, range, confident_);
  const auto offsets = allocate_for(record_.format, sent_gradient_, allocation);
  const BlockMap &texture = map_->texture();
  return MapModel(
      texture,
      stretch_offsets(offsets, sent_gradient_.columns(), sent_gradient_.rows(), texture.columns(), texture.rows()),
      tools_.rate.halving());
}

/* ---- renderings ---------------------------------------------------------------------------------------------- */

GstOneadaptRendering *PictureMeasurement::render(const Values &values) {
  if (!possible()) throw std::runtime_error("no picture of the interval is remembered");
  const double share = resource(values);
  const bool h264 = record_.format.h264;
  const Size size = scaled_size(record_.format.info, values[kScale], h264);
  const GstVideoInfo info = h264 ? tools_.encoders.picture_info(size) : resized(record_.format.info, size);
  const std::vector<unsigned> distances = passed_on(gap_of(values));
  std::vector<BufferRef> pictures;
  if (h264) {
    for (auto &unit : tools_.encoders.encode_sequence(size, distances, rounded(values[kQp]), rounded(values[kBBias]),
                                                      record_.format.b_frames))
      pictures.push_back(std::move(unit.picture));
  } else {
    for (unsigned distance : distances)
      pictures.push_back(size == grid_ ? record_.at(distance).buffer
                                       : scaled_picture(record_.format.info, record_.at(distance).buffer, size));
  }
  GstOneadaptRendering *rendering = gst_oneadapt_rendering_new();
  rendering->resource = share;
  GstCaps *caps = gst_video_info_to_caps(&info);
  for (std::size_t i = 0; i < distances.size(); i++) {
    GstSample *sample = gst_sample_new(pictures.at(i).get(), caps, nullptr, nullptr);
    gst_oneadapt_rendering_add(rendering, sample, record_.at(distances[i]).time);
  }
  gst_caps_unref(caps);
  for (auto r = record_.pictures.rbegin(); r != record_.pictures.rend(); ++r)
    gst_oneadapt_rendering_want(rendering, r->time);
  return rendering;
}

}  // namespace oneadapt
