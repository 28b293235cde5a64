// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/interruption.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <thread>
#include <utility>

#include "common/output.h"

namespace oneadapt::tools {
namespace {

constexpr std::int64_t kSameSignal = 100'000'000;  // ns

std::atomic<std::int64_t> first_signal{0};  ///< ns; 0: there was none
std::atomic<bool> was_interrupted{false};
int wake[2] = {-1, -1};

// What the handler calls and touches must be safe in a signal's handler.
static_assert(std::atomic<std::int64_t>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

void on_signal(int signal) {
  const int error = errno;
  timespec time = {};
  clock_gettime(CLOCK_MONOTONIC, &time);
  const std::int64_t now = std::int64_t(time.tv_sec) * 1'000'000'000 + time.tv_nsec + 1;
  std::int64_t before = 0;
  if (first_signal.compare_exchange_strong(before, now)) {
    was_interrupted = true;
    if (write(wake[1], "", 1) < 0) _exit(kInterrupted);
  } else if (signal != SIGPIPE && now - before > kSameSignal) {  // that one comes with every line
    _exit(kInterrupted);
  }
  errno = error;
}

void wait_for_signal(const std::function<void()> &on_interrupt) {
  char byte = 0;
  while (read(wake[0], &byte, 1) < 0 && errno == EINTR) {
  }
  if (on_interrupt) on_interrupt();
}

}  // namespace

void catch_interrupts(std::function<void()> on_interrupt) {
  std::signal(SIGXFSZ, SIG_IGN);
  if (pipe2(wake, O_CLOEXEC) != 0) return;  // no descriptor is left: signals end the program, as they do by default
  std::thread(wait_for_signal, std::move(on_interrupt)).detach();
  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) {
    struct sigaction before = {};
    sigaction(signal, nullptr, &before);
    if (signal != SIGHUP || before.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
  }
}

bool interrupted() { return was_interrupted; }

int end_of_interrupted(const char *program, const char *what) {
  std::fprintf(stderr, "%s: interrupted; %s\n", program, what);
  return kInterrupted;
}

void end_on_interrupts(const char *program, const char *what) {
  catch_interrupts([=] {
    UnfinishedFile::remove_all();
    // The main thread may be in the middle of a line, and may wait for whoever reads it.
    if (ftrylockfile(stdout) == 0) {
      std::fflush(stdout);
      funlockfile(stdout);
    }
    _exit(end_of_interrupted(program, what));
  });
}

}  // namespace oneadapt::tools
