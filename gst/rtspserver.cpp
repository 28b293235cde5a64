// SPDX-License-Identifier: LGPL-2.1-or-later
// rtspclientsink throws away RTCP that comes over its TCP connection, but answers requests: so there gradients and
// key-frame requests go as SET_PARAMETER. Over UDP the DNN element's own RTCP does it.
#include "gstoneadaptrtspserver.h"

#include <string>

#include "force_key_unit.h"

namespace {

/// Of one stream of one recording client.
struct Route {
  GWeakRef client;
  GstRTSPSession *session;
  std::string uri;
  oneadapt::RequestLimit limit;

  Route(GstRTSPClient *c, GstRTSPSession *s, std::string u)
      : session(GST_RTSP_SESSION(g_object_ref(s))), uri(std::move(u)) {
    g_weak_ref_init(&client, c);
  }
  ~Route() {
    g_weak_ref_clear(&client);
    g_object_unref(session);
  }
};

GstRTSPMessage set_parameter(const std::string &uri, const std::string &name, GBytes *value) {
  gsize size = 0;
  const auto *data = static_cast<const guchar *>(g_bytes_get_data(value, &size));
  gchar *text = g_base64_encode(data, size);
  const std::string body = name + ": " + text + "\r\n";
  g_free(text);
  GstRTSPMessage message = {};
  gst_rtsp_message_init_request(&message, GST_RTSP_SET_PARAMETER, uri.c_str());
  gst_rtsp_message_add_header(&message, GST_RTSP_HDR_CONTENT_TYPE, "text/parameters");
  gst_rtsp_message_set_body(&message, reinterpret_cast<const guint8 *>(body.data()), guint(body.size()));
  return message;
}

GstPadProbeReturn on_upstream_event(GstPad *, GstPadProbeInfo *info, gpointer user_data) {
  auto *route = static_cast<Route *>(user_data);
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
  const bool gradient = gst_event_is_oneadapt_gradient(event), asks = oneadapt::is_upstream_force_key_unit(event);
  if (!gradient && !asks) return GST_PAD_PROBE_OK;
  auto *client = static_cast<GstRTSPClient *>(g_weak_ref_get(&route->client));
  if (!client) return GST_PAD_PROBE_REMOVE;
  GBytes *value = gradient ? gst_event_get_oneadapt_gradient_message(event) : nullptr;
  if (value) g_bytes_ref(value);
  if (asks && route->limit.allow()) value = gst_oneadapt_key_request_to_bytes(0);
  if (value) {
    GstRTSPMessage message = set_parameter(route->uri, gradient ? "oneadapt-gradient" : "oneadapt-key-frame", value);
    gst_rtsp_client_send_message(client, route->session, &message);
    gst_rtsp_message_unset(&message);
    g_bytes_unref(value);
  }
  g_object_unref(client);
  return GST_PAD_PROBE_DROP;
}

bool is_interleaved(GstRTSPSessionMedia *media, guint stream) {
  GstRTSPStreamTransport *transport = gst_rtsp_session_media_get_transport(media, stream);
  const GstRTSPTransport *t = transport ? gst_rtsp_stream_transport_get_transport(transport) : nullptr;
  return t && t->lower_transport == GST_RTSP_LOWER_TRANS_TCP;
}

/// A client begins to record: its gradients are caught at the depayloaders, which gst-rtsp-server knows by name.
void on_record(GstRTSPClient *client, GstRTSPContext *context, gpointer) {
  if (!context->media || !context->sessmedia || !context->session || !context->uri) return;
  GstElement *element = gst_rtsp_media_get_element(context->media);
  gchar *uri = gst_rtsp_url_get_request_uri(context->uri);
  const guint streams = gst_rtsp_media_n_streams(context->media);
  for (guint i = 0; GST_IS_BIN(element) && i < streams; ++i) {
    if (!is_interleaved(context->sessmedia, i)) continue;
    GstElement *depay = gst_bin_get_by_name(GST_BIN(element), ("depay" + std::to_string(i)).c_str());
    if (!depay) continue;
    if (GstPad *pad = gst_element_get_static_pad(depay, "sink")) {
      static const GQuark quark = g_quark_from_static_string("gst-oneadapt-route");
      // A client that pauses and goes on records again.
      const gulong before = gulong(GPOINTER_TO_SIZE(g_object_get_qdata(G_OBJECT(pad), quark)));
      if (before) gst_pad_remove_probe(pad, before);
      const gulong probe = gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, on_upstream_event,
                                             new Route(client, context->session, uri),
                                             [](gpointer route) { delete static_cast<Route *>(route); });
      g_object_set_qdata(G_OBJECT(pad), quark, GSIZE_TO_POINTER(probe));
      gst_object_unref(pad);
    }
    gst_object_unref(depay);
  }
  g_free(uri);
  g_clear_object(&element);
}

/// A client begins to play: who joins in mid-stream sees nothing before the next key frame.
void on_play(GstRTSPClient *, GstRTSPContext *context, gpointer) {
  if (!context->media) return;
  const guint streams = gst_rtsp_media_n_streams(context->media);
  for (guint i = 0; i < streams; ++i) {
    GstRTSPStream *stream = gst_rtsp_media_get_stream(context->media, i);
    if (GstPad *pad = gst_rtsp_stream_get_srcpad(stream)) {
      gst_pad_send_event(pad, oneadapt::new_upstream_force_key_unit());
      gst_object_unref(pad);
    }
  }
}

/// Has a function called for a signal of each client.
template <void (*function)(GstRTSPClient *, GstRTSPContext *, gpointer)>
void connect_clients(GstRTSPServer *server, const char *signal) {
  g_signal_connect(server, "client-connected", G_CALLBACK(+[](GstRTSPServer *, GstRTSPClient *client, gpointer name) {
                     g_signal_connect(client, static_cast<const char *>(name), G_CALLBACK(function), nullptr);
                   }),
                   const_cast<char *>(signal));
}

}  // namespace

/**
 * gst_oneadapt_rtsp_server_force_key_units:
 * @server: a server whose clients play what an encoder makes, such as oneadaptfilter
 *
 * Has the encoder make a key frame when a client begins to play, so that the client sees something at once even if
 * others play already. An encoder that knows GstForceKeyUnit does it. (As of GStreamer 1.24 a media factory can do
 * this: gst_rtsp_media_factory_set_ensure_keyunit_on_start().) Call it before clients connect.
 */
void gst_oneadapt_rtsp_server_force_key_units(GstRTSPServer *server) {
  g_return_if_fail(GST_IS_RTSP_SERVER(server));
  connect_clients<on_play>(server, "play-request");
}

/**
 * gst_oneadapt_rtsp_server_send_gradients:
 * @server: a server whose media, recorded by clients, go to an oneadaptdnn
 *
 * Has @server send each gradient back to the client whose pictures it is about, when that records over TCP
 * (interleaved), and each request for a key frame too. Nothing is needed for UDP, nor for clients that play. Call it
 * before clients connect.
 */
void gst_oneadapt_rtsp_server_send_gradients(GstRTSPServer *server) {
  g_return_if_fail(GST_IS_RTSP_SERVER(server));
  connect_clients<on_record>(server, "record-request");
}
