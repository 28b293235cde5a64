// SPDX-License-Identifier: LGPL-2.1-or-later
// How long oneadaptdnn takes from PLAYING to the first result, and whether its memory falls again after the picture
// became smaller: 1080p for some seconds, then 360p, without gradients and with
// input-size=frame (by default the DNN's input remains as large as the largest frame was). Wall and CPU time of the
// process in s, resident memory in MB. The plugins are those of GST_PLUGIN_PATH, so that builds can be compared. Which
// plan a model has is remembered in XDG_CACHE_HOME: an empty folder there measures the first start of all.
//   bench-start MODEL [SECONDS_OF_1080P]
#include <gst/gst.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <thread>

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

double resident_mb() {
  std::ifstream in("/proc/self/statm");
  double all = 0, resident = 0;
  in >> all >> resident;
  return resident * 4096 / 1e6;
}

struct First {
  Clock::time_point begin = Clock::now();
  std::clock_t cpu = std::clock();
  std::atomic<unsigned> results{0};
};

GstPadProbeReturn on_result(GstPad *, GstPadProbeInfo *, gpointer data) {
  auto *first = static_cast<First *>(data);
  if (first->results++ == 0)
    std::printf("first result after %.2f s (CPU %.2f s)\n", since(first->begin),
                double(std::clock() - first->cpu) / CLOCKS_PER_SEC);
  return GST_PAD_PROBE_OK;
}

/// False, and the reason said, when the pipeline failed.
bool running(GstElement *pipeline) {
  GstBus *bus = gst_element_get_bus(pipeline);
  GstMessage *message = gst_bus_pop_filtered(bus, GstMessageType(GST_MESSAGE_ERROR | GST_MESSAGE_EOS));
  gst_object_unref(bus);
  if (!message) return true;
  GError *error = nullptr;
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) gst_message_parse_error(message, &error, nullptr);
  std::fprintf(stderr, "bench-start: %s\n", error ? error->message : "the stream ended");
  g_clear_error(&error);
  gst_message_unref(message);
  return false;
}

void set_size(GstElement *pipeline, int width, int height) {
  GstElement *filter = gst_bin_get_by_name(GST_BIN(pipeline), "size");
  GstCaps *caps = gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, "RGB", "width", G_TYPE_INT, width,
                                      "height", G_TYPE_INT, height, "framerate", GST_TYPE_FRACTION, 10, 1, nullptr);
  g_object_set(filter, "caps", caps, nullptr);
  gst_caps_unref(caps);
  gst_object_unref(filter);
}

/// Prints the memory twice a second, for so many seconds and until there were ten results.
bool watch(GstElement *pipeline, const First &results, const char *size, double seconds) {
  const unsigned before = results.results;
  for (const auto begin = Clock::now(); since(begin) < seconds || results.results < before + 10;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    if (!running(pipeline)) return false;
    std::printf("%s for %.1f s, %u frames: %.0f MB\n", size, since(begin), results.results - before, resident_mb());
    std::fflush(stdout);
  }
  return true;
}

/// NULL, and the reason said, where it cannot be made.
GstElement *make_pipeline(const std::string &model, First &first) {
  const std::string line =
      "videotestsrc is-live=true pattern=smpte ! capsfilter name=size ! queue leaky=downstream max-size-buffers=1 ! "
      "oneadaptdnn name=dnn threads=1 gradient=false input-size=frame model=" +
      model + " ! fakesink sync=false";
  GError *error = nullptr;
  GstElement *made = gst_parse_launch(line.c_str(), &error);
  if (error) std::fprintf(stderr, "bench-start: %s\n", error->message);
  g_clear_error(&error);
  GstElement *dnn = made ? gst_bin_get_by_name(GST_BIN(made), "dnn") : nullptr;
  if (!dnn) return nullptr;
  GstPad *pad = gst_element_get_static_pad(dnn, "src");
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, on_result, &first, nullptr);
  gst_object_unref(pad);
  gst_object_unref(dnn);
  return made;
}

}  // namespace

int main(int argc, char **argv) {
  setenv("OMP_WAIT_POLICY", "passive", 0);
  gst_init(&argc, &argv);
  const std::string model = argc > 1 ? argv[1] : "";
  if (model.empty()) std::fprintf(stderr, "usage: bench-start MODEL [SECONDS_OF_1080P]\n");
  if (model.empty()) return 2;
  First first;
  GstElement *const pipeline = make_pipeline(model, first);
  if (!pipeline) return 1;
  set_size(pipeline, 1920, 1080);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  bool good = watch(pipeline, first, "1080p", argc > 2 ? std::atof(argv[2]) : 8);
  if (good) {
    set_size(pipeline, 640, 360);
    good = watch(pipeline, first, "360p", 7);
  }
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
  return good && first.results ? 0 : 1;
}
