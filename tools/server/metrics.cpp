// SPDX-License-Identifier: LGPL-2.1-or-later
#include "metrics.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

#include "common/output.h"

namespace oneadapt::server {

Metrics::Metrics(std::string path) : path_(std::move(path)) {
  if (path_.empty()) return;
  if (const int error = open()) throw tools::OutputError(tools::cannot_write("--metrics", path_, error));
}

int Metrics::open() { return path_ == "-" ? file_.open(STDOUT_FILENO) : file_.open(path_, /*append=*/true); }

void Metrics::write(const std::string &line) {
  if (path_.empty()) return;
  int error = file_.is_open() ? 0 : open();
  if (!error) error = file_.write(line);
  if (error) {
    file_.close();  // its folder may have been removed, or mounted anew
    if (!left_out_++)
      std::fprintf(stderr, "oneadapt-server: %s; lines are left out until then\n",
                   tools::cannot_write("--metrics", path_, error).c_str());
  } else if (const unsigned long left_out = std::exchange(left_out_, 0)) {
    std::fprintf(stderr, "oneadapt-server: --metrics: \"%s\" is written again; %lu lines were left out\n",
                 path_.c_str(), left_out);
  }
}

}  // namespace oneadapt::server
