// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadaptdnn on sound: words, when they are said, the gradient, and input that is wrong.
#include <gst/audio/audio.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "dnn_harness.h"
#include "interval_drain.h"
#include "wire/message.h"

using namespace oneadapt_test;

namespace {

/// Tones on a time axis, at any rate.
struct Tone {
  double frequency, amplitude, from, to;
};

class Sound : public ::testing::Test {
 protected:
  void start(int rate, const char *format = "F32LE", const std::string &extra = "{}") {
    dnn.set("model", save_tones(dnn.folder, extra).c_str());
    dnn.set("results-location", results().c_str());
    dnn.play();
    caps(rate, format);
  }
  void caps(int rate, const char *format = "F32LE") {
    rate_ = rate;
    format_ = format;
    gst_harness_set_src_caps_str(dnn.harness, ("audio/x-raw,format=" + std::string(format) +
                                               ",layout=interleaved,channels=1,rate=" + std::to_string(rate))
                                                  .c_str());
  }
  std::string results() const { return dnn.folder.file("words.jsonl"); }
  double value(double t) const {
    double sum = 0;
    for (const Tone &tone : tones)
      if (t >= tone.from && t < tone.to) sum += tone.amplitude * std::sin(2 * M_PI * tone.frequency * t);
    return sum;
  }
  GstBuffer *sound(double from, double to) const {
    const auto first = std::llround(from * rate_), last = std::llround(to * rate_);
    const bool s16 = format_ == "S16LE";
    GstBuffer *buffer = gst_buffer_new_allocate(nullptr, std::size_t(last - first) * (s16 ? 2 : 4), nullptr);
    GstMapInfo map;
    gst_buffer_map(buffer, &map, GST_MAP_WRITE);
    for (auto i = first; i < last; ++i) {
      const double v = value(double(i) / rate_);
      if (s16)
        GST_WRITE_UINT16_LE(map.data + 2 * (i - first), guint16(gint16(std::lround(v * 32767))));
      else
        GST_WRITE_FLOAT_LE(map.data + 4 * (i - first), gfloat(v));
    }
    gst_buffer_unmap(buffer, &map);
    GST_BUFFER_PTS(buffer) = GstClockTime(std::llround(from * 1e9));
    GST_BUFFER_DURATION(buffer) = GstClockTime(std::llround((to - from) * 1e9));
    return buffer;
  }
  /// In buffers of 20 ms.
  void play(double from, double to) {
    for (double t = from; t < to - 1e-6; t += 0.02)
      EXPECT_EQ(gst_harness_push(dnn.harness, sound(t, t + 0.02)), GST_FLOW_OK);
  }
  void end() { gst_harness_push_event(dnn.harness, gst_event_new_eos()); }
  std::vector<nlohmann::json> lines() const {
    std::vector<nlohmann::json> found;
    std::istringstream text(read_file(results()));
    for (std::string line; std::getline(text, line);) found.push_back(nlohmann::json::parse(line));
    return found;
  }
  /// "word@seconds" of all lines.
  std::vector<std::string> words() const {
    std::vector<std::string> found;
    for (const auto &line : lines())
      for (const auto &word : line["words"]) {
        std::ostringstream s;
        s << word["word"].get<std::string>() << "@" << std::round(word["start"].get<double>() / 1e7) / 100;
        found.push_back(s.str());
      }
    return found;
  }

  DnnHarness dnn;
  std::vector<Tone> tones;

 private:
  int rate_ = 8000;
  std::string format_ = "F32LE";
};

using Words = std::vector<std::string>;

}  // namespace

TEST_F(Sound, WordsWithTimesOnceEach) {
  // One in the middle, one across the boundary of intervals, one that lookahead leaves to the next interval's line.
  tones = {{500, 0.2, 0.2, 0.4}, {3000, 0.2, 0.96, 1.06}, {500, 0.2, 1.92, 1.98}, {3000, 0.2, 2.2, 2.3}};
  start(8000);
  play(0, 2.5);
  end();
  EXPECT_EQ(words(), (Words{"low@0.2", "high@0.96", "low@1.92", "high@2.2"}));
  const auto all = lines();
  ASSERT_EQ(all.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(all[i]["interval"], i);
    EXPECT_EQ(all[i]["timestamp"], i * GST_SECOND);
    EXPECT_EQ(all[i]["sample_rate"], 8000);
  }
  EXPECT_EQ(all[0]["words"].size(), 1u);
  EXPECT_EQ(all[0]["words"][0]["label_id"], 1);
  EXPECT_GT(all[0]["words"][0]["confidence"], 0.9);
  EXPECT_EQ(dnn.stat("objects-total"), 4u);
  EXPECT_EQ(dnn.stat("inferences"), 3u);
}

TEST_F(Sound, MessagesSayTheSame) {
  tones = {{500, 0.2, 0.2, 0.4}};
  start(8000);
  play(0, 1);
  GstMessage *m = gst_bus_pop_filtered(dnn.bus, GST_MESSAGE_ELEMENT);
  ASSERT_TRUE(m);
  const GstStructure *s = gst_message_get_structure(m);
  EXPECT_TRUE(gst_structure_has_name(s, "oneadapt-words"));
  const GValue *list = gst_structure_get_value(s, "words");
  ASSERT_EQ(gst_value_list_get_size(list), 1u);
  const GstStructure *word = gst_value_get_structure(gst_value_list_get_value(list, 0));
  EXPECT_STREQ(gst_structure_get_string(word, "word"), "low");
  guint64 begin = 0, finish = 0;
  gst_structure_get_uint64(word, "start", &begin);
  gst_structure_get_uint64(word, "end", &finish);
  EXPECT_NEAR(double(begin), 0.2e9, 1e6);
  EXPECT_NEAR(double(finish), 0.4e9, 1e6);
  gst_message_unref(m);
}

TEST_F(Sound, OneGradientAnIntervalAfterItsLastBuffer) {
  tones = {{500, 0.05, 0.3, 0.32}};
  start(8000);
  play(0, 2.02);
  const auto gradients = dnn.gradients();
  ASSERT_EQ(gradients.size(), 2u);
  const GstOneadaptGradient &g = *gradients[0];
  EXPECT_EQ(g.interval, 0u);
  EXPECT_EQ(g.frame_width, 8000u);
  EXPECT_EQ(g.frame_height, 1u);
  EXPECT_EQ(g.domain, GST_ONEADAPT_DOMAIN_SIGNAL);
  EXPECT_EQ(g.block_size, 80u);
  EXPECT_EQ(g.columns, 100u);
  EXPECT_EQ(g.elements, 1u);
  EXPECT_LT(g.stream_time, GST_SECOND);
  // The message's map is quantised; what it says lies where the word is.
  const auto largest = std::max_element(g.values, g.values + g.columns) - g.values;
  EXPECT_TRUE(largest == 30 || largest == 31) << largest;
  EXPECT_EQ(gradients[1]->elements, 0u);
  // Held back by no more than 50 ms: the buffer that ends at 0.96 s is the first that will do.
  EXPECT_EQ(dnn.log[48], "gradient 0");
  for (auto *gradient : gradients) gst_oneadapt_gradient_free(gradient);
}

// 72000 samples of the model's, more than 16 bits count.
TEST_F(Sound, AnIntervalOfNineSecondsHasAGradient) {
  tones = {{500, 0.05, 8.3, 8.32}};
  dnn.set("interval", 9 * GST_SECOND);
  start(8000);
  play(0, 9.02);
  const auto gradients = dnn.gradients();
  ASSERT_EQ(gradients.size(), 1u);
  const GstOneadaptGradient &g = *gradients[0];
  EXPECT_EQ(g.domain, GST_ONEADAPT_DOMAIN_SIGNAL);
  EXPECT_EQ(g.interval, 0u);
  EXPECT_EQ(g.interval_duration, 9 * GST_SECOND);
  EXPECT_EQ(g.frame_width, 72000u);
  EXPECT_EQ(g.frame_height, 1u);
  EXPECT_EQ(g.columns, 900u);
  EXPECT_EQ(g.elements, 1u);
  const auto largest = std::max_element(g.values, g.values + g.columns) - g.values;
  EXPECT_TRUE(largest == 830 || largest == 831) << largest;
  EXPECT_TRUE(dnn.messages(GstMessageType(GST_MESSAGE_WARNING | GST_MESSAGE_ERROR)).empty());
  gst_oneadapt_gradient_free(gradients[0]);
}

// So nothing that the element takes has to be refused later.
TEST_F(Sound, AMessageHoldsTheLongestIntervalAndTheLargestPicture) {
  const GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(dnn.element), "interval");
  const double seconds = double(G_PARAM_SPEC_UINT64(spec)->maximum) / GST_SECOND;
  EXPECT_EQ(seconds, 3600);
  // Blocks of 10 ms, in whole samples: at 1049 Hz 10, and so 104.9 blocks a second, the most of rates from 1000 Hz on.
  EXPECT_LT(seconds * 104.9, double(oneadapt::kMaxMessageBlocks));
  GstPad *sink = gst_element_get_static_pad(dnn.element, "sink");
  GstCaps *caps = gst_pad_get_pad_template_caps(sink);
  double blocks = 1;  // of 16 pixels
  for (const char *side : {"width", "height"}) {
    const GValue *range = gst_structure_get_value(gst_caps_get_structure(caps, 0), side);
    blocks *= std::ceil(gst_value_get_int_range_max(range) / 16.0);
  }
  EXPECT_EQ(blocks, 1024 * 1024);
  EXPECT_LE(blocks, double(oneadapt::kMaxMessageBlocks));
  gst_caps_unref(caps);
  gst_object_unref(sink);
}

TEST_F(Sound, AnyRateIsBroughtToTheModels) {
  tones = {{500, 0.2, 0.2, 0.4},  {3000, 0.2, 0.6, 0.8}, {500, 0.2, 1.2, 1.4},
           {3000, 0.2, 1.6, 1.8}, {500, 0.2, 2.2, 2.4},  {3000, 0.2, 2.6, 2.8}};
  start(48000);
  play(0, 1);
  caps(2000);  // it loses the high ones: what a camera's filter would not have let through, either
  tones.erase(tones.begin() + 3);
  play(1, 2);
  caps(16000);
  play(2, 3);
  end();
  EXPECT_EQ(words(), (Words{"low@0.2", "high@0.6", "low@1.2", "low@2.2", "high@2.6"}));
  EXPECT_EQ(lines()[1]["sample_rate"], 2000);
}

TEST_F(Sound, ARateThatChangesMakesNoWord) {
  tones = {{100, 0.9, 0, 9}};  // a click has all frequencies
  start(16000);
  const int rates[] = {16000, 1000, 8000, 3000, 12000, 2000};
  for (int i = 0; i < 6; ++i) {
    caps(rates[i]);
    play(i, i + 1);
  }
  end();
  EXPECT_EQ(words(), Words{});
}

TEST_F(Sound, SixteenBits) {
  tones = {{500, 0.2, 0.2, 0.4}, {3000, 0.2, 0.6, 0.8}};
  start(8000, "S16LE");
  play(0, 1);
  end();
  EXPECT_EQ(words(), (Words{"low@0.2", "high@0.6"}));
}

TEST_F(Sound, GapsAreSilence) {
  tones = {{500, 0.2, 0.2, 0.4}, {500, 0.2, 1.0, 1.5}, {3000, 0.2, 1.7, 1.8}};
  start(8000);
  play(0, 1);
  GstBuffer *gap = sound(1, 1.5);
  GST_BUFFER_FLAG_SET(gap, GST_BUFFER_FLAG_GAP);
  gst_harness_push(dnn.harness, gap);
  play(1.6, 2);  // and a tenth of a second is lost
  gst_harness_push(dnn.harness, gst_buffer_new());
  end();
  EXPECT_EQ(words(), (Words{"low@0.2", "high@1.7"}));
  EXPECT_TRUE(dnn.messages(GST_MESSAGE_ERROR).empty());
}

TEST_F(Sound, WhatIsNotFiniteIsSilenceAndSaidOnce) {
  tones = {{500, 0.2, 0.2, 0.4}};
  start(8000);
  for (double t = 0; t < 1; t += 0.02) {
    GstBuffer *buffer = sound(t, t + 0.02);
    if (t > 0.5) {
      const gfloat bad[] = {std::numeric_limits<gfloat>::quiet_NaN(), std::numeric_limits<gfloat>::infinity()};
      gst_buffer_fill(buffer, 0, bad, sizeof bad);
    }
    EXPECT_EQ(gst_harness_push(dnn.harness, buffer), GST_FLOW_OK);
  }
  EXPECT_EQ(dnn.messages(GST_MESSAGE_WARNING).size(), 1u);
  const auto gradients = dnn.gradients();
  ASSERT_EQ(gradients.size(), 1u);
  EXPECT_TRUE(std::isfinite(gradients[0]->z));
  gst_oneadapt_gradient_free(gradients[0]);
  end();
  EXPECT_EQ(words(), (Words{"low@0.2"}));
}

TEST_F(Sound, OneBufferOfManyIntervals) {
  tones = {{500, 0.2, 0.2, 0.4}, {3000, 0.2, 2.2, 2.4}, {500, 0.2, 4.2, 4.4}};
  start(8000);
  EXPECT_EQ(gst_harness_push(dnn.harness, sound(0, 4.5)), GST_FLOW_OK);
  end();
  EXPECT_EQ(words(), (Words{"low@0.2", "high@2.2", "low@4.2"}));
  const auto gradients = dnn.gradients();
  EXPECT_EQ(gradients.size(), 4u);
  for (auto *gradient : gradients) gst_oneadapt_gradient_free(gradient);
  EXPECT_EQ(dnn.pull().size(), 1u);
}

TEST_F(Sound, ASeekBeginsAnew) {
  tones = {{500, 0.2, 0.2, 0.4}, {3000, 0.2, 5.2, 5.4}};
  start(8000);
  play(0, 0.8);
  push_flush(dnn.harness);
  play(5, 6);
  end();
  EXPECT_EQ(words(), (Words{"high@5.2"}));
  EXPECT_EQ(lines()[0]["interval"], 5);
}

TEST_F(Sound, WithoutGradientWordsOnly) {
  tones = {{500, 0.2, 0.2, 0.4}};
  dnn.set("gradient", FALSE);
  start(8000);
  play(0, 2);
  EXPECT_TRUE(dnn.gradients().empty());
  EXPECT_EQ(words(), (Words{"low@0.2"}));
}

TEST_F(Sound, PicturesForAModelOfSoundAreAnError) {
  dnn.set("model", save_tones(dnn.folder).c_str());
  dnn.play();
  dnn.caps("RGB", 32, 32);
  dnn.push(0);
  const std::string text = only_error(dnn).text;
  EXPECT_NE(text.find("Property \"model\": it is for sound (task \"ctc\"), but the stream is pictures"),
            std::string::npos)
      << text;
}

TEST_F(Sound, SoundForAModelOfPicturesIsAnError) {
  dnn.play();
  caps(8000);
  gst_harness_push(dnn.harness, sound(0, 0.02));
  const std::string text = only_error(dnn).text;
  EXPECT_NE(text.find("it is for pictures (task \"detection\"), but the stream is sound"), std::string::npos) << text;
}

// Renderings are sound of one second in two buffers; the last one's words are what the others are compared with.
TEST_F(Sound, ProfilesCompareWords) {
  start(8000);
  const std::vector<std::vector<Tone>> renderings{
      {},                                                 // finds nothing
      {{500, 0.2, 0.2, 0.4}},                             // one of two words: precision 1, recall a half
      {{500, 0.2, 0.25, 0.45}, {3000, 0.2, 0.65, 0.75}},  // both, a little later
      {{500, 0.2, 0.2, 0.4}, {3000, 0.2, 0.6, 0.7}},
  };
  const std::function<GstOneadaptRendering *(guint)> render = [&](guint index) {
    tones = renderings[index];
    GstCaps *caps = gst_pad_get_current_caps(dnn.harness->srcpad);
    GstOneadaptRendering *rendering = gst_oneadapt_rendering_new();
    for (const double from : {0.0, 0.5}) {
      GstBuffer *buffer = sound(from, from + 0.5);
      gst_oneadapt_rendering_add(rendering, gst_sample_new(buffer, caps, nullptr, nullptr), GST_BUFFER_PTS(buffer));
      gst_buffer_unref(buffer);
    }
    gst_caps_unref(caps);
    return rendering;
  };
  const auto call = [](guint index, gpointer data) { return (*static_cast<decltype(render) *>(data))(index); };
  GstQuery *query = gst_query_new_oneadapt_profile(guint(renderings.size()), call,
                                                   const_cast<gpointer>(static_cast<gconstpointer>(&render)));
  ASSERT_TRUE(gst_pad_peer_query(dnn.harness->srcpad, query));
  gdouble *accuracies = nullptr;
  guint count = 0;
  guint64 inferences = 0;
  ASSERT_TRUE(gst_query_parse_oneadapt_profile_result(query, &accuracies, &count, &inferences));
  ASSERT_EQ(count, 4u);
  EXPECT_EQ(accuracies[0], 0);
  EXPECT_NEAR(accuracies[1], 2.0 / 3, 1e-9);
  EXPECT_EQ(accuracies[2], 1);
  EXPECT_EQ(accuracies[3], 1);
  EXPECT_EQ(inferences, 4u);
  EXPECT_EQ(dnn.stat("profile-inferences"), 4u);
  EXPECT_EQ(dnn.stat("inferences"), 0u);
  g_free(accuracies);
  gst_query_unref(query);
}

// After a jump, what was heard before is reported, and counting begins anew.
TEST_F(Sound, AJumpReportsWhatWasBefore) {
  tones = {{500, 0.2, 0.2, 0.4}, {3000, 0.2, 10.2, 10.4}};
  start(8000);
  play(0, 0.6);
  EXPECT_EQ(words(), Words{});
  play(10, 11);
  end();
  EXPECT_EQ(words(), (Words{"low@0.2", "high@10.2"}));
  const auto all = lines();
  ASSERT_GE(all.size(), 2u);
  EXPECT_EQ(all[0]["interval"], 0);
  EXPECT_EQ(all[1]["interval"], 10);
  EXPECT_EQ(dnn.gradients().size(), 1u) << "of the whole interval only";
}

// A controller in lockstep says so: what is missing of the interval was lost, or the sound pauses.
TEST_F(Sound, AnIntervalThatIsOverIsHeardAlthoughSoundIsMissing) {
  const auto over = [&](guint64 interval) {
    GstQuery *query = oneadapt::new_interval_drain({interval, GST_SECOND});
    gst_pad_peer_query(dnn.harness->srcpad, query);
    const unsigned sent = oneadapt::answers_of(query).sent;
    gst_query_unref(query);
    return sent;
  };
  start(8000);
  tones = {{3000, 0.2, 1.4, 1.6}, {500, 0.2, 0.2, 0.4}};
  play(0, 0.6);
  EXPECT_TRUE(words().empty());
  EXPECT_EQ(over(0), 1u);
  EXPECT_EQ(over(0), 1u) << "once is enough";
  EXPECT_EQ(over(1), 0u) << "nothing came";
  EXPECT_EQ(dnn.stat("inferences"), 1u);
  const auto gradients = dnn.gradients();
  ASSERT_EQ(gradients.size(), 1u);
  EXPECT_EQ(gradients[0]->interval, 0u);
  gst_oneadapt_gradient_free(gradients[0]);
  play(1.2, 2.0);
  end();
  EXPECT_EQ(words(), (Words{"low@0.2", "high@1.4"}));
  const auto all = lines();
  ASSERT_EQ(all.size(), 3u);  // the last one of what lookahead would have left
  EXPECT_EQ(all[0]["words"].size(), 1u);
  EXPECT_EQ(all[1]["words"].size(), 1u);
}
