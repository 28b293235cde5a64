// SPDX-License-Identifier: LGPL-2.1-or-later
#include "replace.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "graph.h"

namespace oneadapt::import {

void replace_file(const std::string &path, const std::function<void(const std::string &temporary)> &write) {
  // In the same folder, so that the move is atomic.
  std::string temporary = path + ".XXXXXX";
  const int fd = mkstemp(temporary.data());
  if (fd < 0) throw ImportError("cannot write to " + path + ": " + std::strerror(errno));
  close(fd);
  struct Remover {
    std::string name;
    ~Remover() {
      if (!name.empty()) unlink(name.c_str());
    }
  } remover{temporary};
  write(temporary);
  const mode_t mask = umask(0);
  umask(mask);
  if (chmod(temporary.c_str(), 0666 & ~mask) != 0 || std::rename(temporary.c_str(), path.c_str()) != 0)
    throw ImportError("cannot write to " + path + ": " + std::strerror(errno));
  remover.name.clear();
}

}  // namespace oneadapt::import
