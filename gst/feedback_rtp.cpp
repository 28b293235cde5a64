// SPDX-License-Identifier: LGPL-2.1-or-later
// Feedback along the RTP sessions and RTSP connections that media flows through anyway. Elements are known by the names
// of their types, since no header declares them.
#include <gst/rtp/gstrtcpbuffer.h>
#include <gst/rtsp/gstrtspmessage.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "feedback.h"
#include "force_key_unit.h"
#include "held_elements.h"

GST_DEBUG_CATEGORY_STATIC(oneadaptfeedback_debug);
#define GST_CAT_DEFAULT oneadaptfeedback_debug

namespace oneadapt {
namespace {

constexpr const char *kAppName = "OAGR", *kKeyRequestName = "OAKF";
constexpr std::size_t kAppHeader = 12;                 // RTCP header, SSRC, name
constexpr GstClockTime kMinInterval = GST_SECOND / 2;  // RTCP's own minimum of 5 s would hold messages up
constexpr double kBandwidth = 64000;                   // bit/s of a session's RTCP
constexpr double kDefaultFraction = 0.05;              // rtcp-fraction that nobody has set
constexpr GstClockTime kMaxDelay = 500 * GST_MSECOND;  // that RTCP may take to be sent
constexpr const char *kParameters[] = {"oneadapt-gradient:", "oneadapt-key-frame:"};  // of SET_PARAMETER
constexpr guint kMostBody = 4096;  // bytes of a SET_PARAMETER that are looked at

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

void add_sessions(GstStructure *stats, guint sessions) {
  gst_structure_set(stats, "sessions", G_TYPE_UINT, sessions, nullptr);
}

template <class T>
void free_shared(gpointer data, GClosure *) {
  delete static_cast<std::shared_ptr<T> *>(data);
}

/* ---- the camera's end ---- */

/// Whether a key-frame request names a stream that the session sends, or none.
bool is_about_own_stream(GObject *session, const std::uint8_t *data, std::size_t size) {
  KeyRequest request;
  if (!decode_key_request(data, size, request) || !request.ssrc) return true;
  GObject *source = nullptr;
  g_signal_emit_by_name(session, "get-source-by-ssrc", request.ssrc, &source);
  GstStructure *stats = nullptr;
  gboolean own = FALSE;
  if (source) g_object_get(source, "stats", &stats, nullptr);
  if (stats) gst_structure_get_boolean(stats, "internal", &own);
  if (stats) gst_structure_free(stats);
  g_clear_object(&source);
  return own;
}

void on_app_rtcp(GObject *session, guint, guint ssrc, const gchar *name, GstBuffer *data, gpointer user_data) {
  GstMapInfo map;
  if (!name || !data || !gst_buffer_map(data, &map, GST_MAP_READ)) return;
  Inbox &inbox = **static_cast<std::shared_ptr<Inbox> *>(user_data);
  if (!std::strncmp(name, kAppName, 4)) inbox.fragment(ssrc, map.data, map.size);
  if (!std::strncmp(name, kKeyRequestName, 4) && is_about_own_stream(session, map.data, map.size))
    inbox.message(map.data, map.size);
  gst_buffer_unmap(data, &map);
}

/// A line "oneadapt-gradient: BASE64" or "oneadapt-key-frame: BASE64" of a SET_PARAMETER's body.
void on_handle_request(GstElement *, GstRTSPMessage *request, GstRTSPMessage *, gpointer user_data) {
  GstRTSPMethod method = GST_RTSP_INVALID;
  guint8 *body = nullptr;
  guint size = 0;
  if (gst_rtsp_message_parse_request(request, &method, nullptr, nullptr) != GST_RTSP_OK ||
      method != GST_RTSP_SET_PARAMETER || gst_rtsp_message_get_body(request, &body, &size) != GST_RTSP_OK || !body)
    return;
  Inbox &inbox = **static_cast<std::shared_ptr<Inbox> *>(user_data);
  const std::string text(reinterpret_cast<const char *>(body), std::min(size, kMostBody));
  const auto key = std::find_if(std::begin(kParameters), std::end(kParameters),
                                [&](const char *k) { return g_str_has_prefix(text.c_str(), k); });
  if (key == std::end(kParameters)) return;  // another parameter
  if (size > kMostBody) return inbox.malformed();
  const auto from = text.find_first_not_of(" \t", std::strlen(*key)),
             end = text.find_first_of(std::string("\r\n\0", 3), std::strlen(*key));
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

class RtpReceiver : public FeedbackBackend {
 public:
  explicit RtpReceiver(std::shared_ptr<Inbox> inbox) : inbox_(std::move(inbox)) {}
  guint attach(GstPad *pad) override {
    return held_.walk(pad, [this](Holds &holds, GstElement *element) {
      if (is_a(element, "GstRTSPClientSink"))
        hold(holds, G_OBJECT(g_object_ref(element)), "handle-request", G_CALLBACK(on_handle_request));
      if (!is_a(element, "GstRtpSession")) return true;
      if (GObject *session = internal_session(element)) hold(holds, session, "on-app-rtcp", G_CALLBACK(on_app_rtcp));
      return false;
    });
  }
  void add_stats(GstStructure *s) const override { add_sessions(s, held_.size()); }

 private:
  using Holds = std::vector<ReceiverHold>;
  /// Takes the reference.
  void hold(Holds &holds, GObject *object, const char *signal, GCallback callback) {
    for (ReceiverHold &h : holds) {
      if (h.object != object) continue;
      h.there = true;
      return g_object_unref(object);
    }
    GST_INFO_OBJECT(object, "gradients may come by %s", signal);
    holds.push_back({object,
                     g_signal_connect_data(object, signal, callback, new std::shared_ptr<Inbox>(inbox_),
                                           free_shared<Inbox>, GConnectFlags(0)),
                     true});
  }

  const std::shared_ptr<Inbox> inbox_;
  HeldElements<ReceiverHold> held_;
};

/* ---- the DNN's end ---- */

/// The RTCP packet under construction, to which APP packets are added.
class CompoundPacket {
 public:
  explicit CompoundPacket(GstBuffer *buffer) {
    GstRTCPPacket first;
    open_ = gst_rtcp_buffer_map(buffer, GST_MAP_READWRITE, &rtcp_);
    if (!open_ || !gst_rtcp_buffer_get_first_packet(&rtcp_, &first)) return;
    const GstRTCPType type = gst_rtcp_packet_get_type(&first);
    known_ = type == GST_RTCP_TYPE_RR || type == GST_RTCP_TYPE_SR;
    if (type == GST_RTCP_TYPE_RR) ssrc_ = gst_rtcp_packet_rr_get_ssrc(&first);
    if (type == GST_RTCP_TYPE_SR)
      gst_rtcp_packet_sr_get_sender_info(&first, &ssrc_, nullptr, nullptr, nullptr, nullptr);
  }
  ~CompoundPacket() {
    if (open_) gst_rtcp_buffer_unmap(&rtcp_);
  }
  CompoundPacket(const CompoundPacket &) = delete;
  CompoundPacket &operator=(const CompoundPacket &) = delete;
  /// Bytes of data that one more APP packet may have.
  std::size_t room() const {
    const gsize left = known_ ? rtcp_.map.maxsize - rtcp_.map.size : 0;
    return left > kAppHeader ? (left - kAppHeader) / 4 * 4 : 0;
  }
  /// `data`: whole words, at most room().
  bool add(const char *name, const std::vector<std::uint8_t> &data) {
    GstRTCPPacket packet;
    if (data.size() > room() || !gst_rtcp_buffer_add_packet(&rtcp_, GST_RTCP_TYPE_APP, &packet)) return false;
    gst_rtcp_packet_app_set_ssrc(&packet, ssrc_);
    gst_rtcp_packet_app_set_name(&packet, name);
    if (!gst_rtcp_packet_app_set_data_length(&packet, guint16(data.size() / 4))) {
      gst_rtcp_packet_remove(&packet);
      return false;
    }
    std::copy(data.begin(), data.end(), gst_rtcp_packet_app_get_data(&packet));
    return true;
  }

 private:
  GstRTCPBuffer rtcp_ = GST_RTCP_BUFFER_INIT;
  bool open_ = false, known_ = false;
  guint32 ssrc_ = 0;
};

/// Of one RTP session, for as long as that lives: takes gradients and requests for key frames out of its stream and
/// puts them into its RTCP.
struct RtcpSender {
  GWeakRef session;
  std::shared_ptr<FeedbackCounters> counters;
  std::mutex mutex;
  std::vector<std::uint8_t> message;  // under mutex, and so is offset
  std::size_t offset = 0;             // of what is not sent yet
  std::optional<KeyRequest> key_request;
  RequestLimit limit;

  RtcpSender(GObject *of, std::shared_ptr<FeedbackCounters> c) : counters(std::move(c)) {
    g_weak_ref_init(&session, of);
  }
  ~RtcpSender() { g_weak_ref_clear(&session); }

  void request(GstClockTime delay) {
    GObject *s = G_OBJECT(g_weak_ref_get(&session));
    if (!s) return;
    gboolean sent = FALSE;
    g_signal_emit_by_name(s, "send-rtcp-full", guint64(delay), &sent);
    if (!sent) GST_DEBUG_OBJECT(s, "RTCP cannot be sent at once: the message goes with the next");
    g_object_unref(s);
  }

  void request_key_frame(guint32 ssrc) {
    {
      std::lock_guard<std::mutex> lock(mutex);
      if (!limit.allow()) return;
      key_request = KeyRequest{ssrc};
    }
    request(0);
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
    request(kMaxDelay);
  }

  /// Adds as much to a compound packet as it has room for. Whether it did.
  bool add_to(GstBuffer *buffer) {
    std::lock_guard<std::mutex> lock(mutex);
    if (!key_request && offset >= message.size()) return false;
    CompoundPacket packet(buffer);
    const bool asks = key_request && packet.add(kKeyRequestName, encode_key_request(*key_request));
    if (asks) {
      ++counters->key_requests;
      key_request.reset();
    }
    return add_fragment(packet) || asks;
  }

  /// Under mutex.
  bool add_fragment(CompoundPacket &packet) {
    if (offset >= message.size() || packet.room() < kLeastFragment) return false;
    std::size_t next = offset;
    if (!packet.add(kAppName, next_fragment(message, next, packet.room()))) return false;
    offset = next;
    if (offset >= message.size()) {
      ++counters->messages;
      counters->bytes += message.size();
    }
    return true;
  }
};

gboolean on_sending_rtcp(GObject *, GstBuffer *buffer, gboolean, gpointer user_data) {
  return (*static_cast<std::shared_ptr<RtcpSender> *>(user_data))->add_to(buffer);
}

/// Whether these caps have a session answer a request by itself, with PLI or FIR (RFC 4585, RFC 5104).
bool allows_pli(const GstCaps *caps, guint payload) {
  const GstStructure *s = caps && gst_caps_get_size(caps) ? gst_caps_get_structure(caps, 0) : nullptr;
  gint of = -1;
  if (!s || (gst_structure_get_int(s, "payload", &of) && guint(of) != payload)) return false;
  return gst_structure_has_field(s, "rtcp-fb-nack-pli") || gst_structure_has_field(s, "rtcp-fb-ccm-fir");
}

/// Whether an RTP session turns a GstForceKeyUnit that comes to its pad into PLI or FIR.
bool sends_pli(GstPad *pad, GstEvent *event) {
  guint payload = 0;
  if (!gst_structure_get_uint(gst_event_get_structure(event), "payload", &payload)) return false;
  GstCaps *current = gst_pad_get_current_caps(pad), *mapped = nullptr;
  if (GstElement *rtpsession = gst_pad_get_parent_element(pad)) {
    g_signal_emit_by_name(rtpsession, "request-pt-map", payload, &mapped);
    gst_object_unref(rtpsession);
  }
  const bool sends = allows_pli(current, payload) || allows_pli(mapped, payload);
  gst_clear_caps(&current);
  gst_clear_caps(&mapped);
  return sends;
}

GstPadProbeReturn on_upstream_event(GstPad *pad, GstPadProbeInfo *info, gpointer user_data) {
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
  RtcpSender &sender = **static_cast<std::shared_ptr<RtcpSender> *>(user_data);
  if (gst_event_is_oneadapt_gradient(event)) {
    if (GBytes *message = gst_event_get_oneadapt_gradient_message(event)) sender.send(message);
    return GST_PAD_PROBE_DROP;
  }
  if (!is_upstream_force_key_unit(event)) return GST_PAD_PROBE_OK;
  if (sends_pli(pad, event)) {
    ++sender.counters->key_requests;
    return GST_PAD_PROBE_OK;
  }
  sender.request_key_frame(ssrc_of_request(event));
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

class RtpSender : public FeedbackBackend {
 public:
  explicit RtpSender(std::shared_ptr<FeedbackCounters> counters) : counters_(std::move(counters)) {}
  guint attach(GstPad *pad) override {
    return held_.walk(pad, [this](Holds &holds, GstElement *element) {
      if (!is_a(element, "GstRtpSession")) return true;
      hold(holds, element);
      return false;
    });
  }
  /// The session, or who stands in for it (rtspserver.cpp), has the event of its stream, as of any decoder.
  void request_key_frame(GstPad *depayloader) override {
    gst_pad_push_event(depayloader, new_upstream_force_key_unit());
  }
  void add_stats(GstStructure *s) const override { add_sessions(s, held_.size()); }

 private:
  using Holds = std::vector<SenderHold>;
  void hold(Holds &holds, GstElement *element) {
    GstPad *src = gst_element_get_static_pad(element, "recv_rtp_src");
    GObject *session = src ? internal_session(element) : nullptr;
    bool known = !session;
    for (SenderHold &h : holds) {
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
    const gulong probe = gst_pad_add_probe(
        src, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, on_upstream_event, new std::shared_ptr<RtcpSender>(sender),
        [](gpointer data) { delete static_cast<std::shared_ptr<RtcpSender> *>(data); });
    holds.push_back({session, handler, src, probe, true});
  }

  const std::shared_ptr<FeedbackCounters> counters_;
  HeldElements<SenderHold> held_;
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
