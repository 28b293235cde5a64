// SPDX-License-Identifier: LGPL-2.1-or-later
// The default clip and model, which tools/setup.sh makes. Tests skip visibly where they are absent.
#pragma once
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace oneadapt_test {

inline std::filesystem::path root() { return std::getenv("ONEADAPT_SOURCE_DIR"); }
inline std::string model() { return (root() / "models/nanodet.pt").string(); }
inline std::string vtest() { return (root() / "clips/vtest.avi").string(); }

}  // namespace oneadapt_test

#define NEED(path) \
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "there is no " << (path) << " (tools/setup.sh makes it)"

#define NEED_VTEST()            \
  NEED(oneadapt_test::model()); \
  NEED(oneadapt_test::vtest())
