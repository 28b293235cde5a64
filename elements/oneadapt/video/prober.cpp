// SPDX-License-Identifier: LGPL-2.1-or-later
#include "config.h"

#include "video/prober.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <tuple>

#include "core/macroblock/allocation.h"
#include "core/macroblock/map_model.h"
#include "video/coder.h"
#if HAVE_X264
#include "codec/h264.h"
#endif

namespace oneadapt {
namespace {

constexpr double kLimitedRange = 255.0 / 219.0;  // BT.601/709 luma uses 16…235 for [0, 1]
constexpr std::size_t kEncoders = 6;

/// A luma plane, `size.width` bytes a row.
struct Plane {
  Size size;
  std::vector<std::uint8_t> data;
};

/// What a configuration makes of the interval's last picture, and what it costs.
struct Outcome {
  double first = 0, other = 0;  // bytes of an IDR and of a P picture (raw: pixels)
  Plane luma;                   // as the DNN would see it, on the source's grid
};

GstVideoInfo gray(Size size) {
  GstVideoInfo info;
  gst_video_info_set_format(&info, GST_VIDEO_FORMAT_GRAY8, size.width, size.height);
  return info;
}

Plane copy_plane(const std::uint8_t *data, std::size_t stride, Size size) {
  Plane plane{size, std::vector<std::uint8_t>(std::size_t(size.width) * size.height)};
  for (unsigned row = 0; row < size.height; row++)
    std::copy_n(data + row * stride, size.width, &plane.data[std::size_t(row) * size.width]);
  return plane;
}

}  // namespace

std::size_t rung_of(std::size_t knob, double value, const std::vector<double> &ladder) {
  return knob == kFramerate && value <= 0 ? ladder.size() - 1 : nearest_rung(value, ladder);
}

struct Prober::Impl {
  // Across measurements: what is costly to make.
  struct Encoder {
    Size size;
    Size input;
    std::string preset;
    std::unique_ptr<Scaler> scaler;  // none when the size stays
    GstVideoInfo scaled;
    BufferRef scratch;  // the scaled picture
#if HAVE_X264
    std::unique_ptr<H264Encoder> encoder;
#endif
    std::int64_t count = 0;
  };
  std::vector<Encoder> encoders;  // the latest first
  std::map<std::tuple<unsigned, unsigned, unsigned, unsigned>, std::unique_ptr<Scaler>> luma_scalers;
  RateFit rate;
  std::uint64_t fitted = G_MAXUINT64;  // the interval that `rate` saw last

  // One measurement.
  const PictureRecord *record = nullptr;
  std::string preset;
  Size grid;
  BlockMap gradient;
  double luma_range = 1;
  std::map<std::tuple<int, unsigned, unsigned, unsigned>, Outcome> outcomes;  // by QP, size, distance
  std::map<unsigned, Plane> sources;                                          // luma by distance
  std::map<std::tuple<double, double, double>, FilterOutcome> replays;        // by thresholds
  /// What one B picture does, instead of a P picture, under the configuration in force.
  struct BPicture {
    double bytes = 0;  // more (or less, < 0), as a share of a P picture's
    BlockMap change;   // of the picture itself
  };
  std::optional<BPicture> b_picture;

  const PictureRecord &interval() const { return *record; }

  void begin(const PictureRecord &interval, const std::string &preset_name, const BlockMap *map);
  void end();
  const BufferRef &picture(unsigned distance) const;
  unsigned nearest_distance(double gap) const;
  const Plane &source(unsigned distance);
  Plane on_grid(const Plane &plane);

  double gap(double framerate) const;
  double frames(double framerate) const;
  bool filters(const Values &values) const;
  const FilterOutcome &filtered(const Values &values);
  double frames_of(const Values &values);
  double gap_of(const Values &values);
  const Outcome &outcome(const Values &values);
  Outcome code(int qp, Size size, unsigned distance);
#if HAVE_X264
  struct Unit {
    std::size_t bytes = 0;
    bool idr = false, b = false;
    BufferRef picture;  // NV12, as a decoder shows it
  };
  Encoder &encoder_for(Size size, unsigned b_frames = 0);
  AccessUnit encode(Size size, unsigned distance, const H264Frame &frame, unsigned b_frames = 0);
  AccessUnit encode(Size size, unsigned distance, int qp, bool idr);
  GstVideoInfo nv12(Size size) const;
  std::vector<Unit> encode_all(Size size, const std::vector<unsigned> &distances, int qp, int b_bias, unsigned b_frames,
                               bool all_b = false);
#endif
  const BPicture &b_effect();
  double b_share(double bias) const;
  BufferRef raw(Size size, unsigned distance);
  std::vector<unsigned> passed_on(double gap_frames) const;
  double model(const Values &values);
  BlockMap difference(const Plane &a, const Plane &b) const;
  BlockMap reuse(double gap_frames);
  void probe_map(const ProbeRequest &r, ProbeResult &result);
  double output_grad_of(std::size_t knob, const Values &here, const Values &there);
};

void Prober::Impl::begin(const PictureRecord &interval, const std::string &preset_name, const BlockMap *map) {
  record = &interval;
  preset = preset_name;
  const GstVideoInfo &info = interval.format.info;
  grid = scaled_size(info, 1, interval.format.h264);
  const bool direct = is_planar_luma(GST_VIDEO_INFO_FORMAT(&info));
  luma_range = direct && info.colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255 ? 1 : kLimitedRange;
  gradient = map ? resample(*map, grid.width, grid.height) : BlockMap();
}

/// Pictures and planes are only needed during a measurement.
void Prober::Impl::end() {
  outcomes.clear();
  sources.clear();
  replays.clear();
  b_picture.reset();
  record = nullptr;
}

const BufferRef &Prober::Impl::picture(unsigned distance) const { return interval().at(distance).buffer; }

/// The remembered distance nearest to a gap, at least 1 where there is one.
unsigned Prober::Impl::nearest_distance(double gap_frames) const {
  unsigned best = 0;
  for (const Remembered &r : interval().pictures)
    if (r.distance > 0 && (best == 0 || std::abs(r.distance - gap_frames) < std::abs(best - gap_frames)))
      best = r.distance;
  return best;
}

const Plane &Prober::Impl::source(unsigned distance) {
  auto found = sources.find(distance);
  if (found != sources.end()) return found->second;
  const GstVideoInfo &info = interval().format.info;
  MappedFrame frame(info, picture(distance).get(), GST_MAP_READ);
  Plane plane;
  if (is_planar_luma(GST_VIDEO_INFO_FORMAT(&info))) {
    plane = copy_plane(static_cast<const std::uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(frame.get(), 0)),
                       std::size_t(GST_VIDEO_FRAME_PLANE_STRIDE(frame.get(), 0)), grid);
  } else {
    const GstVideoInfo yuv = resized(info, grid, GST_VIDEO_FORMAT_I420);
    BufferRef buffer = take_buffer(gst_buffer_new_allocate(nullptr, yuv.size, nullptr));
    MappedFrame out(yuv, buffer.get(), GST_MAP_READWRITE);
    Scaler(info, yuv, 1).run(frame.get(), out.get());
    plane = copy_plane(static_cast<const std::uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(out.get(), 0)),
                       std::size_t(GST_VIDEO_FRAME_PLANE_STRIDE(out.get(), 0)), grid);
  }
  return sources.emplace(distance, std::move(plane)).first->second;
}

namespace {

Plane scale_plane(const Plane &plane, Size size, std::unique_ptr<Scaler> &scaler) {
  const GstVideoInfo from = gray(plane.size), to = gray(size);
  if (!scaler) scaler = std::make_unique<Scaler>(from, to, 1);
  // Rows of GRAY8 are padded to a multiple of 4.
  BufferRef in = take_buffer(gst_buffer_new_allocate(nullptr, from.size, nullptr));
  BufferRef out = take_buffer(gst_buffer_new_allocate(nullptr, to.size, nullptr));
  MappedFrame a(from, in.get(), GST_MAP_READWRITE), b(to, out.get(), GST_MAP_READWRITE);
  auto *rows = static_cast<std::uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(a.get(), 0));
  for (unsigned row = 0; row < plane.size.height; row++)
    std::copy_n(&plane.data[std::size_t(row) * plane.size.width], plane.size.width,
                rows + row * std::size_t(GST_VIDEO_FRAME_PLANE_STRIDE(a.get(), 0)));
  scaler->run(a.get(), b.get());
  return copy_plane(static_cast<const std::uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(b.get(), 0)),
                    std::size_t(GST_VIDEO_FRAME_PLANE_STRIDE(b.get(), 0)), size);
}

}  // namespace

Plane Prober::Impl::on_grid(const Plane &plane) {
  if (plane.size == grid) return plane;
  if (luma_scalers.size() > 4 * kEncoders) luma_scalers.clear();
  auto &scaler = luma_scalers[{plane.size.width, plane.size.height, grid.width, grid.height}];
  return scale_plane(plane, grid, scaler);
}

/// Input frames from one that is passed on to the next.
double Prober::Impl::gap(double framerate) const {
  const GstVideoInfo &info = interval().format.info;
  if (framerate <= 0 || info.fps_n <= 0) return 1;
  return std::max(1.0, double(info.fps_n) / info.fps_d / framerate);
}

/// Frames that would have been passed on in this interval.
double Prober::Impl::frames(double framerate) const {
  const double all = std::max(1u, interval().frames_in);
  const GstVideoInfo &info = interval().format.info;
  // Without a nominal rate only what was passed on is known.
  if (info.fps_n <= 0)
    return std::max(1u, framerate == interval().values[kFramerate] ? interval().frames_out : unsigned(all));
  return std::ceil(all / gap(framerate) - 1e-6);
}

/// Whether frames were recorded that thresholds can be tried on.
bool Prober::Impl::filters(const Values &values) const {
  return !interval().filter.frames.empty() && (thresholds_of(values).any() || thresholds_of(interval().values).any());
}

const FilterOutcome &Prober::Impl::filtered(const Values &values) {
  const FilterThresholds t = thresholds_of(values);
  const std::tuple<double, double, double> key{t.pixel, t.area, t.change};
  auto found = replays.find(key);
  if (found == replays.end())
    found = replays.emplace(key, replay(interval().filter, t, interval().max_skip, luma_range)).first;
  return found->second;
}

/// Frames that would have been passed on, thresholds counted.
double Prober::Impl::frames_of(const Values &values) {
  const double all = frames(values[kFramerate]);
  if (!filters(values)) return all;
  const FilterOutcome &outcome = filtered(values);
  return std::max(1.0, all * outcome.kept / double(interval().filter.frames.size()));
}

double Prober::Impl::gap_of(const Values &values) {
  return gap(values[kFramerate]) * frames(values[kFramerate]) / frames_of(values);
}

Outcome Prober::Impl::code(int qp, Size size, unsigned distance) {
  Outcome outcome;
  if (!interval().format.h264) {
    Plane there = source(0);
    if (size != grid) {
      if (luma_scalers.size() > 4 * kEncoders) luma_scalers.clear();
      there = scale_plane(there, size, luma_scalers[{grid.width, grid.height, size.width, size.height}]);
    }
    outcome.luma = on_grid(there);
    outcome.first = outcome.other = double(size.width) * size.height;
    return outcome;
  }
#if HAVE_X264
  AccessUnit last = encode(size, distance, qp, true);
  outcome.first = outcome.other = double(last.size);  // one picture may be all there is
  if (distance) {
    last = encode(size, 0, qp, false);
    outcome.other = double(last.size);
  }
  outcome.luma = on_grid(copy_plane(last.reconstruction.plane[0], last.reconstruction.stride[0], size));
#endif
  return outcome;
}

#if HAVE_X264
namespace {

BufferRef buffer_of(const Picture &picture, const GstVideoInfo &info) {
  BufferRef buffer = take_buffer(gst_buffer_new_allocate(nullptr, info.size, nullptr));
  MappedFrame frame(info, buffer.get(), GST_MAP_WRITE);
  for (unsigned plane = 0; plane < 2; plane++) {  // NV12; both planes have as many bytes a row as the picture pixels
    auto *rows = static_cast<std::uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(frame.get(), plane));
    const auto stride = std::size_t(GST_VIDEO_FRAME_PLANE_STRIDE(frame.get(), plane));
    for (unsigned row = 0; row < picture.height >> plane; row++)
      std::copy_n(picture.plane[plane] + row * picture.stride[plane], picture.width, rows + row * stride);
  }
  return buffer;
}

}  // namespace

GstVideoInfo Prober::Impl::nv12(Size size) const {
  GstVideoInfo info = resized(interval().format.info, size, GST_VIDEO_FORMAT_NV12);
  info.colorimetry = interval().format.info.colorimetry;
  info.chroma_site = interval().format.info.chroma_site;
  return info;
}

/// Codes a sequence as one GOP with B pictures where x264 likes them (`all_b`: wherever they can be); in the order in
/// which it is shown.
std::vector<Prober::Impl::Unit> Prober::Impl::encode_all(Size size, const std::vector<unsigned> &distances, int qp,
                                                         int b_bias, unsigned b_frames, bool all_b) {
  std::map<std::int64_t, Unit> units;
  const GstVideoInfo info = nv12(size);
  auto take = [&](const AccessUnit &unit) {
    if (unit.size) units[unit.pts] = {unit.size, unit.idr, unit.b, buffer_of(unit.reconstruction, info)};
    return unit.size > 0;
  };
  H264Frame frame;
  frame.qp = qp;
  frame.b_bias = b_bias;
  for (unsigned distance : distances) {
    frame.idr = distance == distances.front();
    frame.b = all_b && distance != distances.front() && distance != distances.back();
    take(encode(size, distance, frame, b_frames));
  }
  while (b_frames && take(encoder_for(size, b_frames).encoder->flush())) {
  }
  std::vector<Unit> all;
  for (auto &unit : units) all.push_back(std::move(unit.second));
  return all;
}

/// The encoder for pictures of `size`, the first of `encoders` from now on.
Prober::Impl::Encoder &Prober::Impl::encoder_for(Size size, unsigned b_frames) {
  const GstVideoInfo &info = interval().format.info;
  H264Settings settings = h264_settings(info, size);
  const Size input{unsigned(info.width), unsigned(info.height)};
  settings.preset = preset;
  settings.reconstruction = true;
  settings.b_frames = b_frames;
  auto usable = [&](const Encoder &e) {
    return e.size == size && e.input == input && e.preset == settings.preset &&
           e.encoder->settings().format == settings.format && e.encoder->settings().b_frames == b_frames;
  };
  auto found = std::find_if(encoders.begin(), encoders.end(), usable);
  if (found != encoders.end()) {
    std::rotate(encoders.begin(), found, found + 1);
    return encoders.front();
  }
  Encoder encoder;
  encoder.size = size;
  encoder.input = input;
  encoder.preset = settings.preset;
  encoder.encoder = std::make_unique<H264Encoder>(settings);
  if (size != grid) {
    encoder.scaled = resized(info, size);
    encoder.scratch = take_buffer(gst_buffer_new_allocate(nullptr, encoder.scaled.size, nullptr));
    encoder.scaler = std::make_unique<Scaler>(info, encoder.scaled, 1);
  }
  encoders.insert(encoders.begin(), std::move(encoder));
  if (encoders.size() > kEncoders) encoders.pop_back();
  return encoders.front();
}

/// Codes the remembered picture at a distance; valid until the next call for this size.
AccessUnit Prober::Impl::encode(Size size, unsigned distance, int qp, bool idr) {
  H264Frame frame;
  frame.qp = qp;
  frame.idr = idr;
  return encode(size, distance, frame);
}

AccessUnit Prober::Impl::encode(Size size, unsigned distance, const H264Frame &wanted, unsigned b_frames) {
  Encoder &encoder = encoder_for(size, b_frames);
  H264Frame frame = wanted;
  frame.pts = encoder.count++;
  MappedFrame in(interval().format.info, picture(distance).get(), GST_MAP_READ);
  if (!encoder.scaler) return encoder.encoder->encode(picture_of(in.get()), frame);
  MappedFrame out(encoder.scaled, encoder.scratch.get(), GST_MAP_READWRITE);
  encoder.scaler->run(in.get(), out.get());
  return encoder.encoder->encode(picture_of(out.get()), frame);
}
#endif

const Outcome &Prober::Impl::outcome(const Values &values) {
  const Size size = scaled_size(interval().format.info, values[kScale], interval().format.h264);
  const int qp = int(std::lround(values[kQp]));
  const unsigned distance = nearest_distance(gap_of(values));
  const std::tuple<int, unsigned, unsigned, unsigned> key{qp, size.width, size.height, distance};
  auto found = outcomes.find(key);
  if (found == outcomes.end()) found = outcomes.emplace(key, code(qp, size, distance)).first;
  return found->second;
}

/// What the interval would have taken under a configuration: bytes, or raw pixels.
double Prober::Impl::model(const Values &values) {
  const Outcome &o = outcome(values);
  double other = o.other;
  if (interval().format.b_frames) other *= 1 + b_share(values[kBBias]) * b_effect().bytes;
  return o.first + (frames_of(values) - 1) * other;
}

BlockMap Prober::Impl::difference(const Plane &a, const Plane &b) const {
  BlockMap map = mean_abs_difference(a.data.data(), a.size.width, b.data.data(), b.size.width, grid.width, grid.height,
                                     gradient.block_size);
  for (float &value : map.values) value = float(value * luma_range);
  return map;
}

/// Mean over the positions 0 … gap − 1 in a gap of |picture there − picture that stands for it|; pictures that are not
/// remembered are interpolated between those that are.
BlockMap Prober::Impl::reuse(double gap_frames) {
  BlockMap sum(grid.width, grid.height, gradient.block_size);
  std::map<unsigned, BlockMap> at;
  for (const Remembered &r : interval().pictures) {
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

double Prober::Impl::output_grad_of(std::size_t knob, const Values &here, const Values &there) {
  if (gradient.values.empty()) return 0;
  if (knob == kFramerate) {
    BlockMap delta = reuse(gap(here[kFramerate]));
    const BlockMap other = reuse(gap(there[kFramerate]));
    for (std::size_t i = 0; i < delta.values.size(); i++) delta.values[i] = std::abs(delta.values[i] - other.values[i]);
    return output_grad(gradient, delta);
  }
  if (is_threshold(knob)) {
    // Two thresholds reuse other results for other frames: what counts is how far off they are in all.
    if (interval().filter.frames.empty()) return 0;
    const BlockMap a = resample(filtered(there).change, grid.width, grid.height),
                   b = resample(filtered(here).change, grid.width, grid.height);
    return std::abs(output_grad(gradient, a) - output_grad(gradient, b));
  }
  if (knob == kBBias) {
    BlockMap change = b_effect().change;
    const double share = std::abs(b_share(there[kBBias]) - b_share(here[kBBias]));
    for (float &value : change.values) value = float(value * share);
    return output_grad(gradient, change);
  }
  return output_grad(gradient, difference(outcome(there).luma, outcome(here).luma));
}

/// Share of pictures that a bias makes B pictures: logistic, through what was seen of the bias in force.
double Prober::Impl::b_share(double bias) const {
  if (bias <= -100) return 0;
  constexpr double kWidth = 40;  // in steps of bias; x264 weighs costs by it, and those of B and P differ little
  const double most = interval().format.b_frames / (1.0 + interval().format.b_frames), now = interval().values[kBBias];
  double centre = 0;
  if (now > -100 && interval().frames_out > 1) {
    const double seen = std::clamp(interval().b_pictures / (most * interval().frames_out), 0.02, 0.98);
    centre = now - kWidth * std::log(seen / (1 - seen));
  }
  return most / (1 + std::exp((centre - bias) / kWidth));
}

/// By coding three pictures as I B P and as I P P.
const Prober::Impl::BPicture &Prober::Impl::b_effect() {
  if (b_picture) return *b_picture;
  BPicture effect;
  effect.change = BlockMap(grid.width, grid.height, gradient.values.empty() ? 16 : gradient.block_size);
#if HAVE_X264
  const Values &here = interval().values;
  const double apart = gap_of(here);
  const unsigned middle = nearest_distance(apart), first = nearest_distance(2 * apart);
  if (middle > 0 && first > middle) {
    const Size size = scaled_size(interval().format.info, here[kScale], true);
    const int qp = int(std::lround(here[kQp]));
    encode(size, first, qp, true);
    const AccessUnit p = encode(size, middle, qp, false);
    const Plane as_p = copy_plane(p.reconstruction.plane[0], p.reconstruction.stride[0], size);
    double p_bytes = double(p.size);
    const double last = double(encode(size, 0, qp, false).size);
    p_bytes += last;
    double b_bytes = 0;
    Plane as_b;
    for (const Unit &unit : encode_all(size, {first, middle, 0}, qp, 0, 1, true)) {
      if (!unit.idr) b_bytes += double(unit.bytes);
      if (!unit.b) continue;
      MappedFrame picture(nv12(size), unit.picture.get(), GST_MAP_READ);
      as_b = copy_plane(static_cast<const std::uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(picture.get(), 0)),
                        std::size_t(GST_VIDEO_FRAME_PLANE_STRIDE(picture.get(), 0)), size);
    }
    if (!as_b.data.empty() && last > 0) {
      effect.bytes = (b_bytes - p_bytes) / last;
      effect.change = difference(on_grid(as_b), on_grid(as_p));
    }
  }
#endif
  return b_picture.emplace(std::move(effect));
}

/// Distances, farthest first, of the remembered pictures that stand for those that would have been passed on.
std::vector<unsigned> Prober::Impl::passed_on(double gap_frames) const {
  std::set<unsigned, std::greater<unsigned>> all;
  const unsigned farthest = interval().pictures.back().distance;
  for (unsigned n = 0; all.empty() || *all.begin() < farthest; n++) {
    const double at = std::min<double>(n * gap_frames, farthest);
    unsigned best = 0;
    for (const Remembered &r : interval().pictures)  // of two as near, the older
      if (std::abs(r.distance - at) <= std::abs(best - at)) best = r.distance;
    all.insert(best);
  }
  return {all.begin(), all.end()};
}

/// The remembered picture at a distance as raw output would have it.
BufferRef Prober::Impl::raw(Size size, unsigned distance) {
  const GstVideoInfo &info = interval().format.info;
  if (size == grid) return picture(distance);
  const GstVideoInfo to = resized(info, size);
  BufferRef buffer = take_buffer(gst_buffer_new_allocate(nullptr, to.size, nullptr));
  MappedFrame in(info, picture(distance).get(), GST_MAP_READ), out(to, buffer.get(), GST_MAP_WRITE);
  Scaler(info, to, 1).run(in.get(), out.get());
  return buffer;
}

/// The map's rungs without an encode (lib/core/macroblock/map_model.h): a probe by encoding takes as long as encoding
/// the interval.
void Prober::Impl::probe_map(const ProbeRequest &r, ProbeResult &result) {
  const auto &ladder = r.ladders[kQpMap];
  if (ladder.empty() || !r.interval.format.h264) return;
  const Plane &picture = source(0);
  const BlockMap texture =
      block_texture(picture.data.data(), picture.size.width, picture.size.width, picture.size.height);
  const auto offsets = stretch_offsets(r.interval.map.offsets, r.interval.map.columns, r.interval.map.rows,
                                       texture.columns(), texture.rows());
  const double here = r.interval.values[kQp];
  // Fitted to the stream's bytes; not to those of an interval that is still under way.
  if (r.interval.number != fitted && !r.interval.map_changed && r.interval.frames_out > 1) {
    rate.observe(texture, offsets, here, double(r.interval.bytes) / r.interval.frames_out);
    fitted = r.interval.number;
  }
  const MapModel model(texture, offsets, rate.halving());
  ProbedKnob &probed = result.knobs[kQpMap];
  result.resource = model.resource(here);
  auto step = [&](std::size_t rung) {
    ProbedStep s;
    s.resource_change = model.resource(ladder[rung]) - result.resource;
    if (r.gradient)
      s.output_grad =
          video_knobs()[kQpMap].weight * luma_range * output_grad(gradient, model.change(here, ladder[rung]));
    return s;
  };
  if (probed.rung + 1 < ladder.size()) probed.up = step(probed.rung + 1);
  if (probed.rung > 0) probed.down = step(probed.rung - 1);
}

Prober::Prober() : impl_(new Impl) {}
Prober::~Prober() = default;

namespace {

/// Every knob at its ladder's top.
Values most_expensive(Values values, const Ladders &ladders) {
  for (std::size_t knob = 0; knob < kKnobs; knob++)
    if (!ladders[knob].empty()) values[knob] = ladders[knob].back();
  return values;
}
}  // namespace

Rendering Prober::render(const RenderRequest &request) {
  Impl &self = *impl_;
  const PictureRecord &interval = request.interval;
  if (interval.pictures.empty()) throw std::runtime_error("no picture of the interval is remembered");
  struct Cleanup {
    Impl &impl;
    ~Cleanup() { impl.end(); }
  } cleanup{self};
  self.begin(interval, request.preset, nullptr);
  Rendering result;
  for (auto r = interval.pictures.rbegin(); r != interval.pictures.rend(); ++r) result.wanted.push_back(r->time);
  const double most = self.model(most_expensive(interval.values, request.ladders));
  if (most > 0) result.resource = self.model(request.values) / most;
  const Size size = scaled_size(interval.format.info, request.values[kScale], interval.format.h264);
  result.info = resized(interval.format.info, size);
  const std::vector<unsigned> distances = self.passed_on(self.gap_of(request.values));
  std::vector<BufferRef> pictures;
#if HAVE_X264
  if (interval.format.h264) {
    result.info = self.nv12(size);
    for (auto &unit : self.encode_all(size, distances, int(std::lround(request.values[kQp])),
                                      int(std::lround(request.values[kBBias])), interval.format.b_frames))
      pictures.push_back(std::move(unit.picture));
  }
#endif
  for (std::size_t i = 0; i < distances.size(); i++) {
    Rendering::Picture picture;
    for (const Remembered &r : interval.pictures)
      if (r.distance == distances[i]) picture.time = r.time;
    picture.buffer = interval.format.h264 ? std::move(pictures.at(i)) : self.raw(size, distances[i]);
    result.pictures.push_back(std::move(picture));
  }
  return result;
}

ProbeResult Prober::measure(const ProbeRequest &request) {
  Impl &self = *impl_;
  ProbeResult result;
  const Values best = most_expensive(request.interval.values, request.ladders);
  for (std::size_t knob = 0; knob < kKnobs; knob++) {
    const auto &ladder = request.ladders[knob];
    if (!ladder.empty()) result.knobs[knob].rung = rung_of(knob, request.interval.values[knob], ladder);
  }
  if (request.interval.pictures.empty()) return result;  // nothing was passed on yet, or the format has just changed
  struct Cleanup {
    Impl &impl;
    ~Cleanup() { impl.end(); }
  } cleanup{self};
  self.begin(request.interval, request.preset, request.gradient);
  const Values &here = request.interval.values;
  const double most_frames = self.frames_of(best);
  result.compute = self.frames_of(here) / most_frames;
  if (request.wanted[kQpMap]) self.probe_map(request, result);
  // The map's model knows what is needed without encoding anything.
  bool encode = false;
  for (std::size_t knob = 0; knob < kKnobs; knob++)
    encode = encode || (knob != kQpMap && request.wanted[knob] && !request.ladders[knob].empty());
  if (!encode && request.wanted[kQpMap]) return result;
  const double most = self.model(best), base = self.model(here);
  if (most <= 0) return result;
  result.resource = base / most;
  for (std::size_t knob = 0; knob < kKnobs; knob++) {
    const auto &ladder = request.ladders[knob];
    if (ladder.empty() || !request.wanted[knob] || knob == kQpMap) continue;
    ProbedKnob &probed = result.knobs[knob];
    auto step = [&](std::size_t rung) {
      Values there = here;
      there[knob] = ladder[rung];
      ProbedStep s;
      s.resource_change = self.model(there) / most - result.resource;
      s.compute_change = self.frames_of(there) / most_frames - result.compute;
      // One P picture a gap is a small sample; but more pictures never cost less.
      if (knob == kFramerate)
        s.resource_change = rung > probed.rung ? std::max(0.0, s.resource_change) : std::min(0.0, s.resource_change);
      s.output_grad = video_knobs()[knob].weight * self.output_grad_of(knob, here, there);
      return s;
    };
    if (probed.rung + 1 < ladder.size()) probed.up = step(probed.rung + 1);
    if (probed.rung > 0) probed.down = step(probed.rung - 1);
  }
  return result;
}

}  // namespace oneadapt
