// SPDX-License-Identifier: LGPL-2.1-or-later
// Property "results-location": a file of lines.
#pragma once
#include <gst/gst.h>

#include <string>

#include "core/output/line_file.h"

namespace oneadapt {

/// Errors are posted on the element.
class ResultsFile {
 public:
  explicit ResultsFile(GstElement *element) : element_(element) {}
  /// No location: there is no file. False when it cannot be opened.
  bool open(const std::string &location, bool append);
  bool is_open() const { return file_.is_open(); }
  /// The line is in the file when this returns. False when it cannot be written; then no part of it is there.
  bool write(const std::string &line);
  /// False when the file is not complete; with `quiet` that is not posted.
  bool close(bool quiet);

 private:
  GstElement *const element_;
  std::string location_;
  LineFile file_;
};

}  // namespace oneadapt
