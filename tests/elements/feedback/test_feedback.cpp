// SPDX-License-Identifier: LGPL-2.1-or-later
// Feedback over sockets: what comes through, and that strangers do no harm.
#include <gio/gio.h>

#include <algorithm>
#include <memory>
#include <string>

#include "messages.h"

namespace {

struct Receiver {
  Arrivals arrivals;
  GstOneadaptFeedback *feedback;
  guint16 port = 0;
  explicit Receiver(const char *where) {
    GError *error = nullptr;
    feedback = gst_oneadapt_feedback_new_receiver(where, Arrivals::take, &arrivals, &error);
    EXPECT_NE(feedback, nullptr) << error->message;
    port = guint16(stat(feedback, "port"));
  }
  ~Receiver() { gst_oneadapt_feedback_free(feedback); }
  guint64 seen() const { return stat(feedback, "messages") + stat(feedback, "malformed"); }
};

GstOneadaptFeedback *sender(const char *scheme, guint16 port) {
  GstOneadaptFeedback *f =
      gst_oneadapt_feedback_new_sender((std::string(scheme) + "://127.0.0.1:" + std::to_string(port)).c_str(), nullptr);
  EXPECT_NE(f, nullptr);
  return f;
}
void send(GstOneadaptFeedback *feedback, const Bytes &message) {
  GBytes *bytes = g_bytes_new(message.data(), message.size());
  EXPECT_TRUE(gst_oneadapt_feedback_send(feedback, bytes));
  g_bytes_unref(bytes);
}

/// A stranger.
struct Socket {
  GSocket *s;
  Socket(bool tcp, guint16 port) {
    GSocketAddress *to = g_inet_socket_address_new_from_string("127.0.0.1", port);
    s = g_socket_new(G_SOCKET_FAMILY_IPV4, tcp ? G_SOCKET_TYPE_STREAM : G_SOCKET_TYPE_DATAGRAM,
                     tcp ? G_SOCKET_PROTOCOL_TCP : G_SOCKET_PROTOCOL_UDP, nullptr);
    EXPECT_TRUE(g_socket_connect(s, to, nullptr, nullptr));
    g_object_unref(to);
  }
  Socket(Socket &&other) noexcept : s(other.s) { other.s = nullptr; }
  ~Socket() { g_clear_object(&s); }
  gssize send(const void *data, std::size_t size) {
    return g_socket_send(s, static_cast<const gchar *>(data), size, nullptr, nullptr);
  }
  gssize send(const Bytes &bytes) { return send(bytes.data(), bytes.size()); }
  /// Whether the other side has closed it.
  bool closed() {
    gchar byte;
    g_socket_set_blocking(s, FALSE);
    GError *error = nullptr;
    const gssize got = g_socket_receive(s, &byte, 1, nullptr, &error);
    const bool open = g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
    g_clear_error(&error);
    return got == 0 || (got < 0 && !open);
  }
};

/// Random bytes, or a message with some of its bytes changed, cut off or added.
Bytes mutant(std::mt19937 &random, const std::vector<Bytes> &seeds) {
  Bytes b = seeds[random() % seeds.size()];
  switch (random() % 5) {
    case 0:
      b.resize(random() % 1500);
      for (guint8 &v : b) v = guint8(random());
      break;
    case 1:
      b.resize(random() % b.size());
      break;
    case 2:
      b.resize(b.size() + 1 + random() % 200);
      break;
    default:
      for (unsigned n = 1 + random() % 8; n--;)
        b[random() % (random() % 2 ? std::min<std::size_t>(80, b.size()) : b.size())] ^= guint8(1 + random() % 255);
  }
  return b;
}

}  // namespace

TEST(Feedback, NothingListensUnlessAsked) {
  Arrivals arrivals;
  for (const char *where : {static_cast<const char *>(nullptr), "", "off", "auto"}) {
    GstOneadaptFeedback *f = gst_oneadapt_feedback_new_receiver(where, Arrivals::take, &arrivals, nullptr);
    ASSERT_NE(f, nullptr);
    GstStructure *s = gst_oneadapt_feedback_get_stats(f);
    EXPECT_FALSE(gst_structure_has_field(s, "port"));
    gst_structure_free(s);
    gst_oneadapt_feedback_free(f);
  }
  Receiver loopback("udp://:0");
  EXPECT_NE(loopback.port, 0);
}

TEST(Feedback, UdpCarriesMessages) {
  Receiver r("udp://127.0.0.1:0");
  GstOneadaptFeedback *f = sender("udp", r.port);
  const Bytes large = message_of(1), small = message_of(2, false);
  EXPECT_GT(large.size(), 700u);
  send(f, large);
  send(f, small);
  ASSERT_TRUE(eventually([&] { return r.arrivals.count() == 2; }));
  EXPECT_EQ(r.arrivals.messages[0], large);
  EXPECT_EQ(r.arrivals.messages[1], small);
  EXPECT_EQ(stat(f, "messages"), 2u);
  EXPECT_EQ(stat(f, "bytes"), large.size() + small.size());
  gst_oneadapt_feedback_free(f);
}

TEST(Feedback, TcpCarriesMessagesAndComesBack) {
  auto r = std::make_unique<Receiver>("tcp://127.0.0.1:0");
  GstOneadaptFeedback *f = sender("tcp", r->port);
  for (guint64 i = 0; i < 20; ++i) {
    send(f, message_of(i));
    ASSERT_TRUE(eventually([&] { return r->arrivals.count() == i + 1; }));
  }
  EXPECT_EQ(stat(r->feedback, "connections"), 1u);
  const std::string again = "tcp://127.0.0.1:" + std::to_string(r->port);
  r.reset();  // the camera restarts
  send(f, message_of(20));
  EXPECT_TRUE(eventually([&] { return stat(f, "failed") == 1; }));
  r = std::make_unique<Receiver>(again.c_str());
  send(f, message_of(21));
  EXPECT_TRUE(eventually([&] { return r->arrivals.count() == 1; }));
  gst_oneadapt_feedback_free(f);
}

TEST(Feedback, TcpTakesMessagesByteByByteAndManyAtOnce) {
  Receiver r("tcp://127.0.0.1:0");
  Socket s(true, r.port);
  Bytes three;
  for (guint64 i = 0; i < 3; ++i) {
    const Bytes m = message_of(i, i % 2);
    three.insert(three.end(), m.begin(), m.end());
  }
  s.send(three);
  for (const guint8 &byte : three) s.send(&byte, 1);
  EXPECT_TRUE(eventually([&] { return r.arrivals.count() == 6; }));
  EXPECT_EQ(stat(r.feedback, "malformed"), 0u);
}

TEST(Feedback, ASenderWithoutReceiverNeitherBlocksNorGrows) {
  Receiver *gone = new Receiver("tcp://127.0.0.1:0");
  const guint16 port = gone->port;
  delete gone;
  for (const char *scheme : {"udp", "tcp"}) {
    GstOneadaptFeedback *f = sender(scheme, port);
    const Bytes m = message_of(1);
    for (int i = 0; i < 1000; ++i) send(f, m);
    gst_oneadapt_feedback_free(f);
  }
}

TEST(Feedback, HundredThousandDatagramsFromStrangers) {
  Receiver r("udp://127.0.0.1:0");
  Socket s(false, r.port);
  std::mt19937 random(1);
  std::vector<Bytes> seeds;
  for (guint64 i = 0; i < 8; ++i) seeds.push_back(message_of(i, i % 2));
  GBytes *request = gst_oneadapt_key_request_to_bytes(7);
  const auto *data = static_cast<const guint8 *>(g_bytes_get_data(request, nullptr));
  seeds.emplace_back(data, data + g_bytes_get_size(request));
  g_bytes_unref(request);
  std::size_t before = 0;
  guint64 sent = 0;
  for (int round = 0; round < 2500; ++round) {
    for (int i = 0; i < 40; ++i) sent += s.send(mutant(random, seeds)) >= 0;
    ASSERT_TRUE(eventually([&] { return r.seen() == sent; })) << r.seen() << " of " << sent;
    if (round == 100) before = memory();
  }
  EXPECT_EQ(stat(r.feedback, "malformed"), sent);  // a mutant that is a message still would be none
  EXPECT_EQ(r.arrivals.count(), 0u);
  EXPECT_EQ(stat(r.feedback, "key-frame-requests"), 0u);
#if !defined(__SANITIZE_ADDRESS__)
  EXPECT_LT(memory(), before + (4 << 20));
#endif
  s.send(seeds[0]);
  EXPECT_TRUE(eventually([&] { return r.arrivals.count() == 1; }));
}

TEST(Feedback, TcpClosesWhoIsOutOfStep) {
  Receiver r("tcp://127.0.0.1:0");
  const Bytes good = message_of(1);
  Bytes damaged = good, too_long = good, endless(100000, 0);
  damaged[40] ^= 1;
  too_long[8] = 0xff;
  std::copy(good.begin(), good.begin() + 10, endless.begin());
  guint64 n = 0;
  for (const Bytes &bad : {damaged, too_long, endless, Bytes(10, 'x'), Bytes(5000, 0)}) {
    Socket s(true, r.port);
    s.send(bad);
    EXPECT_TRUE(eventually([&] { return s.closed(); })) << n;
    EXPECT_TRUE(eventually([&] { return stat(r.feedback, "malformed") == n + 1; })) << n;
    ++n;
  }
  EXPECT_EQ(r.arrivals.count(), 0u);
  EXPECT_TRUE(eventually([&] { return stat(r.feedback, "connections") == 0; }));
}

TEST(Feedback, HalfOpenConnectionsLockNobodyOut) {
  Receiver r("tcp://127.0.0.1:0");
  const Bytes good = message_of(1);
  std::vector<Socket> idle;
  for (int i = 0; i < 60; ++i) {
    idle.emplace_back(true, r.port);
    if (i % 2) idle.back().send(good.data(), std::size_t(i) * 10);
    if (i % 10 == 0) {
      GstOneadaptFeedback *f = sender("tcp", r.port);
      send(f, good);
      EXPECT_TRUE(eventually([&] { return r.arrivals.count() == std::size_t(i) / 10 + 1; })) << i;
      gst_oneadapt_feedback_free(f);
    }
    EXPECT_LE(stat(r.feedback, "connections"), 8u);
  }
  // One that has a message half through is given five seconds.
  EXPECT_TRUE(eventually([&] { return stat(r.feedback, "malformed") > 0; }));
}

TEST(Feedback, AMessageThatNeverEndsIsCutOffAndHoldsUpNobody) {
  Receiver r("tcp://127.0.0.1:0");
  const Bytes good = message_of(1);
  Socket drip(true, r.port);
  GstOneadaptFeedback *f = sender("tcp", r.port);
  std::size_t rounds = 0, sent = 0;
  EXPECT_TRUE(eventually([&] {  // a byte now and then: never silent, never done
    if (rounds % 100 == 0) send(f, message_of(2 + sent++));
    if (rounds % 5 == 0) drip.send(&good[std::min(rounds / 5, good.size() - 2)], 1);
    ++rounds;
    std::this_thread::sleep_for(std::chrono::milliseconds(4));
    return drip.closed();
  }));
  EXPECT_EQ(stat(r.feedback, "malformed"), 1u);
  EXPECT_TRUE(eventually([&] { return r.arrivals.count() == sent; })) << r.arrivals.count() << " of " << sent;
  EXPECT_EQ(stat(r.feedback, "connections"), 1u);
  gst_oneadapt_feedback_free(f);
}

TEST(Feedback, OversizeDatagramsAreNoMessages) {
  Receiver r("udp://127.0.0.1:0");
  Socket s(false, r.port);
  Bytes large = message_of(1);
  large.resize(60000);  // what is cut to its beginning is still no message
  for (guint64 i = 0; i < 100; ++i) {
    s.send(large);
    EXPECT_TRUE(eventually([&] { return stat(r.feedback, "malformed") == i + 1; }));
  }
  s.send(message_of(2));
  EXPECT_TRUE(eventually([&] { return r.arrivals.count() == 1; }));
}

TEST(Feedback, TcpStrangersLeaveNothingBehind) {
  Receiver r("tcp://127.0.0.1:0");
  std::mt19937 random(2);
  std::vector<Bytes> seeds;
  for (guint64 i = 0; i < 8; ++i) seeds.push_back(message_of(i, i % 2));
  std::size_t before = 0;
  for (int round = 0; round < 600; ++round) {
    Socket s(true, r.port);
    for (unsigned n = 1 + random() % 5; n--;) {
      const Bytes m = mutant(random, seeds);
      if (s.send(m) < 0) break;
    }
    if (round == 200) before = memory();
  }
#if !defined(__SANITIZE_ADDRESS__)
  EXPECT_LT(memory(), before + (4 << 20));
#endif
  GstOneadaptFeedback *f = sender("tcp", r.port);
  send(f, seeds[0]);
  EXPECT_TRUE(eventually([&] { return r.arrivals.count() >= 1; }));
  gst_oneadapt_feedback_free(f);
}
