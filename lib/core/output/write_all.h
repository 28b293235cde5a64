// SPDX-License-Identifier: LGPL-2.1-or-later
// write(2) until all is written.
#pragma once
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace oneadapt {

/// errno, which a function that failed may have left at 0.
inline int last_error() { return errno ? errno : EIO; }

/// 0, or what errno says. On a disk that is full a part may have been written.
inline int write_all(int file, const std::string &bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::write(file, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n < 0 ? last_error() : ENOSPC;
    done += std::size_t(n);
  }
  return 0;
}

/// Opens an output. A pipe that nobody reads is an error (ENXIO) instead of a wait without an end. −1: errno says why.
inline int open_output(const char *path, int flags) {
  const int file = open(path, flags | O_WRONLY | O_CLOEXEC | O_NONBLOCK, 0666);
  if (file >= 0) fcntl(file, F_SETFL, fcntl(file, F_GETFL) & ~O_NONBLOCK);
  return file;
}

}  // namespace oneadapt
