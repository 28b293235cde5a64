// SPDX-License-Identifier: LGPL-2.1-or-later
// Each element between NULL and PLAYING, 40 times. no_leaks.py runs this under GStreamer's leaks tracer: nothing may
// stay alive.
#include <gst/gst.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
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
bool have(const char *kind) {
  GstElementFactory *factory = gst_element_factory_find(kind);
  if (factory) gst_object_unref(factory);
  return factory;
}
std::string model() { return std::string(std::getenv("ONEADAPT_SOURCE_DIR")) + "/models/nanodet.pt"; }

}  // namespace

TEST(States, Controller) { forty(kSource + "oneadaptctl ! identity ! fakesink sync=false"); }
TEST(States, FilterH264) { forty(kSource + "oneadaptfilter ! video/x-h264 ! fakesink sync=false"); }
TEST(States, FilterRaw) { forty(kSource + "oneadaptfilter scale=0.5 ! video/x-raw ! fakesink sync=false"); }
TEST(States, AudioFilter) {
  forty("audiotestsrc num-buffers=200 ! oneadaptaudiofilter rate=8000 ! fakesink sync=false");
}
TEST(States, Shadow) {
  forty(kSource +
        "oneadaptctl min-accuracy=0.9 ! oneadaptfilter ! h264parse ! avdec_h264 max-threads=1 ! oneadaptshadow ! "
        "fakesink sync=false");
}
TEST(States, PointClouds) {
  if (!have("oneadaptlidarfilter")) GTEST_SKIP() << "built without Draco or LZF";
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("oneadapt-states-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  for (int turn = 0; turn < 20; ++turn) {
    std::ofstream file(folder / ("0" + std::to_string(10 + turn) + ".bin"), std::ios::binary);
    for (int i = 0; i < 2000; ++i) {
      const float point[] = {float(i % 50), float(i / 50 - 20), 0.1f * float(turn), 0.5f};
      file.write(reinterpret_cast<const char *>(point), sizeof point);
    }
  }
  forty("multifilesrc location=" + (folder / "%03d.bin").string() +
        " index=10 start-index=10 stop-index=29 loop=true ! oneadaptlidarparse ! oneadaptctl ! oneadaptlidarfilter "
        "keep=50 ! oneadaptlidardec ! " +
        (have("oneadaptlidaroverlay") ? "oneadaptlidaroverlay ! video/x-raw,width=64,height=64 ! " : "") +
        "fakesink sync=false");
  std::filesystem::remove_all(folder);
}
TEST(States, Overlay) {
  if (!have("oneadaptoverlay")) GTEST_SKIP() << "built without Pango";
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
