// SPDX-License-Identifier: LGPL-2.1-or-later
// What oneadaptfilter costs, as ratios within one run:
//  - CPU time to encode against x264enc at the same settings (bar: 1.10);
//  - CPU time of one probe of all knobs against encoding an interval;
//  - the resource that a probe predicts against the bytes that the configuration really takes.
// Usage: bench-filter [CLIP [FRAMES]]; the clip defaults to vtest.avi of Debian's opencv-doc.
#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "clip.h"
#include "gstoneadapt.h"

namespace {

double cpu() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return double(usage.ru_utime.tv_sec) + double(usage.ru_utime.tv_usec) * 1e-6;
}

struct Result {
  double seconds = 0;
  std::size_t bytes = 0;
};

Result encode(const Clip &clip, const std::string &launch) {
  Result result;
  GstHarness *h = gst_harness_new_parse(launch.c_str());
  gst_harness_set_src_caps(h, gst_caps_ref(clip.caps));
  const double start = cpu();
  for (GstBuffer *frame : clip.frames) {
    gst_harness_push(h, gst_buffer_ref(frame));
    while (GstBuffer *out = gst_harness_try_pull(h)) {
      result.bytes += gst_buffer_get_size(out);
      gst_buffer_unref(out);
    }
  }
  result.seconds = cpu() - start;
  gst_harness_teardown(h);
  return result;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void bench_encode(const Clip &clip, int keyint) {
  for (int qp : {20, 28, 36}) {
    const std::string q = std::to_string(qp);
    const std::string ours =
        "oneadaptfilter speed-preset=veryfast threads=1 qp=" + q + " ! capsfilter caps=video/x-h264";
    const std::string theirs =
        "x264enc pass=quant quantizer=" + q +
        " speed-preset=veryfast tune=zerolatency threads=1 key-int-max=" + std::to_string(keyint) +
        " option-string=ipratio=1:keyint-min=1:scenecut=0 ! capsfilter caps=video/x-h264";
    std::vector<double> ratios;
    Result a, b;
    for (int round = 0; round < 5; round++) {  // in turn, so that a slow moment hits both
      a = encode(clip, ours);
      b = encode(clip, theirs);
      ratios.push_back(a.seconds / b.seconds);
    }
    std::printf("encode qp %d: CPU %.3f of x264enc's (bytes %.3f)\n", qp, median(ratios),
                double(a.bytes) / double(b.bytes));
  }
}

void bench_probe(const Clip &clip) {
  GstVideoInfo info;
  gst_video_info_from_caps(&info, clip.caps);
  for (const char *properties : {"", "qp=32", "qp=40 scale=0.75", "qp=32 framerate=5", "scale=0.5 framerate=2 qp=36"}) {
    GstHarness *h = gst_harness_new_parse(
        (std::string("oneadaptfilter ") + properties + " ! capsfilter caps=video/x-h264").c_str());
    GstElement *filter = gst_harness_find_element(h, "oneadaptfilter");
    gst_harness_set_src_caps(h, gst_caps_ref(clip.caps));
    double predicted = 0;
    unsigned probes = 0;
    guint64 number = 0;
    GstOneadaptGradient *gradient =
        gst_oneadapt_gradient_new(guint(GST_VIDEO_INFO_WIDTH(&info)), guint(GST_VIDEO_INFO_HEIGHT(&info)), 16);
    for (guint i = 0; i < gradient->columns * gradient->rows; i++) gradient->values[i] = 1e-3f;
    auto probe = [&] {
      GstOneadaptProbe *p =
          gst_oneadapt_tunable_probe(GST_ONEADAPT_TUNABLE(filter), number, gradient, nullptr, nullptr);
      if (!p) return;
      predicted += p->resource;
      probes++;
      gst_oneadapt_probe_free(p);
    };
    std::size_t bytes = 0;
    for (GstBuffer *frame : clip.frames) {
      const guint64 n = GST_BUFFER_PTS(frame) / GST_SECOND;
      if (n != number) probe();
      number = n;
      gst_harness_push(h, gst_buffer_ref(frame));
      while (GstBuffer *out = gst_harness_try_pull(h)) {
        bytes += gst_buffer_get_size(out);
        gst_buffer_unref(out);
      }
    }
    probe();
    GstStructure *stats = nullptr;
    g_object_get(filter, "stats", &stats, nullptr);
    guint64 encoding = 0, probing = 0;
    gst_structure_get_uint64(stats, "encode-time", &encoding);
    gst_structure_get_uint64(stats, "probe-time", &probing);
    gst_structure_free(stats);
    const Result best = encode(clip, "oneadaptfilter ! capsfilter caps=video/x-h264");
    std::printf(
        "probe at '%s': CPU %.2f of this encode, %.2f of the most expensive; resource predicted %.3f, measured %.3f\n",
        properties, double(probing) / double(encoding), double(probing) * 1e-9 / best.seconds, predicted / probes,
        double(bytes) / double(best.bytes));
    gst_oneadapt_gradient_free(gradient);
    gst_object_unref(filter);
    gst_harness_teardown(h);
  }
}

}  // namespace

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  const char *location = argc > 1 ? argv[1] : "/usr/share/doc/opencv-doc/examples/data/vtest.avi";
  const Clip clip = load_clip(location, argc > 2 ? unsigned(std::atoi(argv[2])) : 200u);
  if (clip.frames.empty()) {
    std::fprintf(stderr, "%s cannot be read\n", location);
    return 1;
  }
  GstVideoInfo info;
  gst_video_info_from_caps(&info, clip.caps);
  const int keyint = info.fps_n > 0 ? std::max(1, (info.fps_n + info.fps_d / 2) / info.fps_d) : 10;
  std::printf("%s: %zu frames of %d×%d\n", location, clip.frames.size(), info.width, info.height);
  bench_encode(clip, keyint);
  bench_probe(clip);
  for (GstBuffer *frame : clip.frames) gst_buffer_unref(frame);
  gst_caps_unref(clip.caps);
  return 0;
}
