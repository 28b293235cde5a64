// SPDX-License-Identifier: LGPL-2.1-or-later
#include "audio/recogniser.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "audio/sound_profile.h"

namespace oneadapt {
namespace {

/// An interval counts as heard when no more than this is missing: resamplers hold samples back until they know what
/// comes after, and a controller in lockstep lets nothing of the next interval through before it has the gradient.
constexpr GstClockTime kMissing = 50 * GST_MSECOND;
/// The same word again, this near, when two windows hear it, is one.
constexpr GstClockTime kSameWord = 150 * GST_MSECOND;

GstClockTime ns(double seconds) { return GstClockTime(std::max(0.0, seconds) * double(GST_SECOND) + 0.5); }

/// A word, its times counted from `from`, as an entry of the message.
GstStructure *structure_of(const Word &word, GstClockTime from) {
  return gst_structure_new("word", "word", G_TYPE_STRING, word.text.c_str(), "start", G_TYPE_UINT64,
                           guint64(from + ns(word.start)), "end", G_TYPE_UINT64, guint64(from + ns(word.end)),
                           "confidence", G_TYPE_DOUBLE, word.score, "label_id", G_TYPE_INT, word.label, nullptr);
}

}  // namespace

Recogniser::Recogniser(const MediumPlace &place, const RunSettings &settings)
    : DnnMedium(place), model_(SequenceModel::load(settings.model)) {
  gst_audio_info_init(&info_);
}

bool Recogniser::set_caps(const GstCaps *caps) {
  ready_ = gst_audio_info_from_caps(&info_, caps) && GST_AUDIO_INFO_CHANNELS(&info_) == 1;
  return ready_;
}

void Recogniser::reset(bool) {
  waiting_.reset();
  sound_.clear();
  interval_now_.reset();
  next_ = 0;
  reported_ = {};
}

bool Recogniser::take_in(GstBuffer *buffer, const Stamp &stamp, const RunSettings &settings) {
  Piece piece;
  guint64 not_finite = 0;
  if (!read_samples(buffer, info_, piece.samples, not_finite)) {
    GST_ELEMENT_ERROR(place_.element, STREAM, FORMAT,
                      ("A buffer of sound cannot be read as its caps say; put audioconvert in front of this element."),
                      ("buffer of %" G_GSIZE_FORMAT " bytes", gst_buffer_get_size(buffer)));
    return false;
  }
  if (not_finite && !std::exchange(warned_samples_, true))
    GST_ELEMENT_WARNING(place_.element, STREAM, FAILED,
                        ("Samples that are not finite count as silence; mend the source of the sound."),
                        ("%" G_GUINT64_FORMAT " in one buffer", not_finite));
  gradient_ = settings.gradient && stamp.known();
  if (piece.samples.empty()) return true;
  piece.time = stamp.known() ? stamp.time : next_;
  piece.rate = unsigned(GST_AUDIO_INFO_RATE(&info_));
  // A jump back, or one by more than an interval, begins anew.
  const GstClockTime interval = place_.time.interval();
  if (!sound_.empty() && (piece.time + interval < sound_.end() || piece.time > sound_.end() + interval))
    waiting_ = std::move(piece);
  else
    append(piece);
  return true;
}

void Recogniser::append(const Piece &piece) {
  sound_.append(piece.time, piece.rate, piece.samples);
  next_ = piece.time + gst_util_uint64_scale_round(piece.samples.size(), GST_SECOND, piece.rate);
  if (interval_now_) return;
  interval_now_ = interval_of(piece.time, place_.time.interval());
  reported_.until = piece.time;
}

std::optional<Pass> Recogniser::next() {
  if (waiting_) {
    if (const std::optional<Pass> before = rest()) return before;
    const Piece piece = std::move(*waiting_);
    reset(false);
    append(piece);
  }
  const GstClockTime interval = place_.time.interval(), missing = std::min(kMissing, interval / 10);
  if (!interval_now_ || sound_.end() + missing < (*interval_now_ + 1) * interval) return std::nullopt;
  return hear_next();
}

/// The interval under way is over, as far as there is sound of it.
Pass Recogniser::hear_next() {
  const GstClockTime interval = place_.time.interval();
  const guint64 number = (*interval_now_)++;
  const GstClockTime until = (number + 1) * interval;
  prepare(number, until, false);
  Pass pass;
  pass.due.own = gradient_;
  pass.time = until - std::min<GstClockTime>(interval, 10 * GST_MSECOND);  // a time inside the interval
  return pass;
}

std::optional<Pass> Recogniser::end(guint64 interval) {
  if (!interval_now_ || *interval_now_ != interval || sound_.end() <= interval * place_.time.interval())
    return std::nullopt;
  return hear_next();
}

std::optional<Pass> Recogniser::rest() {
  if (!interval_now_ || sound_.empty()) return std::nullopt;
  const guint64 number = *interval_now_;
  interval_now_.reset();
  prepare(number, std::max(sound_.end(), number * place_.time.interval()), true);
  return Pass{};
}

void Recogniser::prepare(guint64 interval, GstClockTime until, bool last) {
  const unsigned rate = model_->description().sample_rate;
  const GstClockTime start = interval * place_.time.interval(), context = ns(model_->description().context);
  const GstClockTime from = std::max(sound_.begin(), start > context ? start - context : 0);
  hearing_ = {};
  hearing_.interval = interval;
  hearing_.last = last;
  hearing_.until = until;
  hearing_.samples = sound_.read(from, until, rate);
  const auto place = [&](GstClockTime time) { return gst_util_uint64_scale_round(time, rate, GST_SECOND); };
  // A stream that begins in the middle of an interval: what was before is silence.
  const GstClockTime window = std::min(from, start);
  std::vector<float> &samples = hearing_.samples;
  if (from > window) samples.insert(samples.begin(), std::size_t(place(from) - place(window)), 0.f);
  if (samples.size() < rate / 10) samples.resize(rate / 10, 0.f);
  hearing_.from = window;
  hearing_.first = std::size_t(place(start) - place(window));
  hearing_.count = std::size_t(place(until) - place(start));
}

bool Recogniser::infer(GstBuffer *, bool with_gradient, const RunSettings &) {
  const Hearing &h = hearing_;
  hearing_.words = with_gradient ? model_->infer_for_gradient(h.samples, h.first, h.count) : model_->infer(h.samples);
  return true;
}

/// Those of the words just heard that are sure by now, before that time, and have not been reported.
std::vector<Word> Recogniser::new_words(GstClockTime before) {
  std::vector<Word> words;
  for (const Word &word : hearing_.words) {
    const GstClockTime peak = hearing_.from + ns(word.peak), last = reported_.last_peak;
    const bool again = reported_.has_last() && word.text == reported_.last_word && peak <= last + kSameWord &&
                       last <= peak + kSameWord;
    // In another window's context a word may stand a little earlier than where the last report ended.
    if (peak >= before || peak + kSameWord / 2 < reported_.until || again || (reported_.has_last() && peak <= last))
      continue;
    reported_.last_word = word.text;
    reported_.last_peak = peak;
    words.push_back(word);
  }
  return words;
}

/// Words that are new and sure by now: a line, and a message.
Report Recogniser::report(BufferRef &, bool line) {
  const GstClockTime lookahead = ns(model_->description().lookahead), until = hearing_.until, from = hearing_.from;
  const GstClockTime before = hearing_.last ? GST_CLOCK_TIME_NONE : until - std::min(until, lookahead);
  const std::vector<Word> words = new_words(before);
  reported_.until = hearing_.last ? until : before;
  GValue values = G_VALUE_INIT;
  g_value_init(&values, GST_TYPE_LIST);
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Word &word : words) {
    GValue value = G_VALUE_INIT;
    g_value_init(&value, GST_TYPE_STRUCTURE);
    g_value_take_boxed(&value, structure_of(word, from));
    gst_value_list_append_and_take_value(&values, &value);
    list.push_back({{"word", word.text},
                    {"start", from + ns(word.start)},
                    {"end", from + ns(word.end)},
                    {"confidence", word.score},
                    {"label_id", word.label}});
  }
  const int rate = GST_AUDIO_INFO_RATE(&info_);
  const guint64 start = hearing_.interval * place_.time.interval();
  GstStructure *s = gst_structure_new("oneadapt-words", "interval", G_TYPE_UINT64, hearing_.interval, "stream-time",
                                      G_TYPE_UINT64, start, "sample-rate", G_TYPE_INT, rate, nullptr);
  gst_structure_take_value(s, "words", &values);
  gst_element_post_message(place_.element, gst_message_new_element(GST_OBJECT(place_.element), s));

  const GstClockTime keep = ns(model_->description().context) + place_.time.interval();
  sound_.forget(until > keep ? until - keep : 0);
  Report report{guint(words.size()), {}};
  if (!line) return report;
  nlohmann::ordered_json json;
  json["words"] = std::move(list);
  json["sample_rate"] = rate;
  json["timestamp"] = start;
  json["interval"] = hearing_.interval;
  report.line = json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  return report;
}

std::unique_ptr<Profile> Recogniser::profile(const RunSettings &) {
  return std::make_unique<SoundProfile>(place_.element, *model_);
}

}  // namespace oneadapt
