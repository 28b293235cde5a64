// SPDX-License-Identifier: LGPL-2.1-or-later
// Inside libgstoneadapt: ways in and out for gradient messages between processes (docs/network.md).
//
// Locks: Inbox::mutex_ is held while the receiver's function runs, so that close() waits for it; it comes before any
// lock of the receiver's. RtcpSender's is a leaf.
#pragma once
#include <gio/gio.h>
#include <gst/gst.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "gstoneadapt.h"
#include "wire/fragments.h"

namespace oneadapt {

/// Thread-safe.
struct FeedbackCounters {
  std::atomic<guint64> messages{0};   ///< whole ones, sent or handed on
  std::atomic<guint64> bytes{0};      ///< of those
  std::atomic<guint64> malformed{0};  ///< came in, and were no message or no piece of one
  std::atomic<guint64> failed{0};     ///< could not be sent, or were overtaken by a newer one
};

/// Where messages go that come in, from any thread. Thread-safe.
class Inbox {
 public:
  Inbox(GstOneadaptFeedbackFunc func, gpointer user_data) : func_(func), user_data_(user_data) {}
  /// A whole message, or what claims to be one.
  void message(const std::uint8_t *data, std::size_t size);
  /// A fragment from `source`.
  void fragment(std::uint32_t source, const std::uint8_t *data, std::size_t size);
  void malformed() { ++counters.malformed; }
  /// From here on the receiver's function is not called.
  void close();

  FeedbackCounters counters;

 private:
  void deliver(const std::uint8_t *data, std::size_t size);  // under mutex_

  std::mutex mutex_;
  GstOneadaptFeedbackFunc func_;
  gpointer user_data_;
  Reassembler reassembler_;
};

/// One way in or out; its end is the destructor. Thread-safe but for that.
class FeedbackBackend {
 public:
  virtual ~FeedbackBackend() = default;
  /// Looks for RTP sessions beyond `pad`; how many are attached to.
  virtual guint attach(GstPad *) { return 0; }
  /// False: it was not even tried.
  virtual bool send(GBytes *) { return false; }
  virtual void add_stats(GstStructure *) const {}
};

struct FeedbackAddress {
  bool tcp = false;
  std::string host;  ///< empty: loopback
  guint16 port = 0;
};

// feedback_socket.cpp; NULL with `error` set when there can be none.
std::unique_ptr<FeedbackBackend> socket_receiver(const FeedbackAddress &address, std::shared_ptr<Inbox> inbox,
                                                 GError **error);
std::unique_ptr<FeedbackBackend> socket_sender(const FeedbackAddress &address,
                                               std::shared_ptr<FeedbackCounters> counters, GError **error);
// feedback_rtp.cpp
std::unique_ptr<FeedbackBackend> rtp_receiver(std::shared_ptr<Inbox> inbox);
std::unique_ptr<FeedbackBackend> rtp_sender(std::shared_ptr<FeedbackCounters> counters);

}  // namespace oneadapt
