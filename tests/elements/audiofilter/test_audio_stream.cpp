// SPDX-License-Identifier: LGPL-2.1-or-later
// The sound that goes through oneadaptaudiofilter: counts, times, and what is heard where the rate changes.
#include <gst/controller/controller.h>

#include <algorithm>
#include <cstdint>
#include <random>

#include "audio_run.h"

namespace {

/// Buffers without a gap or an overlap, from `begin` to `end`.
void expect_seamless(const std::vector<Out> &outs, GstClockTime begin, GstClockTime end) {
  ASSERT_FALSE(outs.empty());
  EXPECT_EQ(outs.front().pts, begin);
  EXPECT_EQ(outs.back().pts + outs.back().duration, end);
  for (gsize i = 1; i < outs.size(); i++) ASSERT_EQ(outs[i].pts, outs[i - 1].pts + outs[i - 1].duration) << i;
}

}  // namespace

TEST(AudioStream, PassesThroughAtTheInputsRateBitByBit) {
  AudioRun run("rate=16000", 16000, "S16LE");
  const Wave wave = sine(440);
  run.push_all(wave, 0, 40000, 999);
  run.eos();
  const auto out = run.all();
  ASSERT_EQ(out.size(), 40000u);
  for (gsize i = 0; i < out.size(); i++)
    ASSERT_EQ(std::lround(out[i] * 32768), std::lround(wave(double(i) / 16000) * 32767)) << i;
  expect_seamless(run.outs, 0, 2500 * GST_MSECOND);
}

TEST(AudioStream, KeepsFloatAndShortAndMakesTheRestShort) {
  for (const auto &[in, bytes] :
       std::vector<std::pair<std::string, gsize>>{{"F32LE", 4}, {"S16LE", 2}, {"S32LE", 2}, {"F64LE", 2}}) {
    AudioRun run("rate=8000", 48000, in);
    run.push_all(sine(300), 0, 48000);
    run.eos();
    gsize size = 0;
    for (const Out &out : run.outs) size += out.bytes;
    EXPECT_EQ(run.count(), 8000u) << in;
    EXPECT_EQ(size, 8000 * bytes) << in;
    EXPECT_LT(worst_error(run.outs, sine(300), 0.01), 1e-4) << in;
  }
}

TEST(AudioStream, EverySampleComesOutAtEosAndTimesAreExact) {
  for (int in : {8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000, 192000})
    for (int out : {1000, 4000, 8000, 12000, 16000}) {
      if (out > in) continue;
      AudioRun run("rate=" + std::to_string(out), in);
      const guint64 samples = guint64(in) * 2 + 123;
      run.push_all(sine(200), 0, samples, 1024);
      run.eos();
      EXPECT_EQ(run.count(), (samples * guint64(out) + guint64(in) - 1) / guint64(in)) << in << "→" << out;
      expect_seamless(run.outs, 0, gst_util_uint64_scale(samples, GST_SECOND, guint64(in)));
      EXPECT_LT(worst_error(run.outs, sine(200), 0.05), 2e-5) << in << "→" << out;
    }
}

TEST(AudioStream, LowPassKeepsWhatFitsAndRemovesWhatDoesNot) {
  for (const double frequency : {300.0, 900.0, 1500.0, 3000.0, 7000.0}) {
    AudioRun run("rate=2000");
    run.push_all(sine(frequency), 0, 96000);
    run.eos();
    const auto out = run.all();
    double most = 0;
    for (gsize i = 100; i + 100 < out.size(); i++) most = std::max(most, std::abs(out[i]));
    if (frequency < 800) {
      EXPECT_GT(most, 0.79) << frequency;
    } else if (frequency > 1000) {
      EXPECT_LT(most, 8e-4) << frequency;
    }
  }
}

TEST(AudioStream, AThousandRandomChangesLoseNothingAndClickNowhere) {
  const Wave wave = [](double t) {
    return 0.4 * std::sin(2 * M_PI * 320 * t) + 0.3 * std::sin(2 * M_PI * 75.3 * t + 1);
  };
  for (const auto &[in, ahead] :
       std::vector<std::pair<int, guint64>>{{16000, 0}, {44100, 0}, {16000, 30}, {44100, 100}}) {
    constexpr guint64 kIntervals = 1001;
    AudioRun run("interval=100000000 look-ahead=" + std::to_string(ahead * GST_MSECOND), in);
    std::mt19937 random(17);
    const int rates[] = {1000, 2000, 3000, 4000, 6000, 8000, 12000, 16000};
    double due = 0;
    guint64 changes = 0;
    int last = 0;
    const guint64 chunk = guint64(in) / 97;  // falls on no boundary
    guint64 pushed = 0;
    for (guint64 k = 0; k < kIntervals; k++) {
      int rate = last;
      while (rate == last) rate = rates[random() % 8];
      run.apply(k, "rate", rate);
      changes += k > 0;
      last = rate;
      due += rate * 0.1;
      // Up to the last buffer that begins in this interval.
      const guint64 end = (k + 1) * guint64(in) / 10;
      while (pushed < end) {
        const guint64 to = k + 1 == kIntervals ? std::min(end, pushed + chunk) : pushed + chunk;
        ASSERT_EQ(run.push(wave, pushed, to), GST_FLOW_OK);
        pushed = to;
      }
    }
    run.eos();
    EXPECT_EQ(run.stat("rate-changes"), changes);
    EXPECT_EQ(changes, 1000u);
    EXPECT_NEAR(double(run.count()), due, 1);  // interval · rate is a whole number: better than one a change
    expect_seamless(run.outs, 0, gst_util_uint64_scale(pushed, GST_SECOND, guint64(in)));
    // Each interval is announced once, right before its first buffer, which is at the boundary.
    std::vector<std::uint64_t> announced;
    for (const Out &out : run.outs)
      for (std::uint64_t number : out.configurations) {
        announced.push_back(number);
        EXPECT_EQ(out.pts, number * 100 * GST_MSECOND);
      }
    ASSERT_EQ(announced.size(), kIntervals);
    for (gsize k = 0; k < announced.size(); k++) ASSERT_EQ(announced[k], k);

    // No worse than each rate is when it stays.
    double fixed = 0;
    for (int rate : rates) {
      AudioRun one("interval=100000000 rate=" + std::to_string(rate), in);
      one.push_all(wave, 0, guint64(in), chunk);
      one.eos();
      fixed = std::max(fixed, worst_error(one.outs, wave, 0.05));
    }
    const double changed = worst_error(run.outs, wave, 0.05);
    RecordProperty("error_fixed_" + std::to_string(in), std::to_string(fixed * 1e6) + "e-6");
    RecordProperty("error_changing_" + std::to_string(in), std::to_string(changed * 1e6) + "e-6");
    EXPECT_LT(fixed, 2e-5);
    EXPECT_LE(changed, fixed * 1.5);
  }
}

TEST(AudioStream, RatesAndIntervalsThatDoNotFitAreCountedToo) {
  // 44100 Hz, rates without a common measure with it, intervals of 0.0333… s.
  AudioRun run("interval=33333333", 44100);
  std::mt19937 random(3);
  double due = 0;
  guint64 pushed = 0, from = 0;
  for (guint64 k = 0; k < 300; k++) {
    const int rate = 1000 + 25 * int(random() % 800);
    run.apply(k, "rate", rate);
    const guint64 end = gst_util_uint64_scale_ceil((k + 1) * 33333333, 44100, GST_SECOND);
    due += double(end - from) * rate / 44100;
    from = end;
    while (pushed < end) {
      ASSERT_EQ(run.push(sine(300), pushed, pushed + 500), GST_FLOW_OK);
      pushed += 500;
    }
  }
  gsize count = 0;
  const GstClockTime end = gst_util_uint64_scale(from, GST_SECOND, 44100);
  run.apply(300, "rate", 44100);
  run.eos();
  for (const Out &out : run.outs) count += out.pts < end ? out.samples.size() : 0;
  EXPECT_NEAR(double(count), due, 300);  // one a change
  EXPECT_LT(worst_error(run.outs, sine(300), 0.05), 5e-5);
  for (gsize i = 1; i < run.outs.size(); i++) {
    const auto &last = run.outs[i - 1];
    // An output that does not fall on the boundary comes within a sample of it.
    EXPECT_GE(run.outs[i].pts, last.pts + last.duration) << i;
    EXPECT_LE(run.outs[i].pts, last.pts + last.duration + GST_SECOND / 1000) << i;
  }
}

TEST(AudioStream, TheSameRateGoesOnWithoutASeamAcrossIntervals) {
  AudioRun one("rate=3000 interval=100000000", 44100), whole("rate=3000 interval=3600000000000", 44100);
  for (AudioRun *run : {&one, &whole}) {
    run->push_all(sine(700), 0, 88200, 1000);
    run->eos();
  }
  EXPECT_EQ(one.all(), whole.all());
  EXPECT_EQ(one.events.size(), 20u);
  EXPECT_EQ(whole.events.size(), 1u);
}

TEST(AudioStream, DrainAtAnIntervalsEndGivesItsRestWithoutAClick) {
  const Wave wave = [](double t) {
    return 0.4 * std::sin(2 * M_PI * 320.3 * t + 1) + 0.3 * std::cos(2 * M_PI * 741.7 * t);
  };
  AudioRun run("rate=4000", 16000);
  for (guint64 k = 0; k < 5; k++) {
    run.push_all(wave, k * 16000, (k + 1) * 16000, 1600);
    EXPECT_LT(run.count(), (k + 1) * 4000);  // the filter looks ahead
    run.drain();
    EXPECT_EQ(run.count(), (k + 1) * 4000);
    if (k == 2) run.apply(3, "rate", 8000), run.apply(3, "rate", 4000);
  }
  run.push_all(wave, 80000, 80800, 80);
  const gsize before = run.count();
  run.drain();  // in mid-interval: it would cost quality
  EXPECT_EQ(run.count(), before);
  run.eos();
  EXPECT_EQ(run.count(), 20200u);
  expect_seamless(run.outs, 0, 5050 * GST_MSECOND);
  RecordProperty("error_drained", std::to_string(worst_error(run.outs, wave, 0.05)));
  EXPECT_LT(worst_error(run.outs, wave, 0.05), 0.005);
}

TEST(AudioStream, AnIntervalBeginsWithTheNextBufferSoThatADecisionIsForIt) {
  AudioRun run("rate=8000", 16000);
  run.push_all(sine(250), 0, 16500, 1500);  // the last buffer reaches beyond the boundary
  run.drain();
  EXPECT_EQ(run.count(), 8000u);
  run.apply(1, "rate", 2000);
  run.push(sine(250), 16500, 32000);
  run.eos();
  EXPECT_EQ(run.count(), 10000u);
  EXPECT_EQ(run.outs.back().rate, 2000);
  EXPECT_LT(worst_error(run.outs, sine(250), 0.05), 0.05);
}

TEST(AudioStream, AnIntervalIsHeldBackForAsLongAsItIsLookedAt) {
  AudioRun run("rate=8000 look-ahead=300000000", 16000);
  run.push_all(sine(250), 0, 4800 - 160, 160);
  EXPECT_TRUE(run.outs.empty());
  run.push(sine(250), 4800 - 160, 4800);
  EXPECT_GE(run.count(), 2300u);  // what a filter looks ahead is still missing
  run.push_all(sine(250), 4800, 16000, 160);
  run.drain();
  EXPECT_EQ(run.count(), 8000u);
  run.apply(1, "rate", 2000);
  run.push_all(sine(250), 16000, 20000, 160);
  EXPECT_EQ(run.count(), 8000u);
  run.apply(1, "rate", 4000);  // still for it
  run.push_all(sine(250), 20000, 32000, 160);
  run.eos();
  EXPECT_EQ(run.count(), 12000u);
  EXPECT_EQ(run.outs.back().rate, 4000);
  EXPECT_LT(worst_error(run.outs, sine(250), 0.05), 0.05);
}

TEST(AudioStream, HeldBackSoundComesOutWhateverEndsIt) {
  const std::vector<std::function<void(AudioRun &)>> ends{
      [](AudioRun &run) { run.eos(); },
      [](AudioRun &run) { gst_harness_push_event(run.h, gst_event_new_gap(1250 * GST_MSECOND, GST_SECOND)); },
      [](AudioRun &run) { run.set_caps(44100); },
      [](AudioRun &run) { run.push(sine(300), 160000, 160160); },  // a hole of seconds
  };
  for (std::size_t i = 0; i < ends.size(); i++) {
    AudioRun run("rate=8000 look-ahead=3600000000000", 16000);  // at most an interval
    run.push_all(sine(300), 0, 20000, 1000);
    EXPECT_GE(run.count(), 7900u) << i;
    EXPECT_LE(run.count(), 8000u) << i;
    ends[i](run);
    EXPECT_EQ(run.count(), 10000u) << i;
    EXPECT_EQ(run.outs.back().pts + run.outs.back().duration, 1250 * GST_MSECOND) << i;
  }
  // A flush forgets it.
  AudioRun run("rate=8000 look-ahead=1000000000", 16000);
  run.push_all(sine(300), 0, 12000, 1000);
  gst_harness_push_event(run.h, gst_event_new_flush_start());
  gst_harness_push_event(run.h, gst_event_new_flush_stop(TRUE));
  run.eos();
  EXPECT_EQ(run.count(), 0u);
}

TEST(AudioStream, ABufferOfManyIntervalsIsHeldBackToo) {
  AudioRun run("rate=8000 look-ahead=1000000000", 16000);
  run.push(sine(300), 0, 72000);
  EXPECT_GE(run.count(), 31900u);
  run.eos();
  EXPECT_EQ(run.count(), 36000u);
  EXPECT_EQ(run.events.size(), 5u);
}

TEST(AudioStream, StereoIsMixedDown) {
  for (int channels : {2, 3, 6, 8}) {
    AudioRun run("rate=8000", 48000, "F32LE", 0);
    GstCaps *caps = gst_caps_from_string(("audio/x-raw,format=F32LE,rate=48000,layout=interleaved,channels=" +
                                          std::to_string(channels) + (channels == 2 ? "" : ",channel-mask=(bitmask)0"))
                                             .c_str());
    gst_audio_info_from_caps(&run.info, caps);
    gst_harness_set_src_caps(run.h, caps);
    run.push_all(sine(300, 0.5), 0, 48000);
    run.eos();
    EXPECT_EQ(run.count(), 8000u) << channels;
    EXPECT_LT(worst_error(run.outs, sine(300, 0.5), 0.01), 1e-4) << channels;
    EXPECT_EQ(run.stat("samples-in"), 48000u) << channels;
  }
}

TEST(AudioStream, SegmentThatBeginsLater) {
  AudioRun run("rate=8000", 48000, "F32LE");
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.start = segment.position = 2500 * GST_MSECOND;
  segment.time = 700 * GST_MSECOND;
  gst_harness_push_event(run.h, gst_event_new_segment(&segment));
  run.push_all(sine(300), 48000 * 2, 48000 * 4);  // half a second in front of the segment is clipped
  run.eos();
  expect_seamless(run.outs, 2500 * GST_MSECOND, 4 * GST_SECOND);
  EXPECT_EQ(run.count(), 12000u);
  ASSERT_EQ(run.events.size(), 3u);  // stream time 0.7 … 2.2 s
  for (const Out &out : run.outs)
    if (!out.configurations.empty() && out.configurations[0] > 0) {
      EXPECT_EQ(out.pts, out.configurations[0] * GST_SECOND + 1800 * GST_MSECOND);
    }
}

TEST(AudioStream, MissingSamplesAreSilenceUpToASecond) {
  AudioRun run("rate=8000", 48000);
  run.push_all(sine(300), 0, 48000);
  run.push_all(sine(300), 57600, 96000);  // 200 ms are missing
  EXPECT_EQ(run.stat("filled"), 9600u);
  run.push_all(sine(300), 240000, 288000);  // 3 s are
  run.eos();
  EXPECT_EQ(run.stat("filled"), 9600u);
  EXPECT_EQ(run.count(), 24000u);
  EXPECT_EQ(run.stat("samples-in"), 48000u + 38400 + 48000);
  EXPECT_EQ(run.stat("samples-out"), 24000u);
  unsigned disconts = 0;
  for (const Out &out : run.outs) {
    if (out.discont) disconts++;
    if (out.discont && disconts == 2) {
      EXPECT_EQ(out.pts, 5 * GST_SECOND);
    }
    if (out.pts >= 1050 * GST_MSECOND && out.pts < 1150 * GST_MSECOND) {
      for (double sample : out.samples) EXPECT_NEAR(sample, 0, 1e-3);
    }
  }
  EXPECT_EQ(disconts, 2u);
}

TEST(AudioStream, SamplesThatComeTwiceAreDropped) {
  AudioRun run("rate=8000", 48000);
  run.push_all(sine(300), 0, 48000);
  run.push_all(sine(300), 43200, 96000);  // 100 ms again
  run.eos();
  EXPECT_EQ(run.stat("dropped"), 4800u);
  EXPECT_EQ(run.count(), 16000u);
  EXPECT_LT(worst_error(run.outs, sine(300), 0.01), 1e-4);
}

TEST(AudioStream, TimeStampsThatJitterOrAreMissingAreCounted) {
  AudioRun run("rate=8000", 48000);
  std::mt19937 random(1);
  for (guint64 at = 0; at < 96000; at += 480) {
    GstBuffer *buffer = run.sound(sine(300), at, at + 480);
    if (at >= 48000)
      GST_BUFFER_PTS(buffer) = GST_CLOCK_TIME_NONE;
    else if (at)
      GST_BUFFER_PTS(buffer) += random() % (20 * GST_MSECOND);
    gst_harness_push(run.h, buffer);
  }
  run.eos();
  EXPECT_EQ(run.stat("filled") + run.stat("dropped"), 0u);
  EXPECT_EQ(run.count(), 16000u);
  expect_seamless(run.outs, 0, 2 * GST_SECOND);
}

TEST(AudioStream, GapsAndEmptyBuffers) {
  AudioRun run("rate=8000", 48000);
  run.push_all(sine(300), 0, 24000);
  EXPECT_EQ(gst_harness_push(run.h, gst_buffer_new()), GST_FLOW_OK);
  GstBuffer *silent = run.sound(sine(300), 24000, 48000);
  GST_BUFFER_FLAG_SET(silent, GST_BUFFER_FLAG_GAP);
  gst_harness_push(run.h, silent);
  gst_harness_push_event(run.h, gst_event_new_gap(GST_SECOND, GST_SECOND));
  EXPECT_EQ(run.count(), 8000u);  // all that there is before it
  for (const Out &out : run.outs)
    if (out.pts >= 550 * GST_MSECOND) {
      for (double sample : out.samples) EXPECT_NEAR(sample, 0, 1e-3);
    }
  run.push_all(sine(300), 96000, 144000);
  run.eos();
  EXPECT_EQ(run.count(), 16000u);
  EXPECT_EQ(run.outs.back().pts + run.outs.back().duration, 3 * GST_SECOND);
  EXPECT_EQ(run.stat("filled"), 0u);
}

TEST(AudioStream, SamplesThatAreNoNumbersAreSilence) {
  for (const char *format : {"F32LE", "F64LE"}) {
    AudioRun run("rate=8000", 48000, format);
    run.push_all(
        [](double t) {
          const long i = std::lround(t * 48000);
          return i == 5000 ? NAN : i == 6000 ? INFINITY : i == 7000 ? -INFINITY : 0.0;
        },
        0, 48000);
    run.eos();
    EXPECT_EQ(run.stat("non-finite"), 3u) << format;
    EXPECT_EQ(run.messages(GST_MESSAGE_WARNING), 1u) << format;
    for (double sample : run.all()) ASSERT_EQ(sample, 0) << format;
  }
}

TEST(AudioStream, FlushForgetsAndTimeMayGoBack) {
  AudioRun run("rate=8000", 48000);
  run.push_all(sine(300), 0, 72000);
  const gsize before = run.outs.size();
  push_flush(run.h);
  run.push_all(sine(300), 24000, 72000);
  run.eos();
  EXPECT_TRUE(run.outs.at(before).discont);
  EXPECT_EQ(run.outs.at(before).pts, 500 * GST_MSECOND);
  EXPECT_EQ(run.outs.at(before).configurations, std::vector<std::uint64_t>{0});
  gsize after = 0;
  for (gsize i = before; i < run.outs.size(); i++) after += run.outs[i].samples.size();
  EXPECT_EQ(after, 8000u);
}

TEST(AudioStream, NewCapsInMidStream) {
  AudioRun run("", 48000);
  run.push_all(sine(300), 0, 72000);
  run.set_caps(8000);
  run.push_all(sine(300), 12000, 24000, 80);
  run.set_caps(44100, "S16LE", 2);
  run.push_all(sine(300), 44100 * 3, 44100 * 4, 441);
  run.eos();
  expect_seamless(run.outs, 0, 4 * GST_SECOND);
  EXPECT_EQ(run.count(), 24000u + 12000u + 16000u);
  unsigned disconts = 0;
  for (const Out &out : run.outs) {
    disconts += out.discont;
    EXPECT_EQ(out.rate, out.pts >= 1500 * GST_MSECOND && out.pts < 3 * GST_SECOND ? 8000 : 16000);
  }
  EXPECT_EQ(disconts, 1u);
  EXPECT_EQ(run.events.size(), 4u);  // interval 1 went on
}

TEST(AudioStream, BitsAreLevelsAndCountedAsPacked) {
  for (const char *format : {"S16LE", "F32LE"}) {
    AudioRun run("rate=8000 bits=6", 8000, format);
    run.push_all(sine(300), 0, 8000);
    run.eos();
    for (double sample : run.all()) ASSERT_EQ(sample * 32, std::nearbyint(sample * 32));
    EXPECT_LT(worst_error(run.outs, sine(300), 0), 1.0 / 64 + 1e-3);
    EXPECT_NEAR(double(run.stat("bytes")), 6000, double(run.outs.size()));
  }
}

TEST(AudioStream, LatencyIsThatOfTheLowestRateAndABuffer) {
  AudioRun run("", 48000);
  run.push_all(sine(300), 0, 4800, 480);
  EXPECT_GE(run.messages(GST_MESSAGE_LATENCY), 1u);
  // 64 taps at 1000 Hz, half of them ahead, and 10 ms.
  const GstClockTime latency = gst_harness_query_latency(run.h);
  EXPECT_NEAR(double(latency), 41e6, 2e6);
  // What is held back is never more.
  AudioRun low("rate=1000", 48000);
  for (guint64 at = 0; at < 96000; at += 480) {
    low.push(sine(300), at, at + 480);
    if (low.outs.empty()) continue;
    const Out &last = low.outs.back();
    EXPECT_LE(at * GST_SECOND / 48000, last.pts + last.duration + latency);
  }
}

TEST(AudioStream, LatencyIsMoreByWhatIsLookedAt) {
  AudioRun plain("", 48000), ahead("look-ahead=250000000", 48000), all("look-ahead=5000000000", 48000);
  for (AudioRun *run : {&plain, &ahead, &all}) run->push_all(sine(300), 0, 4800, 480);
  const GstClockTime latency = gst_harness_query_latency(plain.h);
  EXPECT_EQ(gst_harness_query_latency(ahead.h), latency + 250 * GST_MSECOND);
  EXPECT_EQ(gst_harness_query_latency(all.h), latency + GST_SECOND) << "at most an interval";
  for (guint64 at = 4800; at < 144000; at += 480) {
    ahead.push(sine(300), at, at + 480);
    if (ahead.outs.empty()) continue;
    const Out &last = ahead.outs.back();
    EXPECT_LE(at * GST_SECOND / 48000, last.pts + last.duration + latency + 250 * GST_MSECOND);
  }
}

TEST(AudioStream, ReversePlaybackKeepsEachBuffersTime) {
  AudioRun run("rate=8000", 16000, "F32LE");
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.rate = -1;
  segment.stop = 2 * GST_SECOND;
  gst_harness_push_event(run.h, gst_event_new_segment(&segment));
  for (guint64 k = 4; k-- > 0;) run.push(sine(300), k * 8000, (k + 1) * 8000);
  run.eos();
  EXPECT_EQ(run.count(), 16000u);
  ASSERT_GE(run.outs.size(), 4u);
  EXPECT_EQ(run.outs.front().pts, 1500 * GST_MSECOND);
}
