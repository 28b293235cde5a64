// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether there is a voice: the detector by itself, and what the filter tells the controller.
#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <random>

#include "audio/voice_detector.h"
#include "audio_run.h"

namespace {

/// A vowel, made as one is: pulses of a pitch that moves through resonances at its formants (Hz), whose bands widen.
std::vector<float> vowel(int rate, double seconds, double pitch, std::array<double, 3> formants, double amplitude) {
  std::vector<double> y(std::size_t(seconds * rate));
  double phase = 0;
  for (std::size_t i = 0; i < y.size(); i++) {
    phase += pitch * (1 + 0.1 * std::sin(2 * M_PI * 2 * double(i) / rate)) / rate;
    if (phase >= 1) {
      phase -= 1;
      y[i] = 1;
    }
  }
  for (std::size_t f = 0; f < 3; f++) {
    if (formants[f] > rate / 2.2) continue;
    const double r = std::exp(-M_PI * (60 + 30 * double(f)) / rate),
                 c = 2 * r * std::cos(2 * M_PI * formants[f] / rate);
    double one = 0, two = 0;
    for (double &v : y) {
      v += c * one - r * r * two;
      two = one;
      one = v;
    }
  }
  double most = 1e-9;
  for (double v : y) most = std::max(most, std::abs(v));
  std::vector<float> out;
  for (double v : y) out.push_back(float(amplitude * v / most));
  return out;
}
std::vector<float> ah(int rate, double seconds, double amplitude = 0.3) {
  return vowel(rate, seconds, 120, {700, 1200, 2600}, amplitude);
}

std::vector<float> noise(std::size_t n, double amplitude, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, float(amplitude));
  std::vector<float> out(n);
  for (float &v : out) v = normal(random);
  return out;
}
/// What is below `corner` Hz of it.
std::vector<float> rumble(int rate, std::size_t n, double corner, double amplitude) {
  std::vector<float> out = noise(n, 1);
  const double keep = std::exp(-2 * M_PI * corner / rate);
  double most = 1e-9;
  for (int pass = 0; pass < 3; pass++) {
    double y = 0;
    for (float &v : out) v = float(y = keep * y + (1 - keep) * v);
  }
  for (float v : out) most = std::max(most, std::abs(double(v)));
  for (float &v : out) v = float(v * amplitude / most);
  return out;
}

void add(std::vector<float> &to, double at, int rate, const std::vector<float> &what) {
  const auto from = std::size_t(at * rate);
  for (std::size_t i = 0; i < what.size() && from + i < to.size(); i++) to[from + i] += what[i];
}

/// The share of frames with a voice from `from` to `to` seconds.
double share(const std::vector<bool> &frames, double from, double to) {
  double voices = 0, all = 0;
  for (std::size_t i = 0; i < frames.size(); i++)
    if (double(i) * 0.02 >= from - 1e-9 && double(i + 1) * 0.02 <= to + 1e-9) {
      voices += frames[i];
      all++;
    }
  return voices / all;
}

std::vector<bool> judged(int rate, const std::vector<float> &sound) {
  return oneadapt::VoiceDetector(rate).push(sound.data(), sound.size());
}

}  // namespace

TEST(VoiceDetector, HearsVowelsAtAnyRate) {
  for (int rate : {2000, 8000, 11025, 16000, 44100, 48000, 192000})
    for (const auto &[pitch, formants] : {std::pair{110.0, std::array<double, 3>{700, 1200, 2600}},
                                          std::pair{210.0, std::array<double, 3>{300, 2300, 3000}},
                                          std::pair{300.0, std::array<double, 3>{350, 700, 2500}}}) {
      std::vector<float> sound(std::size_t(rate) * 3, 0.0f);
      add(sound, 1, rate, vowel(rate, 1, pitch, formants, 0.1));
      const auto frames = judged(rate, sound);
      const std::string what = std::to_string(rate) + " Hz, pitch " + std::to_string(pitch);
      EXPECT_EQ(share(frames, 0, 1), 0) << what;
      EXPECT_EQ(share(frames, 1.1, 2), 1) << what;
      EXPECT_EQ(share(frames, 2.3, 3), 0) << what;  // 200 ms after its end it is over
    }
}

TEST(VoiceDetector, HearsThemInNoise) {
  const int rate = 16000;
  std::vector<float> sound = noise(rate * 6, 0.01);
  for (int second : {1, 3, 5}) add(sound, second, rate, ah(rate, 0.5));  // some 15 dB above it
  const auto frames = judged(rate, sound);
  for (int second : {1, 3, 5}) {
    EXPECT_GE(share(frames, second + 0.1, second + 0.5), 0.9) << second;
    EXPECT_EQ(share(frames, second - 0.9, second), 0) << second;
  }
}

TEST(VoiceDetector, HearsNoneInSilenceNoiseRumbleAndClicks) {
  const int rate = 16000;
  std::vector<float> clicks(std::size_t(rate) * 4, 0.0f);
  for (std::size_t i = 0; i < clicks.size(); i += std::size_t(rate) / 2) clicks[i] = 0.9f;
  for (const auto &[what, sound] :
       {std::pair{"silence", std::vector<float>(std::size_t(rate) * 4, 0.0f)},
        std::pair{"loud noise", noise(rate * 4, 0.2)}, std::pair{"faint noise", noise(rate * 4, 0.001)},
        std::pair{"rumble", rumble(rate, rate * 4, 60, 0.5)}, std::pair{"clicks", clicks}}) {
    const auto frames = judged(rate, sound);
    EXPECT_EQ(frames.size(), 200u) << what;
    // Noise in a narrow band looks like a pitch for a moment.
    EXPECT_LE(share(frames, 0, 4), what == std::string("rumble") ? 0.1 : 0) << what;
  }
}

TEST(VoiceDetector, WhatGoesOnAndOnBecomesTheFloor) {
  const int rate = 8000;
  // A tone is harmonic, too; it is 40 dB above the floor that the detector begins with.
  std::vector<float> sound(std::size_t(rate) * 20);
  for (std::size_t i = 0; i < sound.size(); i++) sound[i] = float(0.25 * std::sin(2 * M_PI * 200 * double(i) / rate));
  const auto frames = judged(rate, sound);
  EXPECT_EQ(share(frames, 1, 5), 1);
  EXPECT_EQ(share(frames, 16, 20), 0);
}

TEST(VoiceDetector, FloorAndFramesByHand) {
  oneadapt::VoiceDetector detector(8000);
  EXPECT_EQ(detector.frame(), 160u);
  const std::vector<float> sound = noise(1600, 0.0316);  // −30 dB
  EXPECT_EQ(detector.push(sound.data(), 159).size(), 0u);
  EXPECT_EQ(detector.push(sound.data() + 159, 1).size(), 1u);
  EXPECT_EQ(detector.push(sound.data() + 160, 1440).size(), 9u);
  EXPECT_NEAR(detector.level(), -30, 1.5);
  EXPECT_NEAR(detector.floor(), -55 + 9 * 0.06, 1e-9);  // 3 dB a second
  EXPECT_LT(detector.harmonicity(), 0.5);
  const std::vector<float> nothing(320, 0.0f);
  detector.push(nothing.data(), 320);
  EXPECT_NEAR(detector.floor(), -100, 1e-9);  // at once
}

TEST(VoiceDetector, AnInterruptionKeepsTheFloorOnly) {
  const int rate = 8000;
  const std::vector<float> voice = ah(rate, 1);
  oneadapt::VoiceDetector detector(rate);
  EXPECT_TRUE(detector.push(voice.data(), 4000).back());
  detector.interrupt();
  const auto frames = detector.push(voice.data() + 4000, 160 * 3);
  EXPECT_EQ(frames, (std::vector<bool>{false, false, true}));  // it begins anew
}

/* ---- the filter ----------------------------------------------------------------------------------------------- */

namespace {

double activity(const AudioRun &run, guint64 interval) {
  GError *error = nullptr;
  GstOneadaptProbe *probe = gst_oneadapt_tunable_probe(run.tunable(), interval, nullptr, nullptr, &error);
  EXPECT_NE(probe, nullptr) << error->message;
  const double value = probe ? probe->activity : -2;
  if (probe) gst_oneadapt_probe_free(probe);
  g_clear_error(&error);
  return value;
}

Wave played(const std::vector<float> &sound, int rate) {
  return [&sound, rate](double t) { return double(sound.at(std::size_t(std::llround(t * rate)))); };
}

void put_level(GstBuffer *buffer, bool voice) { gst_buffer_add_audio_level_meta(buffer, 40, voice); }

}  // namespace

TEST(AudioVoice, EachIntervalSaysWhetherThereWasOne) {
  const int rate = 16000;
  std::vector<float> sound = noise(rate * 4, 0.003);
  add(sound, 1.3, rate, ah(rate, 0.4));
  add(sound, 2.5, rate, ah(rate, 0.08));
  for (guint64 chunk : {320, 1000}) {  // buffers that fall on boundaries, and such as do not
    AudioRun run("", rate);
    run.push_all(played(sound, rate), 0, guint64(rate) * 4, chunk);
    EXPECT_EQ(activity(run, 0), 0) << chunk;
    EXPECT_EQ(activity(run, 1), 1) << chunk;    // 200 ms and more
    EXPECT_GE(activity(run, 2), 0.5) << chunk;  // short, but not over at once
    EXPECT_EQ(activity(run, 3), 0) << chunk;
    EXPECT_GE(run.stat("voice-time"), 600 * GST_MSECOND) << chunk;
    EXPECT_LE(run.stat("voice-time"), 1100 * GST_MSECOND) << chunk;
  }
}

TEST(AudioVoice, TheRateInForceDoesNotMatter) {
  const int rate = 48000;
  std::vector<float> sound(std::size_t(rate) * 2, 0.0f);
  add(sound, 1.1, rate, vowel(rate, 0.6, 250, {300, 2300, 3000}, 0.3));
  AudioRun run("rate=1000", rate);
  run.push_all(played(sound, rate), 0, guint64(rate) * 2);
  EXPECT_EQ(activity(run, 0), 0);
  EXPECT_EQ(activity(run, 1), 1);
}

TEST(AudioVoice, BuffersThatSayItAreBelieved) {
  // Noise all along, in which the detector hears none.
  const int rate = 8000;
  const std::vector<float> sound = noise(rate * 4, 0.05);
  AudioRun run("", rate);
  for (guint64 at = 0; at < guint64(rate) * 4; at += 80) {
    GstBuffer *buffer = run.sound(played(sound, rate), at, at + 80);
    put_level(buffer, at >= 9600 && at < 10400);  // 100 ms in the second interval
    ASSERT_EQ(gst_harness_push(run.h, buffer), GST_FLOW_OK);
  }
  EXPECT_EQ(activity(run, 0), 0);
  EXPECT_NEAR(activity(run, 1), 0.5, 1e-9);
  EXPECT_EQ(activity(run, 2), 0);
  EXPECT_EQ(run.stat("voice-time"), 100 * GST_MSECOND);
}

TEST(AudioVoice, WhoNeverSaysThatThereIsOneIsNot) {
  // "level audio-level-meta=true" puts the level on buffers, and knows nothing of voices.
  const int rate = 8000;
  const std::vector<float> sound = ah(rate, 2);
  AudioRun run("", rate);
  for (guint64 at = 0; at < guint64(rate) * 2; at += 160) {
    GstBuffer *buffer = run.sound(played(sound, rate), at, at + 160);
    put_level(buffer, false);
    ASSERT_EQ(gst_harness_push(run.h, buffer), GST_FLOW_OK);
  }
  EXPECT_EQ(activity(run, 0), 1);
  EXPECT_EQ(activity(run, 1), 1);
}

TEST(AudioVoice, GapsAndHolesAreSilence) {
  const int rate = 8000;
  const std::vector<float> sound = ah(rate, 4);
  AudioRun run("", rate);
  run.push_all(played(sound, rate), 0, 8000, 160);
  for (guint64 at = 8000; at < 16000; at += 160) {
    GstBuffer *buffer = run.sound(played(sound, rate), at, at + 160);
    GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_GAP);
    ASSERT_EQ(gst_harness_push(run.h, buffer), GST_FLOW_OK);
  }
  // Half a second is missing, and is filled; then there is a voice again.
  run.push_all(played(sound, rate), 20000, 32000, 160);
  EXPECT_EQ(activity(run, 0), 1);
  EXPECT_EQ(activity(run, 1), 1);  // the end of the last: it is over after 200 ms
  EXPECT_EQ(activity(run, 2), 1);
  EXPECT_EQ(activity(run, 3), 1);
  const guint64 voice = run.stat("voice-time");
  EXPECT_NEAR(double(voice), 2.7e9, 0.2e9);
}

TEST(AudioVoice, SoundBeforeAHoleIsRemembered) {
  const int rate = 8000;
  const std::vector<float> sound = ah(rate, 8);
  AudioRun run("", rate);
  run.push_all(played(sound, rate), 0, 16000, 160);
  run.push_all([](double) { return 0.0; }, 40000, 56000, 160);  // three seconds later: a stretch of its own
  EXPECT_EQ(activity(run, 1), 1);
  EXPECT_EQ(activity(run, 5), 0);
}

namespace {

/// Applies a rate for intervals with a voice, and one for those without.
bool apply_either(const AudioRun &run, guint64 interval, double rate, const char *idle_knob, double idle,
                  std::string *problem = nullptr) {
  GstStructure *alternative = gst_structure_new("idle", idle_knob, G_TYPE_DOUBLE, idle, nullptr);
  GstStructure *s =
      gst_structure_new("configuration", "rate", G_TYPE_DOUBLE, rate, "idle", GST_TYPE_STRUCTURE, alternative, nullptr);
  GError *error = nullptr;
  const bool applied = gst_oneadapt_tunable_apply(run.tunable(), interval, s, &error);
  if (error && problem) *problem = error->message;
  g_clear_error(&error);
  gst_structure_free(alternative);
  gst_structure_free(s);
  return applied;
}

/// Interval and rate of a configuration event; nothing of another.
std::optional<std::pair<guint64, double>> announcement(GstEvent *event) {
  std::pair<guint64, double> said{0, 0};
  GstStructure *knobs = nullptr;
  if (!gst_event_is_oneadapt_configuration(event) ||
      !gst_event_parse_oneadapt_configuration(event, &said.first, &knobs, nullptr, nullptr, nullptr))
    return std::nullopt;
  gst_structure_get_double(knobs, "rate", &said.second);
  gst_structure_free(knobs);
  return said;
}

/// Rates by interval, as they were announced.
std::vector<double> announced(const AudioRun &run) {
  std::vector<double> rates;
  for (GstEvent *event : run.events) rates.push_back(announcement(event)->second);
  return rates;
}

/// Voices in seconds 1 and 3 of 5.
std::vector<float> two_words(int rate) {
  std::vector<float> sound = noise(std::size_t(rate) * 5, 0.003);
  add(sound, 1.3, rate, ah(rate, 0.4));
  add(sound, 3.2, rate, ah(rate, 0.4));
  return sound;
}

}  // namespace

TEST(AudioVoice, LookingAheadTheRateIsThatOfTheIntervalItself) {
  const int rate = 16000;
  const std::vector<float> sound = two_words(rate);
  for (guint64 chunk : {320, 1000}) {
    AudioRun run("rate=4000 look-ahead=1000000000", rate);
    std::vector<int> shown;
    run.watch_rates(shown);
    ASSERT_TRUE(apply_either(run, 0, 8000, "rate", 2000));
    run.push_all(played(sound, rate), 0, guint64(rate) * 5, chunk);
    run.eos();
    EXPECT_EQ(announced(run), (std::vector<double>{2000, 8000, 2000, 8000, 2000})) << chunk;
    EXPECT_EQ(shown, (std::vector<int>{2000, 8000, 2000, 8000, 2000})) << chunk;
    EXPECT_EQ(run.count(), 22000u) << chunk;
    EXPECT_EQ(activity(run, 2), 0) << chunk;  // what was held back of the next is not its own
    EXPECT_EQ(activity(run, 3), 1) << chunk;
  }
  // Two fifths of a second in, the word of second 3 has begun, the one of second 1 has, too.
  AudioRun some("look-ahead=500000000", rate), few("look-ahead=100000000", rate), none("", rate);
  for (AudioRun *run : {&some, &few, &none}) {
    ASSERT_TRUE(apply_either(*run, 0, 8000, "rate", 2000));
    run->push_all(played(sound, rate), 0, guint64(rate) * 5, 320);
    run->eos();
  }
  EXPECT_EQ(announced(some), (std::vector<double>{2000, 8000, 2000, 8000, 2000}));
  EXPECT_EQ(announced(few), (std::vector<double>{2000, 2000, 2000, 2000, 2000}));
  // What a decision can go by is what was known when the interval began.
  EXPECT_EQ(activity(few, 3), 0);
  EXPECT_GE(activity(some, 3), 0.5);
  EXPECT_EQ(activity(none, 3), 1);
  EXPECT_EQ(announced(none), (std::vector<double>{8000, 8000, 8000, 8000, 8000}));
}

TEST(AudioVoice, WhatIsSetOrDecidedNextEndsTheAlternative) {
  const int rate = 16000;
  const std::vector<float> sound(std::size_t(rate) * 5, 0.0f);
  AudioRun run("look-ahead=1000000000", rate);
  const auto second = [&](guint64 n) { run.push_all(played(sound, rate), n * 16000, (n + 1) * 16000, 320); };
  ASSERT_TRUE(apply_either(run, 0, 8000, "rate", 2000));
  second(0);
  EXPECT_EQ(run.rate(), 2000);
  g_object_set(run.filter, "rate", 6000, nullptr);
  EXPECT_EQ(run.rate(), 6000);
  second(1);
  EXPECT_EQ(run.rate(), 6000);
  ASSERT_TRUE(apply_either(run, 2, 8000, "rate", 1000));
  second(2);
  run.apply(3, "rate", 4000);
  second(3);
  std::string problem;
  EXPECT_FALSE(apply_either(run, 4, 8000, "tempo", 1, &problem));
  EXPECT_NE(problem.find("has no knob \"tempo\""), std::string::npos) << problem;
  EXPECT_FALSE(apply_either(run, 4, 8000, "rate", -1, &problem));
  EXPECT_NE(problem.find("takes a number in"), std::string::npos) << problem;
  second(4);
  EXPECT_EQ(announced(run), (std::vector<double>{2000, 6000, 1000, 4000, 4000}));
}

TEST(AudioVoice, ADownstreamThatRefusesTheAlternativeIsToldOfOnce) {
  const int rate = 16000;
  const std::vector<float> sound(std::size_t(rate) * 3, 0.0f);
  AudioRun run("look-ahead=1000000000", rate);
  gst_harness_set_sink_caps_str(run.h, "audio/x-raw,rate=8000");
  ASSERT_TRUE(apply_either(run, 0, 8000, "rate", 2000));
  run.push_all(played(sound, rate), 0, guint64(rate) * 3, 320);
  EXPECT_EQ(announced(run), (std::vector<double>{8000, 8000, 8000}));
  EXPECT_EQ(run.messages(GST_MESSAGE_WARNING), 1u);
}

/* ---- in a pipeline -------------------------------------------------------------------------------------------- */

namespace {

/// Rates by interval, as they were announced behind the filter `f`.
std::map<guint64, double> rates_of(const std::string &line, const std::vector<float> &sound, int rate) {
  GError *error = nullptr;
  GstElement *pipeline = gst_parse_launch(line.c_str(), &error);
  EXPECT_NE(pipeline, nullptr) << (error ? error->message : "");
  std::map<guint64, double> rates;
  if (!pipeline) return rates;
  GstElement *source = gst_bin_get_by_name(GST_BIN(pipeline), "source");
  GstElement *filter = gst_bin_get_by_name(GST_BIN(pipeline), "f");
  GstPad *pad = gst_element_get_static_pad(filter, "src");
  gst_pad_add_probe(
      pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
      [](GstPad *, GstPadProbeInfo *info, gpointer data) {
        if (const auto said = announcement(gst_pad_probe_info_get_event(info)))
          static_cast<std::map<guint64, double> *>(data)->insert_or_assign(said->first, said->second);
        return GST_PAD_PROBE_OK;
      },
      &rates, nullptr);
  gst_object_unref(pad);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  const AudioRun form("", rate, "S16LE");  // for its buffers
  for (guint64 at = 0; at + guint64(rate / 50) <= sound.size(); at += guint64(rate / 50)) {
    GstBuffer *buffer = form.sound(played(sound, rate), at, at + guint64(rate / 50));
    GstFlowReturn flow;
    g_signal_emit_by_name(source, "push-buffer", buffer, &flow);
    gst_buffer_unref(buffer);
  }
  GstFlowReturn flow;
  g_signal_emit_by_name(source, "end-of-stream", &flow);
  GstBus *bus = gst_element_get_bus(pipeline);
  GstMessage *message =
      gst_bus_timed_pop_filtered(bus, 60 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  EXPECT_TRUE(message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS);
  if (message) gst_message_unref(message);
  gst_object_unref(bus);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(source);
  gst_object_unref(filter);
  gst_object_unref(pipeline);
  return rates;
}

/// Faint noise; a voice in seconds 2, 3 and 6.
std::vector<float> conversation(int rate) {
  std::vector<float> sound = noise(std::size_t(rate) * 9, 0.003);
  add(sound, 2.1, rate, ah(rate, 1.6));
  add(sound, 6.2, rate, ah(rate, 0.5));
  return sound;
}

std::string launch(const std::string &more, int rate) {
  return "appsrc name=source format=time caps=audio/x-raw,format=S16LE,channels=1,layout=interleaved,rate=" +
         std::to_string(rate) + " ! " + more +
         "oneadaptctl policy=activity lockstep=true ! oneadaptaudiofilter name=f rate=8000 ! fakesink";
}

const std::vector<double> kRaised{1000, 1000, 1000, 8000, 8000, 1000, 1000, 8000, 1000};

std::vector<double> from_second_one(const std::map<guint64, double> &rates) {
  std::vector<double> list;
  for (const auto &[interval, rate] : rates) list.push_back(interval ? rate : 1000);
  return list;
}

}  // namespace

TEST(AudioVoice, PolicyActivityRaisesTheRateAfterAVoice) {
  const auto rates = rates_of(launch("", 16000), conversation(16000), 16000);
  EXPECT_EQ(rates.at(0), 8000);  // the property's, until something is known
  EXPECT_EQ(from_second_one(rates), kRaised);
}

TEST(AudioVoice, PolicyActivityRaisesTheRateWithAVoiceWhereTheFilterLooksAhead) {
  std::string line = launch("", 16000);
  line.replace(line.find("name=f"), 6, "name=f look-ahead=1000000000");
  // The first interval begins before anything is decided.
  EXPECT_EQ(from_second_one(rates_of(line, conversation(16000), 16000)),
            (std::vector<double>{1000, 1000, 8000, 8000, 1000, 1000, 8000, 1000, 1000}));
}

TEST(AudioVoice, WebRtcsDetectorIsHeard) {
  GstElementFactory *factory = gst_element_factory_find("webrtcdsp");
  if (!factory) GTEST_SKIP() << "there is no webrtcdsp (Debian: gstreamer1.0-plugins-bad)";
  gst_object_unref(factory);
  // Its own detector alone: nothing that changes the sound, and no echo to look for.
  const auto rates =
      rates_of(launch("webrtcdsp voice-detection=true voice-detection-likelihood=high echo-cancel=false "
                      "noise-suppression=false gain-control=false high-pass-filter=false limiter=false ! ",
                      16000),
               conversation(16000), 16000);
  EXPECT_EQ(from_second_one(rates), kRaised);
}
