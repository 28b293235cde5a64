// SPDX-License-Identifier: LGPL-2.1-or-later
// Option --metrics: a line a second, to a file or to the standard output.
#pragma once
#include <string>

#include "core/output/line_file.h"

namespace oneadapt::server {

/// A line that cannot be written is left out, and the next one is tried: there may be room on the disk again. Both are
/// said on the standard error, once each time. One thread.
class Metrics {
 public:
  /// "-": the standard output; empty: nothing is written. Throws OutputError when the file cannot be opened.
  explicit Metrics(std::string path);
  void write(const std::string &line);

 private:
  int open();

  std::string path_;
  LineFile file_;
  unsigned long left_out_ = 0;
};

}  // namespace oneadapt::server
