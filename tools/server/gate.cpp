// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gate.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace oneadapt::server {
namespace {

constexpr auto kTick = std::chrono::milliseconds(200);
constexpr auto kFirstWords = std::chrono::seconds(5);            // from connecting to the first complete request
constexpr std::size_t kMostFirst = 16384 + 5;                    // bytes of them: a TLS record, or a request's headers
constexpr std::size_t kMostHandshakes = 8;                       // at a time; GLib has ten threads for them
constexpr auto kLongHandshake = std::chrono::milliseconds(500);  // may be broken off for another one
constexpr unsigned kMostRefusals = 8;                            // of requests of somebody unknown, a connection
constexpr guint64 kMediaOnTheirWay = 4 << 20;                    // bytes read, and not come to a depayloader yet
constexpr std::size_t kMostEnding = 32;
constexpr int kAcceptedAtOnce = 64;
constexpr int kForMedia = 48;  // descriptors that a camera takes, and some

/// Descriptors are given from the lowest on, so that one's number tells how many there are.
int most_descriptors() {
  rlimit limit = {};
  getrlimit(RLIMIT_NOFILE, &limit);
  return int(std::min<rlim_t>(limit.rlim_cur, 1 << 20));
}
int reserve() { return std::clamp(most_descriptors() / 4, 32, 256); }

/// Bytes of a connection that have been read; 0: unknown.
guint64 consumed(int socket) {
  tcp_info info = {};
  socklen_t size = sizeof info;
  int unread = 0;
  if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
      size < offsetof(tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received ||
      ioctl(socket, SIOCINQ, &unread) != 0)
    return 0;
  return info.tcpi_bytes_received - std::min<guint64>(info.tcpi_bytes_received, guint64(unread));
}

/// How many bytes belong to the first words, or are to be waited for; 0: they are none.
std::size_t first_words(std::string_view text, bool tls) {
  if (!tls) {
    const bool whole = text.find("\r\n\r\n") != text.npos || text.find("\n\n") != text.npos;
    return whole ? text.size() : text.size() < kMostFirst ? text.size() + 1 : 0;
  }
  constexpr std::size_t kRecordHeader = 5;
  if (!text.empty() && text[0] != '\x16') return 0;  // no handshake
  if (text.size() < kRecordHeader) return kRecordHeader;
  const std::size_t length = std::size_t(guint8(text[3])) << 8 | guint8(text[4]);
  return kRecordHeader + length <= kMostFirst ? std::max(text.size(), kRecordHeader + length) : 0;
}

}  // namespace

Gate::Gate(GstRTSPServer *server, GSocket *listening, GTlsCertificate *certificate, const GateLimits &limits)
    : server_(server),
      listening_(G_SOCKET(g_object_ref(listening))),
      certificate_(certificate ? G_TLS_CERTIFICATE(g_object_ref(certificate)) : nullptr),
      limits_(limits) {
  g_socket_set_blocking(listening_, FALSE);
  connected_ = g_signal_connect(server_, "client-connected",
                                G_CALLBACK(+[](GstRTSPServer *, GstRTSPClient *client, gpointer self) {
                                  static_cast<Gate *>(self)->on_client(client);
                                }),
                                this);
  listen();
  tick_ = g_timeout_add(
      guint(kTick.count()),
      [](gpointer self) -> gboolean {
        static_cast<Gate *>(self)->tidy();
        return G_SOURCE_CONTINUE;
      },
      this);
}

Gate::~Gate() {
  close();
  g_signal_handler_disconnect(server_, connected_);
  g_clear_object(const_cast<GTlsCertificate **>(&certificate_));
  g_object_unref(listening_);
}

void Gate::close() {
  if (std::exchange(closed_, true)) return;
  if (source_) {
    g_source_destroy(source_);
    g_source_unref(std::exchange(source_, nullptr));
  }
  g_source_remove(tick_);
  g_socket_close(listening_, nullptr);
  while (!waiting_.empty()) drop(waiting_.begin());
  const std::lock_guard<std::mutex> lock(mutex_);
  for (auto &[client, guest] : guests_) end(*guest);
}

bool Gate::empty() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return guests_.empty();
}

bool Gate::is_short_of_descriptors() {
  const int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (next >= 0) ::close(next);
  return next < 0 || next + kForMedia > most_descriptors();
}

void Gate::listen() {
  source_ = g_socket_create_source(listening_, G_IO_IN, nullptr);
  const GSocketSourceFunc ready = [](GSocket *, GIOCondition, gpointer self) -> gboolean {
    auto *gate = static_cast<Gate *>(self);
    gate->accept();
    return gate->source_ ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
  };
  g_source_set_callback(source_, G_SOURCE_FUNC(ready), this, nullptr);
  g_source_attach(source_, nullptr);
}

void Gate::accept() {
  for (int i = 0; i < kAcceptedAtOnce; ++i) {
    GError *error = nullptr;
    GSocket *socket = g_socket_accept(listening_, nullptr, &error);
    if (socket) {
      add(socket);
      continue;
    }
    const bool again = g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
    g_clear_error(&error);
    if (again) return;
    // No descriptor is left: whoever wants to come in waits until there is one.
    if (!waiting_.empty()) drop(waiting_.begin());
    g_source_unref(std::exchange(source_, nullptr));
    return;
  }
}

/// (transfer full)
void Gate::add(GSocket *socket) {
  GSocketAddress *remote = g_socket_get_remote_address(socket, nullptr);
  gchar *text =
      remote ? g_inet_address_to_string(g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(remote))) : nullptr;
  Waiting waiting{this, socket, text ? text : "", 0, Clock::now()};
  if (remote) waiting.port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(remote));
  g_free(text);
  g_clear_object(&remote);
  if (waiting.address.empty() || !make_room(waiting.address) ||
      (g_socket_get_fd(socket) > most_descriptors() - reserve() && !drop_stranger(most_strangers()))) {
    g_socket_close(socket, nullptr);
    g_object_unref(socket);
    return;
  }
  g_socket_set_keepalive(socket, TRUE);
  waiting_.push_back(std::move(waiting));
  Waiting &last = waiting_.back();
  last.source = g_socket_create_source(socket, G_IO_IN, nullptr);
  const GSocketSourceFunc ready = [](GSocket *, GIOCondition, gpointer data) -> gboolean {
    auto *one = static_cast<Waiting *>(data);
    Gate *gate = one->gate;
    const auto it = std::find_if(gate->waiting_.begin(), gate->waiting_.end(),
                                 [one](const Waiting &other) { return &other == one; });
    if (!gate->look(*one)) {
      gate->drop(it);
      return G_SOURCE_REMOVE;
    }
    if (!one->ready) return G_SOURCE_CONTINUE;
    g_source_unref(std::exchange(one->source, nullptr));
    gate->pass_on();
    return G_SOURCE_REMOVE;
  };
  g_source_set_callback(last.source, G_SOURCE_FUNC(ready), &last, nullptr);
  g_source_attach(last.source, nullptr);
}

/// Reads nothing: what has come is the server's. False: nothing of use will come.
bool Gate::look(Waiting &waiting) {
  static char bytes[kMostFirst];
  const int socket = g_socket_get_fd(waiting.socket);
  const ssize_t have = recv(socket, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
  if (have < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (have <= 0) return false;
  const std::size_t wanted = first_words({bytes, std::size_t(have)}, certificate_ != nullptr);
  waiting.ready = wanted == std::size_t(have);
  // Not to be woken before there is more.
  const int least = waiting.ready ? 1 : int(wanted);
  setsockopt(socket, SOL_SOCKET, SO_RCVLOWAT, &least, sizeof least);
  return wanted > 0;
}

Gate::WaitingList::iterator Gate::drop(WaitingList::iterator waiting) {
  if (waiting->source) {
    g_source_destroy(waiting->source);
    g_source_unref(waiting->source);
  }
  g_socket_close(waiting->socket, nullptr);
  g_object_unref(waiting->socket);
  return waiting_.erase(waiting);
}

/* ---- room ----------------------------------------------------------------------------------------------------- */

bool Gate::is_stranger(GstRTSPClient *client, const Guest &guest) {
  if (guest.ending) return false;
  GList *sessions = gst_rtsp_client_session_filter(client, nullptr, nullptr);
  const bool stranger = !sessions;
  g_list_free_full(sessions, g_object_unref);
  return stranger;
}

/// The address from which most strangers are connected.
std::string Gate::most_strangers() const {
  std::map<std::string, std::size_t> counts;
  for (const Waiting &waiting : waiting_) ++counts[waiting.address];
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto &[client, guest] : guests_) counts[guest->address] += is_stranger(client, *guest);
  }
  const auto most =
      std::max_element(counts.begin(), counts.end(), [](const auto &a, const auto &b) { return a.second < b.second; });
  return most == counts.end() ? std::string() : most->first;
}

/// Ends the connection of the stranger from there who has been silent for longest: first of those who have said
/// nothing. False: there is none.
bool Gate::drop_stranger(const std::string &address) {
  const auto silent =
      std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting &one) { return one.address == address; });
  if (silent != waiting_.end()) {
    drop(silent);
    return true;
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  Guest *longest = nullptr;
  std::size_t ending = 0;
  for (const auto &[client, guest] : guests_) {
    ending += guest->ending;
    if (guest->address == address && is_stranger(client, *guest) &&
        (!longest || guest->last_heard < longest->last_heard))
      longest = guest.get();
  }
  if (!longest || ending >= kMostEnding) return false;
  end(*longest);
  return true;
}

/// For one more connection from there.
bool Gate::make_room(const std::string &address) {
  std::size_t all = waiting_.size(), from_there = 0;
  for (const Waiting &waiting : waiting_) from_there += waiting.address == address;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto &[client, guest] : guests_) {
      all += !guest->ending;
      from_there += !guest->ending && guest->address == address;
    }
  }
  if (from_there >= limits_.per_address) return drop_stranger(address);
  return all < limits_.connections || drop_stranger(most_strangers());
}

/* ---- on to the server ------------------------------------------------------------------------------------------ */

/// Each half handshake keeps a thread of GLib's, of which there are few.
bool Gate::may_handshake() {
  if (!certificate_) return true;
  const std::lock_guard<std::mutex> lock(mutex_);
  std::size_t count = 0;
  Guest *first = nullptr;
  for (const auto &[client, guest] : guests_) {
    if (guest->spoke || guest->ending) continue;
    ++count;
    if (!first || guest->last_heard < first->last_heard) first = guest.get();
  }
  if (count < kMostHandshakes) return true;
  if (Clock::now() - first->last_heard < kLongHandshake) return false;
  end(*first);
  return true;
}

/// The newest first: those before it may be strangers who will never finish.
void Gate::pass_on() {
  for (auto it = waiting_.end(); it != waiting_.begin();) {
    const auto one = std::prev(it);
    if (!one->ready) {
      it = one;
      continue;
    }
    if (!may_handshake()) return;
    hand_over(one);
  }
}

void Gate::hand_over(WaitingList::iterator waiting) {
  passing_ = &*waiting;
  // It takes the socket, and calls on_client().
  gst_rtsp_server_transfer_connection(server_, waiting->socket, waiting->address.c_str(), waiting->port, nullptr);
  passing_ = nullptr;
  waiting_.erase(waiting);
}

void Gate::on_client(GstRTSPClient *client) {
  if (!passing_) return;
  GstRTSPConnection *connection = gst_rtsp_client_get_connection(client);
  if (certificate_) {
    GTlsConnection *tls = gst_rtsp_connection_get_tls(connection, nullptr);
    if (tls) g_tls_connection_set_certificate(tls, certificate_);
  }
  auto guest = std::make_unique<Guest>();
  g_weak_ref_set(&guest->socket, passing_->socket);
  guest->address = passing_->address;
  guest->last_heard = Clock::now();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    guests_[client] = std::move(guest);
  }
  g_signal_connect(client, "closed",
                   G_CALLBACK(+[](GstRTSPClient *c, gpointer self) { static_cast<Gate *>(self)->on_closed(c); }), this);
}

void Gate::on_closed(GstRTSPClient *client) {
  const std::lock_guard<std::mutex> lock(mutex_);
  guests_.erase(client);
}

/* ---- watching -------------------------------------------------------------------------------------------------- */

/// The client's thread reads the end of the stream, and closes.
void Gate::end(Guest &guest) {
  guest.ending = true;
  auto *socket = static_cast<GSocket *>(g_weak_ref_get(&guest.socket));
  if (!socket) return;
  shutdown(g_socket_get_fd(socket), SHUT_RDWR);
  g_object_unref(socket);
}

void Gate::hang_up(GstRTSPClient *client) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto known = guests_.find(client);
  if (known != guests_.end()) end(*known->second);
}

void Gate::heard(GstRTSPClient *client) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto known = guests_.find(client);
  if (known == guests_.end()) return;
  known->second->last_heard = Clock::now();
  known->second->spoke = known->second->complete = true;
}

bool Gate::refused(GstRTSPClient *client) {
  constexpr unsigned kMostChallenges = 4;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto known = guests_.find(client);
  if (known == guests_.end()) return true;
  Guest &guest = *known->second;
  if (++guest.refusals > kMostRefusals) end(guest);
  return guest.refusals <= kMostChallenges;
}

std::shared_ptr<std::atomic<bool>> Gate::media_comes(GstRTSPClient *client) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto known = guests_.find(client);
  return known == guests_.end() ? nullptr : known->second->media;
}

/// Empty: there is none. Under mutex_.
std::string Gate::reason_to_end(GstRTSPClient *client, Guest &guest) const {
  const auto silent = Clock::now() - guest.last_heard;
  if (!guest.spoke && silent > kFirstWords) return "no request";
  if (silent > limits_.silence && is_stranger(client, guest)) return "silence";
  auto *socket = static_cast<GSocket *>(g_weak_ref_get(&guest.socket));
  if (!socket) return "";
  const guint64 read = consumed(g_socket_get_fd(socket));
  g_object_unref(socket);
  const bool media = guest.media->exchange(false);
  guest.sends_media = guest.sends_media || media;
  if (std::exchange(guest.complete, false) || media) guest.consumed = read;
  const guint64 most = limits_.request + (guest.sends_media ? kMediaOnTheirWay : 0);
  return read > guest.consumed + most ? "a request without an end" : "";
}

void Gate::tidy() {
  if (!source_) listen();
  const auto now = Clock::now();
  for (auto it = waiting_.begin(); it != waiting_.end();) it = now - it->came > kFirstWords ? drop(it) : std::next(it);
  pass_on();
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const auto &[client, guest] : guests_) {
    if (guest->ending) continue;
    const std::string why = reason_to_end(client, *guest);
    if (why.empty()) continue;
    GST_INFO("connection from %s: %s", guest->address.c_str(), why.c_str());
    end(*guest);
  }
}

}  // namespace oneadapt::server
