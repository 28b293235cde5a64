// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadapt-import, called in process.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "cli.h"
#include "graph_file.h"

namespace import_test {

struct Outcome {
  int status;
  std::string out, err;
};

inline Outcome import(const std::vector<std::string> &arguments) {
  std::vector<const char *> argv{"oneadapt-import"};
  for (const auto &argument : arguments) argv.push_back(argument.c_str());
  std::ostringstream out, err;
  const int status = oneadapt::import::run(int(argv.size()), argv.data(), out, err);
  return {status, out.str(), err.str()};
}

/// One line that says `what`, status 1, and nothing left behind in the folder.
inline void expect_import_error(const std::vector<std::string> &arguments, const Folder &folder,
                                const std::string &what) {
  const auto before = folder.list().size();
  const Outcome outcome = import(arguments);
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.err.find(what), std::string::npos) << outcome.err;
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_EQ(folder.list().size(), before);
}

}  // namespace import_test
