// SPDX-License-Identifier: LGPL-2.1-or-later
#include "results_file.h"

#include <cerrno>

#include "messages.h"

namespace oneadapt {
namespace {

int last_error() { return errno ? errno : EIO; }

}  // namespace

bool ResultsFile::open(const std::string &location, bool append) {
  location_ = location;
  if (location.empty()) return true;
  errno = 0;
  file_.reset(std::fopen(location.c_str(), append ? "ae" : "we"));
  if (!file_) post_results_error(element_, location_, "open", last_error());
  return is_open();
}

bool ResultsFile::write(const std::string &line) {
  if (!file_) return true;
  errno = 0;
  const bool ok = std::fwrite(line.data(), 1, line.size(), file_.get()) == line.size() &&
                  std::fputc('\n', file_.get()) != EOF && std::fflush(file_.get()) == 0;
  if (!ok) post_results_error(element_, location_, "write", last_error());
  return ok;
}

bool ResultsFile::close(bool quiet) {
  if (!file_) return true;
  errno = 0;
  const bool ok = std::fclose(file_.release()) == 0;
  if (!ok && !quiet) post_results_error(element_, location_, "complete", last_error());
  return ok;
}

}  // namespace oneadapt
