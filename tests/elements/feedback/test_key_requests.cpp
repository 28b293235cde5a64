// SPDX-License-Identifier: LGPL-2.1-or-later
// Requests for key frames: who is heard, who asks, and how often.
#include <gio/gio.h>
#include <gst/check/gstharness.h>
#include <gst/rtp/gstrtpbuffer.h>

#include <algorithm>
#include <atomic>
#include <string>

#include "messages.h"

namespace {

Bytes request_of(guint32 ssrc) {
  GBytes *bytes = gst_oneadapt_key_request_to_bytes(ssrc);
  gsize size = 0;
  const auto *data = static_cast<const guint8 *>(g_bytes_get_data(bytes, &size));
  Bytes out(data, data + size);
  g_bytes_unref(bytes);
  return out;
}

/// A camera's end that listens.
struct Camera {
  Arrivals arrivals;
  std::atomic<unsigned> asked{0};
  GstOneadaptFeedback *feedback;
  explicit Camera(const char *where) {
    feedback = gst_oneadapt_feedback_new_receiver(where, Arrivals::take, &arrivals, nullptr);
    EXPECT_NE(feedback, nullptr);
    gst_oneadapt_feedback_set_key_frame_func(
        feedback, [](gpointer self) { ++static_cast<Camera *>(self)->asked; }, this);
  }
  ~Camera() { gst_oneadapt_feedback_free(feedback); }
  guint16 port() const { return guint16(stat(feedback, "port")); }
};

/// Sends bytes to a port, as anybody may.
void send_to(const char *scheme, guint16 port, const Bytes &bytes, gsize at_once = 0) {
  const bool tcp = !g_strcmp0(scheme, "tcp");
  GSocketAddress *to = g_inet_socket_address_new_from_string("127.0.0.1", port);
  GSocket *s = g_socket_new(G_SOCKET_FAMILY_IPV4, tcp ? G_SOCKET_TYPE_STREAM : G_SOCKET_TYPE_DATAGRAM,
                            tcp ? G_SOCKET_PROTOCOL_TCP : G_SOCKET_PROTOCOL_UDP, nullptr);
  EXPECT_TRUE(g_socket_connect(s, to, nullptr, nullptr));
  if (!at_once) at_once = bytes.size();
  for (gsize i = 0; i < bytes.size(); i += at_once) {
    const gsize n = std::min(at_once, bytes.size() - i);
    EXPECT_EQ(g_socket_send(s, reinterpret_cast<const gchar *>(bytes.data() + i), n, nullptr, nullptr), gssize(n));
  }
  g_object_unref(to);
  g_object_unref(s);
}

/// A depayloader with a sender's end behind it, and packets of H.264 in front.
struct Depayloader {
  GstHarness *h = gst_harness_new("rtph264depay");
  GstOneadaptFeedback *feedback;
  guint16 sequence = 100;
  guint32 timestamp = 0;
  explicit Depayloader(const std::string &where) {
    feedback = gst_oneadapt_feedback_new_sender(where.c_str(), nullptr);
    EXPECT_NE(feedback, nullptr);
    // For other forms it asks by itself, with each packet, until it has parameter sets.
    gst_harness_set_sink_caps_str(h, "video/x-h264,stream-format=byte-stream,alignment=au");
    gst_harness_set_src_caps_str(h, "application/x-rtp,media=video,clock-rate=90000,encoding-name=H264,payload=96");
    gst_oneadapt_feedback_attach(feedback, h->sinkpad);
    gst_oneadapt_feedback_attach(feedback, h->sinkpad);  // once only
  }
  ~Depayloader() {
    if (feedback) gst_oneadapt_feedback_free(feedback);
    gst_harness_teardown(h);
  }
  /// A picture in one packet.
  void push(bool key, bool list = false) {
    GstBuffer *buffer = gst_rtp_buffer_new_allocate(4, 0, 0);
    GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
    gst_rtp_buffer_map(buffer, GST_MAP_WRITE, &rtp);
    gst_rtp_buffer_set_seq(&rtp, sequence++);
    gst_rtp_buffer_set_timestamp(&rtp, timestamp += 9000);
    gst_rtp_buffer_set_payload_type(&rtp, 96);
    gst_rtp_buffer_set_marker(&rtp, TRUE);
    const guint8 payload[4] = {guint8(key ? 0x65 : 0x41), 0x88, 0x80, 0x10};
    std::copy_n(payload, 4, static_cast<guint8 *>(gst_rtp_buffer_get_payload(&rtp)));
    gst_rtp_buffer_unmap(&rtp);
    if (!list) {
      EXPECT_EQ(gst_harness_push(h, buffer), GST_FLOW_OK);
      return;
    }
    GstBufferList *one = gst_buffer_list_new();
    gst_buffer_list_add(one, buffer);
    EXPECT_EQ(gst_pad_push_list(h->srcpad, one), GST_FLOW_OK);
  }
  unsigned events() {
    unsigned found = 0;
    while (GstEvent *event = gst_harness_try_pull_upstream_event(h)) {
      found += gst_event_has_name(event, "GstForceKeyUnit");
      gst_event_unref(event);
    }
    return found;
  }
};

}  // namespace

TEST(KeyRequests, AreBytesForTransportsOfOnesOwn) {
  const Bytes bytes = request_of(0x12345678);
  GBytes *message = g_bytes_new(bytes.data(), bytes.size()), *gradient = nullptr;
  guint32 ssrc = 0;
  EXPECT_TRUE(gst_oneadapt_key_request_from_bytes(message, &ssrc));
  EXPECT_EQ(ssrc, 0x12345678u);
  EXPECT_TRUE(gst_oneadapt_key_request_from_bytes(message, nullptr));
  const Bytes other = message_of(1);
  gradient = g_bytes_new(other.data(), other.size());
  EXPECT_FALSE(gst_oneadapt_key_request_from_bytes(gradient, &ssrc));
  EXPECT_EQ(ssrc, 0x12345678u);
  // And who knows gradients only refuses it.
  GError *error = nullptr;
  EXPECT_EQ(gst_oneadapt_gradient_from_bytes(message, &error), nullptr);
  g_clear_error(&error);
  g_bytes_unref(message);
  g_bytes_unref(gradient);
}

TEST(KeyRequests, ComeBySockets) {
  for (const char *scheme : {"udp", "tcp"}) {
    Camera camera((std::string(scheme) + "://127.0.0.1:0").c_str());
    send_to(scheme, camera.port(), request_of(0));
    send_to(scheme, camera.port(), request_of(9));
    EXPECT_TRUE(eventually([&] { return camera.asked == 2u; })) << scheme;
    EXPECT_EQ(stat(camera.feedback, "key-frame-requests"), 2u);
    EXPECT_EQ(stat(camera.feedback, "messages"), 0u);
    EXPECT_EQ(stat(camera.feedback, "malformed"), 0u);
    Bytes damaged = request_of(0);
    damaged[13] ^= 1;
    send_to(scheme, camera.port(), damaged);
    EXPECT_TRUE(eventually([&] { return stat(camera.feedback, "malformed") == 1; })) << scheme;
    EXPECT_EQ(camera.asked, 2u);
    EXPECT_EQ(camera.arrivals.count(), 0u);
  }
}

TEST(KeyRequests, StandBetweenGradientsOfATcpStream) {
  Camera camera("tcp://127.0.0.1:0");
  Bytes stream;
  for (guint64 i = 0; i < 3; ++i)
    for (const Bytes &part : {message_of(i, i % 2), request_of(guint32(i))})
      stream.insert(stream.end(), part.begin(), part.end());
  send_to("tcp", camera.port(), stream);
  send_to("tcp", camera.port(), stream, 1);
  EXPECT_TRUE(eventually([&] { return camera.asked == 6u && camera.arrivals.count() == 6; }));
  EXPECT_EQ(stat(camera.feedback, "malformed"), 0u);
}

TEST(KeyRequests, NobodyIsCalledWhoIsNotThere) {
  Camera camera("udp://127.0.0.1:0");
  gst_oneadapt_feedback_set_key_frame_func(camera.feedback, nullptr, nullptr);
  send_to("udp", camera.port(), request_of(0));
  EXPECT_TRUE(eventually([&] { return stat(camera.feedback, "key-frame-requests") == 1; }));
  EXPECT_EQ(camera.asked, 0u);
}

TEST(KeyRequests, GoOutWhereAPacketIsMissing) {
  for (const bool list : {false, true}) {
    Depayloader d("auto");
    d.push(true, list);
    for (int i = 0; i < 5; ++i) d.push(false, list);
    EXPECT_EQ(d.events(), 0u);
    ++d.sequence;
    for (int i = 0; i < 5; ++i) d.push(false, list);
    EXPECT_EQ(d.events(), 1u);
    d.push(true, list);
    for (int i = 0; i < 5; ++i) d.push(false, list);
    EXPECT_EQ(d.events(), 0u);
    gst_oneadapt_feedback_free(std::exchange(d.feedback, nullptr));
    ++d.sequence;
    d.push(false, list);
    EXPECT_EQ(d.events(), 0u) << "nobody is there any more";
  }
}

TEST(KeyRequests, GoOutWhereAStreamBeginsInItsMiddle) {
  for (const char *scheme : {"udp", "tcp"}) {
    Camera camera((std::string(scheme) + "://127.0.0.1:0").c_str());
    Depayloader d(std::string(scheme) + "://127.0.0.1:" + std::to_string(camera.port()));
    for (int i = 0; i < 5; ++i) d.push(false);
    EXPECT_TRUE(eventually([&] { return camera.asked == 1u; })) << scheme;
    EXPECT_TRUE(eventually([&] { return stat(d.feedback, "key-frame-requests") == 1; }));
    EXPECT_EQ(stat(d.feedback, "messages"), 0u);
    EXPECT_EQ(d.events(), 0u) << "one way is enough";
  }
}

TEST(KeyRequests, NobodyAsksWithoutFeedback) {
  Depayloader d("off");
  for (int i = 0; i < 5; ++i) d.push(false);
  EXPECT_EQ(d.events(), 0u);
}
