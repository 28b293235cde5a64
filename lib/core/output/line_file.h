// SPDX-License-Identifier: LGPL-2.1-or-later
// A file of lines, such as JSON lines. Knows POSIX, and nothing of who writes.
#pragma once
#include <string>

namespace oneadapt {

/// Each line is in the file as a whole or not at all, also where the disk fills up in the middle of one. Functions
/// return 0, or what errno says. One thread at a time.
class LineFile {
 public:
  LineFile() = default;
  ~LineFile() { close(); }
  LineFile(const LineFile &) = delete;
  LineFile &operator=(const LineFile &) = delete;

  /// Opens `path`: for lines behind those that are there (`append`), or as an empty file. A file may end within a line,
  /// when a power failure ended its last writer: half a JSON object is cut off, any other text gets its end of line.
  int open(const std::string &path, bool append);
  /// Writes to a copy of a descriptor that is open, such as the standard output.
  int open(int descriptor);
  bool is_open() const { return file_ >= 0; }
  /// The line (without its end) is in the file when this returns 0. Else nothing of it is there, and the next one may
  /// be tried.
  int write(const std::string &line);
  /// An error means that lines may be missing, as on a network's file system.
  int close();

 private:
  int end_last_line(const std::string &path);

  int file_ = -1;
};

}  // namespace oneadapt
