// SPDX-License-Identifier: LGPL-2.1-or-later
// One end of OneAdapt across a network, for programs that start, watch and kill it: runs a launch line, by itself or as
// the media of an RTSP server, and says on standard output, one JSON object a line, what happens in it.
//   {"decision": {...}}       of an element called ctl, each once, as soon as it is seen
//   {"packets": [...]}        that passed an element called wire: RTP time, bytes, key frame, microseconds
//   {"stats": {"ctl": {...}, "filter": {...}, "dnn": {...}}}   of those that are there; each second, and at the end
//   {"error": "..."}          before it exits with 1
// SIGTERM and SIGINT end it in order.
#include <glib-unix.h>
#include <gst/rtp/gstrtpbuffer.h>

#include <cstdio>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>

#include "end_server.h"

using nlohmann::json;

namespace {

json to_json(const GstStructure *s);

json to_json(const GValue *v) {
  if (GST_VALUE_HOLDS_STRUCTURE(v)) return to_json(gst_value_get_structure(v));
  if (GST_VALUE_HOLDS_LIST(v)) {
    json list = json::array();
    for (guint i = 0; i < gst_value_list_get_size(v); ++i) list.push_back(to_json(gst_value_list_get_value(v, i)));
    return list;
  }
  if (G_VALUE_HOLDS_BOOLEAN(v)) return bool(g_value_get_boolean(v));
  if (G_VALUE_HOLDS_UINT64(v)) return g_value_get_uint64(v);
  if (G_VALUE_HOLDS_STRING(v)) return g_value_get_string(v) ? g_value_get_string(v) : "";
  GValue number = G_VALUE_INIT;
  g_value_init(&number, G_TYPE_DOUBLE);
  if (g_value_transform(v, &number)) return g_value_get_double(&number);
  return nullptr;
}

json to_json(const GstStructure *s) {
  json object = json::object();
  for (int i = 0; s && i < gst_structure_n_fields(s); ++i) {
    const gchar *name = gst_structure_nth_field_name(s, guint(i));
    object[name] = to_json(gst_structure_get_value(s, name));
  }
  return object;
}

void say(const json &line) {
  static std::mutex mutex;
  std::lock_guard<std::mutex> lock(mutex);
  std::printf("%s\n", line.dump(-1, ' ', false, json::error_handler_t::replace).c_str());
  std::fflush(stdout);
}

struct End {
  GMainLoop *loop = g_main_loop_new(nullptr, FALSE);
  GstElement *bin = nullptr;  // the pipeline, or the server's media once that is there
  std::mutex mutex;
  json packets = json::array();  // under mutex, and so is bin
  guint64 decided = G_MAXUINT64;
  unsigned ticks = 0;
  int status = 0;
};

json stats_of(GstElement *bin, const char *name) {
  GstElement *e = gst_bin_get_by_name(GST_BIN(bin), name);
  if (!e) return nullptr;
  GstStructure *s = nullptr;
  g_object_get(e, "stats", &s, nullptr);
  json out = to_json(s);
  if (s) gst_structure_free(s);
  gst_object_unref(e);
  return out;
}

void note(End &end, GstBuffer *buffer) {
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  if (!gst_rtp_buffer_map(buffer, GST_MAP_READ, &rtp)) return;
  const json packet = {gst_rtp_buffer_get_timestamp(&rtp), gst_buffer_get_size(buffer),
                       !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT), g_get_monotonic_time()};
  gst_rtp_buffer_unmap(&rtp);
  std::lock_guard<std::mutex> lock(end.mutex);
  end.packets.push_back(packet);
}

GstPadProbeReturn on_packet(GstPad *, GstPadProbeInfo *info, gpointer data) {
  auto &end = *static_cast<End *>(data);
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
    note(end, GST_PAD_PROBE_INFO_BUFFER(info));
  } else {
    GstBufferList *list = GST_PAD_PROBE_INFO_BUFFER_LIST(info);
    for (guint i = 0; i < gst_buffer_list_length(list); ++i) note(end, gst_buffer_list_get(list, i));
  }
  return GST_PAD_PROBE_OK;
}

/// Takes the reference.
void take(End &end, GstElement *bin) {
  if (GstElement *wire = gst_bin_get_by_name(GST_BIN(bin), "wire")) {
    GstPad *pad = gst_element_get_static_pad(wire, "src");
    gst_pad_add_probe(pad, GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST), on_packet, &end,
                      nullptr);
    gst_object_unref(pad);
    gst_object_unref(wire);
  }
  std::lock_guard<std::mutex> lock(end.mutex);
  gst_clear_object(&end.bin);
  end.bin = bin;
}

void look(End &end, bool whole) {
  GstElement *bin = nullptr;
  json packets = json::array();
  {
    std::lock_guard<std::mutex> lock(end.mutex);
    if (end.bin) bin = GST_ELEMENT(gst_object_ref(end.bin));
    packets.swap(end.packets);
  }
  if (!bin) return;
  if (!packets.empty()) say({{"packets", packets}});
  json ctl = stats_of(bin, "ctl");
  if (ctl.contains("last-decision")) {
    const guint64 interval = ctl["last-decision"]["interval"];
    if (interval != end.decided) say({{"decision", ctl["last-decision"]}, {"t", g_get_monotonic_time()}});
    end.decided = interval;
    ctl.erase("last-decision");
  }
  if (whole)
    say({{"stats", {{"ctl", ctl}, {"filter", stats_of(bin, "filter")}, {"dnn", stats_of(bin, "dnn")}}},
         {"t", g_get_monotonic_time()}});
  gst_object_unref(bin);
}

gboolean on_message(GstBus *, GstMessage *message, gpointer data) {
  auto &end = *static_cast<End *>(data);
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
    GError *error = nullptr;
    gst_message_parse_error(message, &error, nullptr);
    say({{"error", error->message}});
    g_clear_error(&error);
    end.status = 1;
  } else if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_EOS) {
    return G_SOURCE_CONTINUE;
  }
  g_main_loop_quit(end.loop);
  return G_SOURCE_CONTINUE;
}

gboolean on_tick(gpointer data) {
  auto &end = *static_cast<End *>(data);
  look(end, ++end.ticks % 20 == 0);
  return G_SOURCE_CONTINUE;
}

gboolean on_signal(gpointer data) {
  g_main_loop_quit(static_cast<End *>(data)->loop);
  return G_SOURCE_CONTINUE;
}

}  // namespace

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  End end;
  gint serve = 0, record = 0;
  const GOptionEntry options[] = {
      {"serve", 0, 0, G_OPTION_ARG_INT, &serve, "Clients play the line's media from this port, at /live", "PORT"},
      {"record", 0, 0, G_OPTION_ARG_INT, &record, "Clients send the line its media, to this port, at /live", "PORT"},
      {nullptr, 0, 0, G_OPTION_ARG_NONE, nullptr, nullptr, nullptr}};
  GOptionContext *context = g_option_context_new("'LAUNCH LINE'");
  g_option_context_add_main_entries(context, options, nullptr);
  if (!g_option_context_parse(context, &argc, &argv, nullptr) || argc != 2) return 2;
  g_option_context_free(context);
  g_unix_signal_add(SIGTERM, on_signal, &end);
  g_unix_signal_add(SIGINT, on_signal, &end);
  g_timeout_add(50, on_tick, &end);
  GstElement *pipeline = nullptr;
  if (serve || record) {
    if (!serve_media(argv[1], serve ? serve : record, record, [&](GstElement *media) { take(end, media); })) {
      say({{"error", "no RTSP server on that port, or none was built"}});
      return 1;
    }
  } else {
    GError *error = nullptr;
    pipeline = gst_parse_launch(argv[1], &error);
    if (!pipeline || error) {
      say({{"error", error->message}});
      return 1;
    }
    GstBus *bus = gst_element_get_bus(pipeline);
    gst_bus_add_watch(bus, on_message, &end);
    gst_object_unref(bus);
    take(end, GST_ELEMENT(gst_object_ref(pipeline)));
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
  }
  g_main_loop_run(end.loop);
  look(end, true);
  if (pipeline) gst_element_set_state(pipeline, GST_STATE_NULL);
  return end.status;
}
