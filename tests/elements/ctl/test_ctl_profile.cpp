// SPDX-License-Identifier: LGPL-2.1-or-later
// Policies that profile, live: the tunable is the rig's, the DNN a probe on the harness's pad.
#include <functional>
#include <utility>

#include "ctl_rig.h"

namespace {

/// Answers profiles. Worth at λ = 1, accuracy − level / 50, for levels 10 … 50: 0, 0.1, 0.3, 0.15, 0: the middle wins.
class FakeDnn {
 public:
  explicit FakeDnn(Rig &rig) : rig_(rig) {
    probe_ = gst_pad_add_probe(
        rig.h->sinkpad, GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM,
        [](GstPad *, GstPadProbeInfo *info, gpointer data) {
          auto *query = GST_PAD_PROBE_INFO_QUERY(info);
          // Once: probes are asked before and after the pad has answered.
          if (!gst_query_is_oneadapt_profile(query) || !(info->type & GST_PAD_PROBE_TYPE_PUSH)) return GST_PAD_PROBE_OK;
          return static_cast<FakeDnn *>(data)->answer(query) ? GST_PAD_PROBE_HANDLED : GST_PAD_PROBE_DROP;
        },
        this, nullptr);
  }
  ~FakeDnn() {
    hold = false;
    gst_element_set_state(rig_.bin, GST_STATE_NULL);  // nobody asks any more
    gst_pad_remove_probe(rig_.h->sinkpad, probe_);
  }
  std::atomic<unsigned> queries{0}, renderings{0}, called_off{0};
  std::atomic<bool> hold{false}, fails{false};
  std::vector<double> levels;  // as rendered, of the last query

 private:
  static double accuracy(double level) {
    return level == 50 ? 1 : level == 40 ? 0.95 : level == 30 ? 0.9 : level == 20 ? 0.5 : 0.2;
  }
  bool answer(GstQuery *query) {
    guint n = 0;
    GstOneadaptRenderFunc render = nullptr;
    gpointer data = nullptr;
    EXPECT_TRUE(gst_query_parse_oneadapt_profile(query, &n, &render, &data));
    ++queries;
    levels.clear();
    std::vector<double> accuracies(n);
    guint64 inferences = 0;
    for (guint i = 0; i < n; ++i) {
      const guint index = i == 0 ? n - 1 : i - 1;
      GstOneadaptRendering *r = render(index, data);
      if (!r) {
        ++called_off;
        return false;
      }
      guint8 level = 0;
      gst_buffer_extract(gst_sample_get_buffer(static_cast<GstSample *>(r->samples->pdata[0])), 0, &level, 1);
      levels.push_back(level);
      accuracies[index] = accuracy(level);
      inferences += r->samples->len;
      gst_oneadapt_rendering_free(r);
      ++renderings;
      while (hold) std::this_thread::yield();
    }
    if (fails) return false;
    gst_query_set_oneadapt_profile_result(query, accuracies.data(), n, inferences);
    return true;
  }
  Rig &rig_;
  gulong probe_;
};

void wait_until(const std::function<bool()> &condition) {
  while (!condition()) std::this_thread::yield();
}

/// An interval and a buffer of the next, with which it is decided on.
void first_interval(Rig &rig) {
  rig.caps();
  rig.interval();
  rig.push();
}
/// The same, until the DNN has been given its first rendering.
void begin_profile(Rig &rig, const FakeDnn &dnn) {
  first_interval(rig);
  wait_until([&] { return dnn.renderings == 1; });
}

/// "oneadapt-decision" messages so far: interval → extra inferences, with − for one that had no profile's answer.
std::vector<std::string> decisions(Rig &rig) {
  std::vector<std::string> all;
  while (GstMessage *m = rig.pop(GST_MESSAGE_ELEMENT)) {
    const GstStructure *s = gst_message_get_structure(m);
    guint64 interval = 0, extra = 99;
    gboolean profile = FALSE;
    EXPECT_TRUE(gst_structure_get_uint64(s, "interval", &interval));
    EXPECT_TRUE(gst_structure_get_uint64(s, "extra-inferences", &extra));
    EXPECT_TRUE(gst_structure_get_boolean(s, "profile", &profile));
    all.push_back(std::to_string(interval) + ":" + std::to_string(extra) + (profile ? "" : "-"));
    gst_message_unref(m);
  }
  return all;
}
guint64 last_decision(Rig &rig) {
  GstStructure *s = nullptr, *last = nullptr;
  guint64 interval = G_MAXUINT64;
  g_object_get(rig.ctl, "stats", &s, nullptr);
  if (gst_structure_get(s, "last-decision", GST_TYPE_STRUCTURE, &last, nullptr)) {
    gst_structure_get_uint64(last, "interval", &interval);
    gst_structure_free(last);
  }
  gst_structure_free(s);
  return interval;
}
using Decisions = std::vector<std::string>;

}  // namespace

// Five configurations of two inferences are 10; at half the stream's ten frames an interval that is two intervals.
TEST(CtlProfile, LockstepTellsTheAnswerAsLateAsTheBudgetWantsIt) {
  Rig rig("policy=profiling lockstep=true profile-interval=100");
  FakeDnn dnn(rig);
  rig.caps();
  rig.interval();
  rig.push();  // decides interval 0
  EXPECT_EQ(dnn.levels, (std::vector<double>{50, 10, 20, 30, 40}));
  EXPECT_EQ(*rig.tunable->rendered, std::vector<guint64>(5, 0));
  for (int i = 0; i < 19; ++i) rig.push();
  EXPECT_EQ(rig.tunable->value, 50);
  rig.push();  // decides interval 2
  EXPECT_EQ(rig.tunable->value, 30);
  EXPECT_EQ(rig.tunable->applied_for, 3u);
  rig.interval();
  EXPECT_EQ(decisions(rig), (Decisions{"0:0-", "1:10-", "2:10", "3:10-"}));
  EXPECT_EQ(rig.stat("profiles"), 1u);
  EXPECT_EQ(rig.stat("extra-inferences"), 10u);
  EXPECT_EQ(rig.stat("lockstep-timeouts"), 0u);
  EXPECT_EQ(rig.received, rig.frames);
}

TEST(CtlProfile, TheBudgetSaysHowLate) {
  for (const auto &[budget, interval] : {std::pair{"0.34", 3}, {"0.33", 4}, {"1", 1}, {"1000", 1}}) {
    Rig rig((std::string("policy=profiling lockstep=true profile-budget=") + budget).c_str());
    FakeDnn dnn(rig);
    rig.caps();
    while (rig.tunable->value == 50 && rig.frames < 100) rig.push();
    EXPECT_EQ(rig.tunable->applied_for, guint64(interval) + 1) << budget;
  }
}

TEST(CtlProfile, SettingsReachThePolicy) {
  Rig rig("policy=chameleon lockstep=true profile-interval=4 profile-configurations=2 profile-top=1 lambda=0");
  FakeDnn dnn(rig);
  first_interval(rig);
  EXPECT_EQ(dnn.levels, (std::vector<double>{50, 10}));  // at most two: the ladder's ends
  for (int i = 0; i < 10; ++i) rig.push();
  EXPECT_EQ(rig.tunable->value, 50);                 // λ = 0
  EXPECT_EQ(dnn.levels, (std::vector<double>{50}));  // the best of them, again
  EXPECT_EQ(dnn.queries, 2u);
}

TEST(CtlProfile, LockstepWaitsForAProfileLongerThanForAGradient) {
  Rig rig("policy=profiling lockstep=true lockstep-timeout=1000000");
  FakeDnn dnn(rig);
  rig.caps();
  rig.interval();
  dnn.hold = true;
  std::thread streaming([&] { rig.push(); });
  wait_until([&] { return dnn.renderings == 1; });
  for (int i = 0; i < 30; ++i) g_usleep(1000);  // many times the time-out
  dnn.hold = false;
  streaming.join();
  EXPECT_EQ(rig.stat("lockstep-timeouts"), 0u);
  EXPECT_EQ(rig.stat("extra-inferences"), 10u);
}

TEST(CtlProfile, LockstepDecidesWhenQueuesAreEmpty) {
  Rig rig("policy=profiling lockstep=true profile-interval=1 profile-budget=1000", true);
  FakeDnn dnn(rig);
  rig.caps();
  for (int i = 0; i < 20; ++i) rig.interval();
  const auto &seen = *rig.tunable->frames_at_render;
  ASSERT_EQ(seen.size(), 19 * 5u);
  for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], 10 * (i / 5 + 1)) << i;
}

TEST(CtlProfile, LiveStreamGoesOnWhileItIsProfiledAtThePaceOfTheBudget) {
  Rig rig("policy=profiling profile-interval=1000");
  FakeDnn dnn(rig);
  rig.caps();
  dnn.hold = true;
  rig.interval();
  rig.push();
  wait_until([&] { return dnn.renderings == 1; });
  for (int i = 0; i < 3; ++i) rig.interval();  // the DNN is at it all the while
  wait_until([&] { return last_decision(rig) == 3; });
  EXPECT_EQ(rig.received, 41u);
  EXPECT_EQ(dnn.renderings, 1u);
  dnn.hold = false;
  wait_until([&] { return rig.stat("extra-inferences") == 10; });
  EXPECT_EQ(rig.tunable->value, 50);  // nobody but a decision takes the answer
  rig.interval();
  wait_until([&] { return rig.stat("profiles") == 1 && rig.tunable->value == 30; });
}

TEST(CtlProfile, NoInferenceIsAheadOfTheBudget) {
  Rig rig("policy=profiling profile-interval=1000");
  FakeDnn dnn(rig);
  begin_profile(rig, dnn);
  wait_until([&] { return rig.stat("decisions") == 1; });
  // Rendering n may begin once 2n inferences are half of the frames that have come since frame 10.
  for (unsigned n = 1; n < 5; ++n) {
    while (rig.frames < 10 + 4 * n) {
      EXPECT_EQ(dnn.renderings, n) << rig.frames;
      rig.push();
    }
    wait_until([&] { return dnn.renderings == n + 1; });
  }
  EXPECT_EQ(rig.frames, 26u);
}

TEST(CtlProfile, EndsWhileAProfileWaits) {
  for (bool lockstep : {false, true}) {
    Rig rig(lockstep ? "policy=profiling lockstep=true" : "policy=profiling");
    FakeDnn dnn(rig);
    rig.caps();
    rig.interval();
    dnn.hold = lockstep;
    std::thread streaming([&] { rig.push(); });
    wait_until([&] { return dnn.renderings == 1; });
    std::thread end([&] { gst_element_set_state(rig.ctl, GST_STATE_NULL); });
    streaming.join();
    dnn.hold = false;
    end.join();
    EXPECT_EQ(dnn.called_off, 1u);
    EXPECT_EQ(rig.error_text(GST_MESSAGE_WARNING), "");
  }
}

TEST(CtlProfile, AFlushCallsAProfileOff) {
  Rig rig("policy=profiling profile-interval=1000");
  FakeDnn dnn(rig);
  begin_profile(rig, dnn);
  rig.flush();
  wait_until([&] { return dnn.called_off == 1; });
  rig.interval();
  rig.push();
  wait_until([&] { return dnn.queries == 2; });  // the policy has forgotten the first
  for (int i = 0; i < 4; ++i) rig.interval();
  wait_until([&] { return rig.stat("extra-inferences") == 10; });
  EXPECT_EQ(rig.error_text(GST_MESSAGE_WARNING), "");
}

TEST(CtlProfile, AnAnswerWaitsUntilTheTunableCanBeAsked) {
  Rig rig("policy=profiling lockstep=true profile-interval=100 profile-budget=1000");
  FakeDnn dnn(rig);
  first_interval(rig);
  rig.tunable->fail = true;
  rig.interval();
  EXPECT_EQ(rig.tunable->value, 50);
  rig.tunable->fail = false;
  rig.interval();
  EXPECT_EQ(rig.tunable->value, 30);
  EXPECT_EQ(decisions(rig), (Decisions{"0:0-", "1:10-", "2:10"}));
}

TEST(CtlProfile, NobodyAnswersIsSaidOnceAndNothingMoves) {
  Rig rig("policy=profiling lockstep=true profile-interval=1");
  rig.caps();
  for (int i = 0; i < 5; ++i) rig.interval();
  const std::string text = rig.error_text(GST_MESSAGE_WARNING);
  EXPECT_NE(text.find("\"policy\""), std::string::npos) << text;
  EXPECT_NE(text.find("oneadaptdnn"), std::string::npos) << text;
  EXPECT_EQ(rig.error_text(GST_MESSAGE_WARNING), "");
  EXPECT_EQ(rig.tunable->value, 50);
  EXPECT_EQ(rig.stat("decisions"), 4u);
  EXPECT_EQ(rig.stat("lockstep-timeouts"), 0u);
}

TEST(CtlProfile, WhoCannotAnswerOnceIsAskedAgain) {
  Rig rig("policy=profiling lockstep=true profile-interval=2");
  FakeDnn dnn(rig);
  rig.caps();
  dnn.fails = true;
  rig.interval();
  rig.push();
  dnn.fails = false;
  for (int i = 0; i < 5; ++i) rig.interval();
  EXPECT_GE(dnn.queries, 2u);
  EXPECT_EQ(rig.tunable->value, 30);
  EXPECT_EQ(rig.error_text(GST_MESSAGE_WARNING), "");
}

TEST(CtlProfile, ATunableThatCannotRenderIsNamedOnce) {
  Rig rig("policy=profiling lockstep=true profile-interval=1");
  auto *iface = GST_ONEADAPT_TUNABLE_GET_INTERFACE(rig.tunable);
  const auto render = std::exchange(iface->render, nullptr);
  FakeDnn dnn(rig);
  rig.caps();
  for (int i = 0; i < 4; ++i) rig.interval();
  EXPECT_NE(rig.error_text(GST_MESSAGE_WARNING).find("t cannot render"), std::string::npos);
  EXPECT_EQ(rig.error_text(GST_MESSAGE_WARNING), "");
  EXPECT_EQ(rig.tunable->value, 50);
  iface->render = render;
}

TEST(CtlProfile, SeveralTunablesAreToldApart) {
  Rig rig("policy=profiling lockstep=true", false, " ! faketunable name=u");
  FakeDnn dnn(rig);
  rig.caps();
  for (int i = 0; i < 4; ++i) rig.interval();
  EXPECT_NE(rig.error_text(GST_MESSAGE_WARNING).find("\"tunables\""), std::string::npos);
  EXPECT_EQ(dnn.queries, 0u);
}

TEST(CtlProfile, PoliciesWithoutGradientsDecideAtEachIntervalsEnd) {
  for (const char *policy : {"uniform", "static"}) {
    Rig rig((std::string("lockstep=true policy=") + policy).c_str());
    rig.caps();
    for (int i = 0; i < 4; ++i) rig.interval();
    EXPECT_EQ(decisions(rig), (Decisions{"0:0-", "1:0-", "2:0-"})) << policy;
    EXPECT_EQ(rig.tunable->value, 50);
  }
}
