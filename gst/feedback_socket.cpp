// SPDX-License-Identifier: LGPL-2.1-or-later
// Feedback over sockets of its own. UDP: one message a datagram. TCP: messages one after the other; each says how long
// it is. A listening socket has one thread, and memory for a fixed number of connections.
#include <algorithm>
#include <array>
#include <condition_variable>
#include <list>
#include <optional>
#include <thread>
#include <utility>

#include "feedback.h"

namespace oneadapt {
namespace {

constexpr std::size_t kMostConnections = 8;
constexpr guint kSenderTimeout = 5;                  // seconds, to connect or to write
constexpr gint64 kMessageTime = 5 * G_USEC_PER_SEC;  // from a message's first byte to its last
constexpr int kBacklog = 64;
constexpr int kDatagramsAtOnce = 64;  // then others have their turn

template <class T>
struct Unref {
  void operator()(T *object) const { g_object_unref(object); }
};
template <class T>
using Ref = std::unique_ptr<T, Unref<T>>;

/// Length of a message of either kind that begins so; 0: it is none. `size` ≥ kMessagePrefix.
std::size_t whole_length(const std::uint8_t *data, std::size_t size) {
  const std::size_t request = key_request_length(data, size);
  return request ? request : message_length(data, size);
}

bool is_whole(const std::uint8_t *data, std::size_t size) {
  KeyRequest request;
  return is_message(data, size) || decode_key_request(data, size, request);
}

/// (transfer full)
GBytes *new_key_request() { return gst_oneadapt_key_request_to_bytes(0); }

/// Ends a source for good.
void drop_source(GSource *&source) {
  if (!source) return;
  g_source_destroy(source);
  g_source_unref(source);
  source = nullptr;
}

/// The first of the host's addresses. May ask a name server.
Ref<GSocketAddress> resolve(const FeedbackAddress &address, GError **error) {
  const std::string host = address.host.empty() ? "127.0.0.1" : address.host;
  Ref<GInetAddress> inet(g_inet_address_new_from_string(host.c_str()));
  if (!inet) {
    Ref<GResolver> resolver(g_resolver_get_default());
    GList *found = g_resolver_lookup_by_name(resolver.get(), host.c_str(), nullptr, error);
    if (!found) return nullptr;
    inet.reset(G_INET_ADDRESS(g_object_ref(found->data)));
    g_resolver_free_addresses(found);
  }
  return Ref<GSocketAddress>(g_inet_socket_address_new(inet.get(), address.port));
}

Ref<GSocket> new_socket(GSocketAddress *address, bool tcp, GError **error) {
  Ref<GSocket> socket(g_socket_new(g_socket_address_get_family(address),
                                   tcp ? G_SOCKET_TYPE_STREAM : G_SOCKET_TYPE_DATAGRAM,
                                   tcp ? G_SOCKET_PROTOCOL_TCP : G_SOCKET_PROTOCOL_UDP, error));
  if (socket) g_socket_set_blocking(socket.get(), FALSE);
  return socket;
}

class SocketReceiver : public FeedbackBackend {
 public:
  static std::unique_ptr<FeedbackBackend> open(const FeedbackAddress &address, std::shared_ptr<Inbox> inbox,
                                               GError **error) {
    std::unique_ptr<SocketReceiver> r(new SocketReceiver(address.tcp, std::move(inbox)));
    const Ref<GSocketAddress> where = resolve(address, error);
    if (!where) return nullptr;
    r->socket_ = new_socket(where.get(), address.tcp, error);
    if (!r->socket_ || !g_socket_bind(r->socket_.get(), where.get(), address.tcp, error)) return nullptr;
    if (address.tcp) g_socket_set_listen_backlog(r->socket_.get(), kBacklog);
    if (address.tcp && !g_socket_listen(r->socket_.get(), error)) return nullptr;
    const Ref<GSocketAddress> local(g_socket_get_local_address(r->socket_.get(), error));
    if (!local) return nullptr;
    r->port_ = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(local.get()));
    r->run();
    return r;
  }

  ~SocketReceiver() override {
    if (thread_.joinable()) {
      over_ = true;
      g_main_context_wakeup(context_);
      thread_.join();
    }
    drop_source(source_);
    drop_source(tick_);
    for (Connection &c : connections_) drop_source(c.source);
    connections_.clear();
    if (context_) g_main_context_unref(context_);
  }

  void add_stats(GstStructure *s) const override {
    gst_structure_set(s, "port", G_TYPE_UINT, guint(port_), nullptr);
    if (tcp_) gst_structure_set(s, "connections", G_TYPE_UINT, guint(open_), nullptr);
  }

 private:
  struct Connection {
    SocketReceiver *owner;
    Ref<GSocket> socket;
    GSource *source = nullptr;
    std::array<std::uint8_t, kMessageBudget> bytes;
    std::size_t have = 0;
    gint64 began = 0;   ///< when the message under way did
    guint64 turn = 0;   ///< of the last whole message, or of the beginning
    bool over = false;  ///< to be removed
  };

  SocketReceiver(bool tcp, std::shared_ptr<Inbox> inbox) : tcp_(tcp), inbox_(std::move(inbox)) {}

  void run() {
    context_ = g_main_context_new();
    source_ = g_socket_create_source(socket_.get(), G_IO_IN, nullptr);
    const GSocketSourceFunc ready = [](GSocket *, GIOCondition, gpointer self) -> gboolean {
      auto *r = static_cast<SocketReceiver *>(self);
      r->tcp_ ? r->accept() : r->receive();
      return G_SOURCE_CONTINUE;
    };
    g_source_set_callback(source_, G_SOURCE_FUNC(ready), this, nullptr);
    g_source_attach(source_, context_);
    if (tcp_) {
      tick_ = g_timeout_source_new_seconds(1);
      g_source_set_callback(
          tick_,
          [](gpointer self) -> gboolean {
            static_cast<SocketReceiver *>(self)->close_stuck();
            return G_SOURCE_CONTINUE;
          },
          this, nullptr);
      g_source_attach(tick_, context_);
    }
    thread_ = std::thread([this] {
      while (!over_) g_main_context_iteration(context_, TRUE);
    });
  }

  void receive() {
    std::uint8_t bytes[kMessageBudget + 1];  // one more shows what is too long
    for (int i = 0; i < kDatagramsAtOnce; ++i) {
      const gssize size =
          g_socket_receive(socket_.get(), reinterpret_cast<gchar *>(bytes), sizeof bytes, nullptr, nullptr);
      if (size < 0) return;
      inbox_->message(bytes, std::size_t(size));
    }
  }

  void accept() {
    for (int i = 0; i < kBacklog; ++i) {
      Ref<GSocket> socket(g_socket_accept(socket_.get(), nullptr, nullptr));
      if (!socket) return;
      add(std::move(socket));
    }
  }

  void add(Ref<GSocket> socket) {
    g_socket_set_blocking(socket.get(), FALSE);
    g_socket_set_keepalive(socket.get(), TRUE);
    // Who has been silent for longest makes room, so that idle strangers cannot lock anybody out.
    if (connections_.size() >= kMostConnections) {
      Connection &silent = *std::min_element(connections_.begin(), connections_.end(),
                                             [](const Connection &x, const Connection &y) { return x.turn < y.turn; });
      read(silent);  // it may have come just now, and its message too
      silent.over = true;
    }
    sweep();
    connections_.emplace_back();
    Connection &c = connections_.back();
    c.owner = this;
    c.socket = std::move(socket);
    c.turn = ++turn_;
    c.source = g_socket_create_source(c.socket.get(), G_IO_IN, nullptr);
    const GSocketSourceFunc ready = [](GSocket *, GIOCondition, gpointer data) -> gboolean {
      auto *connection = static_cast<Connection *>(data);
      SocketReceiver *owner = connection->owner;
      owner->read(*connection);
      owner->sweep();
      return G_SOURCE_CONTINUE;  // where it is over, sweep() has destroyed the source
    };
    g_source_set_callback(c.source, G_SOURCE_FUNC(ready), &c, nullptr);
    g_source_attach(c.source, context_);
    open_ = guint(connections_.size());
  }

  /// Reads what is there, but never beyond the message under way.
  void read(Connection &c) {
    for (int i = 0; i < kDatagramsAtOnce && !c.over; ++i) {
      const std::size_t length = c.have < kMessagePrefix ? kMessagePrefix : whole_length(c.bytes.data(), c.have);
      GError *error = nullptr;
      const gssize got = g_socket_receive(c.socket.get(), reinterpret_cast<gchar *>(c.bytes.data() + c.have),
                                          length - c.have, nullptr, &error);
      if (got < 0) {
        c.over = !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
        g_clear_error(&error);
        return;
      }
      if (got == 0) {  // the other side has finished
        if (c.have) inbox_->malformed();
        c.over = true;
        return;
      }
      if (c.have == 0) c.began = g_get_monotonic_time();
      c.have += std::size_t(got);
      if (c.have < kMessagePrefix) continue;
      const std::size_t whole = whole_length(c.bytes.data(), c.have);
      if (whole && c.have < whole) continue;
      // A stream that is out of step never finds back into it; nor does one whose message is damaged.
      if (!whole || !is_whole(c.bytes.data(), whole)) {
        inbox_->malformed();
        c.over = true;
        return;
      }
      inbox_->message(c.bytes.data(), whole);
      c.have = 0;
      c.turn = ++turn_;
    }
  }

  void close_stuck() {
    const gint64 now = g_get_monotonic_time();
    for (Connection &c : connections_) {
      if (!c.have || now - c.began < kMessageTime) continue;
      inbox_->malformed();
      c.over = true;
    }
    sweep();
  }

  void sweep() {
    connections_.remove_if([](Connection &c) {
      if (c.over) drop_source(c.source);
      return c.over;
    });
    open_ = guint(connections_.size());
  }

  const bool tcp_;
  const std::shared_ptr<Inbox> inbox_;
  Ref<GSocket> socket_;
  guint16 port_ = 0;
  GMainContext *context_ = nullptr;
  std::atomic<bool> over_{false};
  GSource *source_ = nullptr, *tick_ = nullptr;
  std::list<Connection> connections_;  // the thread's, and so are turns
  guint64 turn_ = 0;
  std::atomic<guint> open_{0};
  std::thread thread_;
};

class UdpSender : public FeedbackBackend {
 public:
  static std::unique_ptr<FeedbackBackend> open(const FeedbackAddress &address,
                                               std::shared_ptr<FeedbackCounters> counters, GError **error) {
    std::unique_ptr<UdpSender> s(new UdpSender);
    s->counters_ = std::move(counters);
    s->to_ = resolve(address, error);
    if (!s->to_) return nullptr;
    s->socket_ = new_socket(s->to_.get(), false, error);
    return s->socket_ ? std::move(s) : nullptr;
  }
  bool send(GBytes *message) override {
    if (!send_datagram(message)) {
      ++counters_->failed;
      return true;
    }
    ++counters_->messages;
    counters_->bytes += g_bytes_get_size(message);
    return true;
  }
  void request_key_frame(GstPad *) override {
    GBytes *request = new_key_request();
    if (send_datagram(request)) ++counters_->key_requests;
    g_bytes_unref(request);
  }

 private:
  UdpSender() = default;
  bool send_datagram(GBytes *message) {
    gsize size = 0;
    const auto *data = static_cast<const gchar *>(g_bytes_get_data(message, &size));
    return g_socket_send_to(socket_.get(), to_.get(), data, size, nullptr, nullptr) == gssize(size);
  }
  std::shared_ptr<FeedbackCounters> counters_;
  Ref<GSocketAddress> to_;
  Ref<GSocket> socket_;
};

/// Connects when there is something to send, and again when the connection is gone.
class TcpSender : public FeedbackBackend {
 public:
  TcpSender(FeedbackAddress address, std::shared_ptr<FeedbackCounters> counters)
      : address_(std::move(address)), counters_(std::move(counters)), cancel_(g_cancellable_new()) {
    thread_ = std::thread([this] { run(); });
  }
  ~TcpSender() override {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      over_ = true;
      wake_.notify_all();
    }
    g_cancellable_cancel(cancel_.get());
    thread_.join();
    if (next_) g_bytes_unref(next_);
  }
  bool send(GBytes *message) override {
    std::lock_guard<std::mutex> lock(mutex_);
    if (next_) {  // the newest only
      ++counters_->failed;
      g_bytes_unref(next_);
    }
    next_ = g_bytes_ref(message);
    wake_.notify_all();
    return true;
  }
  void request_key_frame(GstPad *) override {
    std::lock_guard<std::mutex> lock(mutex_);
    key_request_ = true;
    wake_.notify_all();
  }

 private:
  void run() {
    Ref<GSocketClient> client(g_socket_client_new());
    g_socket_client_set_timeout(client.get(), kSenderTimeout);
    Ref<GSocketConnection> connection;
    for (;;) {
      GBytes *message = nullptr;
      bool asks = false;  // it is a key-frame request
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [this] { return over_ || next_ || key_request_; });
        if (over_) return;
        asks = std::exchange(key_request_, false);
        message = asks ? new_key_request() : std::exchange(next_, nullptr);
      }
      // Nobody speaks to a sender: something to read means that the other side is gone, or not ours.
      if (connection && g_socket_condition_check(g_socket_connection_get_socket(connection.get()),
                                                 GIOCondition(G_IO_IN | G_IO_HUP | G_IO_ERR)))
        connection.reset();
      if (!connection)
        connection.reset(g_socket_client_connect_to_host(client.get(),
                                                         address_.host.empty() ? "127.0.0.1" : address_.host.c_str(),
                                                         address_.port, cancel_.get(), nullptr));
      gsize size = 0;
      gconstpointer data = g_bytes_get_data(message, &size);
      if (connection && g_output_stream_write_all(g_io_stream_get_output_stream(G_IO_STREAM(connection.get())), data,
                                                  size, nullptr, cancel_.get(), nullptr)) {
        ++(asks ? counters_->key_requests : counters_->messages);
        if (!asks) counters_->bytes += size;
      } else {
        ++counters_->failed;
        connection.reset();
      }
      g_bytes_unref(message);
    }
  }

  const FeedbackAddress address_;
  const std::shared_ptr<FeedbackCounters> counters_;
  const Ref<GCancellable> cancel_;
  std::mutex mutex_;
  std::condition_variable wake_;
  GBytes *next_ = nullptr;  // under mutex_, and so are the two below
  bool over_ = false, key_request_ = false;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<FeedbackBackend> socket_receiver(const FeedbackAddress &address, std::shared_ptr<Inbox> inbox,
                                                 GError **error) {
  return SocketReceiver::open(address, std::move(inbox), error);
}

std::unique_ptr<FeedbackBackend> socket_sender(const FeedbackAddress &address,
                                               std::shared_ptr<FeedbackCounters> counters, GError **error) {
  if (address.port == 0) {
    g_set_error_literal(error, GST_ONEADAPT_ERROR, GST_ONEADAPT_ERROR_FAILED, "feedback needs a port to go to");
    return nullptr;
  }
  if (address.tcp) return std::make_unique<TcpSender>(address, std::move(counters));
  return UdpSender::open(address, std::move(counters), error);
}

}  // namespace oneadapt
