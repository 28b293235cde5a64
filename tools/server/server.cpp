// SPDX-License-Identifier: LGPL-2.1-or-later
#include "server.h"

#include <gst/app/gstappsink.h>
#include <gst/video/video-sei.h>

#include <atomic>
#include <set>
#include <utility>

#include "common/output.h"
#include "gstoneadaptrtspserver.h"
#include "rtsp_auth.h"

namespace oneadapt::server {
namespace {

constexpr const char *kView = "/view";
constexpr std::size_t kMostName = 64;
constexpr auto kNeverCame = std::chrono::seconds(10);
/// Room on the disk for the results of a camera that is to be let in, and of one that had to be sent away.
constexpr unsigned kRoom = 4096, kRoomAgain = 32768;

/// NAME of /NAME; empty: there is none, or one with other than letters, digits, '-' and '_'.
std::string camera_name(const GstRTSPUrl *url) {
  const std::string path = url && url->abspath ? url->abspath : "";
  if (path.size() < 2 || path.size() > kMostName + 1 || path[0] != '/') return "";
  const std::string name = path.substr(1);
  for (const char c : name)
    if (!g_ascii_isalnum(c) && c != '-' && c != '_') return "";
  return name;
}

/// Behind the queue to the DNN, whenever that is ready for a frame: when newer ones wait, this one is left out, unless
/// it says where an interval begins or ends. So results are of what is seen now, and gradients go on.
GstPadProbeReturn on_waiting(GstPad *pad, GstPadProbeInfo *info, gpointer counts) {
  GstElement *queue = gst_pad_get_parent_element(pad);
  if (!queue) return GST_PAD_PROBE_OK;
  guint behind = 0;
  g_object_get(queue, "current-level-buffers", &behind, nullptr);
  gst_object_unref(queue);
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  if (!behind || gst_buffer_get_meta(buffer, GST_VIDEO_SEI_USER_DATA_UNREGISTERED_META_API_TYPE))
    return GST_PAD_PROBE_OK;
  ++(*static_cast<std::shared_ptr<Counts> *>(counts))->skipped;
  return GST_PAD_PROBE_DROP;
}

/// The queue overflows: the DNN does not even come to the frames that on_waiting() leaves.
void on_overrun(GstElement *, gpointer counts) { ++(*static_cast<std::shared_ptr<Counts> *>(counts))->skipped; }

/// Gradients on their way to the camera, whichever way they leave the server.
GstPadProbeReturn on_gradient(GstPad *, GstPadProbeInfo *info, gpointer data) {
  Counts &counts = **static_cast<std::shared_ptr<Counts> *>(data);
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
  if (GBytes *message =
          gst_event_is_oneadapt_gradient(event) ? gst_event_get_oneadapt_gradient_message(event) : nullptr) {
    ++counts.messages;
    counts.bytes += g_bytes_get_size(message);
  }
  return GST_PAD_PROBE_OK;
}

void probe(GstElement *bin, const char *name, const char *pad_name, GstPadProbeType type, GstPadProbeCallback callback,
           const std::shared_ptr<Counts> &counts) {
  GstElement *element = gst_bin_get_by_name(GST_BIN(bin), name);
  GstPad *pad = gst_element_get_static_pad(element, pad_name);
  gst_pad_add_probe(pad, type, callback, new std::shared_ptr<Counts>(counts),
                    [](gpointer data) { delete static_cast<std::shared_ptr<Counts> *>(data); });
  gst_object_unref(pad);
  gst_object_unref(element);
}

GstFlowReturn on_seen(GstElement *sink, gpointer show) {
  GstSample *sample = gst_app_sink_pull_sample(GST_APP_SINK(sink));
  if (!sample) return GST_FLOW_EOS;
  (*static_cast<std::shared_ptr<ViewerFanout> *>(show))->push(sample);
  gst_sample_unref(sample);
  return GST_FLOW_OK;
}

template <class T>
void free_shared(gpointer data, GClosure *) {
  delete static_cast<std::shared_ptr<T> *>(data);
}

}  // namespace

/// What gst-rtsp-server calls, mostly from its clients' threads.
struct Handlers {
  struct Named {
    Server *server;
    std::string name;
  };
  static void free_named(gpointer data, GClosure *) { delete static_cast<Named *>(data); }

  static void connected(GstRTSPServer *, GstRTSPClient *client, gpointer self) {
    g_signal_connect(client, "record-request", G_CALLBACK(+[](GstRTSPClient *c, GstRTSPContext *context, gpointer s) {
                       static_cast<Server *>(s)->record(c, context);
                     }),
                     self);
    g_signal_connect(client, "closed",
                     G_CALLBACK(+[](GstRTSPClient *c, gpointer s) { static_cast<Server *>(s)->closed(c); }), self);
    g_signal_connect(client, "new-session", G_CALLBACK(+[](GstRTSPClient *, GstRTSPSession *session, gpointer s) {
                       gst_rtsp_session_set_timeout(session, static_cast<Server *>(s)->options_.session_timeout);
                     }),
                     self);
  }
  static void configure(GstRTSPMediaFactory *, GstRTSPMedia *media, gpointer data) {
    auto *named = static_cast<Named *>(data);
    std::lock_guard<std::recursive_mutex> lock(named->server->mutex_);
    const auto it = named->server->cameras_.find(named->name);
    if (it != named->server->cameras_.end()) named->server->configured(it->second, media);
  }
  static void unprepared(GstRTSPMedia *media, gpointer data) {
    auto *named = static_cast<Named *>(data);
    named->server->gone(named->name, media);
  }
  static void configure_view(GstRTSPMediaFactory *, GstRTSPMedia *media, gpointer data) {
    gst_rtsp_media_set_reusable(media, FALSE);
    GstElement *element = gst_rtsp_media_get_element(media);
    GstElement *source = gst_bin_get_by_name_recurse_up(GST_BIN(element), "view");
    (*static_cast<std::shared_ptr<ViewerFanout> *>(data))->add(source);
    gst_object_unref(source);
    gst_object_unref(element);
  }
};

Server::Server(const Options &options)
    : options_(options), faults_(std::make_shared<Faults>(4 * std::size_t(options.max_streams))) {
  server_ = gst_rtsp_server_new();
  gst_rtsp_server_set_address(server_, options.address.c_str());
  gst_rtsp_server_set_service(server_, std::to_string(options.port).c_str());
  // A thread for each client: who wants to see a camera waits for that one's pictures, which come over RTSP too.
  GstRTSPThreadPool *threads = gst_rtsp_server_get_thread_pool(server_);
  gst_rtsp_thread_pool_set_max_threads(threads, -1);
  g_object_unref(threads);
  mounts_ = gst_rtsp_server_get_mount_points(server_);
  sessions_ = gst_rtsp_server_get_session_pool(server_);
  restrict_access();
  gst_oneadapt_rtsp_server_send_gradients(server_);
  gst_oneadapt_rtsp_server_force_key_units(server_);
  g_signal_connect(server_, "client-connected", G_CALLBACK(Handlers::connected), this);
  gst_rtsp_server_set_content_length_limit(server_, options.max_message_size);
  source_ = gst_rtsp_server_attach(server_, nullptr);
  if (!source_) {
    GError *error = nullptr;
    GSocket *socket = gst_rtsp_server_create_socket(server_, nullptr, &error);  // says why
    const std::string why = error ? error->message : "it cannot be attached";
    g_clear_error(&error);
    g_clear_object(&socket);
    throw ServerError("--address, --port: cannot listen on " + options.address + ":" + std::to_string(options.port) +
                      ": " + why);
  }
}

Server::~Server() {
  if (source_) g_source_remove(source_);
  // Clients have threads of their own, which call us until they have ended.
  gst_rtsp_server_client_filter(
      server_, [](GstRTSPServer *, GstRTSPClient *, gpointer) { return GST_RTSP_FILTER_REMOVE; }, nullptr);
  gst_rtsp_session_pool_filter(
      sessions_, [](GstRTSPSessionPool *, GstRTSPSession *, gpointer) { return GST_RTSP_FILTER_REMOVE; }, nullptr);
  {
    std::lock_guard<std::recursive_mutex> lock(mutex_);
    for (auto &[name, camera] : cameras_) forget(camera);
  }
  g_object_unref(sessions_);
  g_object_unref(mounts_);
  g_object_unref(server_);
  gst_rtsp_thread_pool_cleanup();
}

unsigned Server::port() const { return unsigned(gst_rtsp_server_get_bound_port(server_)); }

void Server::restrict_access() {
  GstRTSPAuth *auth =
      make_rtsp_auth(options_.users, [this](GstRTSPContext *context) { return announce(context->client, context); });
  if (!options_.tls_certificate.empty()) {
    const std::string &key = options_.tls_key.empty() ? options_.tls_certificate : options_.tls_key;
    GError *error = nullptr;
    GTlsCertificate *certificate =
        g_tls_certificate_new_from_files(options_.tls_certificate.c_str(), key.c_str(), &error);
    if (!certificate) {
      const std::string why = error->message;
      g_clear_error(&error);
      g_object_unref(auth);
      throw ServerError("--tls-certificate, --tls-key: " + why);
    }
    gst_rtsp_auth_set_tls_certificate(auth, certificate);
    g_object_unref(certificate);
  }
  gst_rtsp_server_set_auth(server_, auth);
  g_object_unref(auth);
}

std::string Server::camera_launch(const std::string &name) const {
  const auto quoted = [](const std::string &text) {
    std::string out = "\"";
    for (const char c : text) out += (c == '"' || c == '\\' ? std::string("\\") : std::string()) + c;
    return out + "\"";
  };
  std::string dnn = "oneadaptdnn name=dnn model=" + quoted(options_.model) + " device=" + quoted(options_.device) +
                    " classes=" + quoted(options_.classes) + " input-size=" + quoted(options_.input_size) +
                    " threads=" + std::to_string(options_.threads);
  if (!options_.results.empty()) dnn += " append-results=true results-location=" + quoted(results_path(name));
  return "( rtph264depay name=depay0 ! h264parse ! avdec_h264 max-threads=1 ! videoconvert ! "
         "queue name=waiting leaky=downstream max-size-buffers=0 max-size-bytes=67108864 max-size-time=2000000000 ! " +
         dnn + " ! appsink name=seen sync=false async=false emit-signals=true max-buffers=1 drop=true )";
}

std::string Server::results_fault(const std::string &name) const {
  if (options_.results.empty()) return "";
  // It would be sent away with the next line or two.
  const int error = tools::try_output(results_path(name), faults_->lasts(name) ? kRoomAgain : kRoom);
  return error ? tools::cannot_write("--results", results_path(name), error) + "." : "";
}

GstRTSPStatusCode Server::announce(GstRTSPClient *client, GstRTSPContext *context) {
  const std::string name = camera_name(context->uri);
  if (name.empty()) return GST_RTSP_STS_BAD_REQUEST;
  if (const std::string fault = results_fault(name); !fault.empty()) {
    faults_->refused(name, fault);
    return GST_RTSP_STS_SERVICE_UNAVAILABLE;
  }
  std::lock_guard<std::recursive_mutex> lock(mutex_);
  const auto known = cameras_.find(name);
  if (known != cameras_.end() && known->second.media && known->second.client != client)
    return GST_RTSP_STS_METHOD_NOT_VALID_IN_THIS_STATE;  // somebody has it
  std::size_t recording = 0;
  for (const auto &[other, camera] : cameras_) recording += camera.media != nullptr;
  if (recording >= options_.max_streams || cameras_.size() >= 4 * std::size_t(options_.max_streams))
    return GST_RTSP_STS_NOT_ENOUGH_BANDWIDTH;
  Camera &camera = cameras_[name];
  camera.asked = std::chrono::steady_clock::now();
  camera.client = client;
  if (known != cameras_.end()) return GST_RTSP_STS_OK;

  camera.name = name;
  GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
  gst_rtsp_media_factory_set_launch(factory, camera_launch(name).c_str());
  gst_rtsp_media_factory_set_transport_mode(factory, GST_RTSP_TRANSPORT_MODE_RECORD);
  gst_rtsp_media_factory_set_latency(factory, options_.latency);
  protect(factory);
  g_signal_connect_data(factory, "media-configure", G_CALLBACK(Handlers::configure), new Handlers::Named{this, name},
                        Handlers::free_named, GConnectFlags(0));
  gst_rtsp_mount_points_add_factory(mounts_, ("/" + name).c_str(), factory);
  return GST_RTSP_STS_OK;
}

void Server::configured(Camera &camera, GstRTSPMedia *media) {
  GstRTSPClient *const client = camera.client;
  forget(camera);
  camera.client = client;
  camera.media = GST_RTSP_MEDIA(g_object_ref(media));
  camera.began = std::chrono::steady_clock::now();
  watch_errors(media, camera.name, faults_);
  GstElement *element = gst_rtsp_media_get_element(media);
  camera.dnn = gst_bin_get_by_name(GST_BIN(element), "dnn");
  camera.show = std::make_shared<ViewerFanout>();
  camera.counts = std::make_shared<Counts>();
  camera.frames = 0;
  probe(element, "waiting", "src", GST_PAD_PROBE_TYPE_BUFFER, on_waiting, camera.counts);
  probe(element, "depay0", "sink", GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, on_gradient, camera.counts);
  GstElement *queue = gst_bin_get_by_name(GST_BIN(element), "waiting");
  g_signal_connect_data(queue, "overrun", G_CALLBACK(on_overrun), new std::shared_ptr<Counts>(camera.counts),
                        free_shared<Counts>, GConnectFlags(0));
  gst_object_unref(queue);
  GstElement *seen = gst_bin_get_by_name(GST_BIN(element), "seen");
  g_signal_connect_data(seen, "new-sample", G_CALLBACK(on_seen), new std::shared_ptr<ViewerFanout>(camera.show),
                        free_shared<ViewerFanout>, GConnectFlags(0));
  gst_object_unref(seen);
  gst_object_unref(element);
  g_signal_connect_data(media, "unprepared", G_CALLBACK(Handlers::unprepared), new Handlers::Named{this, camera.name},
                        Handlers::free_named, GConnectFlags(0));
  if (options_.view) mount_view(camera);
}

void Server::protect(GstRTSPMediaFactory *factory) const {
  grant_media_access(factory);
  // Over UDP the pictures would go in clear beside the connection that TLS protects.
  gst_rtsp_media_factory_set_protocols(
      factory, options_.tls_certificate.empty() ? GstRTSPLowerTrans(GST_RTSP_LOWER_TRANS_UDP | GST_RTSP_LOWER_TRANS_TCP)
                                                : GST_RTSP_LOWER_TRANS_TCP);
}

void Server::mount_view(const Camera &camera) {
  GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
  gst_rtsp_media_factory_set_launch(
      factory,
      "( appsrc name=view format=time is-live=true do-timestamp=true max-buffers=2 leaky-type=downstream ! queue "
      "max-size-buffers=2 leaky=downstream ! oneadaptoverlay ! videoconvert ! oneadaptfilter qp=28 "
      "speed-preset=ultrafast "
      "interval-marks=off ! h264parse ! rtph264pay name=pay0 pt=96 )");
  gst_rtsp_media_factory_set_shared(factory, TRUE);
  protect(factory);
  g_signal_connect_data(factory, "media-configure", G_CALLBACK(Handlers::configure_view),
                        new std::shared_ptr<ViewerFanout>(camera.show), free_shared<ViewerFanout>, GConnectFlags(0));
  gst_rtsp_mount_points_add_factory(mounts_, ("/" + camera.name + kView).c_str(), factory);
}

void Server::record(GstRTSPClient *client, GstRTSPContext *context) {
  std::lock_guard<std::recursive_mutex> lock(mutex_);
  for (auto &[name, camera] : cameras_) {
    if (!camera.media || camera.media != context->media) continue;
    camera.client = client;
    if (camera.session) g_object_unref(camera.session);
    camera.session = context->session ? GST_RTSP_SESSION(g_object_ref(context->session)) : nullptr;
  }
}

/// A camera whose connection is gone cannot come back to its session: its name is free at once.
void Server::closed(GstRTSPClient *client) {
  std::vector<GstRTSPSession *> over;
  {
    std::lock_guard<std::recursive_mutex> lock(mutex_);
    for (auto &[name, camera] : cameras_) {
      if (camera.client != client) continue;
      camera.client = nullptr;
      if (camera.session)
        over.push_back(std::exchange(camera.session, nullptr));
      else
        forget(camera);  // it was announced and never recorded
    }
  }
  for (GstRTSPSession *session : over) {  // its media is unprepared by that: gone()
    gst_rtsp_session_pool_remove(sessions_, session);
    g_object_unref(session);
  }
}

void Server::gone(const std::string &name, GstRTSPMedia *media) {
  std::lock_guard<std::recursive_mutex> lock(mutex_);
  const auto it = cameras_.find(name);
  if (it != cameras_.end() && it->second.media == media) forget(it->second);
}

void Server::forget(Camera &camera) {
  camera.show->end();
  if (options_.view) gst_rtsp_mount_points_remove_factory(mounts_, ("/" + camera.name + kView).c_str());
  gst_clear_object(&camera.dnn);
  g_clear_object(&camera.media);
  g_clear_object(&camera.session);
  camera.client = nullptr;
}

void Server::tidy() {
  gst_rtsp_session_pool_cleanup(sessions_);
  std::set<GstRTSPClient *> over;
  const std::vector<Faults::Ended> ended = faults_->take_ended();
  {
    std::lock_guard<std::recursive_mutex> lock(mutex_);
    for (const Faults::Ended &session : ended) {  // without this it would go on sending to nobody
      const auto it = cameras_.find(session.name);
      if (it != cameras_.end() && it->second.media == session.media && it->second.client)
        over.insert(it->second.client);
    }
    const auto now = std::chrono::steady_clock::now();
    for (auto it = cameras_.begin(); it != cameras_.end();) {
      Camera &camera = it->second;
      if (camera.session || now - camera.asked < kNeverCame) {
        ++it;
        continue;
      }
      if (camera.client) over.insert(camera.client);  // it keeps a name and does not record
      forget(camera);
      gst_rtsp_mount_points_remove_factory(mounts_, ("/" + it->first).c_str());
      it = cameras_.erase(it);
    }
  }
  if (over.empty()) return;
  gst_rtsp_server_client_filter(
      server_,
      [](GstRTSPServer *, GstRTSPClient *client, gpointer of) {
        return static_cast<std::set<GstRTSPClient *> *>(of)->count(client) ? GST_RTSP_FILTER_REMOVE
                                                                           : GST_RTSP_FILTER_KEEP;
      },
      &over);
}

}  // namespace oneadapt::server
