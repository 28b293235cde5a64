// SPDX-License-Identifier: LGPL-2.1-or-later
// A run of oneadaptdnn, whatever the medium: what is done in which order, and what is not done after a fault. No
// pipeline and no LibTorch model: pads, and a medium of numbers.
#include <gtest/gtest.h>

#include <functional>

#include "numbers_medium.h"
#include "run.h"
#include "test_models.h"

GST_DEBUG_CATEGORY_EXTERN(oneadaptdnn_debug);

namespace {

using namespace oneadapt;
using namespace oneadapt_test;
using Log = std::vector<std::string>;

class RunOfNumbers : public ::testing::Test {
 protected:
  void SetUp() override {
    GST_DEBUG_CATEGORY_INIT(oneadaptdnn_debug, "oneadaptdnn", 0, nullptr);
    element_ = GST_ELEMENT(gst_object_ref_sink(gst_bin_new("dnn")));
    bus_ = gst_bus_new();
    gst_element_set_bus(element_, bus_);
    upstream_ = pad("up", GST_PAD_SRC);
    sink_ = pad("sink", GST_PAD_SINK);
    src_ = pad("src", GST_PAD_SRC);
    downstream_ = pad("down", GST_PAD_SINK);
    gst_pad_set_event_function(upstream_, [](GstPad *p, GstObject *, GstEvent *event) -> gboolean {
      auto *self = static_cast<RunOfNumbers *>(gst_pad_get_element_private(p));
      guint64 interval = 0;
      const gboolean taken = gst_event_is_oneadapt_gradient(event) &&
                             gst_structure_get_uint64(gst_event_get_structure(event), "interval", &interval);
      if (taken) self->script_.log.push_back("gradient " + std::to_string(interval));
      gst_event_unref(event);
      return taken;
    });
    gst_pad_set_chain_function(downstream_, [](GstPad *p, GstObject *, GstBuffer *buffer) {
      auto *self = static_cast<RunOfNumbers *>(gst_pad_get_element_private(p));
      self->script_.log.push_back("push");
      gst_buffer_unref(buffer);
      if (self->on_push_) self->on_push_();
      return self->flow_;
    });
    ASSERT_EQ(gst_pad_link(upstream_, sink_), GST_PAD_LINK_OK);
    ASSERT_EQ(gst_pad_link(src_, downstream_), GST_PAD_LINK_OK);
    gst_pad_push_event(src_, gst_event_new_stream_start("numbers"));
    gst_segment_init(&segment_, GST_FORMAT_TIME);
    gst_pad_push_event(src_, gst_event_new_segment(&segment_));
    settings_.feedback = "off";
    start();
  }
  void TearDown() override {
    run_.reset();
    for (GstPad *p : {upstream_, sink_, src_, downstream_}) {
      gst_pad_set_active(p, FALSE);
      gst_object_unref(p);
    }
    gst_element_set_bus(element_, nullptr);
    gst_object_unref(bus_);
    gst_object_unref(element_);
  }
  void start() {
    numbers_script = &script_;
    run_ = std::make_unique<oneadapt::Run>(element_, sink_, src_, settings_, numbers_media(), numbers_media().front());
    opened_ = run_->open(settings_);
    GstCaps *caps = gst_caps_new_empty_simple("application/x-numbers");
    EXPECT_TRUE(run_->set_caps(caps));
    gst_caps_unref(caps);
    run_->set_segment(segment_);
  }
  GstFlowReturn chain(GstClockTime time, const std::vector<double> &numbers, GstClockTime duration = GST_SECOND) {
    GstBuffer *buffer = buffer_of(numbers);
    GST_BUFFER_PTS(buffer) = time;
    GST_BUFFER_DURATION(buffer) = duration;
    return run_->chain(buffer, settings_);
  }
  static GstBuffer *buffer_of(const std::vector<double> &numbers) {
    GstBuffer *buffer = gst_buffer_new_allocate(nullptr, numbers.size() * sizeof(double), nullptr);
    gst_buffer_fill(buffer, 0, numbers.data(), numbers.size() * sizeof(double));
    return buffer;
  }
  /// What has been done since the last call.
  Log log() { return std::exchange(script_.log, {}); }
  /// Texts of the errors and warnings since the last call.
  Log messages() {
    Log texts;
    while (GstMessage *message = gst_bus_pop_filtered(bus_, GstMessageType(GST_MESSAGE_ERROR | GST_MESSAGE_WARNING))) {
      GError *error = nullptr;
      if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
        gst_message_parse_error(message, &error, nullptr);
      else
        gst_message_parse_warning(message, &error, nullptr);
      texts.push_back(error->message);
      g_error_free(error);
      gst_message_unref(message);
    }
    return texts;
  }
  /// Accuracies of renderings of one buffer each; none: the profile was called off or failed.
  std::vector<double> profile(const std::vector<std::vector<double>> &renderings,
                              const std::function<void(guint)> &before = {}) {
    std::vector<double> accuracies;
    guint64 inferences = 0;
    const auto source = [&](guint index) {
      if (before) before(index);
      GstOneadaptRendering *rendering = gst_oneadapt_rendering_new();
      GstBuffer *buffer = buffer_of(renderings[index]);
      gst_oneadapt_rendering_add(rendering, gst_sample_new(buffer, nullptr, nullptr, nullptr), 0);
      gst_buffer_unref(buffer);
      return rendering;
    };
    if (!run_->profile(guint(renderings.size()), source, settings_, accuracies, inferences)) return {};
    EXPECT_EQ(inferences, renderings.size());
    return accuracies;
  }

  GstElement *element_ = nullptr;
  GstBus *bus_ = nullptr;
  GstPad *upstream_ = nullptr, *sink_ = nullptr, *src_ = nullptr, *downstream_ = nullptr;
  GstFlowReturn flow_ = GST_FLOW_OK;
  std::function<void()> on_push_;
  GstSegment segment_{};
  NumbersScript script_;
  RunSettings settings_;
  std::unique_ptr<oneadapt::Run> run_;
  bool opened_ = false;

 private:
  GstPad *pad(const char *name, GstPadDirection direction) {
    GstPad *p = GST_PAD(gst_object_ref_sink(gst_pad_new(name, direction)));
    gst_pad_set_element_private(p, this);
    gst_pad_set_active(p, TRUE);
    return p;
  }
};

TEST_F(RunOfNumbers, DownstreamFirstThenTheWayBack) {
  EXPECT_EQ(chain(0, {0.1, 0.9}), GST_FLOW_OK);
  EXPECT_EQ(log(), (Log{"infer for gradient", "report", "push", "backward", "gradient 0", "taken"}));
  settings_.gradient = false;
  EXPECT_EQ(chain(GST_SECOND, {0.9, 0.9}), GST_FLOW_OK);
  EXPECT_EQ(log(), (Log{"infer", "report", "push"}));
  const RunStats stats = run_->stats();
  EXPECT_EQ(stats.results.frames, 2u);
  EXPECT_EQ(stats.results.objects_total, 3u);
  EXPECT_EQ(stats.inferences.count, 2u);
  EXPECT_EQ(stats.gradients.count, 1u);
  EXPECT_EQ(stats.gradients.z, 1);
  EXPECT_EQ(stats.model.device, "abacus");
}

TEST_F(RunOfNumbers, ABufferOfSeveralIntervalsIsPushedOnce) {
  EXPECT_EQ(chain(0, {0.9}, 3 * GST_SECOND), GST_FLOW_OK);
  EXPECT_EQ(log(), (Log{"infer for gradient", "report", "push", "backward", "gradient 0", "taken", "infer for gradient",
                        "report alone", "backward", "gradient 1", "taken", "infer for gradient", "report alone",
                        "backward", "gradient 2", "taken"}));
}

TEST_F(RunOfNumbers, WhatWasHeldBackComesWithTheEnd) {
  script_.held_back = 2;
  run_->drain(settings_);
  EXPECT_EQ(log(), (Log{"infer", "report alone", "infer", "report alone"}));
  run_->drain(settings_);
  EXPECT_EQ(log(), Log{});
}

TEST_F(RunOfNumbers, AFlushForgetsGraphSegmentAndTime) {
  run_->flush();
  EXPECT_EQ(log(), (Log{"flush", "drop"}));
  EXPECT_EQ(chain(0, {0.9}), GST_FLOW_OK);
  EXPECT_EQ(chain(1, {0.9}), GST_FLOW_OK);
  EXPECT_EQ(log(), (Log{"infer", "report", "push", "infer", "report", "push"})) << "there is no segment";
  EXPECT_EQ(messages(), (Log{"Numbers without time are counted only; let the source stamp them in a time segment, or "
                             "set gradient=false."}))
      << "said once";
  run_->set_segment(segment_);
  EXPECT_EQ(chain(5 * GST_SECOND, {0.9}), GST_FLOW_OK);
  EXPECT_EQ(log()[4], "gradient 5");
  run_->new_stream();
  EXPECT_EQ(log(), (Log{"new stream"}));
}

TEST_F(RunOfNumbers, NothingGoesBackWhereDownstreamTakesNothing) {
  flow_ = GST_FLOW_EOS;
  EXPECT_EQ(chain(0, {0.9}), GST_FLOW_EOS);
  EXPECT_EQ(log(), (Log{"infer for gradient", "report", "push", "drop"}));
  flow_ = GST_FLOW_OK;
  EXPECT_EQ(chain(GST_SECOND, {0.9}), GST_FLOW_OK) << "it is downstream's fault, and may pass";
}

TEST_F(RunOfNumbers, AFaultIsSaidOnceAndEndsTheRun) {
  script_.fail_infer = "it cannot count";
  EXPECT_EQ(chain(0, {0.9}), GST_FLOW_ERROR);
  EXPECT_EQ(log(), (Log{"infer for gradient", "drop"}));
  EXPECT_EQ(messages(), (Log{"Property \"model\": it cannot count."}));
  script_.held_back = 1;
  EXPECT_EQ(chain(GST_SECOND, {0.9}), GST_FLOW_ERROR);
  run_->drain(settings_);
  EXPECT_EQ(log(), Log{});
  EXPECT_EQ(messages(), Log{});
}

TEST_F(RunOfNumbers, ABufferThatCannotBeReadIsNotPushed) {
  script_.fail_take_in = true;
  EXPECT_EQ(chain(0, {0.9}), GST_FLOW_ERROR);
  EXPECT_EQ(log(), Log{});
  EXPECT_EQ(messages(), (Log{"No numbers."}));
}

TEST_F(RunOfNumbers, AGradientThatFailsIsCountedAndResultsGoOn) {
  script_.fail_backward = "it is not finite";
  EXPECT_EQ(chain(0, {0.9}), GST_FLOW_OK);
  EXPECT_EQ(chain(GST_SECOND, {0.9}), GST_FLOW_OK);
  EXPECT_EQ(log(), (Log{"infer for gradient", "report", "push", "backward", "infer for gradient", "report", "push",
                        "backward"}));
  EXPECT_EQ(messages(), (Log{"Property \"model\": it is not finite. Results go on, without this gradient."}));
  EXPECT_EQ(run_->stats().gradients.failed, 2u);
  EXPECT_EQ(run_->stats().gradients.count, 0u);
}

TEST_F(RunOfNumbers, AnotherMediumIsNamedWithItsTasks) {
  GstCaps *caps = gst_caps_new_empty_simple("application/x-letters");
  EXPECT_FALSE(run_->set_caps(caps));
  EXPECT_FALSE(run_->set_caps(caps));
  gst_caps_unref(caps);
  EXPECT_EQ(messages(), (Log{"Property \"model\": it is for numbers (task \"counting\"), but the stream is letters; "
                             "set a model of task \"spelling\" or \"reading\"."}));
}

TEST_F(RunOfNumbers, ProfilesCompareWithTheLastRendering) {
  EXPECT_EQ(profile({{0.1}, {0.9}, {0.7}}), (std::vector<double>{0, 1, 1}));
  EXPECT_EQ(run_->stats().profiles.inferences, 3u);
  EXPECT_EQ(run_->stats().inferences.count, 0u);
  EXPECT_EQ(profile({{0.1}, {0.9}, {0.7}},
                    [&](guint index) {
                      if (index == 1) run_->call_off(false);
                    }),
            std::vector<double>{})
      << "called off on the way";
  EXPECT_EQ(profile({{0.9}}), std::vector<double>{1}) << "the next may run";
  script_.fail_infer = "it cannot count";
  EXPECT_EQ(profile({{0.9}}), std::vector<double>{});
  EXPECT_EQ(messages(), Log{}) << "a profile's failure is not the stream's";
  script_.fail_infer.clear();
  run_->call_off(true);
  EXPECT_EQ(profile({{0.9}}), std::vector<double>{});
}

// A slow element downstream must not keep a profile from the model, except where a gradient follows. With the model's
// turn still taken, this test would not end.
TEST_F(RunOfNumbers, ProfilesMayInferWhileABufferIsPushed) {
  settings_.gradient = false;
  std::vector<double> accuracies;
  on_push_ = [&] { accuracies = profile({{0.9}, {0.9}}); };
  EXPECT_EQ(chain(0, {0.9}), GST_FLOW_OK);
  EXPECT_EQ(accuracies, (std::vector<double>{1, 1}));
}

TEST_F(RunOfNumbers, LinesAreInTheFileAndFaultsOfTheFileAreNamed) {
  const TemporaryFolder folder;
  settings_.results_location = folder.file("numbers.jsonl");
  start();
  ASSERT_TRUE(opened_);
  EXPECT_EQ(chain(0, {0.9, 0.8}), GST_FLOW_OK);
  EXPECT_EQ(read_file(settings_.results_location), "{\"count\": 2}\n");
  run_->finish();
  // A power failure has left half a line.
  write_file(settings_.results_location, read_file(settings_.results_location) + "{\"cou");
  settings_.append_results = true;
  start();
  EXPECT_EQ(chain(0, {0.9}), GST_FLOW_OK);
  EXPECT_EQ(read_file(settings_.results_location), "{\"count\": 2}\n{\"count\": 1}\n");
  run_->finish();
  EXPECT_EQ(messages(), Log{});
  settings_.results_location = folder.file("none/numbers.jsonl");
  start();
  EXPECT_FALSE(opened_);
  const Log errors = messages();
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].find("Property \"results-location\": cannot open '" + settings_.results_location + "'"), 0u);
  settings_.results_location = "/dev/full";
  start();
  EXPECT_EQ(chain(0, {0.9}), GST_FLOW_ERROR);
  EXPECT_EQ(messages().size(), 1u) << "the disk is full";
  run_->finish();
  EXPECT_EQ(messages(), Log{}) << "one error is enough";
}

TEST(RunStatistics, LatencyIsTheMeanOfTheLastTen) {
  Statistics statistics;
  for (guint64 took : {1000, 1000, 10, 10, 10, 10, 10, 10, 10, 10, 10, 20}) statistics.count_inference(took);
  const RunStats stats = statistics.read();
  EXPECT_EQ(stats.inferences.count, 12u);
  EXPECT_EQ(stats.inferences.time, 2110u);
  EXPECT_EQ(stats.inferences.latency, 11u);
}

}  // namespace
