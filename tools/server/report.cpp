// SPDX-License-Identifier: LGPL-2.1-or-later
// The line of metrics (docs/server.md).
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "server.h"

namespace oneadapt::server {
namespace {

/// A camera that analyses for so long has recovered.
constexpr auto kGoesWell = std::chrono::seconds(5);

guint64 number(const GstStructure *s, const char *name) {
  guint64 value = 0;
  if (s) gst_structure_get_uint64(s, name, &value);
  return value;
}

/// Resident memory in bytes; 0: unknown.
guint64 resident() {
  std::ifstream in("/proc/self/statm");
  guint64 size = 0, pages = 0;
  in >> size >> pages;
  return pages * guint64(sysconf(_SC_PAGESIZE));
}

/// That this process has taken so far, in s.
double processor_time() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

}  // namespace

std::string Server::report() {
  std::lock_guard<std::recursive_mutex> lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  const double seconds = std::max(1e-3, std::chrono::duration<double>(now - reported_).count());
  reported_ = now;
  nlohmann::ordered_json streams = nlohmann::ordered_json::object();
  for (auto &[name, camera] : cameras_) {
    if (!camera.dnn) continue;
    GstStructure *stats = nullptr;
    g_object_get(camera.dnn, "stats", &stats, nullptr);
    const GstStructure *feedback = nullptr;
    if (const GValue *value = gst_structure_get_value(stats, "feedback")) feedback = gst_value_get_structure(value);
    const guint64 frames = number(stats, "frames"), inferences = number(stats, "inferences");
    streams[name] = {
        {"fps", double(frames - std::min(frames, camera.frames)) / seconds},
        {"frames", frames},
        {"skipped", number(stats, "skipped")},
        {"inferences", inferences},
        {"inference_ms", inferences ? double(number(stats, "inference-time")) / double(inferences) / 1e6 : 0},
        {"gradients", number(stats, "gradients")},
        {"feedback_messages", camera.counts->messages.load()},
        {"feedback_bytes", camera.counts->bytes.load()},
        {"feedback_failed", number(feedback, "failed")}};
    camera.frames = frames;
    gst_structure_free(stats);
    if (frames && now - camera.began > kGoesWell) faults_->over(name);
  }
  const nlohmann::ordered_json line = {
      {"time", double(g_get_real_time()) / 1e6}, {"streams", streams},           {"failures", faults_->count()},
      {"failing", faults_->lasting()},           {"resident_bytes", resident()}, {"cpu_seconds", processor_time()}};
  return line.dump();
}

}  // namespace oneadapt::server
