// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/output/line_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/output/write_all.h"

namespace oneadapt {
namespace {

constexpr off_t kChunk = 1 << 16;
/// Longer ones are none of ours.
constexpr off_t kLongestLine = 1 << 26;

bool is_regular(int file, struct stat &facts) { return fstat(file, &facts) == 0 && S_ISREG(facts.st_mode); }

/// What follows the last end of line of a file of `size` bytes.
std::string last_line(const std::string &path, off_t size) {
  std::string tail;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  for (off_t begin = size; file >= 0 && begin > 0 && size - begin < kLongestLine;) {
    const off_t count = std::min(kChunk, begin);
    begin -= count;
    std::string chunk(std::size_t(count), '\0');
    if (pread(file, chunk.data(), chunk.size(), begin) != count) break;
    const auto end = chunk.rfind('\n');
    tail.insert(0, end == std::string::npos ? chunk : chunk.substr(end + 1));
    if (end != std::string::npos) break;
  }
  if (file >= 0) ::close(file);
  return tail;
}

}  // namespace

int LineFile::open(const std::string &path, bool append) {
  close();
  file_ = open_output(path.c_str(), O_CREAT | (append ? O_APPEND : O_TRUNC));
  if (file_ < 0) return last_error();
  const int error = append ? end_last_line(path) : 0;
  if (error) close();
  return error;
}

int LineFile::open(int descriptor) {
  close();
  file_ = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  return file_ < 0 ? last_error() : 0;
}

int LineFile::end_last_line(const std::string &path) {
  struct stat facts = {};
  if (!is_regular(file_, facts)) return 0;
  const std::string tail = last_line(path, facts.st_size);
  if (tail.empty()) return 0;
  if (tail.front() == '{' && !nlohmann::json::accept(tail))
    return ftruncate(file_, facts.st_size - off_t(tail.size())) == 0 ? 0 : last_error();
  return write("");
}

int LineFile::write(const std::string &line) {
  if (file_ < 0) return EBADF;
  struct stat facts = {};
  const bool can_be_cut = is_regular(file_, facts);
  const bool appends = fcntl(file_, F_GETFL) & O_APPEND;
  const off_t before = appends ? facts.st_size : lseek(file_, 0, SEEK_CUR);
  const int error = write_all(file_, line + "\n");
  // Cutting off needs no room on the disk.
  if (error && can_be_cut && before >= 0 && ftruncate(file_, before) == 0) lseek(file_, before, SEEK_SET);
  return error;
}

int LineFile::close() {
  if (file_ < 0) return 0;
  return ::close(std::exchange(file_, -1)) == 0 ? 0 : last_error();
}

}  // namespace oneadapt
