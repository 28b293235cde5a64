// SPDX-License-Identifier: LGPL-2.1-or-later
#include "config.h"

#include "audio/stream.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "core/policy/policy.h"
#include "gstoneadapt.h"
#include "walk.h"

GST_DEBUG_CATEGORY_EXTERN(oneadapt_audio_filter_debug);
#define GST_CAT_DEFAULT oneadapt_audio_filter_debug

namespace oneadapt {
namespace {

// What is missing is filled with silence up to here; more is a new beginning. GstAudioBaseSink's default
// "discont-wait".
constexpr GstClockTime kMostFilled = GST_SECOND;

GstCaps *caps_of(GstAudioFormat format, int rate) {
  const GstAudioInfo info = mono_info(rate, format);
  return gst_audio_info_to_caps(&info);
}

AudioSettings settings_of(AudioMedium &medium) {
  AudioSettings settings = *medium.settings.lock();
  settings.look_ahead = std::min(settings.look_ahead, settings.interval);
  return settings;
}

}  // namespace

AudioStream::AudioStream(PadFilter &pads, AudioMedium &medium, AdaptiveFilter &filter)
    : PadStream(pads),
      medium_(medium),
      filter_(filter),
      fixed_(settings_of(medium)),
      intervals_(filter, fixed_.interval),
      timeline_(fixed_.interval, segment_) {
  gst_audio_info_init(&input_);
}

/// Posts what went wrong.
template <class Work>
GstFlowReturn AudioStream::attempt(Work work) {
  try {
    return work();
  } catch (const std::exception &error) {
    GST_ELEMENT_ERROR(pads_.element(), STREAM, FAILED, ("Sound cannot be filtered: %s.", error.what()),
                      ("rate %g Hz, bits %g", intervals_.applied()[kRate], intervals_.applied()[kBits]));
    return GST_FLOW_ERROR;
  }
}

/* ---- output -------------------------------------------------------------------------------------------------- */

/// The rate nearest to `wanted` that downstream takes, at most the input's; 0: there is none.
int AudioStream::nearest_rate(int wanted) {
  GstCaps *any = gst_caps_new_simple("audio/x-raw", "format", G_TYPE_STRING, gst_audio_format_to_string(format_),
                                     "rate", GST_TYPE_INT_RANGE, kLeastRate, std::max(kLeastRate + 1, input_.rate),
                                     "channels", G_TYPE_INT, 1, nullptr);
  GstCaps *possible = gst_pad_peer_query_caps(pads_.src(), any);
  int rate = 0;
  for (guint i = 0; i < gst_caps_get_size(possible); i++) {
    GstStructure *s = gst_structure_copy(gst_caps_get_structure(possible, i));
    int found = 0;
    gst_structure_fixate_field_nearest_int(s, "rate", wanted);
    if (gst_structure_get_int(s, "rate", &found) && (!rate || std::abs(found - wanted) < std::abs(rate - wanted)))
      rate = found;
    gst_structure_free(s);
  }
  gst_caps_unref(possible);
  gst_caps_unref(any);
  return rate;
}

/// A rate that downstream takes in place of `wanted`, which `asked` comes to, where downstream does not take that; it
/// is then asked for. Throws where there is none.
int AudioStream::possible_rate(double asked, int wanted) {
  if (wanted == output_rate_) return wanted;
  // A recorder that has begun goes on at the rate that it began with.
  const bool fixed = output_rate_ > 0 && !recorder_downstream(pads_.src()).empty();
  const auto takes = [this, fixed](int rate) {
    return fixed ? rate == output_rate_ : downstream_takes(pads_.src(), caps_of(format_, rate));
  };
  if (takes(wanted)) return wanted;
  int rate = fixed ? output_rate_ : intervals_.begun() ? int(intervals_.applied()[kRate]) : 0;
  if (rate <= 0 || rate > input_.rate || !takes(rate)) rate = nearest_rate(wanted);
  if (!rate)
    throw std::runtime_error("downstream takes no sound of one channel at " + std::to_string(input_.rate) +
                             " Hz or less; put audioconvert and audioresample behind");
  if (asked > 0)
    GST_ELEMENT_WARNING(pads_.element(), STREAM, FORMAT,
                        ("Property \"rate\": downstream does not take %d Hz, so %d Hz is in force.", wanted, rate),
                        ("let elements downstream take any rate, or put audioresample behind"));
  intervals_.replace(kRate, asked, rate);
  return rate;
}

/// Tells of the latency when it has changed: how far the widest filter that may come looks ahead, and how late an
/// interval may begin.
void AudioStream::update_latency() {
  const Ladders ladders = filter_.ladders();
  int lowest = output_rate_ ? output_rate_ : input_.rate;
  if (!ladders[kRate].empty()) lowest = std::min(lowest, int(ladders[kRate].front()));
  if (lowest != reach_rate_) {
    reach_rate_ = lowest;
    reach_ = Resampler(input_.rate, lowest, unsigned(fixed_.quality)).reach();
  }
  pads_.set_latency(fixed_.look_ahead +
                    gst_util_uint64_scale_ceil(reach_ + longest_, GST_SECOND, guint64(input_.rate)));
}

/// False: downstream refuses.
bool AudioStream::set_output(int rate) {
  if (output_rate_ == rate) return true;
  GstCaps *caps = caps_of(format_, rate);
  const bool taken = gst_pad_push_event(pads_.src(), gst_event_new_caps(caps));
  gst_caps_unref(caps);
  GST_DEBUG_OBJECT(pads_.element(), "output is at %d Hz", rate);
  // A flush forgets the caps; they are pushed again behind it.
  if (taken) output_rate_ = rate;
  return taken;
}

/// Puts out what is known of the stretch up to `until`.
GstFlowReturn AudioStream::emit(std::int64_t until, RateChanger::Beyond beyond) {
  const guint64 start = thread_cpu_ns();
  const auto denominator = guint64(sound_->denominator()), from = guint64(sound_->numerator());
  Samples out;
  sound_->take(until, beyond, out);
  if (out.empty()) return GST_FLOW_OK;
  // The next sample is due then, or, where the rate changes, no later than `until`.
  const auto to = std::min(guint64(sound_->numerator()), guint64(until) * guint64(sound_->rate()));
  const auto bits = unsigned(intervals_.applied()[kBits]);
  if (bits < formats_.bits) quantise(out.data(), out.size(), bits);
  GstBuffer *buffer = from_mono_->to_buffer(out);
  GST_BUFFER_PTS(buffer) = timeline_.position(from, denominator);
  GST_BUFFER_DURATION(buffer) = timeline_.position(to, denominator) - GST_BUFFER_PTS(buffer);
  if (std::exchange(discont_, false)) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  {
    // Before it goes out: its gradient may come back, and ask for a probe, while it is being pushed.
    auto history = medium_.history.lock();
    history->counters.coding_ns += thread_cpu_ns() - start;
    history->on_sent(out.size(), sound_->rate(), (out.size() * bits + 7) / 8);
  }
  intervals_.push_announcement(pads_.src());
  return gst_pad_push(pads_.src(), buffer);
}

/* ---- intervals ----------------------------------------------------------------------------------------------- */

/// Whether there is a voice in the interval that begins at sample `index`, by what is here of it, [0, 1]; < 0: unknown,
/// or not looked at.
double AudioStream::expected_activity(std::int64_t index) {
  if (!fixed_.look_ahead) return -1;
  return medium_.history.lock()->activity(index, timeline_.end_of_interval(index));
}

/// An interval begins at sample `index`. Throws.
bool AudioStream::begin_interval(std::int64_t index) {
  number_ = timeline_.interval_of(index);
  const double expected = expected_activity(index);
  const Values asked = intervals_.take(number_, expected >= 0 && expected < kActive);
  Values wanted = medium_.in_force(asked, filter_.ladders());
  wanted[kRate] = possible_rate(asked[kRate], int(wanted[kRate]));
  const bool rate_changed = intervals_.begun() && wanted[kRate] != intervals_.applied()[kRate];
  intervals_.begin(wanted);
  cut_ = timeline_.end_of_interval(index);
  begun_ = true;
  due_ = false;
  guint64 last_bytes = GST_ONEADAPT_BYTES_UNKNOWN;
  {
    auto history = medium_.history.lock();
    history->begin(number_, wanted, index, timeline_.stream_time_of(index), expected);
    history->counters.rate_changes += rate_changed;
    last_bytes = history->current()->bytes_before;
  }
  intervals_.announce(number_, last_bytes);
  sound_->begin(index, int(wanted[kRate]));
  if (!set_output(int(wanted[kRate]))) return false;
  update_latency();
  intervals_.notify();
  return true;
}

/// A stretch begins at `position`: the first, or what is not the continuation of the one before. Throws.
bool AudioStream::begin_stretch(GstClockTime position) {
  const std::int64_t index = timeline_.begin(position);
  const GstClockTime apart = !GST_CLOCK_TIME_IS_VALID(position_)
                                 ? GST_CLOCK_TIME_NONE
                                 : std::max(position, position_) - std::min(position, position_);
  discont_ = discont_ || apart > GST_SECOND / guint64(input_.rate);
  sound_ = std::make_unique<RateChanger>(input_.rate, index, unsigned(fixed_.quality));
  if (detector_) detector_->interrupt();
  judged_ = index;
  const bool goes_on = begun_ && !due_ && timeline_.interval_of(index) == number_;
  if (goes_on) {
    Values values = intervals_.applied();
    values[kRate] = possible_rate(values[kRate], std::min(int(values[kRate]), input_.rate));
    values[kBits] = std::min(values[kBits], double(formats_.bits));
    intervals_.begin(values);
  }
  {
    auto history = medium_.history.lock();
    history->restart(formats_, format_, index);
    if (goes_on) history->go_on(intervals_.applied(), timeline_.stream_time_of(index));
  }
  if (!goes_on && fixed_.look_ahead) {
    cut_ = index;
    due_ = true;
    return true;
  }
  if (!goes_on) return begin_interval(index);
  cut_ = timeline_.end_of_interval(index);
  sound_->begin(index, int(intervals_.applied()[kRate]));
  return set_output(int(intervals_.applied()[kRate]));
}

/// The interval under way is over: the next one begins when enough of it is here.
void AudioStream::close_interval() {
  due_ = true;
  medium_.history.lock()->end(cut_);
}

/// Whether as much of the interval that is due is here as is to be looked at before it begins. An interval that has
/// just become due begins with the next buffer at the earliest, unless all of it is here.
bool AudioStream::seen_enough(bool just_due) const {
  const std::int64_t all = timeline_.end_of_interval(cut_),
                     ahead = cut_ + timeline_.samples_rounded_up(fixed_.look_ahead);
  return sound_->end() >= (just_due ? all : std::min(all, ahead));
}

/// Puts out what can be put out. So what is decided when all of the last interval is known can still be for the next.
GstFlowReturn AudioStream::advance() {
  for (bool just_due = false;; just_due = true) {
    if (due_) {
      if (!seen_enough(just_due)) return GST_FLOW_OK;
      if (!begin_interval(cut_)) return caps_not_pushed(pads_.src());
    }
    const GstFlowReturn flow = emit(cut_, RateChanger::Beyond::Wait);
    if (flow != GST_FLOW_OK || !sound_->past(cut_)) return flow;
    if (sound_->end() < cut_) return flow;  // the last output lies before the last sample
    close_interval();
  }
}

/// The same, and all that is held back. Throws.
GstFlowReturn AudioStream::finish_stretch() {
  if (!sound_) return GST_FLOW_OK;
  GstFlowReturn flow = GST_FLOW_OK;
  const std::int64_t end = sound_->end();
  while (flow == GST_FLOW_OK) {
    if (due_ && end <= cut_) break;
    if (due_ && !begin_interval(cut_)) {
      flow = caps_not_pushed(pads_.src());
      break;
    }
    flow = emit(std::min(cut_, end), RateChanger::Beyond::Silence);
    if (end < cut_) break;
    close_interval();
  }
  position_ = timeline_.position(end);
  sound_.reset();
  return flow;
}

/* ---- input --------------------------------------------------------------------------------------------------- */

/// Whether there is a voice in what has just been appended, of which elements upstream may have said so.
void AudioStream::judge(const Samples &mono, std::optional<bool> told) {
  const std::int64_t end = sound_->end();
  if (told) {
    detector_->interrupt();
    medium_.history.lock()->on_judged(std::exchange(judged_, end), end, *told);
    return;
  }
  const std::vector<bool> frames = detector_->push(mono.data(), mono.size());
  const auto length = std::int64_t(detector_->frame());
  auto history = medium_.history.lock();
  for (bool voice : frames) {
    history->on_judged(judged_, judged_ + length, voice);
    judged_ += length;
  }
}

/// What a buffer says of voices. Some elements put the level of the sound on buffers and never say that there is a
/// voice: an element is believed only once it has said so.
std::optional<bool> AudioStream::told_of_voice(GstBuffer *buffer) {
  const GstAudioLevelMeta *meta = gst_buffer_get_audio_level_meta(buffer);
  if (!meta) return std::nullopt;
  told_ = told_ || meta->voice_activity;
  return told_ ? std::optional<bool>(meta->voice_activity) : std::nullopt;
}

/// Appends silence that came as such.
void AudioStream::append_silence(gsize frames) {
  const Samples silence(frames, 0.0f);
  sound_->append(silence.data(), silence.size());
  judge(silence, std::nullopt);
  medium_.history.lock()->append(silence.data(), silence.size());
}

/// Appends `frames` frames of input.
void AudioStream::append(const guint8 *data, gsize frames, std::optional<bool> told) {
  const guint64 start = thread_cpu_ns();
  Samples mono(frames, 0.0f);
  guint64 bad = 0;
  to_mono_->run(data, frames, mono.data());
  for (float &sample : mono)
    if (!std::isfinite(sample)) {
      sample = 0;
      bad++;
    }
  if (bad && !std::exchange(non_finite_said_, true))
    GST_ELEMENT_WARNING(pads_.element(), STREAM, FORMAT, ("Samples that are no finite numbers are taken for silence."),
                        ("said once a run; stats count them as non-finite"));
  sound_->append(mono.data(), mono.size());
  judge(mono, told);
  auto history = medium_.history.lock();
  history->append(mono.data(), mono.size());
  history->counters.non_finite += bad;
  history->counters.coding_ns += thread_cpu_ns() - start;
}

/// Appends a buffer without its first `skip` frames. Throws.
void AudioStream::append(GstBuffer *buffer, gsize skip) {
  const auto bpf = gsize(input_.bpf);
  GstMapInfo map;
  if (!gst_buffer_map(buffer, &map, GST_MAP_READ)) throw std::runtime_error("a buffer cannot be read");
  const gsize frames = map.size / bpf - skip;
  try {
    if (GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_GAP))
      append_silence(frames);
    else
      append(map.data + skip * bpf, frames, told_of_voice(buffer));
  } catch (...) {
    gst_buffer_unmap(buffer, &map);
    throw;
  }
  gst_buffer_unmap(buffer, &map);
}

/// Makes the stretch under way end where a buffer at `position` begins: fills what is missing, or ends the stretch.
/// Returns how many of the buffer's frames have been there already.
std::int64_t AudioStream::close_gap(GstBuffer *buffer, GstClockTime position, gsize frames, GstFlowReturn &flow) {
  const bool exact = GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT) || catching_up_;
  const std::int64_t gap = timeline_.missing(position, sound_->end(), exact);
  if (segment_.rate < 0 || std::abs(gap) > timeline_.samples(kMostFilled)) {
    flow = finish_stretch();
  } else if (gap > 0) {
    GST_DEBUG_OBJECT(pads_.element(), "%" G_GINT64_FORMAT " samples are missing", gap);
    append_silence(gsize(gap));
    auto history = medium_.history.lock();
    history->counters.samples_in -= guint64(gap);  // they never came
    history->counters.filled += guint64(gap);
  } else if (gap < 0) {
    const std::int64_t skip = std::min(std::int64_t(frames), -gap);
    catching_up_ = skip == std::int64_t(frames);
    GST_DEBUG_OBJECT(pads_.element(), "%" G_GINT64_FORMAT " samples come twice", skip);
    auto history = medium_.history.lock();
    history->counters.dropped += guint64(skip);
    history->counters.samples_in += guint64(skip);
    return skip;
  }
  return 0;
}

GstFlowReturn AudioStream::take(GstBuffer *buffer) {
  const gsize frames = gst_buffer_get_size(buffer) / gsize(input_.bpf);
  if (!frames) return GST_FLOW_OK;
  GstClockTime position = GST_BUFFER_PTS(buffer);
  if (!GST_CLOCK_TIME_IS_VALID(position))
    position = sound_                               ? timeline_.position(sound_->end())
               : GST_CLOCK_TIME_IS_VALID(position_) ? position_
                                                    : segment_.start;
  gst_object_sync_values(GST_OBJECT(pads_.element()), timeline_.stream_time(position));

  GstFlowReturn flow = GST_FLOW_OK;
  const gsize skip = sound_ ? gsize(close_gap(buffer, position, frames, flow)) : 0;
  if (flow != GST_FLOW_OK || skip == frames) return flow;
  catching_up_ = false;
  if (!sound_ && !begin_stretch(position)) return caps_not_pushed(pads_.src());
  append(buffer, skip);
  const guint64 longest = std::min(guint64(frames), guint64(timeline_.samples(fixed_.interval)));
  if (longest > longest_) {
    longest_ = longest;
    update_latency();
  }
  return advance();
}

/* ---- what the pads ask for ----------------------------------------------------------------------------------- */

/// Floating point stays, all else becomes 16 bits, unless downstream only takes the other.
GstAudioFormat AudioStream::choose_format(const GstAudioInfo &info) {
  GstAudioFormat format = GST_AUDIO_FORMAT_S16, other = GST_AUDIO_FORMAT_F32;
  if (GST_AUDIO_INFO_FORMAT(&info) == GST_AUDIO_FORMAT_F32) std::swap(format, other);
  const auto takes = [this](GstAudioFormat which) {
    return downstream_takes(
        pads_.src(), gst_caps_new_simple("audio/x-raw", "format", G_TYPE_STRING, gst_audio_format_to_string(which),
                                         "channels", G_TYPE_INT, 1, nullptr));
  };
  return !takes(format) && takes(other) ? other : format;
}

bool AudioStream::set_caps(GstCaps *caps) {
  GstAudioInfo info;
  if (!gst_audio_info_from_caps(&info, caps)) {
    GST_ELEMENT_ERROR(pads_.element(), STREAM, FORMAT, ("Caps that are no raw audio."), ("%" GST_PTR_FORMAT, caps));
    return false;
  }
  if (input_.rate && gst_audio_info_is_equal(&info, &input_)) return true;
  finish();
  const auto change = [&] {
    const GstAudioFormat format = choose_format(info);
    auto to_mono = std::make_unique<AudioConverter>(info, mono_info(info.rate));
    from_mono_ = std::make_unique<AudioConverter>(mono_info(info.rate), mono_info(info.rate, format));
    to_mono_ = std::move(to_mono);
    if (info.rate != input_.rate) detector_.emplace(info.rate);
    input_ = info;
    timeline_.set_rate(info.rate);
    if (format_ != format) output_rate_ = 0;
    format_ = format;
    formats_ = {info.rate, format == GST_AUDIO_FORMAT_F32 ? 32u : 16u};
    reach_rate_ = 0;
    longest_ = 0;
    medium_.history.lock()->restart(formats_, format, 0);
    if (intervals_.begun()) return GST_FLOW_OK;
    // Downstream is to know the caps before segment and buffers come; the first buffer may bring another rate.
    const Values asked = filter_.settings().lock()->asked;
    const Values wanted = medium_.in_force(asked, filter_.ladders());
    return set_output(possible_rate(asked[kRate], int(wanted[kRate]))) ? GST_FLOW_OK : caps_not_pushed(pads_.src());
  };
  return attempt(change) == GST_FLOW_OK;
}

GstFlowReturn AudioStream::chain(GstBuffer *buffer) {
  GstFlowReturn flow = GST_FLOW_OK;
  if (!input_.rate) {
    GST_ELEMENT_ERROR(pads_.element(), CORE, NEGOTIATION, ("Sound came without caps."),
                      ("raw audio needs them: put audioparse, or audio/x-raw caps, in front"));
    flow = GST_FLOW_NOT_NEGOTIATED;
  } else if (segment_.format != GST_FORMAT_TIME) {
    GST_ELEMENT_ERROR(pads_.element(), STREAM, FORMAT, ("Sound came in a segment that is not in time."),
                      ("put a parser (audioparse) in front, or set do-timestamp and format=time of the source"));
    flow = GST_FLOW_ERROR;
  } else if ((buffer = gst_audio_buffer_clip(buffer, &segment_, input_.rate, input_.bpf))) {
    flow = attempt([&] { return take(buffer); });
  }
  if (buffer) gst_buffer_unref(buffer);
  return flow;
}

/// Another segment: times no longer go on as they were, unless it maps them as the one before.
void AudioStream::set_segment(const GstSegment &next) {
  const bool same = next.format == segment_.format && next.start == segment_.start && next.time == segment_.time &&
                    next.rate == segment_.rate && next.applied_rate == segment_.applied_rate;
  if (!same) finish();
  PadStream::set_segment(next);
}

void AudioStream::finish() {
  attempt([this] { return finish_stretch(); });
}

void AudioStream::drain() {
  if (!sound_ || due_ || sound_->end() < cut_) return;
  attempt([this] {
    const GstFlowReturn flow = emit(cut_, RateChanger::Beyond::Mirror);
    close_interval();
    return flow;
  });
}

void AudioStream::forget() {
  sound_.reset();
  begun_ = due_ = false;
  discont_ = true;
  position_ = GST_CLOCK_TIME_NONE;
  medium_.history.lock()->forget();
  intervals_.forget();
}

}  // namespace oneadapt
