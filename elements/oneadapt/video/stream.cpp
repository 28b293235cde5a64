// SPDX-License-Identifier: LGPL-2.1-or-later
#include "config.h"

#include "video/stream.h"

#include <gst/pbutils/codec-utils.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "core/macroblock/allocation.h"
#include "gstoneadapt.h"
#include "interval_end.h"
#include "mosaic_caps.h"
#include "walk.h"

GST_DEBUG_CATEGORY_EXTERN(oneadapt_filter_debug);
#define GST_CAT_DEFAULT oneadapt_filter_debug

namespace oneadapt {
namespace {

// Timestamps that are missing are made up at this rate when caps give none.
constexpr GstClockTime kDefaultFrame = GST_SECOND / 25;
// As x264enc's.
constexpr GstClockTime kLeastTimestamp = 1000 * 60 * 60 * GST_SECOND;
// Requests for IDR pictures are answered, in the long run, once in that many times min-force-key-unit-interval: at its
// default they cost no more than GOPs of a second, and who lost the IDR picture too still gets the next one soon.
constexpr GstClockTime kLongRun = 4;

}  // namespace

VideoStream::VideoStream(GstVideoEncoder *encoder, VideoMedium &medium, AdaptiveFilter &filter)
    : encoder_(encoder),
      medium_(medium),
      filter_(filter),
      fixed_(*medium.settings.lock()),
      intervals_(filter, fixed_.interval),
      clock_(fixed_.interval, 0),
      thresholds_(medium, fixed_.max_skip),
      gray16_(fixed_.gray16),
      marker_(encoder, medium, fixed_),
      key_frames_(fixed_.key_int_max) {
  // Decoding times begin one picture ahead of the first. So that none is below 0, the base class moves all times, and
  // the segment with them.
  if (fixed_.b_frames) gst_video_encoder_set_min_pts(encoder_, kLeastTimestamp);
}

VideoStream::~VideoStream() {
  if (input_) gst_video_codec_state_unref(input_);
}

/* ---- output -------------------------------------------------------------------------------------------------- */

GstCaps *VideoStream::output_caps() const {
  if (!h264()) return gst_caps_copy(input_->caps);
  GstCaps *caps = gst_caps_new_simple("video/x-h264", "stream-format", G_TYPE_STRING, "byte-stream", "alignment",
                                      G_TYPE_STRING, "au", nullptr);
  const auto &sps = coder_->sps();
  if (sps.size() > 3) gst_codec_utils_h264_caps_set_level_and_profile(caps, &sps[1], guint(sps.size() - 1));
  // As downstream calls it: "baseline" and "constrained-baseline", "high" and "constrained-high" are one here.
  if (!profile_.empty()) gst_caps_set_simple(caps, "profile", G_TYPE_STRING, profile_.c_str(), nullptr);
  return caps;
}

/// Makes the coder ready for pictures of a size. Only an encoder with B pictures takes no offsets until there are any,
/// and then gives way to another. Throws.
void VideoStream::prepare_coder(Size size) {
  const bool offsets = !format_.b_frames || regions_ || !map_offsets_.empty();
  if (size == output_ && !coder_->ready(size, offsets)) send_held();
  if (coder_->prepare(size, offsets)) key_frames_.require();
}

/// Makes the coder and downstream ready for pictures under the configuration in force. Throws.
bool VideoStream::set_output() {
  const Size size = coder_->size(intervals_.applied()[kScale]);
  prepare_coder(size);
  if (output_ == size) return true;
  GstVideoCodecState *output = gst_video_encoder_set_output_state(encoder_, output_caps(), input_);
  output->info.width = int(size.width);
  output->info.height = int(size.height);
  const Ratio pixel = pixel_aspect_ratio(format_.info, size);
  output->info.par_n = pixel.n;
  output->info.par_d = pixel.d;
  gst_video_codec_state_unref(output);
  if (!gst_video_encoder_negotiate(encoder_)) return false;
  GST_DEBUG_OBJECT(encoder_, "output is %ux%u", size.width, size.height);
  output_ = size;
  return true;
}

GstFlowReturn VideoStream::drop(GstVideoCodecFrame *frame) {
  medium_.history.lock()->on_frame_dropped();
  medium_.dropping = true;
  const GstFlowReturn flow = gst_video_encoder_finish_frame(encoder_, frame);  // no output: dropped
  medium_.dropping = false;
  return flow;
}

/// Sends one output, which may be that of an earlier frame.
GstFlowReturn VideoStream::send(Coded coded) {
  GstVideoCodecFrame *frame = gst_video_encoder_get_frame(encoder_, int(coded.id));
  if (!frame) throw std::runtime_error("a frame was forgotten while it was being encoded");
  frame->output_buffer = gst_buffer_ref(coded.buffer.get());
  coded.buffer.reset();
  if (last_frame_ && last_frame_->first == frame->system_frame_number) {
    frame->output_buffer = gst_buffer_make_writable(frame->output_buffer);
    set_ends_interval(frame->output_buffer, last_frame_->second);
    last_frame_.reset();
  }
  held_--;
  if (h264()) {
    frame->dts = decoding_times_.front();
    decoding_times_.pop_front();
  }
  if (coded.idr || !h264()) GST_VIDEO_CODEC_FRAME_SET_SYNC_POINT(frame);
  // Before the frame goes out: its gradient may come back, and ask for a probe, while it is being pushed.
  using Kind = PictureHistory::Kind;
  const Kind kind = coded.idr ? Kind::Idr : coded.b ? Kind::B : Kind::P;
  medium_.history.lock()->on_frame_sent(gst_buffer_get_size(frame->output_buffer), kind);
  return gst_video_encoder_finish_frame(encoder_, frame);
}

GstFlowReturn VideoStream::send_held() {
  GstFlowReturn flow = GST_FLOW_OK;
  while (held_ > 0 && flow == GST_FLOW_OK) {
    auto coded = coder_->flush();
    if (!coded) throw std::runtime_error("the encoder lost a picture");
    flow = send(std::move(*coded));
  }
  return flow;
}

void VideoStream::pre_push(GstVideoCodecFrame *frame) {
  // The base class knows coded streams only; raw pictures have no decoding order.
  if (!h264()) GST_BUFFER_DTS(frame->output_buffer) = GST_CLOCK_TIME_NONE;
  intervals_.push_announcement(GST_VIDEO_ENCODER_SRC_PAD(encoder_));
}

/* ---- QP maps ------------------------------------------------------------------------------------------------- */

/// Lays the map in force over the output's macroblocks.
void VideoStream::lay_map() {
  const Size size = coder_->size(intervals_.applied()[kScale]);
  map_offsets_.clear();
  if (h264() && map_.columns)
    map_offsets_ =
        stretch_offsets(map_.offsets, map_.columns, map_.rows, (size.width + 15) / 16, (size.height + 15) / 16);
}

/// A map that need not wait for an interval's first frame: the QP that it is laid over stays. Throws.
void VideoStream::change_map(const QpMap &map) {
  map_ = map;
  lay_map();
  if (!map_offsets_.empty()) prepare_coder(output_);
  medium_.history.lock()->change_map(map_);
  filter_.notify(kQpMap);
}

/// Adds the QP offsets of a buffer's regions of interest. Throws.
void VideoStream::add_regions(GstBuffer *buffer, std::vector<float> &offsets) {
  std::string complaint;
  const Size whole_input = size_of(format_.info);
  const auto regions = qp_regions(buffer, whole_input, complaint);
  if (!complaint.empty() && !std::exchange(said_.region, true))
    GST_WARNING_OBJECT(encoder_, "a region of interest: %s (said once a run)", complaint.c_str());
  if (regions.empty()) return;
  // An odd last column or row is cut off, not scaled away.
  const Size whole = coder_->size(1);
  const auto moved = qp_offsets(regions, output_ == whole ? whole : whole_input, output_);
  offsets.resize(moved.size());
  for (std::size_t i = 0; i < moved.size(); i++) offsets[i] += moved[i];
  // The first ever are honoured at once.
  if (!std::exchange(regions_, true)) prepare_coder(output_);
}

/* ---- intervals ----------------------------------------------------------------------------------------------- */

/// What keeps the output from another size, for a warning; empty: nothing does.
std::string VideoStream::size_refused(Size size) const {
  GstPad *src = GST_VIDEO_ENCODER_SRC_PAD(encoder_);
  GstCaps *caps = gst_caps_new_simple(h264() ? "video/x-h264" : "video/x-raw", "width", G_TYPE_INT, int(size.width),
                                      "height", G_TYPE_INT, int(size.height), nullptr);
  const Ratio pixel = pixel_aspect_ratio(format_.info, size);
  gst_caps_set_simple(caps, "pixel-aspect-ratio", GST_TYPE_FRACTION, pixel.n, pixel.d, nullptr);
  if (!downstream_takes(src, caps)) return "downstream does not take";
  const std::string recorder = output_.width ? recorder_downstream(src) : "";
  return recorder.empty() ? "" : recorder + " has begun with another size and cannot record";
}

/// What is asked for, as far as downstream takes it.
Values VideoStream::choose_configuration(guint64 number) {
  Values wanted = intervals_.take(number);
  const Size size = coder_->size(wanted[kScale]);
  if (size == output_) return wanted;
  const std::string refused = size_refused(size);
  if (refused.empty()) return wanted;
  const double stays = intervals_.begun() ? intervals_.applied()[kScale] : 1.0;
  if (!std::exchange(said_.size, true))
    GST_ELEMENT_WARNING(encoder_, STREAM, FORMAT,
                        ("Property \"scale\": %s %u×%u pixels, so %g stays in force; let elements downstream take any "
                         "size (of muxers, mpegtsmux does), or adapt other knobs (oneadaptctl knobs=qp).",
                         refused.c_str(), size.width, size.height, stays),
                        ("said once a run"));
  intervals_.replace(kScale, wanted[kScale], stays);
  wanted[kScale] = stays;
  return wanted;
}

/// A new interval's configuration comes into force. Throws.
void VideoStream::begin_interval(GstClockTime time) {
  upstream_.pool = nullptr;  // looked at anew, should another pool have come to its address
  const guint64 number = time / fixed_.interval;
  const Values wanted = choose_configuration(number);
  const QpMap &map = qp_map_of(intervals_.payload());
  if (!(map == map_)) {
    map_ = map;
    filter_.notify(kQpMap);
  }
  intervals_.begin(wanted);
  clock_.begin(time, wanted[kFramerate]);
  key_frames_.begin_interval(clock_.frames());
  first_ = true;
  guint64 last_bytes = GST_ONEADAPT_BYTES_UNKNOWN;
  {
    auto history = medium_.history.lock();
    history->begin(number, wanted, map_, clock_.frame_seconds());
    last_bytes = history->current()->bytes_before;
  }
  thresholds_.begin_interval(wanted);
  lay_map();
  GstEvent *event = intervals_.announce(number, last_bytes);
  if (map_offsets_.empty()) return;
  const Size size = coder_->size(wanted[kScale]);
  const int base = int(std::lround(wanted[kQp]));
  std::vector<float> coded(map_offsets_.size());
  for (std::size_t i = 0; i < coded.size(); i++) coded[i] = float(coded_qp(base, map_offsets_[i]) - base);
  gst_event_set_oneadapt_qp_map(event, size.width, size.height, 16, coded.data());
}

/// What a frame begins: an interval, a stream in another format, or (on request) a GOP. An encoder with B pictures
/// starts a GOP with each interval, because x264 cannot continue once what it held back was flushed. Throws.
GstFlowReturn VideoStream::begin(GstClockTime time, bool new_interval, bool requested) {
  if (fresh_ || format_.b_frames || requested) key_frames_.require();
  const GstFlowReturn flow = send_held();
  if (flow != GST_FLOW_OK || !(new_interval || fresh_)) return flow;
  if (new_interval)
    begin_interval(time);
  else
    lay_map();
  return set_output() ? GST_FLOW_OK : caps_not_pushed(GST_VIDEO_ENCODER_SRC_PAD(encoder_));
}

/* ---- input --------------------------------------------------------------------------------------------------- */

/// A picture to remember. An upstream pool that cannot grow must get its buffer back: then a copy.
BufferRef VideoStream::remember(GstBuffer *buffer) {
  if (buffer->pool && buffer->pool != upstream_.pool) {
    upstream_.pool = buffer->pool;
    GstStructure *config = gst_buffer_pool_get_config(buffer->pool);
    guint most = 0;
    gst_buffer_pool_config_get_params(config, nullptr, nullptr, nullptr, &most);
    upstream_.limited = most > 0;
    gst_structure_free(config);
  }
  if (buffer->pool && upstream_.limited) return take_buffer(gst_buffer_copy_deep(buffer));
  return ref_buffer(buffer);
}

GstClockTime VideoStream::frame_time() const {
  const GstVideoInfo &info = format_.info;
  return info.fps_n > 0 ? gst_util_uint64_scale(GST_SECOND, info.fps_d, info.fps_n) : kDefaultFrame;
}

/// The frame's stream time; where there is no timestamp, makes one up from the frame before.
GstClockTime VideoStream::time_of(GstVideoCodecFrame *frame) {
  const GstSegment &segment = GST_VIDEO_ENCODER_INPUT_SEGMENT(encoder_);
  if (!GST_CLOCK_TIME_IS_VALID(frame->pts)) {
    const GstClockTime step = frame_time();
    frame->pts = GST_CLOCK_TIME_IS_VALID(last_pts_) ? last_pts_ + step : segment.start;
    if (!GST_CLOCK_TIME_IS_VALID(frame->duration)) frame->duration = step;
    GST_LOG_OBJECT(encoder_, "no timestamp: taken for %" GST_TIME_FORMAT, GST_TIME_ARGS(frame->pts));
  }
  last_pts_ = frame->pts;
  // The base class may have moved the frame's own.
  const GstClockTime pts =
      GST_BUFFER_PTS_IS_VALID(frame->input_buffer) ? GST_BUFFER_PTS(frame->input_buffer) : frame->pts;
  const guint64 time = gst_segment_to_stream_time(&segment, GST_FORMAT_TIME, pts);
  return GST_CLOCK_TIME_IS_VALID(time) ? time : pts;
}

/// Codes a frame that is passed on, `last` of its interval or not, and sends what comes of that. Throws before the
/// frame is given away.
GstFlowReturn VideoStream::code(GstVideoCodecFrame *frame, GstClockTime time, bool last) {
  const guint64 start = thread_cpu_ns();
  if (last) last_frame_ = {frame->system_frame_number, clock_.end()};
  std::vector<float> offsets = map_offsets_;
  CoderFrame wanted;
  wanted.id = frame->system_frame_number;
  wanted.qp = int(std::lround(intervals_.applied()[kQp]));
  wanted.b_bias = int(std::lround(intervals_.applied()[kBBias]));
  wanted.offsets = &offsets;
  if (h264()) add_regions(frame->input_buffer, offsets);
  GstFlowReturn flow = GST_FLOW_OK;
  if (key_frames_.due() && (flow = send_held()) != GST_FLOW_OK) {
    drop(frame);
    return flow;
  }
  wanted.idr = key_frames_.due();
  key_frames_.on_coded(wanted.idr);
  if (wanted.idr) key_requests_.on_idr();
  {
    auto history = medium_.history.lock();
    history->on_frame_kept();
    history->on_gop(key_frames_.due_in(clock_.frames()));
  }
  if (h264()) {
    // What leaves first was shown first, or is looked ahead to from there: one picture's time earlier.
    if (decoding_times_.empty() && format_.b_frames)
      decoding_times_.push_back(frame->pts - std::min(frame->pts, frame_time()));
    decoding_times_.push_back(frame->pts);
    wanted.user_data =
        marker_.mark({time, wanted.idr || first_, last, output_, wanted.qp, map_.range, medium_.accuracy_wanted});
  }
  held_++;
  auto coded = coder_->code(h264() && mapped_ ? mapped_.get() : frame->input_buffer, wanted);
  fresh_ = first_ = false;
  medium_.history.lock()->counters.coding_ns += thread_cpu_ns() - start;
  gop_ended_ = last && format_.b_frames > 0;
  if (coded) flow = send(std::move(*coded));
  if (flow == GST_FLOW_OK && gop_ended_) flow = send_held();
  gst_video_codec_frame_unref(frame);
  return flow;
}

GstFlowReturn VideoStream::take(GstVideoCodecFrame *frame) {
  medium_.history.lock()->on_frame_in();
  const GstClockTime time = time_of(frame);
  gst_object_sync_values(GST_OBJECT(encoder_), time);

  const GstClockTime apart = gst_video_encoder_get_min_force_key_unit_interval(encoder_);
  const bool requested = key_requests_.take(GST_VIDEO_CODEC_FRAME_IS_FORCE_KEYFRAME(frame), time,
                                            GST_CLOCK_TIME_IS_VALID(apart) ? kLongRun * apart : 0);
  const bool must = requested || fresh_, begins = clock_.begins(time);
  if (begins || must) {
    const GstFlowReturn flow = begin(time, begins, requested);
    if (flow != GST_FLOW_OK) {
      drop(frame);
      return flow;
    }
  }
  if (begins) {
    intervals_.notify();
  } else if (const PayloadRef payload = intervals_.take_early(time / fixed_.interval)) {
    if (!(qp_map_of(payload) == map_)) change_map(qp_map_of(payload));
  }

  mapped_ = gray16_.takes(input_->info) ? gray16_.map(input_->info, frame->input_buffer) : nullptr;
  medium_.history.lock()->on_picture(mapped_ ? mapped_ : remember(frame->input_buffer), time);
  if (!clock_.keep(time) && !must) return drop(frame);
  const bool last = clock_.ends(time);
  if (!thresholds_.passes(format_.info, mapped_ ? mapped_.get() : frame->input_buffer, intervals_.applied(), must,
                          last))
    return drop(frame);
  return code(frame, time, last);
}

/* ---- what the base class asks for ---------------------------------------------------------------------------- */

gboolean VideoStream::set_format(GstVideoCodecState *input) {
  const GstVideoInfo &info = input->info;
  const PossibleOutput possible = possible_output(GST_VIDEO_ENCODER_SRC_PAD(encoder_), info);
  if (!possible.h264 && !possible.raw) {
    if (std::exchange(said_.refused, true)) return FALSE;  // the source tries again, and again
    GST_ELEMENT_ERROR(
        encoder_, STREAM, FORMAT,
        ("Pictures of %d×%d in format %s cannot become what downstream takes; %s.", info.width, info.height,
         GST_VIDEO_INFO_NAME(&info),
         possible.other_h264
             ? "of H.264, let it take a byte stream of profile high, main or constrained-baseline (h264parse behind "
               "this element makes other forms of it)"
             : "H.264 needs I420, NV12, GRAY8 or GRAY16_LE and 16 to 16384 pixels a side: put videoconvert or "
               "videoscale in front"),
        ("downstream takes %" GST_PTR_FORMAT, possible.downstream.get()));
    return FALSE;
  }
  if (!possible.h264 && possible.other_h264)
    GST_ELEMENT_WARNING(
        encoder_, STREAM, FORMAT,
        ("Raw pictures go out, because downstream takes H.264 in another form only; put h264parse behind "
         "this element."),
        ("downstream takes %" GST_PTR_FORMAT, possible.downstream.get()));

  said_.refused = false;
  if (finish() != GST_FLOW_OK) return FALSE;
  if (input_) gst_video_codec_state_unref(input_);
  input_ = gst_video_codec_state_ref(input);
  profile_ = possible.profile.value_or("");
  format_ = {
      gray16_.takes(info) ? gray16_.mapped(info) : info,  possible.h264,          fixed_.b_frames, key_frames_.most(),
      profile_.empty() ? "high" : x264_profile(profile_), mosaic_of(input->caps), fixed_.blocks};
  if (format_.profile == "baseline" && std::exchange(format_.b_frames, 0))
    GST_ELEMENT_WARNING(
        encoder_, STREAM, FORMAT,
        ("Property \"b-frames\": downstream takes profile %s only, which has no B pictures, so there are "
         "none; set b-frames=0, or let downstream take profile main or high.",
         profile_.c_str()),
        (nullptr));
  output_ = {};
  fresh_ = true;
  regions_ = false;
  // The interval goes on across new caps, with the configuration that it began with; only the rate is another.
  clock_.set_nominal_rate(format_.rate());
  medium_.history.lock()->set_format(format_);
  const GstClockTime delay = h264() ? format_.b_frames * frame_time() : 0;
  gst_video_encoder_set_latency(encoder_, delay, delay);
  try {
    coder_ = std::make_unique<Coder>(CoderSettings{h264() ? format_.info : info, h264(), kPresets[fixed_.preset],
                                                   fixed_.threads, format_.b_frames, format_.profile});
  } catch (const std::exception &error) {
    GST_ELEMENT_ERROR(encoder_, LIBRARY, INIT, ("The encoder cannot be set up: %s.", error.what()), (nullptr));
    return FALSE;
  }
  return TRUE;
}

GstFlowReturn VideoStream::handle_frame(GstVideoCodecFrame *frame) {
  try {
    return take(frame);
  } catch (const std::exception &error) {
    GST_ELEMENT_ERROR(encoder_, STREAM, ENCODE, ("A frame cannot be filtered: %s.", error.what()),
                      ("scale %g, qp %g, speed-preset %s", intervals_.applied()[kScale], intervals_.applied()[kQp],
                       kPresets[fixed_.preset]));
    drop(frame);
    return GST_FLOW_ERROR;
  }
}

GstFlowReturn VideoStream::finish() {
  try {
    return send_held();
  } catch (const std::exception &error) {
    GST_ELEMENT_ERROR(encoder_, STREAM, ENCODE, ("Frames that were held back cannot be filtered: %s.", error.what()),
                      (nullptr));
    return GST_FLOW_ERROR;
  }
}

void VideoStream::drain() {
  if (!format_.b_frames || held_ || !gop_ended_) return;
  // Decoders give everything out at a still frame (DVD menus): gaps and this query do not make them. An IDR comes next.
  for (bool still : {true, false})
    gst_pad_push_event(GST_VIDEO_ENCODER_SRC_PAD(encoder_), gst_video_event_new_still_frame(still));
}

void VideoStream::forget() {
  // Frames that are held back will never leave: the base class has forgotten them.
  while (held_ > 0 && coder_->flush()) {
  }
  medium_.history.lock()->on_frames_lost(std::exchange(held_, 0));
  decoding_times_.clear();
  last_frame_.reset();
  fresh_ = true;
  last_pts_ = GST_CLOCK_TIME_NONE;
  clock_.reset();
  thresholds_.reset();
  medium_.history.lock()->forget();
  intervals_.forget();
}

}  // namespace oneadapt
