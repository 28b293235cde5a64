// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <vector>

#include "core/output/write_all.h"

namespace oneadapt::tools {
namespace {

namespace fs = std::filesystem;

std::mutex unfinished_mutex;
std::vector<std::string> &unfinished() {
  // Never destroyed: a signal may come while the program is ending.
  static auto *const paths = new std::vector<std::string>;
  return *paths;
}

const char *remedy(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return "make room on the disk, or name a file on another one";
    case EFBIG:
      return "raise the limit on the size of files (ulimit -f), or write less";
    case ENOENT:
    case ENOTDIR:
      return "make its folder, or name a file in one that is there";
    case ENXIO:
      return "nobody reads this pipe; start its reader first";
    case EISDIR:
      return "that is a folder; name a file";
    default:
      return "name a file that can be written";
  }
}

std::string sentence(const std::string &option, const std::string &path, int error, const char *what_to_do) {
  return option + ": \"" + path + "\" cannot be written (" + std::strerror(error) + "); " + what_to_do;
}

/// Of a file that is opened for writing. Closes it.
int write_and_close(int file, const std::string &bytes) {
  if (file < 0) return last_error();
  int error = write_all(file, bytes);
  if (close(file) != 0 && !error) error = last_error();
  return error;
}

/// A new, empty file whose name begins with `beginning`; that becomes the whole name. Its descriptor, or −1.
int make_temporary(std::string &beginning) {
  beginning += ".XXXXXX";
  return mkostemp(beginning.data(), O_CLOEXEC);
}

/// Something that is there and is no file to be replaced, such as /dev/stdout.
bool is_special(const std::string &path) {
  std::error_code ec;
  const auto status = fs::status(path, ec);
  return fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status);
}

/// Behind symbolic links, which stay.
std::string target_of(const std::string &path) {
  std::error_code ec;
  if (!fs::is_symlink(path, ec)) return path;
  const fs::path target = fs::weakly_canonical(path, ec);
  return ec ? path : target.string();
}

}  // namespace

std::string cannot_write(const std::string &option, const std::string &path, int error) {
  return sentence(option, path, error, remedy(error));
}

UnfinishedFile::UnfinishedFile(std::string path) : path_(std::move(path)) {
  const std::lock_guard<std::mutex> lock(unfinished_mutex);
  unfinished().push_back(path_);
}

UnfinishedFile::~UnfinishedFile() {
  const std::lock_guard<std::mutex> lock(unfinished_mutex);
  auto &paths = unfinished();
  paths.erase(std::remove(paths.begin(), paths.end(), path_), paths.end());
  if (!finished_) std::remove(path_.c_str());
}

int UnfinishedFile::finish(const std::string &final_path) {
  const std::lock_guard<std::mutex> lock(unfinished_mutex);
  if (std::rename(path_.c_str(), final_path.c_str()) != 0) return last_error();
  finished_ = true;
  return 0;
}

void UnfinishedFile::remove_all() {
  unfinished_mutex.lock();  // for good
  auto &paths = unfinished();
  for (auto path = paths.rbegin(); path != paths.rend(); ++path) std::remove(path->c_str());
}

void write_file(const std::string &path, const std::string &bytes, const std::string &option, const CheckFile &check) {
  const std::string target = target_of(path);
  const bool special = is_special(target);
  const char *const folder = std::getenv("TMPDIR");
  std::string name = special ? std::string(folder ? folder : "/tmp") + "/oneadapt" : target;
  const auto require = [&](int error) {
    if (error) throw OutputError(cannot_write(option, path, error));
  };
  std::error_code ec;
  if (fs::is_directory(target, ec)) require(EISDIR);
  if (special && !check) return require(write_and_close(open_output(target.c_str(), O_TRUNC), bytes));
  const int file = make_temporary(name);
  if (file < 0) require(last_error());
  UnfinishedFile unfinished(name);
  const mode_t mask = umask(0);
  umask(mask);
  fchmod(file, 0666 & ~mask);
  require(write_and_close(file, bytes));
  if (check) check(name);
  require(special ? write_and_close(open_output(target.c_str(), O_TRUNC), bytes) : unfinished.finish(target));
}

void check_standard_output() {
  errno = 0;
  if (std::fflush(stdout) == 0 && !std::ferror(stdout)) return;
  throw OutputError(std::string("the standard output cannot be written (") + std::strerror(last_error()) +
                    "); send it to a place that can be, on a disk with room");
}

void make_folder(const std::string &path, const std::string &option) {
  std::error_code ec;
  fs::create_directories(path, ec);
  const int error = ec ? ec.value() : try_output(path + "/oneadapt");
  if (error == ENOSPC || error == EDQUOT) throw OutputError(cannot_write(option, path, error));
  if (error) throw OutputError(sentence(option, path, error, "name a folder that can be written"));
}

int try_output(const std::string &path, unsigned room) {
  const std::string target = target_of(path);
  std::error_code ec;
  if (fs::is_directory(target, ec)) return EISDIR;
  if (fs::exists(target, ec) && access(target.c_str(), W_OK) != 0) return last_error();
  if (is_special(target)) return 0;
  std::string name = target;
  const int file = make_temporary(name);
  if (file < 0) return last_error();
  const UnfinishedFile unfinished(name);
  const int error = room ? posix_fallocate(file, 0, off_t(room)) : 0;
  close(file);
  return error;
}

void check_output(const std::string &path, const std::string &option) {
  if (const int error = try_output(path)) throw OutputError(cannot_write(option, path, error));
}

}  // namespace oneadapt::tools
