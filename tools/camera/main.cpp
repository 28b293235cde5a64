// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadapt-camera: docs/server.md.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "camera.h"
#include "common/interruption.h"
#include "config.h"

using namespace oneadapt::camera;

int main(int argc, char **argv) {
  gst_init(nullptr, nullptr);
  CLI::App app{
      "Sends a clip or a camera to an RTSP server such as oneadapt-server, and adapts to the gradients that come "
      "back."};
  Options o;
  app.set_version_flag("--version", "oneadapt-camera " VERSION);
  app.add_option("SOURCE", o.source, "A clip, /dev/video0, or \"test\"")->required();
  app.add_option("LOCATION", o.location, "rtsp://HOST:PORT/NAME or rtsps://…")->required();
  app.add_option(
         "--min-accuracy", o.min_accuracy,
         "Accuracy to keep as cheaply as possible, which the server measures (default: 0.9; with --lambda: none)")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--lambda", o.lambda, "Instead: what bandwidth is worth against accuracy")
      ->check(CLI::Range(0.0, 1e6));
  app.add_option("--knobs", o.knobs,
                 "What is adapted, separated by commas (default: qp-map, a QP a macroblock; with --lambda qp)");
  app.add_option("--max-bitrate", o.max_bitrate, "Most bits a second (0: any number)");
  app.add_option("--fps", o.fps, "Frames a second (default: the source's own)")->check(CLI::Range(0.1, 1000.0));
  app.add_option("--protocols", o.protocols, "udp or tcp")->capture_default_str()->check(CLI::IsMember({"udp", "tcp"}));
  app.add_option("--user", o.user, "User name, for servers that ask for one");
  app.add_option("--password", o.password,
                 "Password, for servers that ask for one; or set the environment variable ONEADAPT_PASSWORD")
      ->envname("ONEADAPT_PASSWORD");
  app.add_option("--tls-ca", o.tls_ca, "PEM file with the certificates to trust (default: the system's)")
      ->type_name("FILE");
  app.add_option("--latency", o.latency, "Latency of the RTP session, in ms")->capture_default_str();
  app.add_flag("--loop", o.loop, "Send the clip again and again");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    return app.exit(error) ? 1 : 0;
  }
  if (o.source != "test" && !std::filesystem::exists(o.source)) {
    std::fprintf(stderr, "oneadapt-camera: there is no clip or device \"%s\"\n", o.source.c_str());
    return 1;
  }
  if (o.location.rfind("rtsp://", 0) && o.location.rfind("rtsps://", 0)) {
    std::fprintf(stderr, "oneadapt-camera: LOCATION must begin with rtsp:// or rtsps://, it is \"%s\"\n",
                 o.location.c_str());
    return 1;
  }
  try {
    Camera camera(o);
    // A source of the camera's loop, because that may not run yet.
    oneadapt::tools::catch_interrupts([&camera] {
      g_idle_add_full(
          G_PRIORITY_HIGH,
          [](gpointer c) -> gboolean {
            static_cast<Camera *>(c)->quit();
            return G_SOURCE_REMOVE;
          },
          &camera, nullptr);
    });
    camera.run();
    if (!oneadapt::tools::interrupted()) return 0;
    return oneadapt::tools::end_of_interrupted("oneadapt-camera", "the server has been told");
  } catch (const std::exception &error) {
    std::fprintf(stderr, "oneadapt-camera: %s\n", error.what());
    return 1;
  }
}
