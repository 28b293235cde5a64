// SPDX-License-Identifier: LGPL-2.1-or-later
// rtspclientsink throws away RTCP that comes over its TCP connection, but answers requests: so there gradients go as
// SET_PARAMETER. Over UDP the DNN element's own RTCP does it.
#include "gstoneadaptrtspserver.h"

#include <string>

namespace {

/// Of one stream of one recording client.
struct Route {
  GWeakRef client;
  GstRTSPSession *session;
  std::string uri;

  Route(GstRTSPClient *c, GstRTSPSession *s, std::string u)
      : session(GST_RTSP_SESSION(g_object_ref(s))), uri(std::move(u)) {
    g_weak_ref_init(&client, c);
  }
  ~Route() {
    g_weak_ref_clear(&client);
    g_object_unref(session);
  }
};

GstRTSPMessage set_parameter(const std::string &uri, GBytes *gradient) {
  gsize size = 0;
  const auto *data = static_cast<const guchar *>(g_bytes_get_data(gradient, &size));
  gchar *text = g_base64_encode(data, size);
  const std::string body = "oneadapt-gradient: " + std::string(text) + "\r\n";
  g_free(text);
  GstRTSPMessage message = {};
  gst_rtsp_message_init_request(&message, GST_RTSP_SET_PARAMETER, uri.c_str());
  gst_rtsp_message_add_header(&message, GST_RTSP_HDR_CONTENT_TYPE, "text/parameters");
  gst_rtsp_message_set_body(&message, reinterpret_cast<const guint8 *>(body.data()), guint(body.size()));
  return message;
}

GstPadProbeReturn on_gradient(GstPad *, GstPadProbeInfo *info, gpointer user_data) {
  auto *route = static_cast<Route *>(user_data);
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
  if (!gst_event_is_oneadapt_gradient(event)) return GST_PAD_PROBE_OK;
  auto *client = static_cast<GstRTSPClient *>(g_weak_ref_get(&route->client));
  if (!client) return GST_PAD_PROBE_REMOVE;
  if (GBytes *gradient = gst_event_get_oneadapt_gradient_message(event)) {
    GstRTSPMessage message = set_parameter(route->uri, gradient);
    gst_rtsp_client_send_message(client, route->session, &message);
    gst_rtsp_message_unset(&message);
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
      const gulong probe = gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, on_gradient,
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

}  // namespace

/**
 * gst_oneadapt_rtsp_server_send_gradients:
 * @server: a server whose media, recorded by clients, go to an oneadaptdnn
 *
 * Has @server send each gradient back to the client whose pictures it is about, when that records over TCP
 * (interleaved). Nothing is needed for UDP, nor for clients that play. Call it before clients connect.
 */
void gst_oneadapt_rtsp_server_send_gradients(GstRTSPServer *server) {
  g_return_if_fail(GST_IS_RTSP_SERVER(server));
  g_signal_connect(server, "client-connected", G_CALLBACK(+[](GstRTSPServer *, GstRTSPClient *client, gpointer) {
                     g_signal_connect(client, "record-request", G_CALLBACK(on_record), nullptr);
                   }),
                   nullptr);
}
