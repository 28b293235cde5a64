// SPDX-License-Identifier: LGPL-2.1-or-later
// What oneadaptdnn answers to a controller that profiles.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "dnn_harness.h"

namespace {

using namespace oneadapt_test;

/// A profile whose renderings are plain pictures of the colours model: red shows one object, black none.
struct Profile {
  explicit Profile(DnnHarness &d) : dnn(d) {}
  /// Samples at these frames; results are wanted at frames 0 … 3.
  void add(const std::vector<std::pair<unsigned, int>> &frames_and_red) { renderings.push_back(frames_and_red); }
  bool ask() {
    GstQuery *query = gst_query_new_oneadapt_profile(guint(renderings.size()), make, this);
    const bool answered = gst_pad_peer_query(dnn.harness->srcpad, query);
    gdouble *found = nullptr;
    guint n = 0;
    EXPECT_EQ(bool(gst_query_parse_oneadapt_profile_result(query, &found, &n, &inferences)), answered);
    accuracies.assign(found, found + n);
    g_free(found);
    gst_query_unref(query);
    return answered;
  }
  static GstOneadaptRendering *make(guint index, gpointer data) {
    auto *self = static_cast<Profile *>(data);
    self->order.push_back(index);
    if (self->before && !self->before(index)) return nullptr;
    GstOneadaptRendering *r = gst_oneadapt_rendering_new();
    GstCaps *caps = gst_pad_get_current_caps(self->dnn.harness->srcpad);
    for (const auto &[frame, red] : self->renderings[index]) {
      GstBuffer *b = self->dnn.picture(frame * kFrame, kFrame, red, 0, 0);
      gst_oneadapt_rendering_add(r, gst_sample_new(b, caps, nullptr, nullptr), frame * kFrame);
      gst_buffer_unref(b);
    }
    gst_caps_unref(caps);
    for (unsigned frame = 0; frame < 4; ++frame) gst_oneadapt_rendering_want(r, frame * kFrame);
    return r;
  }

  DnnHarness &dnn;
  std::vector<std::vector<std::pair<unsigned, int>>> renderings;
  std::function<bool(guint)> before;
  std::vector<guint> order;
  std::vector<double> accuracies;
  guint64 inferences = 0;
};

}  // namespace

TEST(DnnProfile, ResultsAreHeldAndComparedWithTheLastRendering) {
  DnnHarness dnn;
  dnn.start();
  ASSERT_EQ(dnn.push(0), GST_FLOW_OK);
  Profile profile(dnn);
  profile.add({{0, 0}});            // never sees it
  profile.add({{0, 204}});          // sees it at once, and holds on to it
  profile.add({{0, 0}, {2, 204}});  // sees it from the third frame on: half
  profile.add({{1, 204}});          // has nothing to hold at first: three quarters
  profile.add({{0, 204}, {1, 204}, {2, 204}, {3, 204}});
  ASSERT_TRUE(profile.ask());
  EXPECT_EQ(profile.accuracies, (std::vector<double>{0, 1, 0.5, 0.75, 1}));
  EXPECT_EQ(profile.inferences, 9u);
  EXPECT_EQ(profile.order, (std::vector<guint>{4, 0, 1, 2, 3}));
  EXPECT_EQ(dnn.stat("profile-inferences"), 9u);
  EXPECT_EQ(dnn.stat("inferences"), 1u);
  dnn.drop_output();
}

TEST(DnnProfile, NothingIsAnsweredWhenItIsCalledOffOrHasStopped) {
  DnnHarness dnn;
  dnn.start();
  Profile profile(dnn);
  profile.add({{0, 204}});
  profile.add({{0, 204}});
  profile.before = [](guint index) { return index != 0; };
  EXPECT_FALSE(profile.ask());
  profile.before = [&](guint) {
    gst_harness_push_event(dnn.harness, gst_event_new_flush_start());
    gst_harness_push_event(dnn.harness, gst_event_new_flush_stop(TRUE));
    return true;
  };
  EXPECT_FALSE(profile.ask());
  profile.before = nullptr;
  EXPECT_TRUE(profile.ask());
  gst_element_set_state(dnn.element, GST_STATE_NULL);
  EXPECT_FALSE(profile.ask());
}

// Forward passes of a profile in between must not cost the stream its graph.
TEST(DnnProfile, GradientsGoOnDuringProfiles) {
  DnnHarness dnn;
  dnn.start();
  std::atomic<bool> over{false};
  std::thread asker([&] {
    while (!over) {
      Profile profile(dnn);
      for (int i = 0; i < 4; ++i) profile.add({{0, 204}, {1, 0}});
      EXPECT_TRUE(profile.ask());
      EXPECT_EQ(profile.accuracies, (std::vector<double>{1, 1, 1, 1}));
    }
  });
  for (unsigned i = 0; i < 100; ++i) EXPECT_EQ(dnn.push(i * kFrame), GST_FLOW_OK);
  over = true;
  asker.join();
  const auto gradients = dnn.gradients();
  EXPECT_EQ(gradients.size(), 10u);
  for (GstOneadaptGradient *g : gradients) {
    EXPECT_GT(g->z, 0);
    gst_oneadapt_gradient_free(g);
  }
  EXPECT_EQ(dnn.stat("failed-gradients"), 0u);
  dnn.drop_output();
}
