// SPDX-License-Identifier: LGPL-2.1-or-later
#include "audio/recogniser.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/gradient/gradient.h"
#include "core/sequence/sequence.h"

GST_DEBUG_CATEGORY_EXTERN(oneadaptdnn_debug);
#define GST_CAT_DEFAULT oneadaptdnn_debug

namespace oneadapt {
namespace {

/// An interval counts as heard when no more than this is missing: resamplers hold samples back until they know what
/// comes after, and a controller in lockstep lets nothing of the next interval through before it has the gradient.
constexpr GstClockTime kMissing = 50 * GST_MSECOND;
/// The same word again, this near, when two windows hear it, is one.
constexpr GstClockTime kSameWord = 150 * GST_MSECOND;
/// How far apart, in seconds, the same word in two results may stand (paper §5.1 compares words, not times).
constexpr double kTolerance = 0.5;

GstClockTime ns(double seconds) { return GstClockTime(std::max(0.0, seconds) * double(GST_SECOND) + 0.5); }

}  // namespace

Recogniser::Recogniser(GstElement *element, GstPad *sink, GstPad *src, const RunSettings &settings)
    : Run(element, sink, src, settings.interval), model_(SequenceModel::load(settings.model)) {
  gst_audio_info_init(&info_);
  stats_.device = model_->device();
  stats_.device_reason = model_->device_reason();
  stats_.model_threshold = model_->description().threshold;
}

bool Recogniser::set_caps(const GstCaps *caps) {
  if (!gst_structure_has_name(gst_caps_get_structure(caps, 0), "audio/x-raw")) {
    if (!std::exchange(failed_, true))  // it is asked again with every buffer
      GST_ELEMENT_ERROR(
          element_, STREAM, WRONG_TYPE,
          ("Property \"model\": it is for sound (task \"ctc\"), but the stream is pictures; set a model of "
           "task \"detection\" or \"segmentation\"."),
          (nullptr));
    return false;
  }
  ready_ = gst_audio_info_from_caps(&info_, caps) && GST_AUDIO_INFO_CHANNELS(&info_) == 1;
  return ready_;
}

void Recogniser::reset() {
  camera_.reset();
  sound_.clear();
  interval_now_.reset();
  next_ = reported_ = 0;
  last_peak_ = GST_CLOCK_TIME_NONE;
}

void Recogniser::flush() {
  reset();
  gst_segment_init(&segment_, GST_FORMAT_UNDEFINED);
  ModelTurns::Frame turn(turns_);
  turn.take();
  model_->drop_graph();
}

GstClockTime Recogniser::time_of(GstBuffer *buffer) {
  if (segment_.format != GST_FORMAT_TIME || !GST_BUFFER_PTS_IS_VALID(buffer)) return GST_CLOCK_TIME_NONE;
  return gst_segment_to_stream_time(&segment_, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
}

bool Recogniser::infer(guint64 interval, GstClockTime until, bool with_gradient, bool last) {
  const unsigned rate = model_->description().sample_rate;
  const GstClockTime start = interval * interval_, context = ns(model_->description().context);
  const GstClockTime from = std::max(sound_.begin(), start > context ? start - context : 0);
  std::vector<float> samples = sound_.read(from, until, rate);
  const auto place = [&](GstClockTime time) { return gst_util_uint64_scale_round(time, rate, GST_SECOND); };
  // A stream that begins in the middle of an interval: what was before is silence.
  const GstClockTime window = std::min(from, start);
  if (from > window) samples.insert(samples.begin(), std::size_t(place(from) - place(window)), 0.f);
  if (samples.size() < rate / 10) samples.resize(rate / 10, 0.f);
  const guint64 begin = now_ns();
  std::vector<Word> words;
  try {
    words = with_gradient ? model_->infer_for_gradient(samples, std::size_t(place(start) - place(window)),
                                                       std::size_t(place(until) - place(start)))
                          : model_->infer(samples);
  } catch (const ModelError &e) {
    post_model_error(element_, e.kind(), e.what());
    return false;
  } catch (const std::exception &e) {
    GST_ELEMENT_ERROR(element_, STREAM, FAILED, ("Property \"model\": the model failed: %s.", e.what()), (nullptr));
    return false;
  }
  note_inference(now_ns() - begin);
  return report(words, window, interval, until, last);
}

/// Words that are new and sure by now: a line, and a message.
bool Recogniser::report(const std::vector<Word> &words, GstClockTime from, guint64 interval, GstClockTime until,
                        bool last) {
  const GstClockTime lookahead = ns(model_->description().lookahead);
  const GstClockTime before = last ? GST_CLOCK_TIME_NONE : until - std::min(until, lookahead);
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  GValue values = G_VALUE_INIT;
  g_value_init(&values, GST_TYPE_LIST);
  guint count = 0;
  for (const Word &word : words) {
    const GstClockTime peak = from + ns(word.peak);
    const bool again = GST_CLOCK_TIME_IS_VALID(last_peak_) && word.text == last_word_ &&
                       peak <= last_peak_ + kSameWord && last_peak_ <= peak + kSameWord;
    // In another window's context a word may stand a little earlier than where the last report ended.
    if (peak >= before || peak + kSameWord / 2 < reported_ || again ||
        (GST_CLOCK_TIME_IS_VALID(last_peak_) && peak <= last_peak_))
      continue;
    last_word_ = word.text;
    last_peak_ = peak;
    ++count;
    list.push_back({{"word", word.text},
                    {"start", from + ns(word.start)},
                    {"end", from + ns(word.end)},
                    {"confidence", word.score},
                    {"label_id", word.label}});
    GValue value = G_VALUE_INIT;
    g_value_init(&value, GST_TYPE_STRUCTURE);
    g_value_take_boxed(&value, gst_structure_new("word", "word", G_TYPE_STRING, word.text.c_str(), "start",
                                                 G_TYPE_UINT64, guint64(from + ns(word.start)), "end", G_TYPE_UINT64,
                                                 guint64(from + ns(word.end)), "confidence", G_TYPE_DOUBLE, word.score,
                                                 "label_id", G_TYPE_INT, word.label, nullptr));
    gst_value_list_append_and_take_value(&values, &value);
  }
  reported_ = last ? until : before;
  note_frame(count);
  GstStructure *s =
      gst_structure_new("oneadapt-words", "interval", G_TYPE_UINT64, interval, "stream-time", G_TYPE_UINT64,
                        guint64(interval * interval_), "sample-rate", G_TYPE_INT, GST_AUDIO_INFO_RATE(&info_), nullptr);
  gst_structure_take_value(s, "words", &values);
  gst_element_post_message(element_, gst_message_new_element(GST_OBJECT(element_), s));
  if (!results_.is_open()) return true;
  nlohmann::ordered_json line;
  line["words"] = std::move(list);
  line["sample_rate"] = GST_AUDIO_INFO_RATE(&info_);
  line["timestamp"] = interval * interval_;
  line["interval"] = interval;
  return write_line(line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void Recogniser::backward(guint64 interval) {
  Gradient gradient;
  const guint64 begin = now_ns();
  std::string why;
  try {
    model_->backward(gradient);
  } catch (const std::exception &e) {
    why = e.what();
  }
  // A time inside the interval that the gradient is of.
  const GstClockTime time = (interval + 1) * interval_ - std::min<GstClockTime>(interval_, 10 * GST_MSECOND);
  note_gradient(now_ns() - begin, why, time);
  if (why.empty()) send_gradient(gradient, interval, time);
}

GstFlowReturn Recogniser::chain(GstBuffer *buffer, const RunSettings &settings) {
  ModelTurns::Frame turn(turns_);
  const auto fail = [&](GstFlowReturn flow) {
    failed_ = failed_ || flow == GST_FLOW_ERROR;
    if (turn.taken()) model_->drop_graph();
    gst_buffer_unref(buffer);
    return flow;
  };
  if (failed_) return fail(GST_FLOW_ERROR);
  if (!ready_) return fail(GST_FLOW_NOT_NEGOTIATED);

  std::vector<float> samples;
  guint64 not_finite = 0;
  if (!read_samples(buffer, info_, samples, not_finite)) {
    GST_ELEMENT_ERROR(element_, STREAM, FORMAT,
                      ("A buffer of sound cannot be read as its caps say; put audioconvert in front of this element."),
                      ("buffer of %" G_GSIZE_FORMAT " bytes", gst_buffer_get_size(buffer)));
    return fail(GST_FLOW_ERROR);
  }
  if (not_finite && !std::exchange(warned_samples_, true))
    GST_ELEMENT_WARNING(element_, STREAM, FAILED,
                        ("Samples that are not finite count as silence; mend the source of the sound."),
                        ("%" G_GUINT64_FORMAT " in one buffer", not_finite));
  const GstClockTime stamped = time_of(buffer);
  const bool timed = GST_CLOCK_TIME_IS_VALID(stamped);
  if (!timed && settings.gradient) warn_of_no_time("Sound without stream time gives words but no gradient");
  const GstClockTime time = timed ? stamped : next_;
  const auto rate = unsigned(GST_AUDIO_INFO_RATE(&info_));
  if (!samples.empty()) {
    // A jump back, or one by more than an interval, begins anew.
    if (!sound_.empty() && (time + interval_ < sound_.end() || time > sound_.end() + interval_)) {
      drain(settings);
      reset();
    }
    sound_.append(time, rate, samples);
    next_ = time + gst_util_uint64_scale_round(samples.size(), GST_SECOND, rate);
    if (!interval_now_) {
      interval_now_ = interval_of(time, interval_);
      reported_ = time;
    }
  }

  const bool gradient = settings.gradient && timed;
  const GstClockTime missing = std::min(kMissing, interval_ / 10);
  bool pushed = false;
  GstFlowReturn flow = GST_FLOW_OK;
  while (interval_now_ && sound_.end() + missing >= (*interval_now_ + 1) * interval_) {
    const guint64 interval = (*interval_now_)++;
    const GstClockTime until = (interval + 1) * interval_;
    turn.take();
    if (!infer(interval, until, gradient, false)) {
      if (!pushed) return fail(GST_FLOW_ERROR);
      failed_ = true;
      return GST_FLOW_ERROR;
    }
    // Downstream first: nobody waits for the backward pass.
    if (!std::exchange(pushed, true)) flow = gst_pad_push(src_, buffer);
    if (gradient) {
      if (flow == GST_FLOW_OK)
        backward(interval);
      else
        model_->drop_graph();
    }
    turn.give_back();
    const GstClockTime keep = ns(model_->description().context) + interval_;
    sound_.forget(until > keep ? until - keep : 0);
  }
  return pushed ? flow : gst_pad_push(src_, buffer);
}

void Recogniser::drain(const RunSettings &) {
  if (failed_ || !interval_now_ || sound_.empty()) return;
  ModelTurns::Frame turn(turns_);
  turn.take();
  const guint64 interval = *interval_now_;
  interval_now_.reset();
  if (!infer(interval, std::max(sound_.end(), interval * interval_), false, true)) failed_ = true;
}

bool Recogniser::profile(guint count, const RenderingSource &source, const RunSettings &,
                         std::vector<double> &accuracies, guint64 &inferences) {
  const unsigned generation = turns_.generation();
  accuracies.assign(count, 0);
  inferences = 0;
  using Words = std::vector<SequenceElement>;
  const auto run = [&](const GstOneadaptRendering &rendering, Words &words) {
    SoundWindow sound;
    for (guint i = 0; i < rendering.samples->len; ++i) {
      auto *sample = static_cast<GstSample *>(rendering.samples->pdata[i]);
      GstBuffer *buffer = gst_sample_get_buffer(sample);
      GstCaps *caps = gst_sample_get_caps(sample);
      GstAudioInfo info;
      std::vector<float> samples;
      guint64 not_finite = 0;
      if (!buffer || !caps || !gst_audio_info_from_caps(&info, caps) || GST_AUDIO_INFO_CHANNELS(&info) != 1 ||
          !read_samples(buffer, info, samples, not_finite)) {
        GST_WARNING_OBJECT(element_, "a profile's sample cannot be read: %" GST_PTR_FORMAT, caps);
        return false;
      }
      const auto *times = reinterpret_cast<const GstClockTime *>(static_cast<const void *>(rendering.times->data));
      sound.append(times[i], unsigned(GST_AUDIO_INFO_RATE(&info)), samples);
    }
    if (sound.empty()) return true;
    std::vector<float> samples = sound.read(sound.begin(), sound.end(), model_->description().sample_rate);
    samples.resize(std::max<std::size_t>(samples.size(), model_->description().sample_rate / 10), 0.f);
    const ModelTurns::Picture turn(turns_, generation);
    if (!turn) return false;
    const guint64 begin = now_ns();
    for (const Word &word : model_->infer(samples)) words.push_back({word.text, word.peak});
    ++inferences;
    note_profile(now_ns() - begin);
    return true;
  };
  try {
    Words reference;
    for (guint n = 0; n < count; ++n) {
      const guint index = n == 0 ? count - 1 : n - 1;
      const std::unique_ptr<GstOneadaptRendering, decltype(&gst_oneadapt_rendering_free)> rendering(
          source(index), gst_oneadapt_rendering_free);
      Words words;
      if (!rendering || !run(*rendering, words)) return false;
      if (n == 0) reference = words;
      accuracies[index] = sequence_f1(words, reference, kTolerance);
      GST_LOG_OBJECT(element_, "profile: configuration %u has accuracy %.3f", index, accuracies[index]);
    }
    return true;
  } catch (const std::exception &e) {
    GST_WARNING_OBJECT(element_, "a profile failed: %s", e.what());
    return false;
  }
}

}  // namespace oneadapt
