// SPDX-License-Identifier: LGPL-2.1-or-later
#include "server.h"

#include <gst/app/gstappsink.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <algorithm>
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
/// A camera that was announced records within milliseconds; after this long, others may have its place.
constexpr auto kDawdles = std::chrono::seconds(1);
constexpr auto kMostEnding = std::chrono::seconds(5);  // for all connections
constexpr gulong kPoll = 5000;                         // µs
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

template <class T>
void probe(GstElement *bin, const char *name, const char *pad_name, GstPadProbeType type, GstPadProbeCallback callback,
           const std::shared_ptr<T> &data) {
  GstElement *element = gst_bin_get_by_name(GST_BIN(bin), name);
  GstPad *pad = gst_element_get_static_pad(element, pad_name);
  gst_pad_add_probe(pad, type, callback, new std::shared_ptr<T>(data),
                    [](gpointer shared) { delete static_cast<std::shared_ptr<T> *>(shared); });
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

/// Whether the media comes over the connection of the requests.
bool is_interleaved(GstRTSPContext *context) {
  GstRTSPStreamTransport *transport =
      context->sessmedia ? gst_rtsp_session_media_get_transport(context->sessmedia, 0) : nullptr;
  const GstRTSPTransport *t = transport ? gst_rtsp_stream_transport_get_transport(transport) : nullptr;
  return t && t->lower_transport == GST_RTSP_LOWER_TRANS_TCP;
}

/// Sets `comes` with each packet.
void note_media(GstRTSPMedia *media, const std::shared_ptr<std::atomic<bool>> &comes) {
  if (!comes) return;
  GstElement *element = gst_rtsp_media_get_element(media);
  probe(
      element, "depay0", "sink", GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST),
      [](GstPad *, GstPadProbeInfo *, gpointer data) {
        **static_cast<std::shared_ptr<std::atomic<bool>> *>(data) = true;
        return GST_PAD_PROBE_OK;
      },
      comes);
  gst_object_unref(element);
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
    g_signal_connect(client, "pre-setup-request",
                     G_CALLBACK(+[](GstRTSPClient *c, GstRTSPContext *context, gpointer s) -> GstRTSPStatusCode {
                       return static_cast<Server *>(s)->set_up(c, context);
                     }),
                     self);
    g_signal_connect(client, "record-request", G_CALLBACK(+[](GstRTSPClient *c, GstRTSPContext *context, gpointer s) {
                       static_cast<Server *>(s)->record(c, context);
                     }),
                     self);
    g_signal_connect(client, "closed",
                     G_CALLBACK(+[](GstRTSPClient *c, gpointer s) { static_cast<Server *>(s)->closed(c); }), self);
    g_signal_connect(client, "new-session", G_CALLBACK(+[](GstRTSPClient *c, GstRTSPSession *session, gpointer s) {
                       own_session(session, c);
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
    (*static_cast<std::shared_ptr<ViewerFanout> *>(data))->add(media);
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
  gst_oneadapt_rtsp_server_send_gradients(server_);
  gst_oneadapt_rtsp_server_force_key_units(server_);
  g_signal_connect(server_, "client-connected", G_CALLBACK(Handlers::connected), this);
  gst_rtsp_server_set_content_length_limit(server_, options.max_message_size);
  constexpr int kBacklog = 512;  // who finds it full tries again after a second
  gst_rtsp_server_set_backlog(server_, kBacklog);
  GstRTSPAuth *auth =
      make_rtsp_auth(options_.users, {[this](GstRTSPClient *client) { gate_->heard(client); },
                                      [this](GstRTSPClient *client) { return gate_->refused(client); },
                                      [this](GstRTSPContext *context) { return announce(context->client, context); }});
  gst_rtsp_server_set_auth(server_, auth);
  g_object_unref(auth);
  listen();
}

void Server::listen() {
  GError *error = nullptr;
  GSocket *socket = gst_rtsp_server_create_socket(server_, nullptr, &error);
  if (!socket) {
    const std::string why = error->message;
    g_clear_error(&error);
    throw ServerError("--address, --port: cannot listen on " + options_.address + ":" + std::to_string(options_.port) +
                      ": " + why);
  }
  GSocketAddress *local = g_socket_get_local_address(socket, nullptr);
  port_ = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(local));
  g_object_unref(local);
  constexpr unsigned kLeast = 128, kAStream = 4, kOfOneAddress = 2;
  GateLimits limits;
  limits.connections =
      options_.max_connections ? options_.max_connections : std::max(kLeast, kAStream * options_.max_streams);
  limits.per_address = options_.max_connections_per_address ? options_.max_connections_per_address
                                                            : std::max(1u, limits.connections / kOfOneAddress);
  limits.request = 2 * std::size_t(options_.max_message_size);
  limits.silence = std::chrono::seconds(options_.session_timeout);
  GTlsCertificate *certificate = nullptr;
  try {
    if (!options_.tls_certificate.empty()) certificate = load_certificate(options_.tls_certificate, options_.tls_key);
  } catch (const ServerError &) {
    g_object_unref(socket);
    throw;
  }
  gate_ = std::make_unique<Gate>(server_, socket, certificate, limits);
  g_clear_object(&certificate);
  g_object_unref(socket);
}

Server::~Server() {
  {
    std::lock_guard<std::recursive_mutex> lock(mutex_);
    for (auto &[name, camera] : cameras_) camera.show->end();
  }
  // Clients have threads of their own, which call us until they have ended. Their sources are in those threads'
  // contexts; this one's has what was on its way here.
  gate_->close();
  const auto end = std::chrono::steady_clock::now() + kMostEnding;
  while (!gate_->empty() && std::chrono::steady_clock::now() < end) {
    while (g_main_context_iteration(nullptr, FALSE)) {
    }
    g_usleep(kPoll);
  }
  gst_rtsp_session_pool_filter(
      sessions_, [](GstRTSPSessionPool *, GstRTSPSession *, gpointer) { return GST_RTSP_FILTER_REMOVE; }, nullptr);
  {
    std::lock_guard<std::recursive_mutex> lock(mutex_);
    for (auto &[name, camera] : cameras_) forget(camera);
  }
  g_object_unref(sessions_);
  g_object_unref(mounts_);
  gst_rtsp_thread_pool_cleanup();
  gate_.reset();
  g_object_unref(server_);
}

/// What a camera's pictures took stays with the allocator otherwise.
void Server::give_memory_back() {
  {
    std::lock_guard<std::recursive_mutex> lock(mutex_);
    if (!trims_) return;
    --trims_;
  }
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

static bool has_element(const char *name) {
  GstElementFactory *factory = gst_element_factory_find(name);
  if (!factory) return false;
  gst_object_unref(factory);
  return true;
}

std::string Server::camera_launch(const std::string &name) const {
  const auto quoted = [](const std::string &text) {
    std::string out = "\"";
    for (const char c : text) out += (c == '"' || c == '\\' ? std::string("\\") : std::string()) + c;
    return out + "\"";
  };
  std::string dnn = "oneadaptdnn name=dnn model=" + quoted(options_.model) + " device=" + quoted(options_.device) +
                    " classes=" + quoted(options_.classes) + " input-size=" + quoted(options_.input_size) +
                    " keep-up=on threads=" + std::to_string(options_.threads);
  if (!options_.results.empty()) dnn += " append-results=true results-location=" + quoted(results_path(name));
  const std::string shadow = options_.measure && has_element("oneadaptshadow") ? "oneadaptshadow ! " : "";
  return "( rtph264depay name=depay0 ! h264parse name=parse ! avdec_h264 max-threads=1 ! " + shadow +
         "videoconvert ! " + dnn +
         " ! appsink name=seen sync=false async=false emit-signals=true max-buffers=1 drop=true )";
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
  if (const std::string fault = announced_fault(context->request, options_.max_picture); !fault.empty()) {
    faults_->refused(name, fault);
    return GST_RTSP_STS_NOT_ACCEPTABLE;
  }
  if (Gate::is_short_of_descriptors()) return GST_RTSP_STS_SERVICE_UNAVAILABLE;
  std::lock_guard<std::recursive_mutex> lock(mutex_);
  if (const GstRTSPStatusCode code = make_room(name, client); code != GST_RTSP_STS_OK) return code;
  const bool known = cameras_.count(name);
  Camera &camera = cameras_[name];
  camera.asked = std::chrono::steady_clock::now();
  camera.client = client;
  if (known) return GST_RTSP_STS_OK;

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

/// Who has a place and does not record gives way to others.
GstRTSPStatusCode Server::make_room(const std::string &name, GstRTSPClient *client) {
  const auto now = std::chrono::steady_clock::now();
  const auto dawdles = [&](const Camera &camera) { return !camera.session && now - camera.asked > kDawdles; };
  const auto known = cameras_.find(name);
  if (known != cameras_.end() && known->second.media && known->second.client != client) {
    if (!dawdles(known->second)) return GST_RTSP_STS_METHOD_NOT_VALID_IN_THIS_STATE;  // somebody has it
    give_up(known->second);
  }
  std::size_t taken = 0;
  std::vector<std::string> dawdlers;
  for (const auto &[other, camera] : cameras_) {
    if (other == name) continue;
    if (dawdles(camera)) dawdlers.push_back(other);
    taken += camera.media != nullptr;
  }
  const auto full = [&] {
    return taken >= options_.max_streams || cameras_.size() >= 4 * std::size_t(options_.max_streams);
  };
  for (const std::string &other : dawdlers) {
    if (!full()) break;
    Camera &camera = cameras_[other];
    taken -= camera.media != nullptr;
    give_up(camera);
    gst_rtsp_mount_points_remove_factory(mounts_, ("/" + other).c_str());
    cameras_.erase(other);
  }
  return full() && known == cameras_.end() ? GST_RTSP_STS_NOT_ENOUGH_BANDWIDTH : GST_RTSP_STS_OK;
}

/// Ends the connection of a camera that keeps a name and does not record.
void Server::give_up(Camera &camera) {
  if (camera.client) gate_->hang_up(camera.client);
  forget(camera);
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
  probe(element, "depay0", "sink", GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, on_gradient, camera.counts);
  GstElement *parser = gst_bin_get_by_name(GST_BIN(element), "parse");
  limit_pictures(parser, options_.max_picture);
  gst_object_unref(parser);
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

/// gst-rtsp-server takes a media for prepared that has been refused, or was never announced.
GstRTSPStatusCode Server::set_up(GstRTSPClient *client, GstRTSPContext *context) {
  const std::string path = context->uri && context->uri->abspath ? context->uri->abspath : "", view = kView;
  const std::size_t end = path.find('/', 1);
  if (end == path.npos || path.compare(end, view.size(), view) == 0) return GST_RTSP_STS_OK;
  GstRTSPMedia *media = nullptr;
  {
    std::lock_guard<std::recursive_mutex> lock(mutex_);
    const auto it = cameras_.find(path.substr(1, end - 1));
    if (it == cameras_.end()) return GST_RTSP_STS_OK;  // it is not found
    if (!it->second.media || it->second.client != client) return GST_RTSP_STS_METHOD_NOT_VALID_IN_THIS_STATE;
    media = GST_RTSP_MEDIA(g_object_ref(it->second.media));
  }
  const GstRTSPMediaStatus status = gst_rtsp_media_get_status(media);
  g_object_unref(media);
  const bool ready = status == GST_RTSP_MEDIA_STATUS_PREPARED || status == GST_RTSP_MEDIA_STATUS_SUSPENDED;
  return ready ? GST_RTSP_STS_OK : GST_RTSP_STS_METHOD_NOT_VALID_IN_THIS_STATE;
}

void Server::record(GstRTSPClient *client, GstRTSPContext *context) {
  std::lock_guard<std::recursive_mutex> lock(mutex_);
  for (auto &[name, camera] : cameras_) {
    if (!camera.media || camera.media != context->media) continue;
    camera.client = client;
    if (camera.session) g_object_unref(camera.session);
    camera.session = context->session ? GST_RTSP_SESSION(g_object_ref(context->session)) : nullptr;
    if (is_interleaved(context)) note_media(context->media, gate_->media_comes(client));
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
  constexpr unsigned kUntilAllIsGone = 4;  // seconds
  if (camera.media) trims_ = kUntilAllIsGone;
  camera.show->end();
  if (options_.view) gst_rtsp_mount_points_remove_factory(mounts_, ("/" + camera.name + kView).c_str());
  gst_clear_object(&camera.dnn);
  g_clear_object(&camera.media);
  g_clear_object(&camera.session);
  camera.client = nullptr;
}

void Server::tidy() {
  gst_rtsp_session_pool_cleanup(sessions_);
  give_memory_back();
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
  for (GstRTSPClient *client : over) gate_->hang_up(client);
}

}  // namespace oneadapt::server
