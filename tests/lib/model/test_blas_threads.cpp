// SPDX-License-Identifier: LGPL-2.1-or-later
// `threads` reaches the BLAS, too.
#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "model/model.h"
#include "test_models.h"

using namespace oneadapt_test;

namespace {

template <typename Function>
Function find(const char *name) {
  return reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
}

std::unique_ptr<oneadapt::Model> load(const std::string &path, unsigned threads) {
  oneadapt::ModelOptions options;
  options.path = path;
  options.device = "cpu";
  options.threads = threads;
  return oneadapt::Model::load(options);
}

void infer(oneadapt::Model &model) {
  const std::vector<std::uint8_t> pixels(3 * 24 * 24, 128);
  model.infer({pixels.data(), 3 * 24, 24, 24});
}

TEST(BlasThreads, AreThoseOfTheModelAndOneWhereThereAreSeveral) {
  const auto parallel = find<int (*)()>("openblas_get_parallel");
  const auto threads = find<int (*)()>("openblas_get_num_threads");
  if (!parallel || !threads || parallel() != 1)
    GTEST_SKIP() << "libblas.so.3 is no pthread build of OpenBLAS (Debian: libopenblas0-pthread)";
  const TemporaryFolder folder;
  const std::string path = save_colours(folder);
  {
    const auto one = load(path, 1);
    infer(*one);
    EXPECT_EQ(threads(), 1);
  }
  const auto two = load(path, 2);
  infer(*two);
  EXPECT_EQ(threads(), 2);
  {
    const auto another = load(path, 2);
    infer(*two);
    EXPECT_EQ(threads(), 1) << "two models side by side, and each product takes two threads";
  }
  infer(*two);
  EXPECT_EQ(threads(), 2);
}

// Threads of several models would only wait for each other.
TEST(InferenceThreads, AreSharedByTheModelsOfTheProcess) {
  const TemporaryFolder folder;
  const std::string path = save_colours(folder);
  const auto threads = [](oneadapt::Model &model) {
    infer(model);
    return at::get_num_threads();
  };
  const auto one = load(path, 0);
  const int all = threads(*one);
  {
    const auto another = load(path, 0);
    EXPECT_EQ(threads(*another), std::max(1, all / 2));
    EXPECT_EQ(threads(*one), std::max(1, all / 2));
    const auto own = load(path, 3);
    EXPECT_EQ(threads(*own), 3) << "as it was told";
  }
  EXPECT_EQ(threads(*one), all);
}

}  // namespace
