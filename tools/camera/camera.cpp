// SPDX-License-Identifier: LGPL-2.1-or-later
#include "camera.h"

#include <gio/gio.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "common/usual_accuracy.h"
#include "gstoneadapt.h"

namespace oneadapt::camera {
namespace {

constexpr unsigned kLeastBackOff = 500, kMostBackOff = 5000;  // ms

std::string source_of(const Options &o) {
  if (o.source == "test")
    return "videotestsrc name=source is-live=true pattern=ball ! video/x-raw,width=640,height=480";
  if (o.source.rfind("/dev/", 0) == 0) return "v4l2src name=source";
  return "filesrc name=source ! decodebin ! clocksync ! videoconvert ! videoflip video-direction=auto";
}

guint64 number(GstElement *element, const char *name) {
  GstStructure *stats = nullptr;
  guint64 value = 0;
  g_object_get(element, "stats", &stats, nullptr);
  if (stats) gst_structure_get_uint64(stats, name, &value);
  if (stats) gst_structure_free(stats);
  return value;
}

GstElement *child(GstElement *pipeline, const char *name) {
  GstElement *element = gst_bin_get_by_name(GST_BIN(pipeline), name);
  gst_object_unref(element);  // the pipeline keeps it
  return element;
}

/// The server's answer, such as "503 (Service Unavailable)", which the sink has in the details of its error; empty:
/// none.
std::string answer_in(const gchar *details) {
  const std::string text = details ? details : "", begin = "Got error response: ";
  const auto at = text.find(begin);
  if (at == std::string::npos) return "";
  const auto end = text.find(')', at);
  return text.substr(at + begin.size(), end == std::string::npos ? end : end + 1 - at - begin.size());
}

}  // namespace

void Camera::start() {
  std::string caps = "video/x-raw";
  if (options_.fps > 0) caps += ",framerate=" + std::to_string(std::lround(options_.fps * 1000)) + "/1000";
  const std::string launch =
      source_of(options_) + " ! videoconvert ! videorate ! " + caps +
      " ! oneadaptctl name=ctl ! oneadaptfilter name=filter ! h264parse ! rtspclientsink name=sink";
  GError *error = nullptr;
  pipeline_ = gst_parse_launch(launch.c_str(), &error);
  if (error) {
    const std::string why = error->message;
    g_clear_error(&error);
    throw CameraError("the pipeline cannot be built: " + why + " (is everything installed, and GST_PLUGIN_PATH set?)");
  }
  ctl_ = child(pipeline_, "ctl");
  filter_ = child(pipeline_, "filter");
  sink_ = child(pipeline_, "sink");
  GstElement *source = child(pipeline_, "source");
  if (options_.source.rfind("/dev/", 0) == 0) g_object_set(source, "device", options_.source.c_str(), nullptr);
  if (options_.source != "test" && options_.source.rfind("/dev/", 0) != 0)
    g_object_set(source, "location", options_.source.c_str(), nullptr);
  const double min_accuracy = options_.min_accuracy.value_or(options_.lambda ? 0 : tools::kUsualAccuracy);
  const std::string knobs = !options_.knobs.empty() ? options_.knobs : min_accuracy > 0 ? "qp-map" : "qp";
  g_object_set(ctl_, "knobs", knobs.c_str(), "min-accuracy", min_accuracy, "lambda", options_.lambda.value_or(1),
               "max-bitrate", guint64(options_.max_bitrate), nullptr);
  // A server that closes the connection has ended the session. By itself the sink would connect anew, over TCP too, and
  // go on sending without a session, to nobody.
  g_object_set(sink_, "location", options_.location.c_str(), "latency", options_.latency, "udp-reconnect", FALSE,
               nullptr);
  gst_util_set_object_arg(G_OBJECT(sink_), "protocols", options_.protocols.c_str());
  if (!options_.user.empty())
    g_object_set(sink_, "user-id", options_.user.c_str(), "user-pw", options_.password.c_str(), nullptr);
  if (!options_.tls_ca.empty()) {
    GTlsDatabase *database = g_tls_file_database_new(options_.tls_ca.c_str(), &error);
    if (!database) {
      const std::string why = error->message;
      g_clear_error(&error);
      throw CameraError("--tls-ca: " + why);
    }
    g_object_set(sink_, "tls-database", database, nullptr);
    g_object_unref(database);
  }
  if (!knobs_.empty()) g_object_set(ctl_, "warm-start", FALSE, nullptr);
  for (const auto &[name, value] : knobs_) {
    GValue v = G_VALUE_INIT;
    g_value_init(&v, G_TYPE_DOUBLE);
    g_value_set_double(&v, value);
    g_object_set_property(G_OBJECT(filter_), name.c_str(), &v);
    g_value_unset(&v);
  }
  bytes_ = gradients_ = 0;
  GstBus *bus = gst_element_get_bus(pipeline_);
  watch_ = gst_bus_add_watch(
      bus, [](GstBus *, GstMessage *m, gpointer self) -> gboolean { return static_cast<Camera *>(self)->message(m); },
      this);
  gst_object_unref(bus);
  gst_element_set_state(pipeline_, GST_STATE_PLAYING);  // a failure is on the bus
}

void Camera::stop() {
  if (watch_) g_source_remove(std::exchange(watch_, 0));
  if (!pipeline_) return;
  gst_element_set_state(pipeline_, GST_STATE_NULL);
  gst_object_unref(pipeline_);
  pipeline_ = ctl_ = filter_ = sink_ = nullptr;
}

bool Camera::adapted(const std::string &knob) const {
  return ("," + options_.knobs + ",").find("," + knob + ",") != std::string::npos;
}

void Camera::remember() {
  // A warm start is where the first connection is to begin; once there were gradients, what they led to.
  if (!filter_ || !number(ctl_, "gradients")) return;
  GPtrArray *list = gst_oneadapt_tunable_list_knobs(GST_ONEADAPT_TUNABLE(filter_));
  for (guint i = 0; i < list->len; ++i) {
    const auto *knob = static_cast<GstOneadaptKnob *>(list->pdata[i]);
    const GParamSpec *property = g_object_class_find_property(G_OBJECT_GET_CLASS(filter_), knob->name);
    if (adapted(knob->name) && property && g_value_type_transformable(G_TYPE_DOUBLE, property->value_type))
      knobs_[knob->name] = knob->value;
  }
  g_ptr_array_unref(list);
}

void Camera::again(const std::string &why) {
  remember();
  back_off_ = number(ctl_, "gradients") ? kLeastBackOff : std::clamp(2 * back_off_, kLeastBackOff, kMostBackOff);
  std::printf("%s; again in %.1f s\n", why.c_str(), back_off_ / 1000.0);
  std::fflush(stdout);
  // Not from the bus's own callback.
  restart_ = g_timeout_add(
      back_off_,
      [](gpointer data) -> gboolean {
        auto *self = static_cast<Camera *>(data);
        self->restart_ = 0;
        self->stop();
        try {
          self->start();
        } catch (const CameraError &e) {
          self->failure_ = e.what();
          self->quit();
        }
        return G_SOURCE_REMOVE;
      },
      this);
}

gboolean Camera::message(GstMessage *message) {
  if (restart_) return G_SOURCE_CONTINUE;  // what a broken connection still has to say
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) {
    if (options_.loop) {
      remember();
      back_off_ = 0;
      again("the clip has ended");
    } else {
      quit();
    }
  }
  const bool from_sink = GST_MESSAGE_SRC(message) == GST_OBJECT(sink_) ||
                         gst_object_has_as_ancestor(GST_MESSAGE_SRC(message), GST_OBJECT(sink_));
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
    failed(message, from_sink);
  else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING && from_sink)
    warned(message);
  return G_SOURCE_CONTINUE;
}

void Camera::failed(GstMessage *message, bool from_sink) {
  GError *error = nullptr;
  gchar *details = nullptr;
  gst_message_parse_error(message, &error, &details);
  const std::string why = error->message, answer = answer_in(details);
  g_clear_error(&error);
  g_free(details);
  if (from_sink)
    return again("the server at " + options_.location + ": " + (answer.empty() ? why : "it answers " + answer));
  failure_ = why + " (" + GST_OBJECT_NAME(GST_MESSAGE_SRC(message)) + ")";
  quit();
}

/// Over UDP the sink only warns that the server has closed the connection, and goes on sending to nobody.
void Camera::warned(GstMessage *message) {
  GError *error = nullptr;
  gst_message_parse_warning(message, &error, nullptr);
  const bool closed = g_error_matches(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ);
  g_clear_error(&error);
  if (closed) again("the server at " + options_.location + " has closed the connection");
}

void Camera::report() {
  if (!filter_ || restart_) return;
  const guint64 bytes = number(filter_, "bytes"), gradients = number(ctl_, "gradients");
  std::string knobs;
  GPtrArray *list = gst_oneadapt_tunable_list_knobs(GST_ONEADAPT_TUNABLE(filter_));
  for (guint i = 0; i < list->len; ++i) {
    const auto *knob = static_cast<GstOneadaptKnob *>(list->pdata[i]);
    if (!adapted(knob->name)) continue;
    char text[64];
    std::snprintf(text, sizeof text, "  %s %g", knob->name, knob->value);
    knobs += text;
  }
  g_ptr_array_unref(list);
  std::printf("%8.1f kbit/s%s  gradients %llu\n", double(bytes - std::min(bytes, bytes_)) * 8 / 1000, knobs.c_str(),
              static_cast<unsigned long long>(gradients));
  std::fflush(stdout);
  bytes_ = bytes;
}

void Camera::run() {
  loop_ = g_main_loop_new(nullptr, FALSE);
  start();
  const guint tick = g_timeout_add_seconds(
      1,
      [](gpointer self) -> gboolean {
        static_cast<Camera *>(self)->report();
        return G_SOURCE_CONTINUE;
      },
      this);
  g_main_loop_run(loop_);
  g_source_remove(tick);
  if (restart_) g_source_remove(std::exchange(restart_, 0));
  stop();
  g_main_loop_unref(loop_);
  loop_ = nullptr;
  if (!failure_.empty()) throw CameraError(failure_);
}

void Camera::quit() {
  if (loop_) g_main_loop_quit(loop_);
}

}  // namespace oneadapt::camera
