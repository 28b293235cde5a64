// SPDX-License-Identifier: LGPL-2.1-or-later
// Property "results-location": a file of lines.
#pragma once
#include <gst/gst.h>

#include <cstdio>
#include <memory>
#include <string>

namespace oneadapt {

/// Errors are posted on the element.
class ResultsFile {
 public:
  explicit ResultsFile(GstElement *element) : element_(element) {}
  /// No location: there is no file. False when it cannot be opened.
  bool open(const std::string &location, bool append);
  bool is_open() const { return bool(file_); }
  /// The line is in the file when this returns. False when it cannot be written.
  bool write(const std::string &line);
  /// False when the file is not complete; with `quiet` that is not posted.
  bool close(bool quiet);

 private:
  struct Closer {
    void operator()(std::FILE *file) const { std::fclose(file); }
  };
  GstElement *const element_;
  std::string location_;
  std::unique_ptr<std::FILE, Closer> file_;
};

}  // namespace oneadapt
