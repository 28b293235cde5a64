// SPDX-License-Identifier: LGPL-2.1-or-later
// Sound: samples go to a DNN that says words, in the interval that each begins in.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "core/sequence/sequence.h"
#include "eval/compose.h"
#include "eval/medium.h"
#include "eval/pads.h"
#include "eval/text.h"

namespace oneadapt::eval {
namespace {

using nlohmann::json;

/// Buffers of 20 ms, so that none goes across the end of an interval: a controller in lockstep holds whole ones back.
const char kLaunch[] =
    "filesrc name=source ! decodebin ! audioconvert ! capsfilter name=caps ! "
    "audiobuffersplit output-buffer-duration=1/50 ! oneadaptctl name=ctl lockstep=true ! "
    "oneadaptaudiofilter name=filter ! oneadaptdnn name=dnn ! fakesink name=sink async=false";
/// What a filter looks ahead unless it is said otherwise, seconds.
constexpr double kLookAhead = 1;
/// How far apart in seconds the same word may stand in two results: both hear the same sound.
constexpr double kWordTolerance = 0.5;

/// Largest amplitude of a buffer of 16-bit samples, [0, 1].
float loudest(GstBuffer *buffer) {
  GstMapInfo map;
  if (!gst_buffer_map(buffer, &map, GST_MAP_READ)) return 0;
  int most = 0;
  for (gsize i = 0; i + 1 < map.size; i += 2)
    most = std::max(most, std::abs(int(gint16(GST_READ_UINT16_LE(map.data + i)))));
  gst_buffer_unmap(buffer, &map);
  return float(most) / 32768.f;
}

/// What a words message says goes to the interval that each word begins in.
void read_words(const GstStructure *s, GstClockTime interval, std::vector<FrameResult> &results) {
  const GValue *words = gst_structure_get_value(s, "words");
  for (guint i = 0; words && i < gst_value_list_get_size(words); ++i) {
    const GstStructure *w = gst_value_get_structure(gst_value_list_get_value(words, i));
    guint64 start = 0;
    gst_structure_get_uint64(w, "start", &start);
    const std::uint64_t begin = start / interval * interval;
    auto place =
        std::find_if(results.begin(), results.end(), [&](const FrameResult &f) { return f.stream_time >= begin; });
    if (place == results.end() || place->stream_time != begin) {
      place = results.insert(place, FrameResult{});
      place->stream_time = begin;
    }
    place->words.push_back({gst_structure_get_string(w, "word"), double(start) / GST_SECOND});
  }
}

class SoundRun : public MediumRun {
 public:
  explicit SoundRun(const RunOptions &options) : interval_(GstClockTime(std::llround(options.interval * GST_SECOND))) {}
  void tap(GstBin *pipeline) override {
    filter_.reset(gst_bin_get_by_name(pipeline, "filter"));
    eval::tap(pipeline, "ctl", "sink", on_input, this);
  }
  /// Samples count as if they were packed.
  std::uint64_t sent_bytes(GstBuffer *buffer) override {
    gint bits = 16;
    g_object_get(filter_.get(), "bits", &bits, nullptr);  // in force: notified before the interval's first buffer
    return (gst_buffer_get_size(buffer) / 2 * guint64(bits) + 7) / 8;
  }
  void on_message(const GstStructure *message) override {
    if (gst_structure_has_name(message, "oneadapt-words")) read_words(message, interval_, words_);
  }
  void on_end(RunResult &result) override;
  void finish(RunResult &result) override;

 private:
  static GstPadProbeReturn on_input(GstPad *pad, GstPadProbeInfo *info, gpointer data);

  Ref<GstElement> filter_;
  GstClockTime interval_, end_ = 0;
  std::vector<std::uint64_t> input_;
  std::vector<float> envelope_;
  std::vector<FrameResult> words_;  ///< of the intervals that have some
};

GstPadProbeReturn SoundRun::on_input(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
  auto *self = static_cast<SoundRun *>(data);
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  const GstClockTime time = stream_time(pad, buffer), begin = time / self->interval_ * self->interval_;
  if (self->input_.empty() || self->input_.back() != begin) self->input_.push_back(begin);
  self->end_ = time + (GST_BUFFER_DURATION_IS_VALID(buffer) ? GST_BUFFER_DURATION(buffer) : 0);
  self->envelope_.push_back(loudest(buffer));
  return GST_PAD_PROBE_OK;
}

/// Without a gradient nothing is decided at the end of a stream. What was in force in its last interval may be either
/// of two that were decided on: the filter says which.
void SoundRun::on_end(RunResult &result) {
  if (result.intervals.empty() || result.intervals.back().interval + 1 >= input_.size()) return;
  for (KnobValue &knob : result.intervals.back().knobs) {
    gint value = 0;
    g_object_get(filter_.get(), knob.name.c_str(), &value, nullptr);
    knob.next = value;
  }
}

void SoundRun::finish(RunResult &result) {
  result.input = std::move(input_);
  for (std::uint64_t time : result.input) {
    const auto found =
        std::find_if(words_.begin(), words_.end(), [&](const FrameResult &f) { return f.stream_time == time; });
    FrameResult heard;
    heard.stream_time = time;
    if (found != words_.end()) heard.words = found->words;
    result.results.push_back(std::move(heard));
  }
  result.envelope = std::move(envelope_);
  if (!result.input.empty()) result.seconds = double(end_ - result.input.front()) / GST_SECOND;
}

/// Words of all intervals; `intervals` (may be NULL) gets the stream time of each one's interval.
std::vector<SequenceElement> all_words(const RunResult &run, std::vector<std::uint64_t> *intervals = nullptr) {
  std::vector<SequenceElement> words;
  for (const FrameResult &f : run.results)
    for (const SequenceElement &w : f.words) {
      words.push_back(w);
      if (intervals) intervals->push_back(f.stream_time);
    }
  return words;
}

/// A word of results.json: when, and which.
json word_json(const SequenceElement &w) { return {{"t", round6(w.time)}, {"word", w.label}}; }

class SoundMedium : public Medium {
 public:
  SoundMedium() : Medium(sound_traits()) {}
  bool holds(const tools::FileFacts &file) const override { return file.sound; }
  void check(const EvalOptions &options) const override;
  void complete(RunOptions &run, const EvalOptions &options, const tools::FileFacts &) const override {
    run.properties["filter.look-ahead"] = std::to_string(std::llround(options.look_ahead.value_or(kLookAhead) * 1e9));
  }
  std::string launch(const RunOptions &options) const override {
    if (!options.source.empty()) throw RunError("a source of one's own is for pictures");
    return kLaunch;
  }
  std::string caps(const RunOptions &) const override {
    return "audio/x-raw,format=S16LE,channels=1,layout=interleaved";
  }
  std::unique_ptr<MediumRun> begin(const RunOptions &options) const override {
    return std::make_unique<SoundRun>(options);
  }
  std::vector<double> frame_accuracy(const RunResult &result, const RunResult &reference, Metric) const override;
  std::vector<double> frame_weights(const RunResult &result, const RunResult &reference) const override;
  double mean_accuracy(const RunResult &result, const RunResult &reference, Metric) const override {
    return sequence_f1(all_words(result), all_words(reference), kWordTolerance);
  }
  std::string headline(const json &clip) const override;
  void describe_clip(json &clip, const RunResult &reference, const EvalOptions &options) const override;
  void describe_intervals(json &intervals, const RunResult &run, const RunResult &reference) const override;

 private:
  static MediumTraits sound_traits() {
    MediumTraits traits{"sound", "oneadaptaudiofilter", "rate"};
    traits.scored_results = false;
    traits.inputs_are_intervals = true;
    traits.looks_ahead = true;
    traits.more_lambdas = {3.2};  // down to rates at which next to nothing is heard
    return traits;
  }
};

void SoundMedium::check(const EvalOptions &options) const {
  refuse_options_of_video(options, name());
  if (options.fps > 0) throw only_for("--fps", "video", name());
  if (options.metric == Metric::F1At70) throw only_for("--metric f1-70", "lidar", name());
}

/// By interval: the words on either side.
std::vector<double> SoundMedium::frame_weights(const RunResult &result, const RunResult &reference) const {
  std::vector<std::uint64_t> here, there;
  all_words(result, &here);
  all_words(reference, &there);
  std::vector<double> words;
  for (std::uint64_t t : reference.input)
    words.push_back(double(std::count(here.begin(), here.end(), t) + std::count(there.begin(), there.end(), t)));
  return words;
}

/// F1 of the words in each interval, matched over the whole clip; 1 where both are silent.
std::vector<double> SoundMedium::frame_accuracy(const RunResult &result, const RunResult &reference, Metric) const {
  std::vector<double> values;
  std::vector<std::uint64_t> here, there;
  const auto a = all_words(result, &here), b = all_words(reference, &there);
  std::map<std::uint64_t, double> matched, counted;
  for (std::uint64_t t : here) ++counted[t];
  for (std::uint64_t t : there) ++counted[t];
  for (const auto &[i, j] : match_sequences(a, b, kWordTolerance)) {
    ++matched[here[i]];
    ++matched[there[j]];
  }
  for (std::uint64_t t : reference.input) values.push_back(counted[t] > 0 ? matched[t] / counted[t] : 1);
  return values;
}

std::string SoundMedium::headline(const json &clip) const {
  char line[256];
  std::snprintf(line, sizeof line, "%.0f s of sound, %.0f kbit/s, %zu words", clip.at("seconds").get<double>(),
                clip.at("reference").at("kbps").get<double>(), clip.at("sound").at("words").size());
  return line;
}

void SoundMedium::describe_clip(json &clip, const RunResult &reference, const EvalOptions &options) const {
  json words = json::array();
  for (const SequenceElement &w : all_words(reference)) words.push_back(word_json(w));
  clip["sound"] = {{"envelope", reference.envelope},
                   {"step", 0.02},
                   {"words", words},
                   {"look_ahead", options.look_ahead.value_or(kLookAhead)}};
}

/// What a run heard, and what it should have heard besides, to the intervals that it begins in.
void SoundMedium::describe_intervals(json &intervals, const RunResult &run, const RunResult &reference) const {
  std::vector<std::uint64_t> here, there;
  const auto heard = all_words(run, &here), said = all_words(reference, &there);
  std::vector<bool> right(heard.size()), found(said.size());
  for (const auto &[i, j] : match_sequences(heard, said, kWordTolerance)) right[i] = found[j] = true;
  for (json &interval : intervals) interval["words"] = interval["missed"] = json::array();
  const auto at = [&](std::uint64_t time) -> json & {
    return intervals.at(std::min(intervals.size() - 1, interval_at(time)));
  };
  for (std::size_t i = 0; i < heard.size(); ++i) {
    json word = word_json(heard[i]);
    word["right"] = bool(right[i]);
    at(here[i])["words"].push_back(word);
  }
  for (std::size_t j = 0; j < said.size(); ++j)
    if (!found[j]) at(there[j])["missed"].push_back(word_json(said[j]));
}

}  // namespace

const Medium &sound_medium();

const Medium &sound_medium() {
  static const SoundMedium medium;
  return medium;
}

}  // namespace oneadapt::eval
