// SPDX-License-Identifier: LGPL-2.1-or-later
// A camera that records to an RTSP server, adapts, and comes back when the server does.
#pragma once
#include <gst/gst.h>

#include <map>
#include <optional>
#include <stdexcept>
#include <string>

namespace oneadapt::camera {

class CameraError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Options {
  std::string source, location;  ///< clip, "test" or /dev/video…; rtsp://…
  std::string protocols = "tcp", user, password, tls_ca;
  std::string knobs;                           ///< empty: `qp-map` where an accuracy is kept, else `qp`
  std::optional<double> lambda, min_accuracy;  ///< neither: the usual accuracy is kept
  unsigned long max_bitrate = 0;               ///< bit/s
  double fps = 0;                              ///< 0: the source's own
  bool loop = false;
  unsigned latency = 100;
};

/// Main thread only.
class Camera {
 public:
  explicit Camera(const Options &options) : options_(options) {}
  ~Camera() { stop(); }
  Camera(const Camera &) = delete;
  Camera &operator=(const Camera &) = delete;

  /// Sends until the source ends (0), `quit` is called (0), or something other than the server fails: CameraError.
  void run();
  void quit();

 private:
  void start();
  void stop();
  void again(const std::string &why);
  gboolean message(GstMessage *message);
  void failed(GstMessage *message, bool from_sink);
  void warned(GstMessage *message);
  void report();
  /// Where the knobs stand, for the next connection.
  void remember();
  bool adapted(const std::string &knob) const;

  Options options_;
  GMainLoop *loop_ = nullptr;
  GstElement *pipeline_ = nullptr;
  GstElement *sink_ = nullptr, *ctl_ = nullptr, *filter_ = nullptr;  ///< the pipeline's
  guint watch_ = 0, restart_ = 0;
  guint64 bytes_ = 0, gradients_ = 0;
  unsigned back_off_ = 0;  ///< ms
  std::map<std::string, double> knobs_;
  std::string failure_;
};

}  // namespace oneadapt::camera
