// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadapt-server: docs/server.md.
#include <gst/gst.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "common/interruption.h"
#include "common/output.h"
#include "config.h"
#include "metrics.h"
#include "server.h"

using namespace oneadapt;
using namespace oneadapt::server;

namespace {

void declare(CLI::App &app, Options &o, std::string &metrics) {
  app.set_version_flag("--version", "oneadapt-server " VERSION);
  app.add_option("--model", o.model, "TorchScript model, one for all streams")->required();
  app.add_option("--device", o.device, "auto, cpu, cuda or cuda:N")->capture_default_str();
  app.add_option("--classes", o.classes, "Labels of interest, separated by commas (default: all)");
  app.add_flag_callback(
      "--no-accuracy", [&o] { o.measure = false; },
      "Do not measure accuracy for cameras that keep one, which takes one inference in seven more");
  app.add_option("--input-size", o.input_size, "Size of the DNN's input: auto or WIDTHxHEIGHT")->capture_default_str();
  app.add_option("--threads", o.threads,
                 "CPU threads of one inference; streams run side by side. 1 where there are more streams than cores")
      ->capture_default_str()
      ->check(CLI::Range(0, 256));
  app.add_option("--address", o.address, "Address to listen on; 0.0.0.0: all interfaces")->capture_default_str();
  app.add_option("--port", o.port, "TCP port; 0: any")->capture_default_str()->check(CLI::Range(0, 65535));
  app.add_option("--latency", o.latency, "Latency of the jitter buffer, in ms")
      ->capture_default_str()
      ->check(CLI::Range(0, 60000));
  app.add_option("--results", o.results, "Folder for NAME.jsonl, a line for each frame (default: none)")
      ->type_name("DIR");
  app.add_flag("!--no-view", o.view, "Do not serve the annotated streams at /NAME/view");
  app.add_option("--users", o.users, "File of lines user:password; only they may record and play")->type_name("FILE");
  app.add_option("--tls-certificate", o.tls_certificate, "PEM file: serve rtsps://")->type_name("FILE");
  app.add_option("--tls-key", o.tls_key, "PEM file (default: in --tls-certificate)")->type_name("FILE");
  const auto number = [&app](const char *name, unsigned &value, const char *text, unsigned least, unsigned most) {
    app.add_option(name, value, text)->capture_default_str()->check(CLI::Range(least, most));
  };
  constexpr unsigned kMost = 100000, kMostMessage = 1 << 24;
  number("--max-streams", o.max_streams, "Cameras at a time", 1, 10000);
  number("--max-connections", o.max_connections, "Connections at a time; 0: four times --max-streams, and at least 128",
         0, kMost);
  number("--max-connections-per-address", o.max_connections_per_address,
         "Connections at a time from one address; 0: half of --max-connections", 0, kMost);
  number("--max-message-size", o.max_message_size, "Bytes of an RTSP request's body", 1024, kMostMessage);
  number("--session-timeout", o.session_timeout, "Seconds after which a silent client is dropped", 2, 3600);
  app.add_option_function<std::string>(
         "--max-picture",
         [&o](const std::string &text) {
           const std::optional<PictureLimit> limit = PictureLimit::parse(text);
           if (!limit)
             throw CLI::ValidationError("--max-picture",
                                        "wants WIDTHxHEIGHT, each from 16 to 16384, got \"" + text + "\"");
           o.max_picture = *limit;
         },
         "Largest picture that a camera may send, whichever way it is turned")
      ->type_name("WIDTHxHEIGHT")
      ->default_str("1920x1088");
  app.add_option("--metrics", metrics, "File for a line of JSON a second; -: standard output")->type_name("FILE");
}

/// The model is loaded once before anybody comes, so that a wrong one is said at once and the first camera waits for
/// nothing. Kept: elements share it while it lives.
GstElement *load_model(const Options &o) {
  GstElement *dnn = gst_element_factory_make("oneadaptdnn", nullptr);
  if (!dnn) throw ServerError("there is no element oneadaptdnn; is GST_PLUGIN_PATH set?");
  g_object_set(dnn, "model", o.model.c_str(), "device", o.device.c_str(), "classes", o.classes.c_str(), "threads",
               o.threads, nullptr);
  gst_util_set_object_arg(G_OBJECT(dnn), "input-size", o.input_size.c_str());
  GstBus *bus = gst_bus_new();
  gst_element_set_bus(dnn, bus);
  std::string why;
  if (gst_element_set_state(dnn, GST_STATE_PAUSED) == GST_STATE_CHANGE_FAILURE) {
    why = "oneadaptdnn does not start";
    if (GstMessage *m = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR)) {
      GError *error = nullptr;
      gst_message_parse_error(m, &error, nullptr);
      why = error->message;
      g_clear_error(&error);
      gst_message_unref(m);
    }
    gst_element_set_state(dnn, GST_STATE_NULL);
    gst_object_unref(dnn);
    dnn = nullptr;
  }
  if (dnn) gst_element_set_bus(dnn, nullptr);
  gst_object_unref(bus);
  if (!why.empty()) throw ServerError(why);
  return dnn;
}

gboolean quit(gpointer loop) {
  g_main_loop_quit(static_cast<GMainLoop *>(loop));
  return G_SOURCE_REMOVE;
}

struct Ticker {
  Server &server;
  Metrics &metrics;
};

void check_elements(const Options &options) {
  for (const char *name :
       {"rtph264depay", "h264parse", "avdec_h264", "oneadaptdnn", "oneadaptfilter", "oneadaptoverlay"}) {
    GstElementFactory *factory = gst_element_factory_find(name);
    if (!factory && (options.view || std::strcmp(name, "oneadaptoverlay")))
      throw ServerError(std::string("GStreamer has no element ") + name +
                        "; is its package installed, and GST_PLUGIN_PATH set?");
    gst_clear_object(&factory);
  }
}

void serve(const Options &options, const std::string &metrics_path, GMainLoop *loop) {
  check_elements(options);
  if (!options.results.empty()) tools::make_folder(options.results, "--results");
  Metrics metrics(metrics_path);
  GstElement *model = load_model(options);
  {
    Server server(options);
    std::printf("rtsp%s://%s:%u/NAME\n", options.tls_certificate.empty() ? "" : "s", options.address.c_str(),
                server.port());
    std::fflush(stdout);
    Ticker ticker{server, metrics};
    const guint tick = g_timeout_add_seconds(
        1,
        [](gpointer data) -> gboolean {
          auto *t = static_cast<Ticker *>(data);
          t->server.tidy();
          t->metrics.write(t->server.report());
          return G_SOURCE_CONTINUE;
        },
        &ticker);
    g_main_loop_run(loop);
    g_source_remove(tick);
  }
  gst_element_set_state(model, GST_STATE_NULL);
  gst_object_unref(model);
}

/// Cameras take two dozen descriptors each.
void allow_descriptors() {
  constexpr rlim_t kMost = 65536;
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::max(limit.rlim_cur, std::min(limit.rlim_max, kMost));
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char **argv) {
  // Before LibTorch's OpenMP is loaded (with the plugin): threads that spin while they wait take other streams' time.
  setenv("OMP_WAIT_POLICY", "passive", 0);
  allow_descriptors();
  gst_init(nullptr, nullptr);
  CLI::App app{"An RTSP server that cameras record to: one DNN for all, each gets its own gradients back."};
  Options options;
  std::string metrics;
  declare(app, options, metrics);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    return app.exit(error) ? 1 : 0;
  }
  GMainLoop *loop = g_main_loop_new(nullptr, FALSE);
  // A source of the loop's, because the loop may not run yet.
  tools::catch_interrupts([loop] { g_idle_add_full(G_PRIORITY_HIGH, quit, loop, nullptr); });
  try {
    serve(options, metrics, loop);
    g_main_loop_unref(loop);
    return tools::end_of_interrupted("oneadapt-server", "cameras are disconnected, and what was analysed is written");
  } catch (const std::exception &error) {
    std::fprintf(stderr, "oneadapt-server: %s\n", error.what());
    return 1;
  }
}
