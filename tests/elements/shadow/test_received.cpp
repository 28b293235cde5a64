// SPDX-License-Identifier: LGPL-2.1-or-later
// What is known of the way in which received pictures were coded.
#include <gtest/gtest.h>

#include "accuracy_request.h"
#include "core/macroblock/allocation.h"
#include "gstoneadapt.h"
#include "received_coding.h"

using namespace oneadapt;

namespace {

GstEvent *announcement(double qp) {
  GstStructure *knobs = gst_structure_new("knobs", "qp", G_TYPE_DOUBLE, qp, nullptr);
  GstEvent *event = gst_event_new_oneadapt_configuration(3, knobs, 1000, GST_SECOND);
  gst_structure_free(knobs);
  return event;
}

/// All of the gradient is in the upper left block of 4×3.
Gradient gradient() {
  Gradient g;
  g.interval_duration = GST_SECOND;
  g.map = BlockMap(64, 48);
  g.map.values[0] = 1;
  g.confident = 1;
  return g;
}

IntervalMark mark(std::uint8_t qp, std::uint8_t range) {
  IntervalMark m;
  m.interval_duration = GST_SECOND;
  m.qp = qp;
  m.map_range = range;
  return m;
}

}  // namespace

TEST(ReceivedCoding, IsWhatTheFilterAnnounces) {
  ReceivedCoding coding;
  EXPECT_FALSE(coding.qp());
  GstEvent *event = announcement(31.6);
  std::vector<float> map(12, 8);
  gst_event_set_oneadapt_qp_map(event, 64, 48, 16, map.data());
  coding.event(event);
  gst_event_unref(event);
  EXPECT_EQ(coding.qp(), 32);
  EXPECT_EQ(coding.map().of(64, 48), map);
  EXPECT_TRUE(coding.map().of(32, 24).empty()) << "of another size";
  event = announcement(20);
  coding.event(event);  // without a map
  gst_event_unref(event);
  EXPECT_EQ(coding.qp(), 20);
  EXPECT_TRUE(coding.map().of(64, 48).empty());
  coding.mark(mark(44, 0));
  EXPECT_EQ(coding.qp(), 20) << "what is announced is exact";
}

TEST(ReceivedCoding, SaysWhetherAnybodyWantsToKnowTheAccuracy) {
  ReceivedCoding coding;
  EXPECT_FALSE(coding.wanted());
  IntervalMark said = mark(36, 0);
  said.measure = true;
  coding.mark(said);
  EXPECT_EQ(coding.wanted(), true);
  coding.mark(mark(36, 0));
  EXPECT_EQ(coding.wanted(), false);
  GstEvent *event = new_accuracy_request(true);
  coding.event(event);
  gst_event_unref(event);
  EXPECT_EQ(coding.wanted(), true);
}

TEST(ReceivedCoding, OfSoundSaysNothing) {
  ReceivedCoding coding;
  GstStructure *knobs = gst_structure_new("knobs", "rate", G_TYPE_DOUBLE, 8000.0, nullptr);
  GstEvent *event = gst_event_new_oneadapt_configuration(3, knobs, 1000, GST_SECOND);
  gst_structure_free(knobs);
  coding.event(event);
  gst_event_unref(event);
  EXPECT_FALSE(coding.qp());
}

// The map is made as the camera makes it, from the same gradients.
TEST(ReceivedCoding, AcrossANetworkFollowsMarksAndGradients) {
  ReceivedCoding coding;
  coding.mark(mark(kUnknownQp, 0));
  EXPECT_FALSE(coding.qp());
  coding.mark(mark(36, 18));
  EXPECT_EQ(coding.qp(), 36);
  EXPECT_TRUE(coding.map().of(64, 48).empty()) << "no gradient was sent yet";
  coding.gradient(gradient());
  coding.mark(mark(36, 18));
  AllocationSettings settings;
  settings.range = 18;
  const auto offsets = coding.map().of(64, 48);
  EXPECT_EQ(offsets, allocate_qp(gradient().map, settings));
  EXPECT_EQ(offsets.front(), -2);
  EXPECT_EQ(offsets.back(), 16);
  coding.mark(mark(28, 0));
  EXPECT_TRUE(coding.map().of(64, 48).empty()) << "it says that there is no map";
  Gradient sound = gradient();
  sound.domain = Domain::Signal;
  coding.reset();
  coding.gradient(sound);
  coding.mark(mark(36, 18));
  EXPECT_TRUE(coding.map().of(64, 48).empty());
}
