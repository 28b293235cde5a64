// SPDX-License-Identifier: LGPL-2.1-or-later
// Internal to libgstoneadapt: transports of gradient messages between processes (docs/network.md).
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
#include "wire/key_request.h"

namespace oneadapt {

/// Thread-safe.
struct FeedbackCounters {
  std::atomic<guint64> messages{0};      ///< complete messages that were sent or delivered
  std::atomic<guint64> bytes{0};         ///< of these messages
  std::atomic<guint64> malformed{0};     ///< received data that was neither a message nor a fragment of one
  std::atomic<guint64> failed{0};        ///< messages that could not be sent, or that a newer one replaced
  std::atomic<guint64> key_requests{0};  ///< key-frame requests that were sent or delivered
};

/// Receives messages from any thread and delivers them. Thread-safe.
class Inbox {
 public:
  Inbox(GstOneadaptFeedbackFunc func, gpointer user_data) : func_(func), user_data_(user_data) {}
  /// Data that should be a complete message: a gradient's, or a key-frame request.
  void message(const std::uint8_t *data, std::size_t size);
  /// A fragment of a message from `source`.
  void fragment(std::uint32_t source, const std::uint8_t *data, std::size_t size);
  void malformed() { ++counters.malformed; }
  void set_key_frame_func(GstOneadaptKeyFrameFunc func, gpointer user_data);
  /// After this none of the receiver's functions is ever called.
  void close();

  FeedbackCounters counters;

 private:
  void deliver(const std::uint8_t *data, std::size_t size);  // under mutex_

  std::mutex mutex_;
  GstOneadaptFeedbackFunc func_;
  gpointer user_data_;
  GstOneadaptKeyFrameFunc key_frame_func_ = nullptr;  // under mutex_, and so is its data
  gpointer key_frame_data_ = nullptr;
  Reassembler reassembler_;
};

/// One transport, in one direction; the destructor closes it. Thread-safe except for the destructor.
class FeedbackBackend {
 public:
  virtual ~FeedbackBackend() = default;
  /// Looks for RTP sessions beyond `pad`. Returns the number of sessions that it uses.
  virtual guint attach(GstPad *) { return 0; }
  /// False when sending was not tried.
  virtual bool send(GBytes *) { return false; }
  /// Asks the camera whose packets reach a depayloader's sink pad for a key frame.
  virtual void request_key_frame(GstPad *) {}
  virtual void add_stats(GstStructure *) const {}
};

struct FeedbackAddress {
  bool tcp = false;
  std::string host;  ///< empty: loopback
  guint16 port = 0;
};

// feedback_socket.cpp; returns NULL and sets `error` when it cannot be made.
std::unique_ptr<FeedbackBackend> socket_receiver(const FeedbackAddress &address, std::shared_ptr<Inbox> inbox,
                                                 GError **error);
std::unique_ptr<FeedbackBackend> socket_sender(const FeedbackAddress &address,
                                               std::shared_ptr<FeedbackCounters> counters, GError **error);
// feedback_rtp.cpp
std::unique_ptr<FeedbackBackend> rtp_receiver(std::shared_ptr<Inbox> inbox);
std::unique_ptr<FeedbackBackend> rtp_sender(std::shared_ptr<FeedbackCounters> counters);

}  // namespace oneadapt
