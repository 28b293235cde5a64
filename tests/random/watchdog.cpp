// SPDX-License-Identifier: LGPL-2.1-or-later
#include "watchdog.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace random_pipelines {

Watchdog::Watchdog(int patience) : patience_(patience), thread_([this] { watch(); }) {}

Watchdog::~Watchdog() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    over_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void Watchdog::now(const std::string &what) {
  std::lock_guard<std::mutex> lock(mutex_);
  what_ = what;
  ++steps_;
  changed_.notify_all();
}

void Watchdog::set_context(const std::string &text) {
  std::lock_guard<std::mutex> lock(mutex_);
  context_ = text;
}

void Watchdog::watch() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!over_) {
    const unsigned before = steps_;
    const bool idle = what_.empty();
    if (changed_.wait_for(lock, std::chrono::seconds(patience_), [&] { return over_ || steps_ != before; })) continue;
    if (idle) continue;
    std::printf("it hangs: nothing has come of this for %d s: %s\n%s", patience_, what_.c_str(), context_.c_str());
    std::fflush(stdout);
    std::abort();  // a core is left, with all threads
  }
}

}  // namespace random_pipelines
