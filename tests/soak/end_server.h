// SPDX-License-Identifier: LGPL-2.1-or-later
// A launch line as the media of an RTSP server, at /live.
#pragma once
#include <gst/gst.h>

#include <functional>
#include <string>
#ifdef HAVE_RTSP_SERVER
#include <gst/rtsp-server/rtsp-server.h>

#include "gstoneadaptrtspserver.h"
#endif

/// In the main loop, for as long as the process lives. `on_media` gets a reference to each media's element. False where
/// it cannot be.
inline bool serve_media(const char *launch, int port, bool record, std::function<void(GstElement *)> on_media) {
#ifdef HAVE_RTSP_SERVER
  GstRTSPServer *server = gst_rtsp_server_new();
  gst_rtsp_server_set_address(server, "127.0.0.1");
  gst_rtsp_server_set_service(server, std::to_string(port).c_str());
  GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
  gst_rtsp_media_factory_set_launch(factory, (std::string("( ") + launch + " )").c_str());
  gst_rtsp_media_factory_set_shared(factory, TRUE);
  gst_rtsp_media_factory_set_latency(factory, 100);
  if (record) gst_rtsp_media_factory_set_transport_mode(factory, GST_RTSP_TRANSPORT_MODE_RECORD);
  using Function = std::function<void(GstElement *)>;
  g_signal_connect(factory, "media-configure",
                   G_CALLBACK(+[](GstRTSPMediaFactory *, GstRTSPMedia *media, gpointer function) {
                     (*static_cast<Function *>(function))(gst_rtsp_media_get_element(media));
                   }),
                   new Function(std::move(on_media)));
  GstRTSPMountPoints *mounts = gst_rtsp_server_get_mount_points(server);
  gst_rtsp_mount_points_add_factory(mounts, "/live", factory);
  g_object_unref(mounts);
  gst_oneadapt_rtsp_server_send_gradients(server);
  gst_oneadapt_rtsp_server_force_key_units(server);
  return gst_rtsp_server_attach(server, nullptr) != 0;
#else
  return false;
#endif
}
