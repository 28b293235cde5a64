// SPDX-License-Identifier: LGPL-2.1-or-later
// Ends a process that hangs, and says at what.
#pragma once
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace random_pipelines {

/// What is being done must not take longer than so many seconds; then the process aborts. Thread-safe.
class Watchdog {
 public:
  explicit Watchdog(int patience);
  ~Watchdog();
  Watchdog(const Watchdog &) = delete;
  Watchdog &operator=(const Watchdog &) = delete;

  /// `what` begins; what came before is over.
  void now(const std::string &what);
  /// Printed besides: how to do the same again.
  void set_context(const std::string &text);

 private:
  void watch();

  const int patience_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string what_, context_;  // everything under the mutex
  unsigned steps_ = 0;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace random_pipelines
