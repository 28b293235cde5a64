// SPDX-License-Identifier: LGPL-2.1-or-later
// A stream that two DNNs analyse, behind a tee, in lockstep: what both need counts.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>

#include "interval_drain.h"
#include "play.h"
#include "test_models.h"

namespace {

double utility(double score) { return 2 / (1 + std::exp(-20 * (score - 0.5))) - 1; }

}  // namespace

TEST(TwoDnns, BothCountFromTheFirstIntervalOn) {
  const oneadapt_test::TemporaryFolder folder;
  const std::string model = oneadapt_test::save_colours(folder);
  // Red 0.8, green 0.6 on the whole picture.
  const std::string line =
      "videotestsrc num-buffers=31 pattern=solid-color foreground-color=0xffcc9900 ! "
      "video/x-raw,format=RGB,width=64,height=48,framerate=10/1 ! oneadaptctl name=ctl lockstep=true knobs=scale "
      "policy=oneadapt lambda=0 ! oneadaptfilter ! video/x-raw ! tee name=t ";
  const std::string one = "t. ! queue ! oneadaptdnn classes=\"red thing\" model=" + model + " ! fakesink ";
  const std::string other = "t. ! queue ! oneadaptdnn classes=\"green thing\" model=" + model + " ! fakesink ";
  for (const std::string &branches : {one + other, other + one}) {
    GstElement *pipeline = gst_parse_launch((line + branches).c_str(), nullptr);
    ASSERT_NE(pipeline, nullptr);
    std::vector<double> z;
    GstBus *bus = gst_element_get_bus(pipeline);
    gst_bus_set_sync_handler(
        bus,
        [](GstBus *, GstMessage *message, gpointer all) {
          const GstStructure *s = gst_message_get_structure(message);
          double value = 0;
          if (s && gst_structure_has_name(s, "oneadapt-decision") && gst_structure_get_double(s, "z", &value))
            static_cast<std::vector<double> *>(all)->push_back(value);
          return GST_BUS_PASS;
        },
        &z, nullptr);
    gst_object_unref(bus);
    EXPECT_EQ(play_through(pipeline), "");
    gst_object_unref(pipeline);
    ASSERT_EQ(z.size(), 3u);
    for (const double value : z) EXPECT_NEAR(value, utility(0.8) + utility(0.6), 0.02);
  }
}

// In a pause, its sink would hold the question back, and the DNN's would wait for what the asker has yet to send.
TEST(TwoDnns, ABranchWithoutOneIsNotAsked) {
  const oneadapt_test::TemporaryFolder folder;
  const std::string line =
      "videotestsrc num-buffers=31 pattern=red ! video/x-raw,format=RGB,width=64,height=48,framerate=10/1 ! "
      "oneadaptctl name=ctl lockstep=true knobs=scale ! oneadaptfilter ! video/x-raw ! tee name=t ";
  const std::string dnn = "t. ! queue ! oneadaptdnn model=" + oneadapt_test::save_colours(folder) + " ! fakesink ";
  const std::string side = "t. ! queue ! identity name=side ! fakesink ";
  for (const std::string &branches : {dnn + side, side + dnn}) {
    GstElement *pipeline = gst_parse_launch((line + branches).c_str(), nullptr);
    ASSERT_NE(pipeline, nullptr);
    GstElement *element = gst_bin_get_by_name(GST_BIN(pipeline), "side");
    GstPad *pad = gst_element_get_static_pad(element, "sink");
    std::atomic<unsigned> asked{0};
    gst_pad_add_probe(
        pad, GstPadProbeType(GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM | GST_PAD_PROBE_TYPE_PUSH),
        [](GstPad *, GstPadProbeInfo *info, gpointer count) {
          if (oneadapt::interval_over_of(GST_PAD_PROBE_INFO_QUERY(info)))
            ++*static_cast<std::atomic<unsigned> *>(count);
          return GST_PAD_PROBE_OK;
        },
        &asked, nullptr);
    gst_object_unref(pad);
    gst_object_unref(element);
    GstElement *ctl = gst_bin_get_by_name(GST_BIN(pipeline), "ctl");
    EXPECT_EQ(play_through(pipeline), "");
    GstStructure *stats = nullptr;
    g_object_get(ctl, "stats", &stats, nullptr);
    guint64 gradients = 0, timeouts = 0;
    gst_structure_get_uint64(stats, "gradients", &gradients);
    gst_structure_get_uint64(stats, "lockstep-timeouts", &timeouts);
    EXPECT_EQ(gradients, 3u);
    EXPECT_EQ(timeouts, 0u);
    EXPECT_EQ(asked, 0u);
    gst_structure_free(stats);
    gst_object_unref(ctl);
    gst_object_unref(pipeline);
  }
}
