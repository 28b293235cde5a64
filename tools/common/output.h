// SPDX-License-Identifier: LGPL-2.1-or-later
// The files that programs write: whole or not at all, and what is said of those that cannot be written.
#pragma once
#include <functional>
#include <stdexcept>
#include <string>

namespace oneadapt::tools {

/// An output that cannot be written. What it says names the option, the file and the remedy.
class OutputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The sentence for it, without a full stop. `error`: as errno.
std::string cannot_write(const std::string &option, const std::string &path, int error);

/// Files of which only a part is there yet. When the program is interrupted (interruption.h) they are removed.
/// Thread-safe.
class UnfinishedFile {
 public:
  /// `path` may be a folder, too; what is in it must have been named after it.
  explicit UnfinishedFile(std::string path);
  /// Removes the file, unless it was finished.
  ~UnfinishedFile();
  UnfinishedFile(const UnfinishedFile &) = delete;
  UnfinishedFile &operator=(const UnfinishedFile &) = delete;

  const std::string &path() const { return path_; }
  /// It becomes `final_path`, in one step. 0, or what errno says.
  int finish(const std::string &final_path);
  /// Removes all that are there, and keeps others from being begun and finished: the program is about to end.
  static void remove_all();

 private:
  std::string path_;
  bool finished_ = false;
};

/// Looks at a part-written copy of the file, and throws when that is not as it should be.
using CheckFile = std::function<void(const std::string &copy)>;

/// Writes a whole file beside `path`, has it checked, and moves it there; what was there stays until then. A symbolic
/// link stays one. Devices and pipes are written to as they are. Throws OutputError; `option` stands at its head.
void write_file(const std::string &path, const std::string &bytes, const std::string &option,
                const CheckFile &check = {});

/// Throws OutputError when something that was printed to the standard output did not get there.
void check_standard_output();

/// Makes a folder for files, unless it is there. Throws OutputError when no file can be made in it.
void make_folder(const std::string &path, const std::string &option);

/// Whether a file could be written at `path` now, with so many bytes of room for it: 0, or what errno says. What is
/// there stays as it is.
int try_output(const std::string &path, unsigned room = 0);
/// The same before long work, which would be lost. Throws OutputError.
void check_output(const std::string &path, const std::string &option);

}  // namespace oneadapt::tools
