// SPDX-License-Identifier: LGPL-2.1-or-later
// Camera and DNN across RTSP on loopback, in both directions and over both transports. One of the two is inside a
// server made with gst-rtsp-server, the other is what gst-launch-1.0 would run.
#include <gst/rtsp-server/rtsp-server.h>

#include "gstoneadaptrtspserver.h"
#include "key_frames.h"
#include "two_ends.h"

using namespace oneadapt_test;

namespace {

/// An RTSP server with one mount, /live, and a thread of its own.
class Server {
 public:
  /// `record`: clients send their media into `launch`; else they play it.
  Server(const std::string &launch, bool record, std::function<void(GstElement *)> configure)
      : configure_(std::move(configure)) {
    server_ = gst_rtsp_server_new();
    gst_rtsp_server_set_address(server_, "127.0.0.1");
    gst_rtsp_server_set_service(server_, "0");
    GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
    gst_rtsp_media_factory_set_launch(factory, ("( " + launch + " )").c_str());
    gst_rtsp_media_factory_set_shared(factory, TRUE);
    gst_rtsp_media_factory_set_latency(factory, 100);
    if (record) gst_rtsp_media_factory_set_transport_mode(factory, GST_RTSP_TRANSPORT_MODE_RECORD);
    g_signal_connect(factory, "media-configure",
                     G_CALLBACK(+[](GstRTSPMediaFactory *, GstRTSPMedia *media, gpointer self) {
                       static_cast<Server *>(self)->take(gst_rtsp_media_get_element(media));
                     }),
                     this);
    GstRTSPMountPoints *mounts = gst_rtsp_server_get_mount_points(server_);
    gst_rtsp_mount_points_add_factory(mounts, "/live", factory);
    g_object_unref(mounts);
    gst_oneadapt_rtsp_server_send_gradients(server_);
    gst_oneadapt_rtsp_server_force_key_units(server_);
    loop_ = g_main_loop_new(nullptr, FALSE);
    source_ = gst_rtsp_server_attach(server_, nullptr);
    thread_ = std::thread([this] { g_main_loop_run(loop_); });
  }
  ~Server() {
    g_main_loop_quit(loop_);
    thread_.join();
    gst_rtsp_server_client_filter(
        server_, [](GstRTSPServer *, GstRTSPClient *, gpointer) { return GST_RTSP_FILTER_REMOVE; }, nullptr);
    g_source_remove(source_);
    g_object_unref(server_);
    g_main_loop_unref(loop_);
    gst_clear_object(&media_);
  }
  std::string url() const {
    return "rtsp://127.0.0.1:" + std::to_string(gst_rtsp_server_get_bound_port(server_)) + "/live";
  }
  /// The element that the media is, once a client has come for it; else NULL.
  GstElement *media() {
    std::lock_guard<std::mutex> lock(mutex_);
    return media_;
  }

 private:
  void take(GstElement *element) {
    configure_(element);
    std::lock_guard<std::mutex> lock(mutex_);
    gst_clear_object(&media_);
    media_ = element;
  }
  std::function<void(GstElement *)> configure_;
  GstRTSPServer *server_;
  GMainLoop *loop_;
  guint source_;
  std::thread thread_;
  std::mutex mutex_;
  GstElement *media_ = nullptr;  // under mutex_
};

/// A packet on its way to the DNN is lost, and one IDR picture comes for it. A machine that is too busy to answer
/// within a second is asked again.
void expect_a_key_frame_for_a_loss(GstElement *camera_bin, GstElement *dnn_bin, const char *depayloader) {
  const Counter idr(camera_bin, "filter", Counter::What::KeyFrames);
  const auto asked = [&] { return number(camera_bin, "ctl", "key-frame-requests", "feedback"); };
  const auto frames = [&] { return number(camera_bin, "filter", "frames-in"); };
  const guint64 before = asked();
  lose_a_packet(dnn_bin, depayloader);
  EXPECT_TRUE(eventually([&] { return idr.count() > 0; })) << "no key frame came";
  const guint64 at = frames();
  EXPECT_TRUE(eventually([&] { return frames() >= at + 15; }));
  EXPECT_GT(asked(), before);
  EXPECT_LE(idr.count(), asked() - before);
  EXPECT_EQ(number(camera_bin, "ctl", "malformed", "feedback"), 0u);
}

/// The camera sends to a server, where the DNN is.
void push(const char *protocols) {
  TemporaryFolder folder;
  Seen seen;
  Server server("rtph264depay name=depay0 ! " + dnn(save_colours(folder)), true,
                [&](GstElement *media) { seen.watch(media); });
  Pipeline cam(camera() + " ! rtspclientsink latency=100 protocols=" + protocols + " location=" + server.url());
  paint(cam.bin);
  cam.play();
  ASSERT_TRUE(eventually([&] { return server.media() != nullptr; })) << cam.text();
  expect_the_loop_closes(cam.bin, server.media(), seen);
  expect_a_key_frame_for_a_loss(cam.bin, server.media(), "depay0");
  cam.stop();
}

/// The camera is a server; the DNN asks it for its pictures.
void pull(const char *protocols) {
  TemporaryFolder folder;
  Seen seen;
  Server server(camera() + " ! rtph264pay name=pay0 pt=96", false, [](GstElement *media) { paint(media); });
  Pipeline here("rtspsrc latency=100 protocols=" + std::string(protocols) + " location=" + server.url() +
                " ! rtph264depay name=depay ! " + dnn(save_colours(folder)));
  seen.watch(here.bin);
  here.play();
  ASSERT_TRUE(eventually([&] { return server.media() != nullptr; })) << here.text();
  expect_the_loop_closes(server.media(), here.bin, seen);
  expect_a_key_frame_for_a_loss(server.media(), here.bin, "depay");
  EXPECT_EQ(here.text(), "");
  here.stop();
}

}  // namespace

// A viewer with no means to ask for anything sees what an earlier one sees; a GOP has 25 s.
TEST(Rtsp, AClientThatJoinsOthersSeesSomethingAtOnce) {
  Server server(camera() + " ! rtph264pay name=pay0 pt=96", false, [](GstElement *media) { paint(media); });
  for (const char *protocols : {"tcp", "udp"}) {
    const std::string launch = "rtspsrc latency=100 protocols=" + std::string(protocols) + " location=" + server.url() +
                               " ! rtph264depay ! h264parse ! avdec_h264 max-threads=1 ! identity name=seen ! "
                               "fakesink sync=false";
    Pipeline first(launch), second(launch);
    const Counter seen_first(first.bin, "seen", Counter::What::All), seen(second.bin, "seen", Counter::What::All);
    first.play();
    ASSERT_TRUE(eventually([&] { return seen_first.count() >= 15; })) << first.text();
    const Counter idr(server.media(), "filter", Counter::What::KeyFrames);
    second.play();
    ASSERT_TRUE(eventually([&] { return seen.count() >= 5; })) << second.text();
    EXPECT_EQ(idr.count(), 1u);
    const unsigned others = seen_first.count();
    EXPECT_TRUE(eventually([&] { return seen_first.count() >= others + 5; }));
  }
}

TEST(Rtsp, PushOverUdp) { push("udp"); }
TEST(Rtsp, PushOverTcp) { push("tcp"); }
TEST(Rtsp, PullOverUdp) { pull("udp"); }
TEST(Rtsp, PullOverTcp) { pull("tcp"); }
