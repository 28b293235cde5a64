// SPDX-License-Identifier: LGPL-2.1-or-later
#include "feedback.h"

#include <cstring>

#include "gstoneadapt.h"
#include "key_frame_watch.h"

namespace oneadapt {

void Inbox::deliver(const std::uint8_t *data, std::size_t size) {
  if (!func_) return;
  ++counters.messages;
  counters.bytes += size;
  GBytes *bytes = g_bytes_new(data, size);
  func_(bytes, user_data_);
  g_bytes_unref(bytes);
}

void Inbox::message(const std::uint8_t *data, std::size_t size) {
  KeyRequest request;
  const bool asked = decode_key_request(data, size, request);
  if (!asked && !is_message(data, size)) return malformed();
  std::lock_guard<std::mutex> lock(mutex_);
  if (!asked) return deliver(data, size);
  ++counters.key_requests;
  if (key_frame_func_) key_frame_func_(key_frame_data_);
}

void Inbox::set_key_frame_func(GstOneadaptKeyFrameFunc func, gpointer user_data) {
  std::lock_guard<std::mutex> lock(mutex_);
  key_frame_func_ = func;
  key_frame_data_ = user_data;
}

void Inbox::fragment(std::uint32_t source, const std::uint8_t *data, std::size_t size) {
  std::lock_guard<std::mutex> lock(mutex_);
  std::vector<std::uint8_t> whole;
  switch (reassembler_.take(source, data, size, whole)) {
    case Reassembler::Result::Malformed:
      return malformed();
    case Reassembler::Result::Partial:
      return;
    case Reassembler::Result::Complete:
      return deliver(whole.data(), whole.size());
  }
}

void Inbox::close() {
  std::lock_guard<std::mutex> lock(mutex_);
  func_ = nullptr;
  key_frame_func_ = nullptr;
}

namespace {

bool parse_address(const gchar *where, FeedbackAddress &address, GError **error) {
  gchar *scheme = nullptr, *host = nullptr, *path = nullptr;
  gint port = -1;
  const bool split =
      g_uri_split(where, G_URI_FLAGS_NONE, &scheme, nullptr, &host, &port, &path, nullptr, nullptr, nullptr);
  const bool good = split && scheme && (!std::strcmp(scheme, "udp") || !std::strcmp(scheme, "tcp")) && port >= 0 &&
                    port <= 65535 && (!path || !*path || !std::strcmp(path, "/"));
  if (good) {
    address.tcp = !std::strcmp(scheme, "tcp");
    address.host = host ? host : "";
    address.port = guint16(port);
  } else {
    g_set_error(error, GST_ONEADAPT_ERROR, GST_ONEADAPT_ERROR_FAILED,
                "\"%s\" is no way for feedback; write auto, off, udp://HOST:PORT or tcp://HOST:PORT", where);
  }
  g_free(scheme);
  g_free(host);
  g_free(path);
  return good;
}

}  // namespace
}  // namespace oneadapt

using namespace oneadapt;

struct _GstOneadaptFeedback {
  std::shared_ptr<Inbox> inbox;                // receivers
  std::shared_ptr<FeedbackCounters> counters;  // of the inbox, or of a sender
  std::shared_ptr<FeedbackBackend> backend;    // none: "off"
  std::unique_ptr<KeyFrameWatch> watch;        // of a sender
  std::string where;
};

/**
 * gst_oneadapt_feedback_new_receiver:
 * @where: (nullable): "auto" (RTP sessions and RTSP connections that gst_oneadapt_feedback_attach() finds), "off",
 *   "udp://HOST:PORT" or "tcp://HOST:PORT", an address to listen on; without HOST: the loopback interface; PORT 0: any
 * @func: called with each message, one at a time, from any thread, until gst_oneadapt_feedback_free() returns
 * @user_data: for @func
 *
 * The camera's end. A message that @func gets is whole and has a right checksum; more is not known of it.
 *
 * Returns: (transfer full) (nullable): NULL with @error set for a @where that is none, or an address that cannot be
 * listened on.
 */
GstOneadaptFeedback *gst_oneadapt_feedback_new_receiver(const gchar *where, GstOneadaptFeedbackFunc func,
                                                        gpointer user_data, GError **error) {
  g_return_val_if_fail(func != nullptr, nullptr);
  auto feedback = std::make_unique<GstOneadaptFeedback>();
  feedback->where = where && *where ? where : "off";
  feedback->inbox = std::make_shared<Inbox>(func, user_data);
  feedback->counters = std::shared_ptr<FeedbackCounters>(feedback->inbox, &feedback->inbox->counters);
  if (feedback->where == "auto") {
    feedback->backend = rtp_receiver(feedback->inbox);
  } else if (feedback->where != "off") {
    FeedbackAddress address;
    if (!parse_address(where, address, error)) return nullptr;
    feedback->backend = socket_receiver(address, feedback->inbox, error);
    if (!feedback->backend) return nullptr;
  }
  return feedback.release();
}

/**
 * gst_oneadapt_feedback_new_sender:
 * @where: (nullable): "auto" (the RTP sessions that gst_oneadapt_feedback_attach() finds), "off", "udp://HOST:PORT" or
 *   "tcp://HOST:PORT", an address where a receiver listens
 *
 * The DNN's end.
 *
 * Returns: (transfer full) (nullable): NULL with @error set for a @where that is none, or an address that is unknown.
 */
GstOneadaptFeedback *gst_oneadapt_feedback_new_sender(const gchar *where, GError **error) {
  auto feedback = std::make_unique<GstOneadaptFeedback>();
  feedback->where = where && *where ? where : "off";
  feedback->counters = std::make_shared<FeedbackCounters>();
  if (feedback->where == "auto") {
    feedback->backend = rtp_sender(feedback->counters);
  } else if (feedback->where != "off") {
    FeedbackAddress address;
    if (!parse_address(where, address, error)) return nullptr;
    feedback->backend = socket_sender(address, feedback->counters, error);
    if (!feedback->backend) return nullptr;
  }
  if (feedback->backend) feedback->watch = std::make_unique<KeyFrameWatch>(feedback->backend);
  return feedback.release();
}

/**
 * gst_oneadapt_feedback_set_key_frame_func:
 * @feedback: a receiver
 * @func: (nullable): called with each key-frame request, as the receiver's function is with each message
 * @user_data: for @func
 *
 * The camera's end: @func has an encoder make a key frame, by gst_video_event_new_upstream_force_key_unit() for
 * instance. Requests are not authenticated. An encoder that answers all of them at once is at their mercy: limit their
 * rate. Any thread.
 */
void gst_oneadapt_feedback_set_key_frame_func(GstOneadaptFeedback *feedback, GstOneadaptKeyFrameFunc func,
                                              gpointer user_data) {
  g_return_if_fail(feedback != nullptr && feedback->inbox);
  feedback->inbox->set_key_frame_func(func, user_data);
}

/**
 * gst_oneadapt_key_request_to_bytes:
 * @ssrc: of the RTP stream that lacks a key frame; 0: unknown
 *
 * For transports of your own: the message that asks a camera for a key frame. It goes where gradient messages go.
 *
 * Returns: (transfer full): the message.
 */
GBytes *gst_oneadapt_key_request_to_bytes(guint32 ssrc) {
  const auto message = encode_key_request({ssrc});
  return g_bytes_new(message.data(), message.size());
}

/**
 * gst_oneadapt_key_request_from_bytes:
 * @message: (transfer none): any bytes
 * @ssrc: (out) (optional): as gst_oneadapt_key_request_to_bytes() has it
 *
 * Returns: whether @message is a key-frame request. If not, @ssrc does not change.
 */
gboolean gst_oneadapt_key_request_from_bytes(GBytes *message, guint32 *ssrc) {
  g_return_val_if_fail(message != nullptr, FALSE);
  gsize size = 0;
  const auto *data = static_cast<const std::uint8_t *>(g_bytes_get_data(message, &size));
  KeyRequest request;
  if (!decode_key_request(data, size, request)) return FALSE;
  if (ssrc) *ssrc = request.ssrc;
  return TRUE;
}

/**
 * gst_oneadapt_feedback_attach:
 * @pad: a receiver's source pad, whatever leads to the network being downstream of it; a sender's sink pad, upstream
 *
 * With "auto": takes hold of the RTP sessions beyond @pad that it does not have yet; a receiver also of a
 * rtspclientsink. A sender's session sends each gradient event that reaches it from downstream to the other side, as
 * RTCP APP packets; its rtcp-min-interval becomes at most 500 ms, and its rtcp-fraction, if nobody has set it, 64
 * kbit/s. Call it again when pads may have been linked anew; it is cheap. Any thread.
 *
 * A sender also watches the packets that come to rtph264depay upstream of @pad, whatever transport it has. When some
 * were lost, or when they begin in mid-stream, it asks the camera for a key frame. So call it before data flows.
 *
 * Returns: how many it has hold of.
 */
guint gst_oneadapt_feedback_attach(GstOneadaptFeedback *feedback, GstPad *pad) {
  g_return_val_if_fail(feedback != nullptr && GST_IS_PAD(pad), 0);
  if (feedback->watch) feedback->watch->attach(pad);
  return feedback->backend ? feedback->backend->attach(pad) : 0;
}

/**
 * gst_oneadapt_feedback_send:
 * @message: (transfer none): a gradient message
 *
 * Sends @message with "udp" and "tcp". Never blocks; a message that cannot go out before the next one comes is
 * dropped. With "auto" nothing: there the event does it. Any thread.
 *
 * Returns: whether it is on its way.
 */
gboolean gst_oneadapt_feedback_send(GstOneadaptFeedback *feedback, GBytes *message) {
  g_return_val_if_fail(feedback != nullptr && message != nullptr, FALSE);
  return feedback->backend && feedback->backend->send(message);
}

/**
 * gst_oneadapt_feedback_get_stats:
 *
 * `transport` (as asked for), `messages` and `bytes` (that came whole, or went out), `malformed` (what came and was no
 * message), `failed` (could not be sent, or gave way to a newer one), `key-frame-requests` (that came, or went out); of
 * a socket that listens `port` and, with TCP, `connections`; with "auto" `sessions`. Any thread.
 *
 * Returns: (transfer full): a structure.
 */
GstStructure *gst_oneadapt_feedback_get_stats(GstOneadaptFeedback *feedback) {
  g_return_val_if_fail(feedback != nullptr, nullptr);
  const FeedbackCounters &c = *feedback->counters;
  GstStructure *s =
      gst_structure_new("oneadapt-feedback", "transport", G_TYPE_STRING, feedback->where.c_str(), "messages",
                        G_TYPE_UINT64, guint64(c.messages), "bytes", G_TYPE_UINT64, guint64(c.bytes), "malformed",
                        G_TYPE_UINT64, guint64(c.malformed), "failed", G_TYPE_UINT64, guint64(c.failed),
                        "key-frame-requests", G_TYPE_UINT64, guint64(c.key_requests), nullptr);
  if (feedback->backend) feedback->backend->add_stats(s);
  return s;
}

/**
 * gst_oneadapt_feedback_free:
 *
 * Waits for a call of the receiver's function that is under way.
 */
void gst_oneadapt_feedback_free(GstOneadaptFeedback *feedback) {
  if (!feedback) return;
  if (feedback->inbox) feedback->inbox->close();
  delete feedback;
}
