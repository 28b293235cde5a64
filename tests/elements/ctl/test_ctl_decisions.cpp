// SPDX-License-Identifier: LGPL-2.1-or-later
// What the policies decide, live, and what is said of it.
#include "ctl_rig.h"

namespace {

/// A network whose accuracy rises, and whose log resource falls to -1, with the candidate level's position p: tanh p;
/// with `from` replaced by `to`, once.
std::string policy_file(const std::string &from = "", const std::string &to = "") {
  std::string text = R"({"format": "oneadapt-casva", "version": 1, "knobs": ["level"], "hidden": 1,
    "weights": [0, 0, 0, 0, 1, 0, 1, 0, 2, -2], "input_mean": [0, 0, 0, 0, 0], "input_scale": [1, 1, 1, 1, 1],
    "output_mean": [0, 0], "output_scale": [1, 1], "trained_on": {}})";
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (!from.empty()) text.replace(at, from.size(), to);
  const std::string path = testing::TempDir() + "casva-test.json";
  EXPECT_TRUE(g_file_set_contents(path.c_str(), text.data(), gssize(text.size()), nullptr));
  return path;
}

}  // namespace

TEST(Ctl, UnknownPolicyIsAnErrorThatNamesTheKnownOnes) {
  const std::string error = start_error_of("oneadaptctl", "policy", "guess");
  EXPECT_NE(error.find("static"), std::string::npos) << error;
}

TEST(Ctl, LambdaZeroAsksForAccuracyOnly) {
  Rig rig("lockstep=true lambda=0");
  rig.caps();
  rig.tunable->value = 10;
  rig.tunable->output_grad = 100;
  rig.tunable->resource_change = 0.4;
  rig.interval();
  rig.answer(0);
  rig.push();
  EXPECT_GT(rig.tunable->value, 10);
}

TEST(Ctl, DecisionMessageSaysWhatAndWhy) {
  Rig rig("lockstep=true lambda=0.5");
  rig.caps();
  rig.tunable->resource_change = 0.2;
  rig.interval();
  rig.answer(0);
  rig.push();
  GstMessage *m = rig.pop(GST_MESSAGE_ELEMENT);
  ASSERT_NE(m, nullptr);
  const GstStructure *s = gst_message_get_structure(m);
  EXPECT_TRUE(gst_structure_has_name(s, "oneadapt-decision"));
  double lambda = 0, measured = 0, predicted = 0, value = 0, next = 0;
  guint64 interval = 9;
  EXPECT_TRUE(gst_structure_get_double(s, "lambda", &lambda));
  EXPECT_EQ(lambda, 0.5);
  EXPECT_TRUE(gst_structure_get_uint64(s, "interval", &interval));
  EXPECT_EQ(interval, 0u);
  EXPECT_TRUE(gst_structure_get_double(s, "measured-resource", &measured));
  EXPECT_EQ(measured, 1.0);
  EXPECT_TRUE(gst_structure_get_double(s, "predicted-resource", &predicted));
  EXPECT_LT(predicted, 1.0);
  EXPECT_TRUE(gst_structure_has_field(s, "gradient-age"));
  const GValue *knobs = gst_structure_get_value(s, "knobs");
  ASSERT_EQ(gst_value_list_get_size(knobs), 1u);
  const GstStructure *k = gst_value_get_structure(gst_value_list_get_value(knobs, 0));
  EXPECT_STREQ(gst_structure_get_string(k, "name"), "level");
  EXPECT_TRUE(gst_structure_get_double(k, "value", &value));
  EXPECT_TRUE(gst_structure_get_double(k, "next", &next));
  EXPECT_EQ(value, 50);
  EXPECT_EQ(next, rig.tunable->value);
  EXPECT_TRUE(gst_structure_has_field(k, "output-grad-down"));
  EXPECT_FALSE(gst_structure_has_field(k, "output-grad-up"));  // it is at the top
  gst_message_unref(m);
}

// By hand, accuracy − λ · resource over the rungs: λ = 1: 0.4, 0.6, 0.5, 0.37, 0; λ = 0: the top; λ = 10: −0.5 at the
// bottom, −1.2 and less above.
TEST(Ctl, WarmStartBeginsWhereLambdaUsuallyLeadsTo) {
  for (const auto &[properties, level] : {std::pair{"lambda=1", 20.0},
                                          {"lambda=0", 50.0},
                                          {"lambda=10", 10.0},
                                          {"lambda=1 warm-start=false", 50.0},
                                          {"lambda=1 policy=static", 50.0}}) {
    Rig rig(properties);
    rig.tunable->typical = true;
    rig.caps();
    ASSERT_EQ(rig.push(), GST_FLOW_OK);
    EXPECT_EQ(rig.tunable->value, level) << properties;
    if (level < 50) {
      EXPECT_EQ(rig.tunable->applied_for, 0u) << "for the interval of the first frame";
    }
    rig.tunable->value = 30;
    ASSERT_EQ(rig.push(), GST_FLOW_OK);
    EXPECT_EQ(rig.tunable->value, 30) << "once";
  }
  Rig unknown("lambda=1");
  unknown.caps();
  ASSERT_EQ(unknown.push(), GST_FLOW_OK);
  EXPECT_EQ(unknown.tunable->value, 50) << "a tunable that says nothing begins as it is";
}

TEST(Ctl, StaticPolicyMovesNothingAndWaitsForNobody) {
  Rig rig("lockstep=true policy=static");
  rig.caps();
  rig.tunable->resource_change = 0.2;
  for (int i = 0; i < 3; ++i) rig.interval();
  EXPECT_EQ(rig.stat("decisions"), 2u);
  EXPECT_EQ(rig.stat("lockstep-timeouts"), 0u);
  EXPECT_EQ(rig.tunable->value, 50);
}

TEST(Ctl, ActivityPolicyIsDearWhileSomethingGoesOn) {
  Rig rig("lockstep=true policy=activity");
  rig.caps();
  rig.tunable->value = 40;  // not the top: what it is set to
  const auto after = [&](double activity) {
    rig.tunable->activity = activity;
    rig.interval();
    return rig.tunable->value;  // the first frame of an interval has the last one judged
  };
  after(-1);
  EXPECT_EQ(after(-1), 40);
  EXPECT_EQ(after(0.2), 10);
  EXPECT_EQ(after(-1), 10);
  EXPECT_EQ(after(0.7), 40);
  EXPECT_EQ(after(1), 40);
  EXPECT_EQ(after(0), 10);
  EXPECT_EQ(rig.stat("gradients"), 0u);
  EXPECT_EQ(rig.stat("lockstep-timeouts"), 0u);
  double activity = -1;
  GstStructure *s = nullptr, *last = nullptr;
  g_object_get(rig.ctl, "stats", &s, nullptr);
  gst_structure_get(s, "last-decision", GST_TYPE_STRUCTURE, &last, nullptr);
  ASSERT_NE(last, nullptr);
  EXPECT_TRUE(gst_structure_get_double(last, "activity", &activity));
  EXPECT_EQ(activity, 0);
  gst_structure_free(last);
  gst_structure_free(s);
}

TEST(Ctl, WhoForeseesIsToldBothCases) {
  Rig rig("lockstep=true policy=activity");
  rig.caps();
  rig.tunable->value = 40;
  rig.tunable->activity = 0;
  rig.interval();
  rig.interval();
  EXPECT_EQ(rig.tunable->value, 10);
  EXPECT_EQ(rig.tunable->idle, -1) << "who does not foresee would take it for a knob";
  rig.tunable->has_lookahead = TRUE;
  rig.interval();
  EXPECT_EQ(rig.tunable->value, 40);
  EXPECT_EQ(rig.tunable->idle, 10);
  double next = -1;
  GstStructure *s = nullptr, *last = nullptr;
  g_object_get(rig.ctl, "stats", &s, nullptr);
  gst_structure_get(s, "last-decision", GST_TYPE_STRUCTURE, &last, nullptr);
  const GstStructure *knob =
      gst_value_get_structure(gst_value_list_get_value(gst_structure_get_value(last, "knobs"), 0));
  EXPECT_TRUE(gst_structure_get_double(knob, "next-idle", &next));
  EXPECT_EQ(next, 10);
  gst_structure_free(last);
  gst_structure_free(s);
}

TEST(Ctl, CasvaDecidesByItsPolicyFile) {
  // Levels 10 … 50 are worth tanh p − λ · exp(2 tanh p − 2): at λ = 1.5 the middle is best, at 10 the cheapest.
  const std::string path = policy_file();
  for (const auto &[lambda, level] : {std::pair{"0", 50.0}, std::pair{"1.5", 30.0}, std::pair{"10", 10.0}}) {
    Rig rig(
        ("lockstep=true warm-start=false policy=casva lambda=" + std::string(lambda) + " policy-file=" + path).c_str());
    rig.caps();
    rig.tunable->value = 20;
    rig.interval();
    EXPECT_EQ(rig.push(), GST_FLOW_OK);
    EXPECT_EQ(rig.tunable->value, level) << lambda;
    EXPECT_EQ(rig.stat("gradients"), 0u);
    EXPECT_EQ(rig.stat("lockstep-timeouts"), 0u);
  }
  Rig warm(("policy=casva lambda=0 policy-file=" + path).c_str());
  warm.caps();
  warm.tunable->typical = true;
  warm.tunable->value = 20;
  EXPECT_EQ(warm.push(), GST_FLOW_OK);
  EXPECT_EQ(warm.tunable->value, 50);
}

TEST(Ctl, APolicyFileThatCannotBeUsedIsOneClearError) {
  const std::string folder = testing::TempDir();
  struct Case {
    std::string from, to, says;
  };
  const Case cases[] = {
      {"", "", ""},  // none is named
      {"", "", "No such file"},
      {"", "", "Is a directory"},
      {"{\"format\"", "format", "is no network of policy \"casva\" (it is not JSON)"},
      {"oneadapt-casva", "oneadapt-run", "is no network of policy \"casva\""},
      {"\"version\": 1", "\"version\": 2", "is of version 2, and only version 1 is known here"},
      {"\"version\": 1,", "", "is of version null"},
      {"2, -2", "2, 1e999", "has a number that is not finite"},
      {"2, -2", "2, null", "has something else than numbers in \"weights\""},
      {"2, -2", "2", "\"weights\" has 9 numbers instead of 10"},
      {"[\"level\"]", "[\"level\", \"qp\"]", "\"weights\" has 10 numbers instead of 12"},
      {"[\"level\"]", "\"level\"", "has a field of the wrong type"},
      {"\"hidden\": 1", "\"hidden\": 1000000", "has not 1 to 32 hidden units"},
      {"\"input_mean\"", "\"input_men\"", "lacks one of its fields"},
      {"\"output_scale\": [1", "\"output_scale\": [0", "a scale is not above 0"},
  };
  for (const Case &c : cases) {
    std::string path;
    if (c.says == "No such file")
      path = folder + "no-such-file.json";
    else if (c.says == "Is a directory")
      path = folder;
    else if (!c.says.empty())
      path = policy_file(c.from, c.to);
    Rig rig("policy=static");
    gst_element_set_state(rig.bin, GST_STATE_NULL);
    while (!rig.error_text(GST_MESSAGE_ERROR).empty()) {
    }
    g_object_set(rig.ctl, "policy", "casva", "policy-file", path.c_str(), nullptr);
    EXPECT_EQ(gst_element_set_state(rig.ctl, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE) << c.says;
    const std::string text = rig.error_text(GST_MESSAGE_ERROR);
    for (const std::string &word :
         {std::string("Property \"policy-file\""), path, c.says, std::string("oneadapt-eval --train-casva")})
      EXPECT_NE(text.find(word), std::string::npos) << word << " in: " << text;
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    EXPECT_LT(text.size(), 250u) << text;
    gst_element_set_state(rig.ctl, GST_STATE_NULL);
  }
  // Another policy does not look at it.
  Rig rig("policy=static policy-file=/no/such/file");
  rig.caps();
  EXPECT_EQ(rig.push(), GST_FLOW_OK);
}

TEST(Ctl, DecisionSaysWhatWasAskedMeasuredAndExpected) {
  Rig rig("lockstep=true min-accuracy=0.8");
  rig.tunable->typical = true;
  rig.caps();
  rig.interval();
  GstOneadaptGradient *g = gradient_of(0);
  g->measured_frames = 2;
  g->measured_occupied = 2;
  g->measured_accuracy = 0.75;
  g->measured_objects = 9;
  rig.send(g);
  rig.push();
  GstMessage *m = rig.pop(GST_MESSAGE_ELEMENT);
  ASSERT_NE(m, nullptr);
  const GstStructure *s = gst_message_get_structure(m);
  double asked = 0, measured = 0, expected = -1, deviation = 0;
  guint objects = 0;
  EXPECT_TRUE(gst_structure_get_double(s, "min-accuracy", &asked));
  EXPECT_EQ(asked, 0.8);
  EXPECT_TRUE(gst_structure_get_double(s, "measured-accuracy", &measured));
  EXPECT_NEAR(measured, 0.75, 1e-4);
  EXPECT_TRUE(gst_structure_get_uint(s, "measured-objects", &objects));
  EXPECT_EQ(objects, 9u);
  EXPECT_TRUE(gst_structure_get_double(s, "expected-accuracy", &expected));
  EXPECT_TRUE(expected >= 0 && expected <= 1);
  EXPECT_TRUE(gst_structure_get_double(s, "accuracy-deviation", &deviation));
  gst_message_unref(m);
}

TEST(Ctl, AnAccuracyThatNobodyMeasuresIsSaidOnce) {
  for (bool measured : {false, true}) {
    Rig rig("lockstep=true min-accuracy=0.8");
    rig.tunable->typical = true;
    rig.caps();
    for (guint64 interval = 0; interval < 25; ++interval) {
      rig.interval();
      GstOneadaptGradient *g = gradient_of(interval);
      if (interval == 4 && measured) g->measured_frames = 1;  // an empty scene is a measurement, too
      rig.send(g);
    }
    rig.push();
    const std::string warning = rig.error_text(GST_MESSAGE_WARNING);
    EXPECT_EQ(warning.find("oneadaptshadow") != std::string::npos, !measured) << warning;
    EXPECT_EQ(rig.error_text(GST_MESSAGE_WARNING), "");
  }
}
