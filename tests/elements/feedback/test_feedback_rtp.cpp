// SPDX-License-Identifier: LGPL-2.1-or-later
// Feedback inside RTCP: full-size messages, small packets, strangers; and the body of a SET_PARAMETER.
#include <gst/rtsp/gstrtspmessage.h>

#include <string>

#include "messages.h"

namespace {

int free_port() {
  static int next = 42000 + int(g_random_int_range(0, 1000)) * 4;
  return next += 4;
}

/// Both ends of an RTP session on loopback; the media is anything.
struct Link {
  GstElement *camera, *server;
  GstPad *camera_pad, *server_pad;
  Arrivals arrivals;
  GstOneadaptFeedback *receiver, *sender;

  Link() {
    const std::string rtp = std::to_string(free_port()), rtcp = std::to_string(free_port()),
                      back = std::to_string(free_port());
    camera = launch(
        "rtpbin name=rtp audiotestsrc is-live=true ! mulawenc ! identity name=at ! rtppcmupay ! "
        "rtp.send_rtp_sink_0 rtp.send_rtp_src_0 ! udpsink host=127.0.0.1 port=" +
        rtp + " rtp.send_rtcp_src_0 ! udpsink sync=false async=false host=127.0.0.1 port=" + rtcp +
        " udpsrc address=127.0.0.1 port=" + back + " ! rtp.recv_rtcp_sink_0");
    server =
        launch("rtpbin name=rtp udpsrc address=127.0.0.1 port=" + rtp +
               " caps=application/x-rtp,media=audio,clock-rate=8000,encoding-name=PCMU,payload=0 ! "
               "rtp.recv_rtp_sink_0 rtp. ! rtppcmudepay ! identity name=at ! fakesink udpsrc address=127.0.0.1 port=" +
               rtcp +
               " ! rtp.recv_rtcp_sink_0 rtp.send_rtcp_src_0 ! udpsink sync=false async=false "
               "host=127.0.0.1 port=" +
               back);
    camera_pad = pad(camera, "src");
    server_pad = pad(server, "sink");
    receiver = gst_oneadapt_feedback_new_receiver("auto", Arrivals::take, &arrivals, nullptr);
    sender = gst_oneadapt_feedback_new_sender("auto", nullptr);
    EXPECT_EQ(gst_oneadapt_feedback_attach(receiver, camera_pad), 1u);
    EXPECT_EQ(gst_oneadapt_feedback_attach(receiver, camera_pad), 1u);  // once only
    gst_element_set_state(server, GST_STATE_PLAYING);
    gst_element_set_state(camera, GST_STATE_PLAYING);
    EXPECT_TRUE(eventually([&] { return gst_oneadapt_feedback_attach(sender, server_pad) == 1; }));
  }
  ~Link() {
    gst_oneadapt_feedback_free(receiver);
    gst_oneadapt_feedback_free(sender);
    for (GstElement *e : {camera, server}) {
      gst_element_set_state(e, GST_STATE_NULL);
      gst_object_unref(e);
    }
    gst_object_unref(camera_pad);
    gst_object_unref(server_pad);
  }
  static GstElement *launch(const std::string &line) {
    GError *error = nullptr;
    GstElement *e = gst_parse_launch(line.c_str(), &error);
    EXPECT_EQ(error, nullptr) << error->message;
    return e;
  }
  static GstPad *pad(GstElement *bin, const char *name) {
    GstElement *at = gst_bin_get_by_name(GST_BIN(bin), "at");
    GstPad *p = gst_element_get_static_pad(at, name);
    gst_object_unref(at);
    return p;
  }
  GObject *session(GstElement *of) {
    GstElement *rtp = gst_bin_get_by_name(GST_BIN(of), "rtp");
    GObject *s = nullptr;
    g_signal_emit_by_name(rtp, "get-internal-session", 0u, &s);
    gst_object_unref(rtp);
    return s;
  }
  /// As a DNN does it.
  void send(guint64 interval, bool large) {
    GBytes *bytes = nullptr;
    {
      const Bytes m = message_of(interval, large);
      bytes = g_bytes_new(m.data(), m.size());
    }
    GstOneadaptGradient *g = gst_oneadapt_gradient_from_bytes(bytes, nullptr);
    EXPECT_TRUE(gst_pad_push_event(server_pad, gst_event_new_oneadapt_gradient(g)));
    gst_oneadapt_gradient_free(g);
    g_bytes_unref(bytes);
  }
};

}  // namespace

TEST(FeedbackRtp, RtcpCarriesLargeMessagesEverySecond) {
  Link link;
  // RTCP is held back by its average size, which only many messages bring up: it would show after fifteen seconds.
  GObject *session = link.session(link.server);
  double bandwidth = 0;
  g_object_get(session, "rtcp-fraction", &bandwidth, nullptr);
  g_object_unref(session);
  EXPECT_GE(bandwidth, 2 * 8 * 1400.0 * 2) << "bit/s: both members may send a full packet twice a second";
  for (guint64 i = 0; i < 4; ++i) {
    link.send(i, true);
    EXPECT_TRUE(eventually([&] { return link.arrivals.count() == i + 1; })) << i;
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
  EXPECT_EQ(stat(link.sender, "messages"), 4u);
  EXPECT_EQ(stat(link.sender, "failed"), 0u);
  EXPECT_EQ(stat(link.receiver, "malformed"), 0u);
  EXPECT_EQ(stat(link.receiver, "bytes"), stat(link.sender, "bytes"));
  EXPECT_GT(stat(link.receiver, "bytes"), 4 * 700u);
}

TEST(FeedbackRtp, SmallPacketsCarryItInPieces) {
  Link link;
  GObject *session = link.session(link.server);
  g_object_set(session, "rtcp-mtu", 600u, nullptr);
  g_object_unref(session);
  link.send(1, true);
  EXPECT_TRUE(eventually([&] { return link.arrivals.count() == 1; }));
  EXPECT_EQ(stat(link.receiver, "malformed"), 0u);
}

TEST(FeedbackRtp, StrangersPacketsAreCountedAndForgotten) {
  Link link;
  GObject *session = link.session(link.camera);
  std::mt19937 random(3);
  const Bytes message = message_of(1);
  const std::size_t before = memory();
  for (int i = 0; i < 100000; ++i) {
    // Right in form or nearly so, never a whole message: its last bytes are missing.
    Bytes b = {message[message.size() - 4],
               message[message.size() - 3],
               message[message.size() - 2],
               message[message.size() - 1],
               guint8(message.size() >> 8),
               guint8(message.size()),
               0,
               0};
    b.insert(b.end(), message.begin(), message.begin() + 400);
    for (unsigned n = random() % 4; n--;) b[random() % 12] = guint8(random());
    if (random() % 8 == 0) b.resize(1 + random() % b.size());
    GstBuffer *buffer = gst_buffer_new_memdup(b.data(), b.size());
    g_signal_emit_by_name(session, "on-app-rtcp", 0u, random() % 16, i % 3 ? "OAGR" : "XYZW", buffer);
    gst_buffer_unref(buffer);
  }
  EXPECT_GT(stat(link.receiver, "malformed"), 1000u);
  EXPECT_EQ(link.arrivals.count(), 0u);
#if !defined(__SANITIZE_ADDRESS__)
  EXPECT_LT(memory(), before + (4 << 20));
#endif
  g_object_unref(session);
  link.send(2, true);
  EXPECT_TRUE(eventually([&] { return link.arrivals.count() == 1; }));
}

// A request names the stream that it is about: that of another camera is none of ours.
TEST(FeedbackRtp, KeyFrameRequestsOfOtherStreamsAreIgnored) {
  Link link;
  unsigned asked = 0;
  gst_oneadapt_feedback_set_key_frame_func(
      link.receiver, [](gpointer count) { ++*static_cast<unsigned *>(count); }, &asked);
  GObject *session = link.session(link.camera);
  guint own = 0;
  g_object_get(session, "internal-ssrc", &own, nullptr);
  const auto request = [&](guint ssrc, const char *name, gsize size) {
    GBytes *bytes = gst_oneadapt_key_request_to_bytes(ssrc);
    GstBuffer *buffer = gst_buffer_new_memdup(g_bytes_get_data(bytes, nullptr), size);
    g_signal_emit_by_name(session, "on-app-rtcp", 0u, 1u, name, buffer);
    gst_buffer_unref(buffer);
    g_bytes_unref(bytes);
  };
  request(own, "OAKF", 20);
  request(0, "OAKF", 20);  // it does not say
  EXPECT_EQ(asked, 2u);
  request(own ^ 1, "OAKF", 20);
  request(own, "OAGR", 20);
  request(own, "XYZW", 20);
  const guint64 before = stat(link.receiver, "malformed");
  request(own, "OAKF", 16);
  EXPECT_EQ(stat(link.receiver, "malformed"), before + 1);
  EXPECT_EQ(asked, 2u);
  EXPECT_EQ(stat(link.receiver, "key-frame-requests"), 2u);
  g_object_unref(session);
}

TEST(FeedbackRtp, SetParameterIsReadWithCare) {
  Arrivals arrivals;
  GstElement *bin = Link::launch("fakesrc ! identity name=at ! rtspclientsink name=sink location=rtsp://127.0.0.1:9/x");
  GstElement *sink = gst_bin_get_by_name(GST_BIN(bin), "sink");
  ASSERT_NE(sink, nullptr);
  GstPad *pad = Link::pad(bin, "src");
  GstOneadaptFeedback *f = gst_oneadapt_feedback_new_receiver("auto", Arrivals::take, &arrivals, nullptr);
  EXPECT_EQ(gst_oneadapt_feedback_attach(f, pad), 1u);
  const auto request = [&](GstRTSPMethod method, const std::string &body) {
    GstRTSPMessage message = {}, response = {};
    gst_rtsp_message_init_request(&message, method, "rtsp://127.0.0.1/x");
    gst_rtsp_message_init_response(&response, GST_RTSP_STS_OK, "OK", &message);
    if (!body.empty())
      gst_rtsp_message_set_body(&message, reinterpret_cast<const guint8 *>(body.data()), guint(body.size()));
    g_signal_emit_by_name(sink, "handle-request", &message, &response);
    gst_rtsp_message_unset(&message);
    gst_rtsp_message_unset(&response);
  };
  const Bytes good = message_of(1);
  gchar *base64 = g_base64_encode(good.data(), good.size());
  const std::string body = "oneadapt-gradient: " + std::string(base64) + "\r\n";
  g_free(base64);
  request(GST_RTSP_SET_PARAMETER, body);
  ASSERT_EQ(arrivals.count(), 1u);
  EXPECT_EQ(arrivals.messages[0], good);
  GBytes *asks = gst_oneadapt_key_request_to_bytes(0);
  base64 = g_base64_encode(static_cast<const guchar *>(g_bytes_get_data(asks, nullptr)), g_bytes_get_size(asks));
  request(GST_RTSP_SET_PARAMETER, "oneadapt-key-frame: " + std::string(base64) + "\r\n");
  g_free(base64);
  g_bytes_unref(asks);
  EXPECT_EQ(stat(f, "key-frame-requests"), 1u);
  EXPECT_EQ(arrivals.count(), 1u);
  for (const std::string &other : {std::string(), std::string("volume: 3\r\n"), std::string("\0\0", 2)})
    request(GST_RTSP_SET_PARAMETER, other);
  request(GST_RTSP_GET_PARAMETER, body);
  EXPECT_EQ(stat(f, "malformed"), 0u);
  for (const std::string &bad :
       {std::string("oneadapt-gradient:"), std::string("oneadapt-gradient: \r\n"),
        std::string("oneadapt-gradient: !!!!\r\n"), body.substr(0, body.size() - 20),
        std::string("oneadapt-key-frame: AAAA\r\n"), "oneadapt-gradient: " + std::string(100000, 'A')}) {
    const guint64 before = stat(f, "malformed");
    request(GST_RTSP_SET_PARAMETER, bad);
    EXPECT_EQ(stat(f, "malformed"), before + 1) << bad.substr(0, 40);
  }
  std::mt19937 random(4);
  for (int i = 0; i < 20000; ++i) {
    std::string b = body;
    for (unsigned n = 1 + random() % 5; n--;) b[random() % b.size()] = char(random());
    request(GST_RTSP_SET_PARAMETER, b);
  }
  EXPECT_LE(arrivals.count(), 40u);  // a change within white space or of unused bits leaves it whole
  gst_oneadapt_feedback_free(f);
  gst_object_unref(pad);
  gst_object_unref(sink);
  gst_object_unref(bin);
}
