// SPDX-License-Identifier: LGPL-2.1-or-later
// Which tunables and knobs the controller finds, and several of them.
#include "ctl_rig.h"

TEST(Ctl, FindsATunableInsideABinAndBehindAQueue) {
  Rig rig("lockstep=true", true);
  rig.caps();
  rig.tunable->resource_change = 0.2;
  rig.interval();
  rig.answer(0);
  rig.push();
  EXPECT_EQ(rig.tunable->probes, 1u);
}

TEST(Ctl, TakesNamedTunables) {
  Rig rig("lockstep=true tunables=t");
  rig.caps();
  rig.interval();
  rig.answer(0);
  rig.push();
  EXPECT_EQ(rig.tunable->probes, 1u);
}

TEST(Ctl, AKnobOfOneOfSeveralTunables) {
  Rig rig("lockstep=true warm-start=false alpha=1 lambda=1 knobs=u.level", false, " ! faketunable name=u");
  auto *u = reinterpret_cast<FakeTunable *>(gst_bin_get_by_name(GST_BIN(rig.bin), "u"));
  rig.caps();
  for (FakeTunable *f : {rig.tunable, u}) f->resource_change = 0.4;
  for (guint64 i = 0; i < 4; i++) {
    rig.interval();
    rig.answer(i);
  }
  rig.push();
  EXPECT_LT(u->value, 50);
  EXPECT_EQ(rig.tunable->value, 50);
  gst_object_unref(u);
}

TEST(Ctl, AKnobOfAnUnknownTunableIsOneClearError) {
  Rig rig("knobs=v.level", false, " ! faketunable name=u");
  rig.caps();
  EXPECT_EQ(rig.push(), GST_FLOW_ERROR);
  const std::string text = rig.error_text(GST_MESSAGE_ERROR);
  EXPECT_NE(text.find("\"v.level\""), std::string::npos) << text;
}

// One behind the other: 0.8 of what comes in, 0.4 of that.
TEST(Ctl, SharesOfSeveralTunablesMultiply) {
  Rig rig("lockstep=true warm-start=false alpha=0", false, " ! faketunable name=u");
  auto *u = reinterpret_cast<FakeTunable *>(gst_bin_get_by_name(GST_BIN(rig.bin), "u"));
  rig.caps();
  rig.tunable->value = 40;
  u->value = 20;
  for (FakeTunable *f : {rig.tunable, u}) f->resource_change = 0.1;
  rig.interval();
  rig.answer(0);
  rig.push();
  GstStructure *stats = nullptr, *last = nullptr;
  g_object_get(rig.ctl, "stats", &stats, nullptr);
  ASSERT_TRUE(gst_structure_get(stats, "last-decision", GST_TYPE_STRUCTURE, &last, nullptr));
  double measured = 0;
  ASSERT_TRUE(gst_structure_get_double(last, "measured-resource", &measured));
  EXPECT_NEAR(measured, 0.32, 1e-12);
  const GValue *knobs = gst_structure_get_value(last, "knobs");
  ASSERT_EQ(gst_value_list_get_size(knobs), 2u);
  const double expected[] = {0.1 * 0.4, 0.1 * 0.8};
  for (guint i = 0; i < 2; i++) {
    double change = 0;
    const auto *knob = gst_value_get_structure(gst_value_list_get_value(knobs, i));
    ASSERT_TRUE(gst_structure_get_double(knob, "resource-change-up", &change));
    EXPECT_NEAR(change, expected[i], 1e-12) << i;
  }
  gst_structure_free(last);
  gst_structure_free(stats);
  gst_object_unref(u);
}

TEST(Ctl, UnknownTunableNameIsOneClearError) {
  for (const char *name : {"nobody", "ctl"}) {
    Rig rig((std::string("tunables=") + name).c_str());
    rig.caps();
    EXPECT_EQ(rig.push(), GST_FLOW_ERROR);
    const std::string text = rig.error_text(GST_MESSAGE_ERROR);
    EXPECT_NE(text.find("tunables"), std::string::npos) << text;
    EXPECT_NE(text.find(name), std::string::npos) << text;
    EXPECT_EQ(rig.error_text(GST_MESSAGE_ERROR), "");
  }
}

TEST(Ctl, UnknownKnobIsOneClearError) {
  Rig rig("knobs=level,volume");
  rig.caps();
  EXPECT_EQ(rig.push(), GST_FLOW_ERROR);
  EXPECT_NE(rig.error_text(GST_MESSAGE_ERROR).find("\"volume\""), std::string::npos);
}

TEST(Ctl, AKnobOnRequestIsAdaptedWhenItIsNamed) {
  for (const bool named : {false, true}) {
    Rig rig(named ? "lockstep=true knobs=level" : "lockstep=true");
    rig.tunable->flags = GST_ONEADAPT_KNOB_ON_REQUEST;
    rig.caps();
    rig.tunable->resource_change = 0.2;
    rig.interval();
    rig.answer(0);
    ASSERT_EQ(rig.push(), GST_FLOW_OK);
    EXPECT_EQ(rig.tunable->value, named ? 30 : 50);
  }
}

TEST(Ctl, OfSeveralTunablesTheMostActiveCounts) {
  Rig rig("lockstep=true policy=activity", false, " ! faketunable name=u");
  rig.caps();
  auto *other = reinterpret_cast<FakeTunable *>(gst_bin_get_by_name(GST_BIN(rig.bin), "u"));
  rig.tunable->activity = 0;
  other->activity = -1;
  rig.interval();
  rig.interval();
  EXPECT_EQ(rig.tunable->value, 10);
  EXPECT_EQ(other->value, 10);
  other->activity = 0.9;
  rig.interval();
  EXPECT_EQ(rig.tunable->value, 50);
  EXPECT_EQ(other->value, 50);
  gst_object_unref(other);
}

TEST(Ctl, NothingToAdaptIsAWarningAndDataPasses) {
  GstElement *ctl = gst_element_factory_make("oneadaptctl", nullptr);
  GstBus *bus = gst_bus_new();
  gst_element_set_bus(ctl, bus);
  GstHarness *h = gst_harness_new_with_element(ctl, "sink", "src");
  gst_harness_set_src_caps_str(h, "application/x-anything");
  for (unsigned t = 0; t < 4; ++t) {  // it looks again each interval, and says so once
    GstBuffer *b = gst_buffer_new();
    GST_BUFFER_PTS(b) = t * GST_SECOND;
    EXPECT_EQ(gst_harness_push(h, b), GST_FLOW_OK);
  }
  unsigned warnings = 0;
  while (GstMessage *m = gst_bus_pop_filtered(bus, GST_MESSAGE_WARNING)) {
    ++warnings;
    gst_message_unref(m);
  }
  EXPECT_EQ(warnings, 1u);
  gst_harness_teardown(h);
  gst_object_unref(ctl);
  gst_bus_set_flushing(bus, TRUE);
  gst_object_unref(bus);
}
