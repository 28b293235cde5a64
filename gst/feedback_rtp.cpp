// SPDX-License-Identifier: LGPL-2.1-or-later
// Feedback along the RTP sessions and RTSP connections that media flows through anyway. Elements are known by the names
// of their types, since no header declares them.
#include <gst/rtp/gstrtcpbuffer.h>
#include <gst/rtsp/gstrtspmessage.h>

#include <algorithm>
#include <cstring>

#include "feedback.h"
#include "walk.h"

GST_DEBUG_CATEGORY_STATIC(oneadaptfeedback_debug);
#define GST_CAT_DEFAULT oneadaptfeedback_debug

namespace oneadapt {
namespace {

constexpr const char *kAppName = "OAGR";
constexpr std::size_t kAppHeader = 12;                   // RTCP header, SSRC, name
constexpr GstClockTime kMinInterval = GST_SECOND / 2;    // RTCP's own minimum of 5 s would hold messages up
constexpr double kBandwidth = 64000;                     // bit/s of a session's RTCP
constexpr double kDefaultFraction = 0.05;                // rtcp-fraction that nobody has set
constexpr GstClockTime kMaxDelay = 500 * GST_MSECOND;    // that RTCP may take to be sent
constexpr const char *kParameter = "oneadapt-gradient";  // of SET_PARAMETER
constexpr guint kMostBody = 4096;                        // bytes of a SET_PARAMETER that are looked at

bool is_a(GstElement *element, const char *type) { return !std::strcmp(G_OBJECT_TYPE_NAME(element), type); }

void init_debug() {
  static const bool once = [] {
    GST_DEBUG_CATEGORY_INIT(oneadaptfeedback_debug, "oneadaptfeedback", 0, "gradients across a network");
    return true;
  }();
  (void)once;
}

GObject *internal_session(GstElement *rtpsession) {
  GObject *session = nullptr;
  g_object_get(rtpsession, "internal-session", &session, nullptr);
  return session;
}

template <class T>
void free_shared(gpointer data, GClosure *) {
  delete static_cast<std::shared_ptr<T> *>(data);
}

/// Holds on to the sessions that it finds beyond a pad. A `Hold` has a member `there`, whether the last walk found it,
/// and a function release(Hold &).
template <class Hold>
class SessionHolder : public FeedbackBackend {
 public:
  ~SessionHolder() override {
    for (Hold &h : holds_) release(h);
  }
  guint attach(GstPad *pad) override {
    std::lock_guard<std::mutex> lock(mutex_);
    for (Hold &h : holds_) h.there = false;
    walk_pads(pad, [this](GstElement *element, GstPad *) { return visit(element); });
    // What the walk did not find is a connection that is gone.
    const auto gone = std::stable_partition(holds_.begin(), holds_.end(), [](const Hold &h) { return h.there; });
    for (auto h = gone; h != holds_.end(); ++h) release(*h);
    holds_.erase(gone, holds_.end());
    return guint(holds_.size());
  }
  void add_stats(GstStructure *s) const override {
    std::lock_guard<std::mutex> lock(mutex_);
    gst_structure_set(s, "sessions", G_TYPE_UINT, guint(holds_.size()), nullptr);
  }

 protected:
  /// Under mutex_: holds on to the element if it is wanted. Whether the walk goes on beyond it.
  virtual bool visit(GstElement *element) = 0;

  std::vector<Hold> holds_;  // under mutex_

 private:
  mutable std::mutex mutex_;
};

/* ---- the camera's end ---- */

void on_app_rtcp(GObject *, guint, guint ssrc, const gchar *name, GstBuffer *data, gpointer user_data) {
  if (!name || std::strncmp(name, kAppName, 4) || !data) return;
  GstMapInfo map;
  if (!gst_buffer_map(data, &map, GST_MAP_READ)) return;
  (*static_cast<std::shared_ptr<Inbox> *>(user_data))->fragment(ssrc, map.data, map.size);
  gst_buffer_unmap(data, &map);
}

/// A line "oneadapt-gradient: BASE64" of a SET_PARAMETER's body.
void on_handle_request(GstElement *, GstRTSPMessage *request, GstRTSPMessage *, gpointer user_data) {
  GstRTSPMethod method = GST_RTSP_INVALID;
  guint8 *body = nullptr;
  guint size = 0;
  if (gst_rtsp_message_parse_request(request, &method, nullptr, nullptr) != GST_RTSP_OK ||
      method != GST_RTSP_SET_PARAMETER || gst_rtsp_message_get_body(request, &body, &size) != GST_RTSP_OK || !body)
    return;
  Inbox &inbox = **static_cast<std::shared_ptr<Inbox> *>(user_data);
  const std::string text(reinterpret_cast<const char *>(body), std::min(size, kMostBody));
  const std::string key = std::string(kParameter) + ":";
  if (text.compare(0, key.size(), key) != 0) return;  // another parameter
  if (size > kMostBody) return inbox.malformed();
  const auto from = text.find_first_not_of(" \t", key.size()),
             end = text.find_first_of(std::string("\r\n\0", 3), key.size());
  if (from == std::string::npos || from >= end) return inbox.malformed();
  gsize length = 0;
  guchar *message = g_base64_decode(text.substr(from, end - from).c_str(), &length);
  inbox.message(message, length);
  g_free(message);
}

/// A handler of an object's signal.
struct ReceiverHold {
  GObject *object;
  gulong handler;
  bool there;
};
void release(ReceiverHold &h) {
  g_signal_handler_disconnect(h.object, h.handler);
  g_object_unref(h.object);
}

class RtpReceiver : public SessionHolder<ReceiverHold> {
 public:
  explicit RtpReceiver(std::shared_ptr<Inbox> inbox) : inbox_(std::move(inbox)) {}

 private:
  bool visit(GstElement *element) override {
    if (is_a(element, "GstRTSPClientSink"))
      hold(G_OBJECT(g_object_ref(element)), "handle-request", G_CALLBACK(on_handle_request));
    if (!is_a(element, "GstRtpSession")) return true;
    if (GObject *session = internal_session(element)) hold(session, "on-app-rtcp", G_CALLBACK(on_app_rtcp));
    return false;
  }
  /// Takes the reference.
  void hold(GObject *object, const char *signal, GCallback callback) {
    for (ReceiverHold &h : holds_) {
      if (h.object != object) continue;
      h.there = true;
      return g_object_unref(object);
    }
    GST_INFO_OBJECT(object, "gradients may come by %s", signal);
    holds_.push_back({object,
                      g_signal_connect_data(object, signal, callback, new std::shared_ptr<Inbox>(inbox_),
                                            free_shared<Inbox>, GConnectFlags(0)),
                      true});
  }

  const std::shared_ptr<Inbox> inbox_;
};

/* ---- the DNN's end ---- */

/// Of one RTP session, for as long as that lives: takes gradient events out of its stream and puts them into its RTCP.
struct RtcpSender {
  GWeakRef session;
  std::shared_ptr<FeedbackCounters> counters;
  std::mutex mutex;
  std::vector<std::uint8_t> message;  // under mutex, and so is offset
  std::size_t offset = 0;             // of what is not sent yet

  RtcpSender(GObject *of, std::shared_ptr<FeedbackCounters> c) : counters(std::move(c)) {
    g_weak_ref_init(&session, of);
  }
  ~RtcpSender() { g_weak_ref_clear(&session); }

  void request() {
    GObject *s = G_OBJECT(g_weak_ref_get(&session));
    if (!s) return;
    gboolean sent = FALSE;
    g_signal_emit_by_name(s, "send-rtcp-full", guint64(kMaxDelay), &sent);
    if (!sent) GST_DEBUG_OBJECT(s, "RTCP cannot be sent at once: the gradient goes with the next");
    g_object_unref(s);
  }

  void send(GBytes *bytes) {
    gsize size = 0;
    const auto *data = static_cast<const std::uint8_t *>(g_bytes_get_data(bytes, &size));
    if (!is_message(data, size)) {
      ++counters->failed;
      return;
    }
    {
      std::lock_guard<std::mutex> lock(mutex);
      if (offset < message.size()) ++counters->failed;
      message.assign(data, data + size);
      offset = 0;
    }
    request();
  }

  /// Adds as much to a compound packet as it has room for. Whether it did.
  bool add_to(GstBuffer *buffer) {
    std::lock_guard<std::mutex> lock(mutex);
    if (offset >= message.size()) return false;
    GstRTCPBuffer rtcp = GST_RTCP_BUFFER_INIT;
    if (!gst_rtcp_buffer_map(buffer, GST_MAP_READWRITE, &rtcp)) return false;
    bool added = false;
    GstRTCPPacket first, packet;
    guint32 ssrc = 0;
    bool known = false;
    if (gst_rtcp_buffer_get_first_packet(&rtcp, &first)) {
      if (gst_rtcp_packet_get_type(&first) == GST_RTCP_TYPE_RR) {
        ssrc = gst_rtcp_packet_rr_get_ssrc(&first);
        known = true;
      } else if (gst_rtcp_packet_get_type(&first) == GST_RTCP_TYPE_SR) {
        gst_rtcp_packet_sr_get_sender_info(&first, &ssrc, nullptr, nullptr, nullptr, nullptr);
        known = true;
      }
    }
    const gsize room = rtcp.map.maxsize - rtcp.map.size;
    if (known && room >= kAppHeader + kLeastFragment && gst_rtcp_buffer_add_packet(&rtcp, GST_RTCP_TYPE_APP, &packet)) {
      std::size_t next = offset;
      const auto fragment = next_fragment(message, next, (room - kAppHeader) / 4 * 4);
      gst_rtcp_packet_app_set_ssrc(&packet, ssrc);
      gst_rtcp_packet_app_set_name(&packet, kAppName);
      if (gst_rtcp_packet_app_set_data_length(&packet, guint16(fragment.size() / 4))) {
        std::copy(fragment.begin(), fragment.end(), gst_rtcp_packet_app_get_data(&packet));
        offset = next;
        added = true;
        if (offset >= message.size()) {
          ++counters->messages;
          counters->bytes += message.size();
        }
      } else {
        gst_rtcp_packet_remove(&packet);
      }
    }
    gst_rtcp_buffer_unmap(&rtcp);
    return added;
  }
};

gboolean on_sending_rtcp(GObject *, GstBuffer *buffer, gboolean, gpointer user_data) {
  return (*static_cast<std::shared_ptr<RtcpSender> *>(user_data))->add_to(buffer);
}

GstPadProbeReturn on_gradient(GstPad *, GstPadProbeInfo *info, gpointer user_data) {
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
  if (!gst_event_is_oneadapt_gradient(event)) return GST_PAD_PROBE_OK;
  if (GBytes *message = gst_event_get_oneadapt_gradient_message(event))
    (*static_cast<std::shared_ptr<RtcpSender> *>(user_data))->send(message);
  return GST_PAD_PROBE_DROP;
}

/// A session whose RTCP takes gradients along, and the probe that takes them out of its stream.
struct SenderHold {
  GObject *session;
  gulong handler;
  GstPad *pad;
  gulong probe;
  bool there;
};
void release(SenderHold &h) {
  gst_pad_remove_probe(h.pad, h.probe);
  g_signal_handler_disconnect(h.session, h.handler);
  g_object_unref(h.session);
  gst_object_unref(h.pad);
}

class RtpSender : public SessionHolder<SenderHold> {
 public:
  explicit RtpSender(std::shared_ptr<FeedbackCounters> counters) : counters_(std::move(counters)) {}

 private:
  bool visit(GstElement *element) override {
    if (!is_a(element, "GstRtpSession")) return true;
    hold(element);
    return false;
  }
  void hold(GstElement *element) {
    GstPad *src = gst_element_get_static_pad(element, "recv_rtp_src");
    GObject *session = src ? internal_session(element) : nullptr;
    bool known = !session;
    for (SenderHold &h : holds_) {
      if (h.session != session) continue;
      known = h.there = true;
    }
    if (known) {
      g_clear_object(&src);
      g_clear_object(&session);
      return;
    }
    GST_INFO_OBJECT(element, "gradients go out as RTCP APP packets");
    guint64 least = 0;
    g_object_get(session, "rtcp-min-interval", &least, nullptr);
    if (least > kMinInterval) g_object_set(session, "rtcp-min-interval", guint64(kMinInterval), nullptr);
    // A 20th of the media's bandwidth, the default, is less than a message a second takes (RFC 3556 has it chosen
    // freely). A receiver's own share, rtcp-rr-bandwidth, counts only where senders are a quarter of the members or
    // less.
    double fraction = 0;
    g_object_get(session, "rtcp-fraction", &fraction, nullptr);
    if (fraction == kDefaultFraction) g_object_set(session, "rtcp-fraction", kBandwidth, nullptr);
    const auto sender = std::make_shared<RtcpSender>(session, counters_);
    const gulong handler =
        g_signal_connect_data(session, "on-sending-rtcp", G_CALLBACK(on_sending_rtcp),
                              new std::shared_ptr<RtcpSender>(sender), free_shared<RtcpSender>, GConnectFlags(0));
    const gulong probe =
        gst_pad_add_probe(src, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, on_gradient, new std::shared_ptr<RtcpSender>(sender),
                          [](gpointer data) { delete static_cast<std::shared_ptr<RtcpSender> *>(data); });
    holds_.push_back({session, handler, src, probe, true});
  }

  const std::shared_ptr<FeedbackCounters> counters_;
};

}  // namespace

std::unique_ptr<FeedbackBackend> rtp_receiver(std::shared_ptr<Inbox> inbox) {
  init_debug();
  return std::make_unique<RtpReceiver>(std::move(inbox));
}

std::unique_ptr<FeedbackBackend> rtp_sender(std::shared_ptr<FeedbackCounters> counters) {
  init_debug();
  return std::make_unique<RtpSender>(std::move(counters));
}

}  // namespace oneadapt
