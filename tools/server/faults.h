// SPDX-License-Identifier: LGPL-2.1-or-later
// What goes wrong with cameras while the server runs: said once, counted, and forgotten when it is over.
#pragma once
#include <gst/rtsp-server/rtsp-server.h>

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace oneadapt::server {

/// Thread-safe; calls nobody while it holds its lock.
class Faults {
 public:
  /// A session that an error of its elements has ended.
  struct Ended {
    std::string name;
    gconstpointer media;  ///< to recognise it: the name may be another session's by now
  };

  explicit Faults(std::size_t most_names) : most_names_(most_names) {}
  /// From a streaming thread. What follows from a session's first error is not said.
  void on_error(const std::string &name, gconstpointer media, const std::string &why);
  /// A camera is refused.
  void refused(const std::string &name, const std::string &why) { note(name, nullptr, why); }
  /// The sessions since the last call.
  std::vector<Ended> take_ended();
  /// The camera's frames have been analysed for a while.
  void over(const std::string &name);
  /// Whether the camera's last session failed.
  bool lasts(const std::string &name) const;
  /// How many sessions an error has ended or kept from beginning so far.
  guint64 count() const;
  /// What is wrong, by the name of the camera. A camera that does not come back is left out after a minute.
  std::map<std::string, std::string> lasting();

 private:
  struct Fault {
    std::string why;
    gconstpointer media;
    std::chrono::steady_clock::time_point when;
  };
  void note(const std::string &name, gconstpointer media, const std::string &why);
  void forget_old();

  const std::size_t most_names_;
  mutable std::mutex mutex_;
  std::vector<Ended> ended_;
  std::map<std::string, Fault> faults_;
  guint64 count_ = 0;
};

/// Tells `faults` of every error of the elements of a camera's media.
void watch_errors(GstRTSPMedia *media, const std::string &name, const std::shared_ptr<Faults> &faults);

}  // namespace oneadapt::server
