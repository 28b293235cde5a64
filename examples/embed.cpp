// SPDX-License-Identifier: LGPL-2.1-or-later
// OneAdapt inside an application: builds the pipeline, listens to the controller's decisions, and changes lambda while
// it runs. Public API only.
//
//   c++ -std=c++17 embed.cpp -o embed $(pkg-config --cflags --libs gstreamer-1.0)
//   ./embed CLIP MODEL.pt CLASSES
#include <glib-unix.h>
#include <gst/gst.h>

#include <csignal>
#include <cstdio>
#include <initializer_list>
#include <string>

struct Application {
  GMainLoop *loop;
  GstElement *pipeline;
  int status = 0;  // the program's
};

// Ctrl-C and the like: the stream ends as it does at the clip's end, so that elements finish what they write. GLib
// takes its handler away with the source: the same signal once more ends the program at once.
static gboolean on_interrupt(gpointer data) {
  auto *application = static_cast<Application *>(data);
  std::fprintf(stderr, "interrupted; the stream is ended\n");
  application->status = 130;
  gst_element_send_event(application->pipeline, gst_event_new_eos());
  return G_SOURCE_REMOVE;
}

static gboolean on_message(GstBus *, GstMessage *message, gpointer data) {
  auto *application = static_cast<Application *>(data);
  switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_ELEMENT: {
      const GstStructure *s = gst_message_get_structure(message);
      if (!gst_structure_has_name(s, "oneadapt-decision")) break;
      guint64 interval = 0, bytes = 0;
      double lambda = 0;
      gst_structure_get_uint64(s, "interval", &interval);
      gst_structure_get_uint64(s, "bytes", &bytes);
      gst_structure_get_double(s, "lambda", &lambda);
      std::printf("interval %3" G_GUINT64_FORMAT "  lambda %g  %7.1f kbit/s ", interval, lambda,
                  double(bytes) * 8 / 1000);
      const GValue *knobs = gst_structure_get_value(s, "knobs");
      for (guint i = 0; i < gst_value_list_get_size(knobs); ++i) {
        const GstStructure *k = gst_value_get_structure(gst_value_list_get_value(knobs, i));
        double value = 0, next = 0;
        gst_structure_get_double(k, "value", &value);
        gst_structure_get_double(k, "next", &next);
        std::printf("  %s %g -> %g", gst_structure_get_string(k, "name"), value, next);
      }
      std::printf("\n");
      std::fflush(stdout);
      // Accuracy is worth more from the fifth interval on: lambda may change at any time, from any thread.
      if (interval == 4) g_object_set(GST_MESSAGE_SRC(message), "lambda", 0.1, nullptr);
      break;
    }
    case GST_MESSAGE_ERROR: {
      GError *error = nullptr;
      gst_message_parse_error(message, &error, nullptr);
      std::fprintf(stderr, "%s: %s\n", GST_OBJECT_NAME(GST_MESSAGE_SRC(message)), error->message);
      g_clear_error(&error);
      application->status = 1;
      g_main_loop_quit(application->loop);
      break;
    }
    case GST_MESSAGE_EOS:
      std::printf("end of the clip\n");
      g_main_loop_quit(application->loop);
      break;
    default:
      break;
  }
  return G_SOURCE_CONTINUE;
}

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s CLIP MODEL.pt CLASSES\n", argv[0]);
    return 2;
  }
  GError *error = nullptr;
  GstElement *pipeline = gst_parse_launch(
      "filesrc name=source ! decodebin ! videoconvert ! oneadaptctl name=ctl lockstep=true ! oneadaptfilter ! "
      "h264parse ! "
      "avdec_h264 max-threads=1 ! videoconvert ! oneadaptdnn name=dnn ! fakesink sync=false",
      &error);
  if (!pipeline) {
    std::fprintf(stderr, "%s\n", error->message);
    g_clear_error(&error);
    return 1;
  }
  GstElement *source = gst_bin_get_by_name(GST_BIN(pipeline), "source");
  GstElement *dnn = gst_bin_get_by_name(GST_BIN(pipeline), "dnn");
  g_object_set(source, "location", argv[1], nullptr);
  g_object_set(dnn, "model", argv[2], "classes", argv[3], nullptr);
  gst_object_unref(source);
  gst_object_unref(dnn);

  Application application{g_main_loop_new(nullptr, FALSE), pipeline};
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) g_unix_signal_add(signal, on_interrupt, &application);
  GstBus *bus = gst_element_get_bus(pipeline);
  const guint watch = gst_bus_add_watch(bus, on_message, &application);
  gst_object_unref(bus);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  g_main_loop_run(application.loop);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  g_source_remove(watch);
  g_main_loop_unref(application.loop);
  gst_object_unref(pipeline);
  return application.status;
}
