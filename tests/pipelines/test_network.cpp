// SPDX-License-Identifier: LGPL-2.1-or-later
// Camera and DNN in two pipelines, over RTP and UDP on loopback, as a user would launch them (docs/network.md).
#include <gst/video/video-sei.h>

#include <vector>

#include "rtp_ends.h"

using namespace oneadapt_test;

namespace {

// What probes write to is declared before the pipelines, which play until they are destroyed.
struct TwoEnds {
  TemporaryFolder folder;
  std::string model = save_colours(folder);
};

/// RTP one way, and RTCP both.
struct RtcpEnds : TwoEnds {
  RtcpEnds() {
    seen.watch(server.bin);
    paint(cam.bin);
  }
  const int port = free_ports();
  Seen seen;
  Pipeline server{rtp_dnn(port, true, model)}, cam{rtp_camera(port, true)};
};

}  // namespace

TEST(Network, RtcpNeedsNoSetting) {
  RtcpEnds ends;
  Pipeline &server = ends.server, &cam = ends.cam;
  server.play();
  cam.play();
  expect_the_loop_closes(cam.bin, server.bin, ends.seen);
  EXPECT_EQ(server.text(), "");
  EXPECT_EQ(cam.text(), "");
}

TEST(Network, RtcpInPieces) {
  RtcpEnds ends;
  Pipeline &server = ends.server, &cam = ends.cam;
  // A compound packet has room for half a message.
  GstElement *rtp = gst_bin_get_by_name(GST_BIN(server.bin), "rtp");
  g_signal_connect(rtp, "element-added", G_CALLBACK(+[](GstBin *, GstElement *element, gpointer) {
                     if (strcmp(G_OBJECT_TYPE_NAME(element), "GstRtpSession")) return;
                     GObject *session = nullptr;
                     g_object_get(element, "internal-session", &session, nullptr);
                     g_object_set(session, "rtcp-mtu", 200u, nullptr);
                     g_object_unref(session);
                   }),
                   nullptr);
  GObject *session = nullptr;
  g_signal_emit_by_name(rtp, "get-internal-session", 0u, &session);
  if (session) {
    g_object_set(session, "rtcp-mtu", 200u, nullptr);
    g_object_unref(session);
  }
  gst_object_unref(rtp);
  server.play();
  cam.play();
  expect_the_loop_closes(cam.bin, server.bin, ends.seen);
}

TEST(Network, UdpSocket) {
  TwoEnds ends;
  const int port = free_ports();
  Seen seen;
  Pipeline server(rtp_dnn(port, false, ends.model, "feedback=udp://127.0.0.1:" + std::to_string(port + 5))),
      cam(rtp_camera(port, false));
  seen.watch(server.bin);
  paint(cam.bin);
  server.play();
  cam.play();
  expect_the_loop_closes(cam.bin, server.bin, seen);
  EXPECT_EQ(server.text(), "");
}

TEST(Network, TcpSocketAndPicturesOverTcp) {
  TwoEnds ends;
  const std::string port = std::to_string(free_ports());
  Seen seen;
  // A transport of one's own: no RTP at all. Whoever is launched first waits for the other.
  Pipeline server("tcpserversrc name=source host=127.0.0.1 port=" + port + " ! " +
                  dnn(ends.model, "feedback=tcp://127.0.0.1:" + std::to_string(std::stoi(port) + 1)));
  Pipeline cam(camera("feedback=tcp://127.0.0.1:" + std::to_string(std::stoi(port) + 1)) +
               " ! video/x-h264,stream-format=byte-stream ! tcpclientsink host=127.0.0.1 port=" + port);
  seen.watch(server.bin);
  paint(cam.bin);
  server.play();
  EXPECT_TRUE(eventually([&] {
    GstElement *source = gst_bin_get_by_name(GST_BIN(server.bin), "source");
    gint listening = 0;
    g_object_get(source, "current-port", &listening, nullptr);
    gst_object_unref(source);
    return listening > 0;
  }));
  cam.play();
  EXPECT_TRUE(eventually([&] { return number(cam.bin, "ctl", "decisions") >= 3; }))
      << number(cam.bin, "ctl", "gradients-ignored") << " ignored; server says " << server.text();
}

TEST(Network, TheCameraSaysWhatFeedbackMayTake) {
  constexpr unsigned kLeastMessage = 80;  // bytes: docs/wire-format.md
  struct Marks {
    std::mutex mutex;
    std::vector<unsigned> said;  // under mutex
    bool overrule;               // the least that a message takes
    static GstPadProbeReturn probe(GstPad *, GstPadProbeInfo *info, gpointer data) {
      auto *self = static_cast<Marks *>(data);
      gpointer state = nullptr;
      while (GstMeta *meta = gst_buffer_iterate_meta_filtered(GST_PAD_PROBE_INFO_BUFFER(info), &state,
                                                              GST_VIDEO_SEI_USER_DATA_UNREGISTERED_META_API_TYPE)) {
        guint8 *bytes =
            reinterpret_cast<GstVideoSEIUserDataUnregisteredMeta *>(meta)->data + 21;  // docs/wire-transport.md
        std::lock_guard<std::mutex> lock(self->mutex);
        self->said.push_back(bytes[0] * 256u + bytes[1]);
        if (self->overrule) bytes[0] = 0, bytes[1] = kLeastMessage;
      }
      return GST_PAD_PROBE_OK;
    }
  };
  for (const char *share : {"0", "0.01", "0.5"}) {
    TwoEnds ends;
    const int port = free_ports();
    std::string launch = rtp_camera(port, false);
    launch.replace(launch.find("oneadaptfilter"), 14, std::string("oneadaptfilter feedback-share=") + share);
    // Large enough for a map that takes more than the least.
    for (const char *side : {"width=", "height="}) launch.replace(launch.find(side) + strlen(side), 3, "512");
    Seen seen;
    Marks marks;
    marks.overrule = !strcmp(share, "0.01");
    Pipeline server(rtp_dnn(port, false, ends.model, "feedback=udp://127.0.0.1:" + std::to_string(port + 5))),
        cam(launch);
    seen.watch(server.bin);
    GstElement *dnn = gst_bin_get_by_name(GST_BIN(server.bin), "dnn");
    GstPad *sink = gst_element_get_static_pad(dnn, "sink");
    gst_pad_add_probe(sink, GST_PAD_PROBE_TYPE_BUFFER, Marks::probe, &marks, nullptr);
    paint(cam.bin);
    server.play();
    cam.play();
    EXPECT_TRUE(eventually([&] {
      std::lock_guard<std::mutex> lock(seen.mutex);
      return number(cam.bin, "ctl", "decisions") >= 4 && seen.gradients.size() >= 3;
    }));
    {
      std::lock_guard<std::mutex> lock(marks.mutex);
      ASSERT_GE(marks.said.size(), 6u);
      const unsigned first = marks.said.front(), last = marks.said.back();
      if (!strcmp(share, "0")) {
        EXPECT_EQ(first, 0u);
        EXPECT_EQ(last, 0u);
      } else {
        EXPECT_EQ(first, 128u) << "before anything is known";
        if (marks.overrule)
          EXPECT_EQ(last, 96u) << "of a thin stream";
        else
          EXPECT_GT(last, 128u);
      }
    }
    std::lock_guard<std::mutex> lock(seen.mutex);
    ASSERT_GE(seen.gradients.size(), 3u);
    for (const auto &[interval, gradient] : seen.gradients)
      EXPECT_EQ(gradient.bytes <= kLeastMessage, marks.overrule) << gradient.bytes;
    gst_object_unref(sink);
    gst_object_unref(dnn);
  }
}

TEST(Network, UnmarkedFramesAreNamed) {
  TwoEnds ends;
  const int port = free_ports();
  std::string launch = rtp_camera(port, true);
  launch.replace(launch.find("oneadaptfilter"), 14, "oneadaptfilter interval-marks=off");
  Pipeline server(rtp_dnn(port, true, ends.model)), cam(launch);
  paint(cam.bin);
  server.play();
  cam.play();
  EXPECT_TRUE(eventually([&] { return number(cam.bin, "ctl", "gradients-ignored") >= 2; }));
  EXPECT_EQ(number(cam.bin, "ctl", "gradients"), 0u);
  EXPECT_EQ(number(cam.bin, "ctl", "early-gradients"), 0u);
  EXPECT_NE(server.text().find("h264parse"), std::string::npos);
}

TEST(Network, WrongAddressesAreOneClearError) {
  TwoEnds ends;
  for (const char *where : {"nowhere", "udp://127.0.0.1", "tcp://127.0.0.1:99999", "http://127.0.0.1:80"}) {
    Pipeline cam("videotestsrc ! oneadaptctl name=ctl ! fakesink");
    GstElement *ctl = gst_bin_get_by_name(GST_BIN(cam.bin), "ctl");
    g_object_set(ctl, "feedback", where, nullptr);
    gst_object_unref(ctl);
    EXPECT_EQ(gst_element_set_state(cam.bin, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE) << where;
    const std::string text = cam.text();
    EXPECT_NE(text.find("feedback"), std::string::npos) << text;
    EXPECT_NE(text.find(where), std::string::npos) << text;
  }
}
