// SPDX-License-Identifier: LGPL-2.1-or-later
// Each element between NULL and PLAYING, 40 times. no_leaks.py runs this under GStreamer's leaks tracer: nothing may
// stay alive.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace {

void cycle(const std::string &launch, int times, bool wait) {
  GError *error = nullptr;
  GstElement *pipeline = gst_parse_launch(launch.c_str(), &error);
  ASSERT_EQ(error, nullptr) << error->message;
  GstBus *bus = gst_element_get_bus(pipeline);
  for (int i = 0; i < times; ++i) {
    ASSERT_NE(gst_element_set_state(pipeline, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE) << i;
    if (wait || i % 4 == 3) {  // sometimes until data flows, sometimes torn down while it starts
      ASSERT_EQ(gst_element_get_state(pipeline, nullptr, nullptr, 60 * GST_SECOND), GST_STATE_CHANGE_SUCCESS);
    }
    ASSERT_EQ(gst_element_set_state(pipeline, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
    GstMessage *m = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
    if (m) {
      GError *e = nullptr;
      gst_message_parse_error(m, &e, nullptr);
      ADD_FAILURE() << e->message;
      g_clear_error(&e);
      gst_message_unref(m);
      break;
    }
  }
  gst_bus_set_flushing(bus, TRUE);
  gst_object_unref(bus);
  gst_object_unref(pipeline);
}

void forty(const std::string &launch) { cycle(launch, 40, false); }

const std::string kSource =
    "videotestsrc num-buffers=200 ! video/x-raw,format=I420,width=128,height=96,framerate=10/1 ! ";
std::string model() { return std::string(std::getenv("ONEADAPT_SOURCE_DIR")) + "/models/nanodet.pt"; }

}  // namespace

TEST(States, Controller) { forty(kSource + "oneadaptctl ! identity ! fakesink sync=false"); }
TEST(States, FilterH264) { forty(kSource + "oneadaptfilter ! video/x-h264 ! fakesink sync=false"); }
TEST(States, FilterRaw) { forty(kSource + "oneadaptfilter scale=0.5 ! video/x-raw ! fakesink sync=false"); }
TEST(States, AudioFilter) {
  forty("audiotestsrc num-buffers=200 ! oneadaptaudiofilter rate=8000 ! fakesink sync=false");
}
TEST(States, Overlay) {
  GstElementFactory *factory = gst_element_factory_find("oneadaptoverlay");
  if (!factory) GTEST_SKIP() << "built without Pango";
  gst_object_unref(factory);
  // The filter's configuration event makes it draw.
  forty(kSource + "oneadaptfilter ! video/x-raw ! oneadaptoverlay ! fakesink sync=false");
}
TEST(States, WholeLoop) {
  if (!std::filesystem::exists(model())) GTEST_SKIP() << "there is no " << model() << " (tools/setup.sh makes it)";
  forty(kSource +
        "oneadaptctl ! oneadaptfilter ! h264parse ! avdec_h264 max-threads=1 ! videoconvert ! "
        "oneadaptdnn model=" +
        model() + " ! fakesink sync=false");
}
