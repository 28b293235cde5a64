// SPDX-License-Identifier: LGPL-2.1-or-later
// An RTSP server around one launch line, for either end of OneAdapt across a network (docs/network.md). The media is at
// rtsp://ADDRESS:PORT/live. With --record clients send their media into it (rtspclientsink), and it has a depayloader
// named depay0; else they play it (rtspsrc), and it has a payloader named pay0. Public API only.
//
//   c++ -std=c++17 rtsp_server.cpp -o rtsp-server $(pkg-config --cflags --libs gstoneadaptrtspserver-1.0)
//   ./rtsp-server [--record] [--address=ADDRESS] [--port=PORT] [--latency=MS] '( LAUNCH LINE )'
#include <glib-unix.h>
#include <gst/rtsp-server/rtsp-server.h>

#include <csignal>
#include <cstdio>
#include <initializer_list>

#ifdef ONEADAPT_IN_TREE
#include "gstoneadaptrtspserver.h"
#else
#include <gst/oneadapt/gstoneadaptrtspserver.h>
#endif

static gboolean on_interrupt(gpointer loop) {
  g_main_loop_quit(static_cast<GMainLoop *>(loop));
  return G_SOURCE_REMOVE;
}

int main(int argc, char **argv) {
  gboolean record = FALSE;
  gchar *address = nullptr, *port = nullptr;
  gint latency = 200;
  const GOptionEntry options[] = {
      {"record", 0, 0, G_OPTION_ARG_NONE, &record, "Clients send media; default: they play it", nullptr},
      {"address", 0, 0, G_OPTION_ARG_STRING, &address, "Address to listen on (default: 127.0.0.1)", "ADDRESS"},
      {"port", 0, 0, G_OPTION_ARG_STRING, &port, "TCP port (default: 8554)", "PORT"},
      {"latency", 0, 0, G_OPTION_ARG_INT, &latency, "Of the jitter buffer, in ms (default: 200)", "MS"},
      {nullptr, 0, 0, G_OPTION_ARG_NONE, nullptr, nullptr, nullptr}};
  GOptionContext *context = g_option_context_new("'( LAUNCH LINE )'");
  g_option_context_add_main_entries(context, options, nullptr);
  g_option_context_add_group(context, gst_init_get_option_group());
  GError *error = nullptr;
  if (!g_option_context_parse(context, &argc, &argv, &error) || argc != 2) {
    std::fprintf(stderr, "%s\n", error ? error->message : "one launch line is wanted; --help tells more");
    return 2;
  }
  g_option_context_free(context);

  GstRTSPServer *server = gst_rtsp_server_new();
  gst_rtsp_server_set_address(server, address ? address : "127.0.0.1");
  gst_rtsp_server_set_service(server, port ? port : "8554");
  GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
  gst_rtsp_media_factory_set_launch(factory, argv[1]);
  gst_rtsp_media_factory_set_shared(factory, TRUE);  // one camera, whoever looks
  gst_rtsp_media_factory_set_latency(factory, guint(latency));
  if (record) gst_rtsp_media_factory_set_transport_mode(factory, GST_RTSP_TRANSPORT_MODE_RECORD);
  GstRTSPMountPoints *mounts = gst_rtsp_server_get_mount_points(server);
  gst_rtsp_mount_points_add_factory(mounts, "/live", factory);
  g_object_unref(mounts);

  // All that OneAdapt needs of a server that cameras record to, and of one whose clients play.
  gst_oneadapt_rtsp_server_send_gradients(server);
  gst_oneadapt_rtsp_server_force_key_units(server);

  if (!gst_rtsp_server_attach(server, nullptr)) {
    std::fprintf(stderr, "cannot listen on %s:%s\n", address ? address : "127.0.0.1", port ? port : "8554");
    return 1;
  }
  std::printf("rtsp://%s:%d/live\n", address ? address : "127.0.0.1", gst_rtsp_server_get_bound_port(server));
  std::fflush(stdout);
  // Ctrl-C and the like; the same signal once more ends the program at once.
  GMainLoop *loop = g_main_loop_new(nullptr, FALSE);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) g_unix_signal_add(signal, on_interrupt, loop);
  g_main_loop_run(loop);
  gst_rtsp_server_client_filter(
      server, [](GstRTSPServer *, GstRTSPClient *, gpointer) { return GST_RTSP_FILTER_REMOVE; }, nullptr);
  g_object_unref(server);
  g_main_loop_unref(loop);
  std::fprintf(stderr, "interrupted; clients are disconnected\n");
  return 130;
}
