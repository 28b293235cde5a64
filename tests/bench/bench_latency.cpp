// SPDX-License-Identifier: LGPL-2.1-or-later
// How long a frame takes from the controller's sink to the filter's source while the controller probes, against the
// same without: live source, DNN behind a queue. Delays in frame durations, in turn within one run.
//   bench-latency MODEL [ROUNDS]
#include <gst/gst.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace {

struct Times {
  std::mutex mutex;
  std::map<GstClockTime, gint64> in;
  std::vector<double> delays;  // frame durations
  unsigned came = 0;
};
constexpr double kFrameUs = 1e5;  // 10 frames a second

GstPadProbeReturn on_in(GstPad *, GstPadProbeInfo *info, gpointer data) {
  auto *t = static_cast<Times *>(data);
  std::lock_guard<std::mutex> lock(t->mutex);
  t->in[GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info))] = g_get_monotonic_time();
  ++t->came;
  return GST_PAD_PROBE_OK;
}
GstPadProbeReturn on_out(GstPad *, GstPadProbeInfo *info, gpointer data) {
  auto *t = static_cast<Times *>(data);
  std::lock_guard<std::mutex> lock(t->mutex);
  const auto it = t->in.find(GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info)));
  if (it != t->in.end()) t->delays.push_back(double(g_get_monotonic_time() - it->second) / kFrameUs);
  return GST_PAD_PROBE_OK;
}
void probe(GstElement *pipeline, const char *element, const char *pad, GstPadProbeCallback callback, Times *times) {
  GstElement *e = gst_bin_get_by_name(GST_BIN(pipeline), element);
  GstPad *p = gst_element_get_static_pad(e, pad);
  gst_pad_add_probe(p, GST_PAD_PROBE_TYPE_BUFFER, callback, times, nullptr);
  gst_object_unref(p);
  gst_object_unref(e);
}

bool round(const std::string &model, bool probing) {
  GError *error = nullptr;
  GstElement *pipeline = gst_parse_launch(("videotestsrc is-live=true num-buffers=150 pattern=smpte horizontal-speed=3 "
                                           "! video/x-raw,format=I420,width=768,height=576,framerate=10/1 ! "
                                           "oneadaptctl name=ctl alpha=0 policy=" +
                                           std::string(probing ? "oneadapt" : "static") +
                                           " ! oneadaptfilter name=filter ! queue ! h264parse ! avdec_h264 "
                                           "max-threads=1 ! videoconvert ! queue leaky=downstream ! "
                                           "oneadaptdnn model=" +
                                           model + " ! fakesink sync=false")
                                              .c_str(),
                                          &error);
  if (!pipeline) {
    std::fprintf(stderr, "%s\n", error->message);
    return false;
  }
  Times times;
  probe(pipeline, "ctl", "sink", on_in, &times);
  probe(pipeline, "filter", "src", on_out, &times);
  GstBus *bus = gst_element_get_bus(pipeline);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstMessage *m =
      gst_bus_timed_pop_filtered(bus, GST_CLOCK_TIME_NONE, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  const bool ok = GST_MESSAGE_TYPE(m) == GST_MESSAGE_EOS;
  gst_message_unref(m);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(bus);
  gst_object_unref(pipeline);
  if (!ok || times.delays.empty()) return false;
  std::sort(times.delays.begin(), times.delays.end());
  std::printf("%s: %zu of %u frames delivered, delay in frame durations: median %.3f, greatest %.3f\n",
              probing ? "probing    " : "not probing", times.delays.size(), times.came,
              times.delays[times.delays.size() / 2], times.delays.back());
  std::fflush(stdout);
  return true;
}

}  // namespace

int main(int argc, char **argv) {
  setenv("OMP_WAIT_POLICY", "passive", 0);
  gst_init(&argc, &argv);
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s MODEL [ROUNDS]\n", argv[0]);
    return 2;
  }
  for (int i = 0; i < (argc > 2 ? std::atoi(argv[2]) : 1); ++i)
    if (!round(argv[1], false) || !round(argv[1], true)) return 1;
  return 0;
}
