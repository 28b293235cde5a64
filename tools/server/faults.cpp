// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faults.h"

#include <cstdio>
#include <utility>

namespace oneadapt::server {
namespace {

constexpr auto kOld = std::chrono::seconds(60);

void say(const std::string &name, const std::string &what) {
  std::fprintf(stderr, "oneadapt-server: camera %s: %s\n", name.c_str(), what.c_str());
}

struct Watch {
  std::shared_ptr<Faults> faults;
  std::string name;
  gconstpointer media;
};

void on_message(GstBus *, GstMessage *message, gpointer data) {
  const auto *watch = static_cast<Watch *>(data);
  GError *error = nullptr;
  gst_message_parse_error(message, &error, nullptr);
  std::string why = error->message;
  g_clear_error(&error);
  // The element knows its property, and not the option.
  if (why.find("\"results-location\"") != std::string::npos) why = "--results: " + why;
  watch->faults->on_error(watch->name, watch->media, why);
}

}  // namespace

void Faults::on_error(const std::string &name, gconstpointer media, const std::string &why) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto known = faults_.find(name);
    if (known != faults_.end() && known->second.media == media) return;
    ended_.push_back({name, media});
  }
  note(name, media, why);
}

void Faults::note(const std::string &name, gconstpointer media, const std::string &why) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++count_;
    forget_old();
    const auto known = faults_.find(name);
    if (known == faults_.end() && faults_.size() >= most_names_) return;
    const bool is_new = known == faults_.end();
    Fault &fault = faults_[name];
    fault.media = media;
    fault.when = std::chrono::steady_clock::now();
    if (!is_new) return;
    fault.why = why;
  }
  say(name, why + " The camera is sent away until this is over.");
}

std::vector<Faults::Ended> Faults::take_ended() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return std::exchange(ended_, {});
}

void Faults::over(const std::string &name) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!faults_.erase(name)) return;
  }
  say(name, "its frames are analysed again.");
}

bool Faults::lasts(const std::string &name) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return faults_.count(name);
}

guint64 Faults::count() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return count_;
}

std::map<std::string, std::string> Faults::lasting() {
  const std::lock_guard<std::mutex> lock(mutex_);
  forget_old();
  std::map<std::string, std::string> all;
  for (const auto &[name, fault] : faults_) all[name] = fault.why;
  return all;
}

void Faults::forget_old() {
  const auto now = std::chrono::steady_clock::now();
  for (auto it = faults_.begin(); it != faults_.end();) it = now - it->second.when > kOld ? faults_.erase(it) : ++it;
}

void watch_errors(GstRTSPMedia *media, const std::string &name, const std::shared_ptr<Faults> &faults) {
  GstElement *element = gst_rtsp_media_get_element(media);
  GstObject *pipeline = gst_object_get_parent(GST_OBJECT(element));
  GstBus *bus = gst_element_get_bus(GST_ELEMENT(pipeline));
  // From the thread that posts it; gst-rtsp-server takes the messages themselves.
  gst_bus_enable_sync_message_emission(bus);
  g_signal_connect_data(
      bus, "sync-message::error", G_CALLBACK(on_message), new Watch{faults, name, media},
      [](gpointer data, GClosure *) { delete static_cast<Watch *>(data); }, GConnectFlags(0));
  gst_object_unref(bus);
  gst_object_unref(pipeline);
  gst_object_unref(element);
}

}  // namespace oneadapt::server
