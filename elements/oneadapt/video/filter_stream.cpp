// SPDX-License-Identifier: LGPL-2.1-or-later
// What oneadaptfilter does with caps and frames. Everything here runs under the stream lock.
#include "config.h"

#include <gst/pbutils/codec-utils.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/macroblock/allocation.h"
#include "gstoneadapt.h"
#include "video/filter_impl.h"
#include "walk.h"
#include "wire/mark.h"

#define GST_CAT_DEFAULT oneadapt_filter_debug

using oneadapt::kFramerate;
using oneadapt::kKnobs;
using oneadapt::KnobType;
using oneadapt::kQp;
using oneadapt::kScale;
using oneadapt::Size;
using oneadapt::thread_cpu_ns;
using oneadapt::Values;

namespace {

// Timestamps that are missing are made up at this rate when caps give none.
constexpr GstClockTime kDefaultFrame = GST_SECOND / 25;

GstCaps *output_caps(const FilterState &state) {
  if (!state.h264) return gst_caps_copy(state.input->caps);
  GstCaps *caps = gst_caps_new_simple("video/x-h264", "stream-format", G_TYPE_STRING, "byte-stream", "alignment",
                                      G_TYPE_STRING, "au", nullptr);
  const auto &sps = state.coder->sps();
  if (sps.size() > 3) gst_codec_utils_h264_caps_set_level_and_profile(caps, &sps[1], guint(sps.size() - 1));
  return caps;
}

/// Whether downstream takes pictures of this size. True when it cannot be asked.
bool downstream_takes(GstOneadaptFilter *self, Size size) {
  const FilterState &state = *self->impl->state;
  GstCaps *caps = gst_caps_new_simple(state.h264 ? "video/x-h264" : "video/x-raw", "width", G_TYPE_INT, int(size.width),
                                      "height", G_TYPE_INT, int(size.height), nullptr);
  GstCaps *peer = gst_pad_peer_query_caps(GST_VIDEO_ENCODER_SRC_PAD(self), nullptr);
  const bool takes = gst_caps_can_intersect(peer, caps);
  gst_caps_unref(peer);
  gst_caps_unref(caps);
  return takes;
}

/// Makes the coder and downstream ready for pictures of `size`. Throws.
gboolean set_output(GstOneadaptFilter *self, Size size) {
  FilterState &state = *self->impl->state;
  state.coder->prepare(size, state.regions || !state.map_offsets.empty());
  if (state.output == size) return TRUE;
  auto *encoder = GST_VIDEO_ENCODER(self);
  GstVideoCodecState *output = gst_video_encoder_set_output_state(encoder, output_caps(state), state.input);
  output->info.width = int(size.width);
  output->info.height = int(size.height);
  gst_video_codec_state_unref(output);
  if (!gst_video_encoder_negotiate(encoder)) return FALSE;
  GST_DEBUG_OBJECT(self, "output is %ux%u", size.width, size.height);
  state.output = size;
  return TRUE;
}

/// What the user or the controller wants from interval `number` on. Takes OBJECT_LOCK.
Values take_configuration(GstOneadaptFilter *self, guint64 number, QpMap &map) {
  GST_OBJECT_LOCK(self);
  FilterSettings &settings = self->impl->settings;
  if (settings.pending && settings.pending->interval <= number) {
    for (std::size_t knob = 0; knob < kKnobs; knob++)
      if (const auto &value = settings.pending->values[knob]) settings.values[knob] = *value;
    if (const auto &value = settings.pending->values[oneadapt::kQpMap]) settings.values[kQp] = *value;
    if (settings.pending->map) settings.map = *settings.pending->map;
    settings.pending.reset();
  }
  // The QP that a map is laid over has one home.
  settings.values[oneadapt::kQpMap] = settings.values[kQp];
  const Values values = settings.values;
  map = settings.map;
  GST_OBJECT_UNLOCK(self);
  return values;
}

/// The controller's map for the rest of interval `number`, which has begun: all else must be as `applied`. Takes
/// OBJECT_LOCK.
std::optional<QpMap> take_early_map(GstOneadaptFilter *self, guint64 number, const Values &applied) {
  std::optional<QpMap> map;
  GST_OBJECT_LOCK(self);
  FilterSettings &settings = self->impl->settings;
  if (settings.pending && settings.pending->interval <= number && settings.pending->map) {
    bool same = true;
    for (std::size_t knob = 0; knob < kKnobs; knob++)
      same = same && settings.pending->values[knob].value_or(applied[knob]) == applied[knob];
    if (same) {
      map = settings.map = *settings.pending->map;
      settings.pending.reset();
    }
  }
  GST_OBJECT_UNLOCK(self);
  return map;
}

void notify_applied(GstOneadaptFilter *self, const Values &applied) {
  Values &notified = self->impl->notified;
  for (std::size_t knob = 0; knob < kKnobs; knob++) {
    if (notified[knob] == applied[knob] || knob == oneadapt::kQpMap) continue;
    notified[knob] = applied[knob];
    g_object_notify_by_pspec(G_OBJECT(self), filter_knob_pspec(knob));
  }
}

/// What those downstream are told of an interval before its first frame.
GstEvent *announce(const FilterState &state, guint64 number, guint64 last_bytes) {
  const GstVideoInfo &info = state.input->info;
  GstStructure *knobs = gst_structure_new_empty("knobs");
  for (std::size_t knob = 0; knob < kKnobs; knob++) {
    const oneadapt::KnobRow &row = oneadapt::video_knobs()[knob];
    double value = state.applied[knob];
    if (knob == kFramerate && info.fps_n > 0 && info.fps_d > 0) {
      const double input = double(info.fps_n) / info.fps_d;
      if (value == 0 || value > input) value = input;
    }
    if (knob == oneadapt::kBBias && !state.fixed.b_frames) continue;
    if (knob != oneadapt::kQpMap && (state.h264 || !row.h264_only))
      gst_structure_set(knobs, row.name, G_TYPE_DOUBLE, value, nullptr);
  }
  GstEvent *event = gst_event_new_oneadapt_configuration(number, knobs, last_bytes, state.fixed.interval);
  gst_structure_free(knobs);
  if (!state.map_offsets.empty()) {
    const Size size = state.coder->size(state.applied[kScale]);
    const int base = int(std::lround(state.applied[kQp]));
    std::vector<float> coded(state.map_offsets.size());
    for (std::size_t i = 0; i < coded.size(); i++)
      coded[i] = float(oneadapt::coded_qp(base, state.map_offsets[i]) - base);
    gst_event_set_oneadapt_qp_map(event, size.width, size.height, 16, coded.data());
  }
  return event;
}

/// Lays the map in force over the output's macroblocks.
void lay_map(FilterState &state) {
  const Size size = state.coder->size(state.applied[kScale]);
  state.map_offsets.clear();
  if (state.h264 && state.map.columns)
    state.map_offsets = oneadapt::stretch_offsets(state.map.offsets, state.map.columns, state.map.rows,
                                                  (size.width + 15) / 16, (size.height + 15) / 16);
}

GstFlowReturn send_held(GstOneadaptFilter *self);

/// A map that need not wait for an interval's first frame: the QP that it is laid over stays. Throws.
void change_map(GstOneadaptFilter *self, QpMap map) {
  FilterImpl &impl = *self->impl;
  FilterState &state = *impl.state;
  state.map = std::move(map);
  lay_map(state);
  // An encoder that takes no offsets gives way to one that does, at the price of one more IDR.
  if (!state.map_offsets.empty() && !state.coder->ready(state.output, true)) {
    send_held(self);
    state.coder->prepare(state.output, true);
  }
  impl.history.lock()->change_map(state.map);
  g_object_notify_by_pspec(G_OBJECT(self), filter_knob_pspec(oneadapt::kQpMap));
}

/// Tells the frame filter what the DNN looks at, if that is new.
void update_weights(FilterImpl &impl) {
  auto weights = impl.weights.lock();
  if (!*weights) return;
  impl.state->frame_filter.set_gradient((*weights)->map, (*weights)->confident);
  weights->reset();
}

void begin_filtering(GstOneadaptFilter *self) {
  FilterImpl &impl = *self->impl;
  FilterState &state = *impl.state;
  state.filtering = oneadapt::thresholds_of(state.applied).any() || impl.thresholds_asked;
  if (!state.filtering) return;
  state.frame_filter.begin_interval();
  update_weights(impl);
  impl.history.lock()->on_filter(state.frame_filter, state.fixed.max_skip);
}

/// Of a mapped picture whose first plane is luma.
oneadapt::FrameFilter::Frame cells_of(GstVideoFrame *frame) {
  return std::make_shared<oneadapt::Cells>(
      oneadapt::luma_cells(static_cast<const std::uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(frame, 0)),
                           std::size_t(GST_VIDEO_FRAME_PLANE_STRIDE(frame, 0)), unsigned(GST_VIDEO_FRAME_WIDTH(frame)),
                           unsigned(GST_VIDEO_FRAME_HEIGHT(frame))));
}

/// The luma of an input picture.
oneadapt::FrameFilter::Frame cells_of(const GstVideoInfo &info, GstBuffer *buffer) {
  oneadapt::MappedFrame frame(info, buffer, GST_MAP_READ);
  const auto width = unsigned(info.width), height = unsigned(info.height);
  if (oneadapt::is_planar_luma(GST_VIDEO_INFO_FORMAT(&info))) return cells_of(frame.get());
  const GstVideoInfo gray = oneadapt::resized(info, {width, height}, GST_VIDEO_FORMAT_GRAY8);
  oneadapt::BufferRef luma = oneadapt::take_buffer(gst_buffer_new_allocate(nullptr, gray.size, nullptr));
  oneadapt::MappedFrame out(gray, luma.get(), GST_MAP_READWRITE);
  oneadapt::Scaler(info, gray, 1).run(frame.get(), out.get());
  return cells_of(out.get());
}

/// Whether the frame filter lets the frame through.
bool passes(GstOneadaptFilter *self, GstBuffer *buffer, GstClockTime time, bool must) {
  FilterImpl &impl = *self->impl;
  FilterState &state = *impl.state;
  if (!state.filtering) return true;
  const guint64 start = thread_cpu_ns();
  update_weights(impl);
  const auto cells = cells_of(state.input->info, buffer);
  const auto thresholds = oneadapt::thresholds_of(state.applied);
  // The gradient is taken on an interval's last frame.
  must = must || (impl.feedback && state.clock->ends(time));
  if (thresholds.pixel > 0 || thresholds.area > 0 || impl.units_asked) state.frame_filter.observe(cells);
  const bool kept = state.frame_filter.keep(cells, thresholds, must, state.fixed.max_skip);
  const guint64 spent = thread_cpu_ns() - start;
  auto history = impl.history.lock();
  history->on_frame_filtered(cells, must, kept);
  history->counters.coding_ns += spent;
  return kept;
}

/// The first frame of an interval. Throws.
gboolean begin_interval(GstOneadaptFilter *self, GstClockTime time, bool new_interval) {
  FilterImpl &impl = *self->impl;
  FilterState &state = *impl.state;
  if (new_interval) {
    state.pool = nullptr;  // looked at anew, should another pool have come to its address
    const guint64 number = time / state.fixed.interval;
    QpMap map;
    Values wanted = take_configuration(self, number, map);
    const Size size = state.coder->size(wanted[kScale]);
    if (size != state.output && !downstream_takes(self, size)) {
      const double stays = state.configured ? state.applied[kScale] : 1.0;
      GST_ELEMENT_WARNING(self, STREAM, FORMAT,
                          ("Property \"scale\": downstream does not take %u×%u pixels, so %g stays in force.",
                           size.width, size.height, stays),
                          ("let elements downstream take any size, or do not adapt \"scale\""));
      wanted[kScale] = stays;
      GST_OBJECT_LOCK(self);
      impl.settings.values[kScale] = stays;
      GST_OBJECT_UNLOCK(self);
    }
    if (!(map == state.map)) {
      state.map = std::move(map);
      g_object_notify_by_pspec(G_OBJECT(self), filter_knob_pspec(oneadapt::kQpMap));
    }
    state.applied = wanted;
    state.configured = true;
    state.clock->begin(time, wanted[kFramerate]);
    auto history = impl.history.lock();
    history->begin(number, wanted, state.map);
    state.last_bytes = history->current()->bytes_before;
  }
  if (new_interval) begin_filtering(self);
  const Size size = state.coder->size(state.applied[kScale]);
  lay_map(state);
  if (new_interval) {
    gst_clear_event(&state.announcement);
    state.announcement = announce(state, time / state.fixed.interval, state.last_bytes);
  }
  return set_output(self, size);
}

/// A picture to remember. An upstream pool that cannot grow must get its buffer back: then a copy.
oneadapt::BufferRef remember(FilterState &state, GstBuffer *buffer) {
  if (buffer->pool && buffer->pool != state.pool) {
    state.pool = buffer->pool;
    GstStructure *config = gst_buffer_pool_get_config(buffer->pool);
    guint most = 0;
    gst_buffer_pool_config_get_params(config, nullptr, nullptr, nullptr, &most);
    state.pool_is_limited = most > 0;
    gst_structure_free(config);
  }
  if (buffer->pool && state.pool_is_limited) return oneadapt::take_buffer(gst_buffer_copy_deep(buffer));
  return oneadapt::ref_buffer(buffer);
}

GstClockTime frame_time(const FilterState &state) {
  const GstVideoInfo &info = state.input->info;
  return info.fps_n > 0 ? gst_util_uint64_scale(GST_SECOND, info.fps_d, info.fps_n) : kDefaultFrame;
}

/// The frame's stream time; where there is no timestamp, makes one up from the frame before.
GstClockTime time_of(GstOneadaptFilter *self, GstVideoCodecFrame *frame) {
  FilterState &state = *self->impl->state;
  const GstSegment &segment = GST_VIDEO_ENCODER_INPUT_SEGMENT(self);
  if (!GST_CLOCK_TIME_IS_VALID(frame->pts)) {
    const GstClockTime step = frame_time(state);
    frame->pts = GST_CLOCK_TIME_IS_VALID(state.last_pts) ? state.last_pts + step : segment.start;
    if (!GST_CLOCK_TIME_IS_VALID(frame->duration)) frame->duration = step;
    GST_LOG_OBJECT(self, "no timestamp: taken for %" GST_TIME_FORMAT, GST_TIME_ARGS(frame->pts));
  }
  state.last_pts = frame->pts;
  const guint64 time = gst_segment_to_stream_time(&segment, GST_FORMAT_TIME, frame->pts);
  return GST_CLOCK_TIME_IS_VALID(time) ? time : frame->pts;
}

/// What feedback may take (docs/wire-format.md): a share of what an interval was sent with. 0: no limit.
std::uint16_t feedback_bytes(GstOneadaptFilter *self, bool last) {
  // Before one was sent: half a bit a macroblock, a coarse map for a second.
  constexpr double kPixelsPerByte = 16 * 256, kLeastAtFirst = 128;
  constexpr double kLeast = 96;  // by measurement (docs/network-faults.md): with less, decisions are no longer the same
  FilterState &state = *self->impl->state;
  if (state.fixed.feedback_share <= 0) return 0;
  if (last) {
    const std::uint64_t bytes = self->impl->history.lock()->counters.bytes;
    state.interval_bytes = bytes - state.bytes_before;
    state.bytes_before = bytes;
  }
  const double share = state.interval_bytes
                           ? double(state.interval_bytes) * state.fixed.feedback_share
                           : std::max(kLeastAtFirst, double(state.output.width) * state.output.height / kPixelsPerByte);
  return std::uint16_t(std::clamp(share, kLeast, 65535.0));
}

/// The mark that the frame carries (docs/network.md); empty: none.
std::vector<std::uint8_t> mark_for(GstOneadaptFilter *self, GstClockTime time, bool idr) {
  FilterState &state = *self->impl->state;
  if (!state.marking)
    state.marking = state.fixed.marks == Marks::On ||
                    (state.fixed.marks == Marks::Auto &&
                     oneadapt::leads_to_network(GST_VIDEO_ENCODER_SRC_PAD(GST_VIDEO_ENCODER(self))));
  const bool last = state.clock->ends(time);
  if (!*state.marking || !state.h264 || !(idr || last)) return {};
  oneadapt::IntervalMark mark;
  mark.last = last;
  mark.stream = gst_oneadapt_pad_stream(GST_VIDEO_ENCODER_SINK_PAD(GST_VIDEO_ENCODER(self)));
  mark.stream_time = time;
  mark.interval_duration = state.fixed.interval;
  mark.feedback_bytes = feedback_bytes(self, last);
  std::vector<std::uint8_t> data(std::begin(oneadapt::kMarkUuid), std::end(oneadapt::kMarkUuid));
  const auto coded = oneadapt::encode_mark(mark);
  data.insert(data.end(), coded.begin(), coded.end());
  return data;
}

GstFlowReturn drop(GstOneadaptFilter *self, GstVideoCodecFrame *frame) {
  FilterImpl &impl = *self->impl;
  impl.history.lock()->on_frame_dropped();
  impl.dropping = true;
  const GstFlowReturn flow = gst_video_encoder_finish_frame(GST_VIDEO_ENCODER(self), frame);  // no output: dropped
  impl.dropping = false;
  return flow;
}

/// Sends one output, which may be that of an earlier frame.
GstFlowReturn send(GstOneadaptFilter *self, oneadapt::Coded coded) {
  FilterImpl &impl = *self->impl;
  FilterState &state = *impl.state;
  auto *encoder = GST_VIDEO_ENCODER(self);
  GstVideoCodecFrame *frame = gst_video_encoder_get_frame(encoder, int(coded.id));
  if (!frame) throw std::runtime_error("a frame was forgotten while it was being encoded");
  frame->output_buffer = gst_buffer_ref(coded.buffer.get());
  coded.buffer.reset();
  state.held--;
  if (state.h264) {
    frame->dts = state.decoding_times.front();
    state.decoding_times.pop_front();
  }
  if (coded.idr || !state.h264) GST_VIDEO_CODEC_FRAME_SET_SYNC_POINT(frame);
  // Before the frame goes out: its gradient may come back, and ask for a probe, while it is being pushed.
  impl.history.lock()->on_frame_sent(gst_buffer_get_size(frame->output_buffer), coded.b);
  return gst_video_encoder_finish_frame(encoder, frame);
}

/// Sends what is held back.
GstFlowReturn send_held(GstOneadaptFilter *self) {
  FilterState &state = *self->impl->state;
  GstFlowReturn flow = GST_FLOW_OK;
  while (state.held > 0 && flow == GST_FLOW_OK) {
    auto coded = state.coder->flush();
    if (!coded) throw std::runtime_error("the encoder lost a picture");
    flow = send(self, std::move(*coded));
  }
  return flow;
}

/// Frames that are held back and will never leave: the base class has forgotten them.
void forget_held(GstOneadaptFilter *self) {
  FilterState &state = *self->impl->state;
  while (state.held > 0 && state.coder->flush()) {
  }
  self->impl->history.lock()->on_frames_lost(std::exchange(state.held, 0));
  state.decoding_times.clear();
}

GstFlowReturn handle_frame(GstOneadaptFilter *self, GstVideoCodecFrame *frame) {
  FilterImpl &impl = *self->impl;
  FilterState &state = *impl.state;
  impl.history.lock()->on_frame_in();
  const GstClockTime time = time_of(self, frame);
  gst_object_sync_values(GST_OBJECT(self), time);

  const bool forced = GST_VIDEO_CODEC_FRAME_IS_FORCE_KEYFRAME(frame);
  const bool begins = state.clock->begins(time);
  if (begins || forced || state.fresh) {
    const GstFlowReturn flow = send_held(self);
    if (flow != GST_FLOW_OK) {
      drop(self, frame);
      return flow;
    }
  }
  if ((begins || state.fresh) && !begin_interval(self, time, begins)) {
    drop(self, frame);
    return GST_FLOW_NOT_NEGOTIATED;
  }
  if (begins) {
    notify_applied(self, state.applied);
  } else if (auto map = take_early_map(self, time / state.fixed.interval, state.applied)) {
    if (!(*map == state.map)) change_map(self, std::move(*map));
  }

  oneadapt::BufferRef picture = remember(state, frame->input_buffer);
  impl.history.lock()->on_picture(std::move(picture), time);
  state.idr_due = state.idr_due || begins || forced || state.fresh;
  const bool must = forced || state.fresh;
  if (!state.clock->keep(time) && !must) return drop(self, frame);
  if (!passes(self, frame->input_buffer, time, must)) return drop(self, frame);

  const guint64 start = thread_cpu_ns();
  bool idr = std::exchange(state.idr_due, false);
  std::vector<float> offsets = state.map_offsets;
  if (state.h264) {
    const GstVideoInfo &info = state.input->info;
    std::string complaint;
    const auto regions =
        oneadapt::qp_regions(frame->input_buffer, {unsigned(info.width), unsigned(info.height)}, complaint);
    if (!complaint.empty() && !std::exchange(state.region_warned, true))
      GST_WARNING_OBJECT(self, "a region of interest: %s (said once a run)", complaint.c_str());
    if (!regions.empty()) {
      // An odd last column or row is cut off, not scaled away.
      const Size whole = state.coder->size(1);
      const Size shown = state.output == whole ? whole : Size{unsigned(info.width), unsigned(info.height)};
      const auto moved = oneadapt::qp_offsets(regions, shown, state.output);
      offsets.resize(moved.size());
      for (std::size_t i = 0; i < moved.size(); i++) offsets[i] += moved[i];
      if (!state.regions) {
        // The first ever: they are honoured at once, at the price of one more IDR. From here on the encoder takes them.
        state.regions = true;
        if (!state.coder->ready(state.output, true)) send_held(self);
        state.coder->prepare(state.output, true);
      }
    }
  }
  impl.history.lock()->on_frame_kept();
  // What leaves first was shown first, or is looked ahead to from there: one picture's time earlier.
  if (state.h264) {
    if (state.decoding_times.empty() && state.fixed.b_frames)
      state.decoding_times.push_back(frame->pts - std::min(frame->pts, frame_time(state)));
    state.decoding_times.push_back(frame->pts);
  }
  oneadapt::CoderFrame wanted;
  wanted.id = frame->system_frame_number;
  wanted.qp = int(std::lround(state.applied[kQp]));
  wanted.b_bias = int(std::lround(state.applied[oneadapt::kBBias]));
  wanted.idr = idr;
  wanted.offsets = &offsets;
  wanted.user_data = mark_for(self, time, idr);
  state.held++;
  auto coded = state.coder->code(frame->input_buffer, wanted);
  state.fresh = false;
  impl.history.lock()->counters.coding_ns += thread_cpu_ns() - start;
  const bool last = state.fixed.b_frames > 0 && state.clock->ends(time);
  state.gop_ended = last;
  GstFlowReturn flow = GST_FLOW_OK;
  if (coded) flow = send(self, std::move(*coded));
  if (flow == GST_FLOW_OK && last) flow = send_held(self);
  gst_video_codec_frame_unref(frame);
  return flow;
}

}  // namespace

gboolean filter_set_format(GstOneadaptFilter *self, GstVideoCodecState *input) {
  FilterImpl &impl = *self->impl;
  FilterState &state = *impl.state;
  auto *encoder = GST_VIDEO_ENCODER(self);
  const GstVideoInfo &info = input->info;

  bool h264 = false, raw = false;
  GstCaps *allowed = gst_pad_get_allowed_caps(GST_VIDEO_ENCODER_SRC_PAD(encoder));
  if (!allowed) allowed = gst_pad_get_pad_template_caps(GST_VIDEO_ENCODER_SRC_PAD(encoder));
  for (guint i = 0; i < gst_caps_get_size(allowed); i++) {
    const bool is_raw = gst_structure_has_name(gst_caps_get_structure(allowed, i), "video/x-raw");
    raw = raw || is_raw;
    h264 = h264 || !is_raw;
  }
  gst_caps_unref(allowed);
  const GstVideoFormat format = GST_VIDEO_INFO_FORMAT(&info);
  const bool codable = (format == GST_VIDEO_FORMAT_I420 || format == GST_VIDEO_FORMAT_NV12) && info.width >= 16 &&
                       info.height >= 16 && info.width <= 16385 && info.height <= 16385;
  if (!(h264 && codable) && !raw) {
    GST_ELEMENT_ERROR(self, STREAM, FORMAT,
                      ("Pictures of %d×%d in format %s cannot become what downstream takes.", info.width, info.height,
                       GST_VIDEO_INFO_NAME(&info)),
                      ("H.264 needs I420 or NV12 and 16…16384 pixels a side; put videoconvert or videoscale in front"));
    return FALSE;
  }

  if (filter_finish(self) != GST_FLOW_OK) return FALSE;
  if (state.input) gst_video_codec_state_unref(state.input);
  state.input = gst_video_codec_state_ref(input);
  state.h264 = h264 && codable;
  state.output = {};
  state.fresh = true;
  state.regions = false;
  const double rate = info.fps_n > 0 && info.fps_d > 0 ? double(info.fps_n) / info.fps_d : 0;
  // The interval goes on across new caps, with the configuration that it began with; only the rate is another.
  state.clock->set_nominal_rate(rate);
  impl.history.lock()->set_format({info, state.h264, state.fixed.b_frames});
  const GstClockTime delay = state.h264 ? state.fixed.b_frames * frame_time(state) : 0;
  gst_video_encoder_set_latency(encoder, delay, delay);
  try {
    oneadapt::CoderSettings settings;
    settings.input = info;
    settings.h264 = state.h264;
    settings.preset = kPresets[state.fixed.preset];
    settings.threads = state.fixed.threads;
    settings.b_frames = state.fixed.b_frames;
    state.coder = std::make_unique<oneadapt::Coder>(settings);
  } catch (const std::exception &error) {
    GST_ELEMENT_ERROR(self, LIBRARY, INIT, ("The encoder cannot be set up: %s.", error.what()), (nullptr));
    return FALSE;
  }
  return TRUE;
}

GstFlowReturn filter_handle_frame(GstOneadaptFilter *self, GstVideoCodecFrame *frame) {
  try {
    return handle_frame(self, frame);
  } catch (const std::exception &error) {
    GST_ELEMENT_ERROR(self, STREAM, ENCODE, ("A frame cannot be filtered: %s.", error.what()),
                      ("scale %g, qp %g, speed-preset %s", self->impl->state->applied[kScale],
                       self->impl->state->applied[kQp], kPresets[self->impl->state->fixed.preset]));
    drop(self, frame);
    return GST_FLOW_ERROR;
  }
}

void filter_drain(GstOneadaptFilter *self) {
  FilterState &state = *self->impl->state;
  if (!state.fixed.b_frames || state.held || !state.gop_ended) return;
  // Decoders give everything out at a still frame (DVD menus): gaps and this query do not make them. An IDR comes next.
  for (bool still : {true, false})
    gst_pad_push_event(GST_VIDEO_ENCODER_SRC_PAD(self), gst_video_event_new_still_frame(still));
}

GstFlowReturn filter_finish(GstOneadaptFilter *self) {
  try {
    return send_held(self);
  } catch (const std::exception &error) {
    GST_ELEMENT_ERROR(self, STREAM, ENCODE, ("Frames that were held back cannot be filtered: %s.", error.what()),
                      (nullptr));
    return GST_FLOW_ERROR;
  }
}

void filter_forget(GstOneadaptFilter *self) {
  FilterImpl &impl = *self->impl;
  FilterState &state = *impl.state;
  forget_held(self);
  state.fresh = true;
  state.idr_due = true;
  state.last_pts = GST_CLOCK_TIME_NONE;
  gst_clear_event(&state.announcement);
  if (state.clock) state.clock->reset();
  state.frame_filter.reset();
  impl.history.lock()->forget();
  // The interval that a configuration was meant for may never come: it takes effect with the next frame.
  GST_OBJECT_LOCK(self);
  if (impl.settings.pending) impl.settings.pending->interval = 0;
  GST_OBJECT_UNLOCK(self);
}
