// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "gstoneadapt.h"

namespace {
GstOneadaptGradient *example() {
  GstOneadaptGradient *g = gst_oneadapt_gradient_new(64, 40, 16);
  g->interval = 3;
  g->interval_duration = GST_SECOND;
  g->stream_time = 3900 * GST_MSECOND;
  g->z = 1.5;
  g->confident = 2;
  for (guint i = 0; i < g->columns * g->rows; ++i) g->values[i] = gfloat(i);
  return g;
}
}  // namespace

TEST(GradientEvent, NewIsParse) {
  GstOneadaptGradient *g = example();
  EXPECT_EQ(g->columns, 4u);
  EXPECT_EQ(g->rows, 3u);
  GstEvent *event = gst_event_new_oneadapt_gradient(g);
  ASSERT_TRUE(gst_event_is_oneadapt_gradient(event));
  EXPECT_EQ(GST_EVENT_TYPE(event), GST_EVENT_CUSTOM_UPSTREAM);
  GstOneadaptGradient *back = nullptr;
  ASSERT_TRUE(gst_event_parse_oneadapt_gradient(event, &back, nullptr));
  EXPECT_EQ(back->interval, 3u);
  EXPECT_EQ(back->stream_time, g->stream_time);
  EXPECT_EQ(back->z, 1.5);
  EXPECT_FALSE(back->early);
  EXPECT_NEAR(back->values[11], 11, 11 * 0.1);  // the last blocks are close to each other (docs/wire-format.md)
  EXPECT_NEAR(back->values[5], 5, 5 * 0.1);
  gst_oneadapt_gradient_free(back);
  gst_event_unref(event);
  gst_oneadapt_gradient_free(g);
}
// Values that survive as they are: floats' own, and one level.
TEST(GradientEvent, EveryFieldComesBack) {
  GstOneadaptGradient *g = gst_oneadapt_gradient_new(72000, 1, 80);  // nine seconds of sound at 8 kHz
  ASSERT_EQ(g->columns, 900u);
  ASSERT_EQ(g->rows, 1u);
  EXPECT_EQ(g->domain, GST_ONEADAPT_DOMAIN_GRID);
  g->domain = GST_ONEADAPT_DOMAIN_SIGNAL;
  g->interval = 3;
  g->interval_duration = 9 * GST_SECOND;
  g->stream_time = 35900 * GST_MSECOND;
  g->stream = 0x89abcdef;
  g->z = -1.5;
  g->elements = 7;
  g->confident = 2;
  g->theta = 0.375;
  g->slope = 12.5;
  g->early = TRUE;
  for (guint i = 0; i < g->columns; ++i) g->values[i] = 0.25f;
  const GstOneadaptRegion region{0, 0, 1, 1};
  gst_oneadapt_gradient_set_regions(g, &region, 1);
  GBytes *bytes = gst_oneadapt_gradient_to_bytes(g, nullptr);
  ASSERT_NE(bytes, nullptr);
  GstOneadaptGradient *back = gst_oneadapt_gradient_from_bytes(bytes, nullptr);
  ASSERT_NE(back, nullptr);
  EXPECT_EQ(back->domain, GST_ONEADAPT_DOMAIN_SIGNAL);
  EXPECT_EQ(back->interval, 3u);
  EXPECT_EQ(back->interval_duration, 9 * GST_SECOND);
  EXPECT_EQ(back->stream_time, 35900 * GST_MSECOND);
  EXPECT_EQ(back->stream, 0x89abcdefu);
  EXPECT_EQ(back->z, -1.5);
  EXPECT_EQ(back->elements, 7u);
  EXPECT_EQ(back->confident, 2u);
  EXPECT_EQ(back->theta, 0.375);
  EXPECT_EQ(back->slope, 12.5);
  EXPECT_TRUE(back->early);
  EXPECT_EQ(back->frame_width, 72000u);
  EXPECT_EQ(back->frame_height, 1u);
  EXPECT_EQ(back->block_size, 80u);
  ASSERT_EQ(back->columns, 900u);
  ASSERT_EQ(back->rows, 1u);
  EXPECT_EQ(back->values[0], 0.25f);
  EXPECT_EQ(back->values[899], 0.25f);
  ASSERT_EQ(back->n_regions, 1u);
  EXPECT_EQ(back->regions[0].x_max, 1);
  gst_oneadapt_gradient_free(back);
  g_bytes_unref(bytes);
  gst_oneadapt_gradient_free(g);
}
TEST(GradientEvent, SidesMayHave32Bits) {
  GstOneadaptGradient *g = gst_oneadapt_gradient_new(G_MAXUINT32, 70000, 1u << 31);
  ASSERT_EQ(g->columns, 2u);
  ASSERT_EQ(g->rows, 1u);
  g->max_bytes = 1;  // counts as the least
  GstEvent *event = gst_event_new_oneadapt_gradient(g);
  ASSERT_NE(event, nullptr);
  EXPECT_LE(g_bytes_get_size(gst_event_get_oneadapt_gradient_message(event)), 80u);
  GstOneadaptGradient *back = nullptr;
  ASSERT_TRUE(gst_event_parse_oneadapt_gradient(event, &back, nullptr));
  EXPECT_EQ(back->frame_width, G_MAXUINT32);
  EXPECT_EQ(back->frame_height, 70000u);
  EXPECT_EQ(back->block_size, 1u << 31);
  gst_oneadapt_gradient_free(back);
  gst_event_unref(event);
  gst_oneadapt_gradient_free(g);
}
TEST(GradientEvent, WhatIsNoGradientOfItsDomainSaysWhy) {
  GstOneadaptGradient *g = example();
  const auto refused = [&](const char *what) {
    GError *error = nullptr;
    EXPECT_EQ(gst_oneadapt_gradient_to_bytes(g, &error), nullptr);
    ASSERT_NE(error, nullptr);
    EXPECT_NE(std::string(error->message).find(what), std::string::npos) << error->message;
    g_clear_error(&error);
  };
  g->domain = GST_ONEADAPT_DOMAIN_SIGNAL;
  refused("one high");
  g->domain = GstOneadaptDomain(3);
  refused("GstOneadaptDomain");
  g->domain = GST_ONEADAPT_DOMAIN_GRID;
  --g->columns;
  refused("columns and rows");
  ++g->columns;
  gst_oneadapt_gradient_free(g);
}
TEST(GradientEvent, TheEchoGoesDownstreamWithTheSameMessage) {
  GstOneadaptGradient *g = example();
  g->early = TRUE;
  GstEvent *event = gst_event_new_oneadapt_gradient(g);
  GstEvent *echo = gst_event_new_oneadapt_gradient_echo(event);
  EXPECT_TRUE(gst_event_is_oneadapt_gradient_downstream(echo));
  EXPECT_FALSE(gst_event_is_oneadapt_gradient(echo));
  EXPECT_TRUE(GST_EVENT_IS_SERIALIZED(echo));
  EXPECT_TRUE(
      g_bytes_equal(gst_event_get_oneadapt_gradient_message(echo), gst_event_get_oneadapt_gradient_message(event)));
  gst_event_unref(event);
  GstOneadaptGradient *back = nullptr;
  ASSERT_TRUE(gst_event_parse_oneadapt_gradient(echo, &back, nullptr));
  EXPECT_EQ(back->interval, 3u);
  EXPECT_TRUE(back->early);
  gst_oneadapt_gradient_free(back);
  gst_event_unref(echo);
  gst_oneadapt_gradient_free(g);
}
TEST(GradientEvent, AMessageIsOnePacket) {
  GstOneadaptGradient *g = gst_oneadapt_gradient_new(1920, 1080, 16);
  guint32 noise = 1;
  for (guint i = 0; i < g->columns * g->rows; ++i) g->values[i] = gfloat((noise = noise * 1664525u + 1013904223u) >> 8);
  GBytes *bytes = gst_oneadapt_gradient_to_bytes(g, nullptr);
  ASSERT_NE(bytes, nullptr);
  EXPECT_LE(g_bytes_get_size(bytes), 1300u);
  g_bytes_unref(bytes);
  gst_oneadapt_gradient_free(g);
}
TEST(GradientEvent, OthersAreNone) {
  GstEvent *event = gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM, gst_structure_new_empty("else"));
  EXPECT_FALSE(gst_event_is_oneadapt_gradient(event));
  gst_event_unref(event);
  event = gst_event_new_reconfigure();
  EXPECT_FALSE(gst_event_is_oneadapt_gradient(event));
  gst_event_unref(event);
}
TEST(GradientEvent, MalformedSaysWhy) {
  GBytes *junk = g_bytes_new_static("OAGRjunk", 8);
  for (GstStructure *s : {gst_structure_new_empty("GstOneadaptGradient"),
                          gst_structure_new("GstOneadaptGradient", "message", G_TYPE_STRING, "text", nullptr),
                          gst_structure_new("GstOneadaptGradient", "message", G_TYPE_BYTES, junk, nullptr)}) {
    GstEvent *event = gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM, s);
    ASSERT_TRUE(gst_event_is_oneadapt_gradient(event));
    EXPECT_EQ(gst_event_get_oneadapt_gradient_message(event),
              gst_structure_has_field_typed(s, "message", G_TYPE_BYTES) ? junk : nullptr);
    GstOneadaptGradient *g = nullptr;
    GError *error = nullptr;
    EXPECT_FALSE(gst_event_parse_oneadapt_gradient(event, &g, &error));
    EXPECT_EQ(g, nullptr);
    ASSERT_NE(error, nullptr);
    EXPECT_TRUE(g_error_matches(error, GST_ONEADAPT_ERROR, GST_ONEADAPT_ERROR_MALFORMED));
    g_clear_error(&error);
    gst_event_unref(event);
  }
  g_bytes_unref(junk);
}
TEST(GradientEvent, AGradientOfNaNIsNoGradient) {
  GstOneadaptGradient *g = example();
  g->z = NAN;
  GError *error = nullptr;
  EXPECT_EQ(gst_oneadapt_gradient_to_bytes(g, &error), nullptr);
  ASSERT_NE(error, nullptr);
  g_clear_error(&error);
  gst_oneadapt_gradient_free(g);
}
TEST(Boxed, CopiesAreDeep) {
  const gdouble ladder[] = {1, 2, 3};
  GstOneadaptProbe *probe = gst_oneadapt_probe_new();
  EXPECT_EQ(probe->resource, -1);
  g_ptr_array_add(probe->knobs, gst_oneadapt_knob_new("qp", ladder, 3, 1));
  GstOneadaptProbe *copy = gst_oneadapt_probe_copy(probe);
  gst_oneadapt_probe_free(probe);
  ASSERT_EQ(copy->knobs->len, 1u);
  const auto *k = static_cast<GstOneadaptKnob *>(copy->knobs->pdata[0]);
  EXPECT_STREQ(k->name, "qp");
  EXPECT_EQ(k->ladder[2], 3);
  gst_oneadapt_probe_free(copy);
}
