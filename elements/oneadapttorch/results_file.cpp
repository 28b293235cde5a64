// SPDX-License-Identifier: LGPL-2.1-or-later
#include "results_file.h"

#include "messages.h"

namespace oneadapt {

bool ResultsFile::open(const std::string &location, bool append) {
  location_ = location;
  if (location.empty()) return true;
  const int error = file_.open(location, append);
  if (error) post_results_error(element_, location_, "open", error);
  return !error;
}

bool ResultsFile::write(const std::string &line) {
  if (!file_.is_open()) return true;
  const int error = file_.write(line);
  if (error) post_results_error(element_, location_, "write", error);
  return !error;
}

bool ResultsFile::close(bool quiet) {
  const int error = file_.close();
  if (error && !quiet) post_results_error(element_, location_, "complete", error);
  return !error;
}

}  // namespace oneadapt
