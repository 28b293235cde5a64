// SPDX-License-Identifier: LGPL-2.1-or-later
// Many cameras, one model: an RTSP server that cameras record to, and that shows what the DNN saw.
#pragma once
#include <gst/rtsp-server/rtsp-server.h>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "faults.h"
#include "gate.h"
#include "picture_limit.h"

namespace oneadapt::server {

/// What cannot be done, in one sentence that names the option and the remedy.
class ServerError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Options {
  std::string model, device = "auto", classes, input_size = "auto";
  bool measure = true;   ///< accuracy, for cameras that keep one; needs element oneadaptshadow
  unsigned threads = 2;  ///< of one inference; with one, LibTorch leaves oneDNN out (docs/results/server.md)
  std::string address = "127.0.0.1";
  unsigned port = 8554;  ///< 0: any
  unsigned latency = 200;
  std::string results;  ///< folder for NAME.jsonl; empty: none
  bool view = true;
  std::string users;  ///< file of lines user:password; empty: everybody
  std::string tls_certificate, tls_key;
  unsigned max_streams = 16;
  unsigned max_connections = 0;              ///< 0: some more than streams
  unsigned max_connections_per_address = 0;  ///< 0: half of all
  PictureLimit max_picture;
  unsigned max_message_size = 65536;  ///< bytes of an RTSP request's body
  unsigned session_timeout = 20;      ///< seconds
};

/// A camera's pictures on their way from its DNN to who looks at them. Thread-safe.
class ViewerFanout : public std::enable_shared_from_this<ViewerFanout> {
 public:
  /// From the DNN's appsink.
  void push(GstSample *sample);
  /// The media of somebody who looks, with an appsrc "view".
  void add(GstRTSPMedia *media);
  /// For all of them, and for who comes yet. Who still waits for the first picture is let go with an error.
  void end();

 private:
  struct Viewer {
    GstElement *appsrc;  ///< a reference
    bool prepared = false;
  };
  static void on_prepared(GstRTSPMedia *media, gpointer self);
  static void end(const Viewer &viewer);

  std::mutex mutex_;
  std::vector<Viewer> viewers_;
  bool ended_ = false;
};

/// What the streaming threads count.
struct Counts {
  std::atomic<guint64> messages{0}, bytes{0};
};

/// One camera. Main thread, but for `show`.
struct Camera {
  std::string name;
  GstRTSPMedia *media = nullptr;      ///< while it records; a reference
  GstElement *dnn = nullptr;          ///< a reference
  GstRTSPClient *client = nullptr;    ///< not a reference: to recognise it
  GstRTSPSession *session = nullptr;  ///< a reference
  std::shared_ptr<ViewerFanout> show = std::make_shared<ViewerFanout>();
  guint64 frames = 0;  ///< at the last report
  std::shared_ptr<Counts> counts = std::make_shared<Counts>();
  std::chrono::steady_clock::time_point asked;  ///< when it was announced last
  std::chrono::steady_clock::time_point began;  ///< when `media` was made
};

/// The main context's thread only.
class Server {
 public:
  /// Listens. Throws ServerError.
  explicit Server(const Options &options);
  ~Server();
  Server(const Server &) = delete;
  Server &operator=(const Server &) = delete;

  unsigned port() const { return port_; }
  /// One line of JSON: since the last call (docs/server.md).
  std::string report();
  /// Tears down who is gone or cannot go on, forgets who never came.
  void tidy();

 private:
  friend struct Handlers;
  void listen();
  void protect(GstRTSPMediaFactory *factory) const;
  /// Makes room for a camera, or says why not.
  GstRTSPStatusCode announce(GstRTSPClient *client, GstRTSPContext *context);
  GstRTSPStatusCode make_room(const std::string &name, GstRTSPClient *client);
  void give_up(Camera &camera);
  void give_memory_back();
  /// Whether a camera may set up what it has announced.
  GstRTSPStatusCode set_up(GstRTSPClient *client, GstRTSPContext *context);
  void record(GstRTSPClient *client, GstRTSPContext *context);
  void closed(GstRTSPClient *client);
  void configured(Camera &camera, GstRTSPMedia *media);
  void gone(const std::string &name, GstRTSPMedia *media);
  void mount_view(const Camera &camera);
  void forget(Camera &camera);
  /// Why results of the camera could not be written; empty: they can.
  std::string results_fault(const std::string &name) const;
  std::string results_path(const std::string &name) const { return options_.results + "/" + name + ".jsonl"; }
  std::string camera_launch(const std::string &name) const;

  Options options_;
  GstRTSPServer *server_ = nullptr;
  GstRTSPMountPoints *mounts_ = nullptr;
  GstRTSPSessionPool *sessions_ = nullptr;
  std::unique_ptr<Gate> gate_;
  unsigned port_ = 0;
  unsigned trims_ = 0;          ///< how often memory is to be given back to the system, under mutex_
  std::recursive_mutex mutex_;  // gst-rtsp-server calls from its clients' threads
  std::map<std::string, Camera> cameras_;
  std::shared_ptr<Faults> faults_;
  std::chrono::steady_clock::time_point reported_ = std::chrono::steady_clock::now();
};

}  // namespace oneadapt::server
