// SPDX-License-Identifier: LGPL-2.1-or-later
// Who may be connected, and for how long: a connection costs a descriptor until it has said what it wants, and a thread
// only then.
#pragma once
#include <gst/rtsp-server/rtsp-server.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace oneadapt::server {

struct GateLimits {
  unsigned connections = 128;
  unsigned per_address = 64;
  std::size_t request = 2 * 65536;   ///< bytes of one, headers and body
  std::chrono::seconds silence{20};  ///< of a stranger who has said something
};

/// Accepts connections for a server. A stranger is one that has no session. When there are too many connections, the
/// stranger makes room that has been silent for longest, so that silent ones cannot keep anybody out.
/// Main thread, unless a function says otherwise.
class Gate {
 public:
  /// `listening` (transfer none) must not block. `certificate`: for TLS, or NULL. The server must outlive the gate.
  Gate(GstRTSPServer *server, GSocket *listening, GTlsCertificate *certificate, const GateLimits &limits);
  ~Gate();
  Gate(const Gate &) = delete;
  Gate &operator=(const Gate &) = delete;

  /// Whether there are too few descriptors left to make a media. Any thread.
  static bool is_short_of_descriptors();
  /// Takes nobody in any more, and ends all connections.
  void close();
  /// Whether all connections have ended.
  bool empty() const;
  /// Ends a connection. gst_rtsp_client_close() must not be called from any thread but the client's own: there,
  /// somebody may be reading. Any thread.
  void hang_up(GstRTSPClient *client);
  /// A request has come from the client, complete. Any thread.
  void heard(GstRTSPClient *client);
  /// A request of the client is refused because nobody knows who it is. Whether it is to be asked for its password
  /// again. Any thread.
  bool refused(GstRTSPClient *client);
  /// To be set whenever media comes over the client's connection; NULL: there is no such client. Any thread.
  std::shared_ptr<std::atomic<bool>> media_comes(GstRTSPClient *client);

 private:
  using Clock = std::chrono::steady_clock;
  /// Accepted, and has not said what it wants.
  struct Waiting {
    Gate *gate;
    GSocket *socket;  ///< a reference
    std::string address;
    guint16 port;
    Clock::time_point came;
    GSource *source = nullptr;
    bool ready = false;  ///< it has, and waits for others' TLS handshakes
  };
  using WaitingList = std::list<Waiting>;
  /// Handed to the server.
  struct Guest {
    GWeakRef socket;
    std::string address;
    Clock::time_point last_heard;
    bool spoke = false;     ///< a request has come, so that a TLS handshake is over
    bool complete = false;  ///< a request has come since the last look
    bool ending = false;
    unsigned refusals = 0;
    guint64 consumed = 0;      ///< bytes that had been read when something complete came last
    bool sends_media = false;  ///< over the same connection
    std::shared_ptr<std::atomic<bool>> media = std::make_shared<std::atomic<bool>>(false);
    Guest() { g_weak_ref_init(&socket, nullptr); }
    ~Guest() { g_weak_ref_clear(&socket); }
  };
  using Guests = std::map<GstRTSPClient *, std::unique_ptr<Guest>>;

  void listen();
  void accept();
  void add(GSocket *socket);
  bool make_room(const std::string &address);
  bool drop_stranger(const std::string &address);
  std::string most_strangers() const;
  bool look(Waiting &waiting);
  void pass_on();
  void hand_over(WaitingList::iterator waiting);
  WaitingList::iterator drop(WaitingList::iterator waiting);
  bool may_handshake();
  void on_client(GstRTSPClient *client);
  void on_closed(GstRTSPClient *client);
  void tidy();
  std::string reason_to_end(GstRTSPClient *client, Guest &guest) const;
  static void end(Guest &guest);
  static bool is_stranger(GstRTSPClient *client, const Guest &guest);

  GstRTSPServer *const server_;
  GSocket *const listening_;
  GTlsCertificate *const certificate_;
  const GateLimits limits_;
  GSource *source_ = nullptr;
  guint tick_ = 0;
  gulong connected_ = 0;
  bool closed_ = false;
  WaitingList waiting_;
  const Waiting *passing_ = nullptr;  ///< on its way to the server
  mutable std::mutex mutex_;
  Guests guests_;  // under mutex_; keys are no references, on_closed() comes before a client ends
};

}  // namespace oneadapt::server
