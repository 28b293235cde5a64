// SPDX-License-Identifier: LGPL-2.1-or-later
// What the controller makes of messages from a network.
#include <gio/gio.h>
#include <zlib.h>

#include <random>
#include <vector>

#include "ctl_rig.h"
#include "gradient_bytes.h"

namespace {

struct Network {
  Rig rig;
  GSocket *socket;
  guint32 stream;
  guint64 sent = 0;

  Network() : rig("feedback=udp://:0") {
    rig.caps();
    GstPad *pad = gst_element_get_static_pad(rig.ctl, "sink");
    EXPECT_EQ(rig.push(), GST_FLOW_OK);
    stream = gst_oneadapt_pad_stream(pad);
    EXPECT_NE(stream, 0u);
    gst_object_unref(pad);
    guint port = 0;
    EXPECT_TRUE(gst_structure_get_uint(feedback(), "port", &port));
    GSocketAddress *to = g_inet_socket_address_new_from_string("127.0.0.1", port);
    socket = g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, nullptr);
    EXPECT_TRUE(g_socket_connect(socket, to, nullptr, nullptr));
    g_object_unref(to);
  }
  ~Network() {
    g_object_unref(socket);
    if (held) gst_structure_free(held);
  }
  GstStructure *held = nullptr;
  const GstStructure *feedback() {
    if (held) gst_structure_free(held);
    g_object_get(rig.ctl, "stats", &held, nullptr);
    return gst_value_get_structure(gst_structure_get_value(held, "feedback"));
  }
  Bytes message(guint64 interval, guint32 of, bool early = false) {
    GstOneadaptGradient *g = gradient_of(interval);
    g->stream = of;
    g->early = early;
    return bytes_of(g);
  }
  /// Sends it, and waits until it is dealt with.
  void send(const Bytes &bytes) {
    ++sent;
    EXPECT_EQ(g_socket_send(socket, reinterpret_cast<const gchar *>(bytes.data()), bytes.size(), nullptr, nullptr),
              gssize(bytes.size()));
    settle();
  }
  void settle() {
    for (int i = 0; i < 1000000; ++i) {
      const GstStructure *s = feedback();
      guint64 messages = 0, malformed = 0;
      gst_structure_get_uint64(s, "messages", &messages);
      gst_structure_get_uint64(s, "malformed", &malformed);
      // The counter moves just before the message is handed on.
      if (messages + malformed == sent &&
          malformed + rig.stat("gradients-ignored") + rig.stat("gradients") + rig.stat("early-gradients") == sent)
        return;
      std::this_thread::yield();
    }
    ADD_FAILURE() << "a datagram was lost";
  }
};

}  // namespace

TEST(CtlNetwork, TakesWhatIsOfItsStreamOnce) {
  Network n;
  for (int i = 0; i < 6; ++i) n.rig.interval();
  const auto ignored = [&] { return n.rig.stat("gradients-ignored"); };
  n.send(n.message(5, n.stream));
  EXPECT_EQ(n.rig.stat("gradients"), 1u);
  n.send(n.message(5, n.stream));  // the network doubled it
  n.send(n.message(4, n.stream));  // or turned two around
  n.send(n.message(99, n.stream));
  n.send(n.message(6, n.stream + 1));
  n.send(n.message(6, 0));  // in one process that would do
  EXPECT_EQ(ignored(), 5u);
  n.send(n.message(6, n.stream, true));
  EXPECT_EQ(n.rig.stat("early-gradients"), 1u);
  n.send(n.message(6, n.stream, true));
  EXPECT_EQ(ignored(), 6u);
  n.send(n.message(6, n.stream));
  EXPECT_EQ(n.rig.stat("gradients"), 2u);
}

TEST(CtlNetwork, StrangersChangeNothing) {
  Network n;
  for (int i = 0; i < 6; ++i) n.rig.interval();
  n.rig.tunable->resource_change = 0.2;  // any decision would move it
  std::mt19937 random(5);
  const Bytes seeds[] = {n.message(5, n.stream + 7), n.message(6, 0), n.message(6, n.stream + 1, true)};
  for (int i = 0; i < 100000; ++i) {
    Bytes b = seeds[random() % 3];
    if (random() % 4 == 0) b.resize(random() % b.size());
    for (unsigned k = random() % 6; k-- && !b.empty();) b[random() % b.size()] = guint8(random());
    if (random() % 2 && b.size() > 40) {  // as someone would who knows the format, but not the stream
      b[8] = guint8(b.size() >> 8);
      b[9] = guint8(b.size());
      for (int k = 16; k < 20; ++k) b[k] = guint8(random() % 2);
      const auto crc = guint32(crc32(0, b.data(), uInt(b.size() - 4)));
      for (int k = 0; k < 4; ++k) b[b.size() - 4 + k] = guint8(crc >> (24 - 8 * k));
    }
    ++n.sent;
    g_socket_send(n.socket, reinterpret_cast<const gchar *>(b.data()), b.size(), nullptr, nullptr);
    if (i % 40 == 39) n.settle();
  }
  n.settle();
  EXPECT_EQ(n.rig.stat("gradients") + n.rig.stat("early-gradients"), 0u);
  EXPECT_GT(n.rig.stat("gradients-ignored"), 1000u);
  EXPECT_EQ(n.rig.tunable->value, 50);
  EXPECT_EQ(n.rig.tunable->applies, 0u);
}

TEST(CtlNetwork, AnAddressInUseIsOneClearError) {
  Network n;
  guint port = 0;
  gst_structure_get_uint(n.feedback(), "port", &port);
  const std::string where = "udp://127.0.0.1:" + std::to_string(port);
  const std::string error = start_error_of("oneadaptctl", "feedback", where.c_str());
  EXPECT_NE(error.find(where), std::string::npos) << error;
}
