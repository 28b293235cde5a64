// SPDX-License-Identifier: LGPL-2.1-or-later
// Memory of tensors that stays between passes.
#include <ATen/ATen.h>
#include <c10/core/CPUAllocator.h>
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <thread>

#include "model/tensor_memory.h"
#include "model/tensor_pool.h"

namespace {

using namespace oneadapt;
using namespace std::chrono_literals;

constexpr std::int64_t kMega = 1 << 20;

at::Tensor bytes(std::int64_t count) { return at::empty({count}, at::kByte); }

struct Pool : ::testing::Test {
  std::shared_ptr<TensorPool> pool = std::make_shared<TensorPool>(1h);
  std::size_t in_use() const { return pool->bytes().in_use; }
  std::size_t held() const { return pool->bytes().held; }
};

}  // namespace

TEST_F(Pool, APassUsesTheMemoryOfTheOneBefore) {
  std::set<void *> places;
  for (int pass = 0; pass < 3; ++pass) {
    const TensorPool::Use use(pool);
    const at::Tensor a = bytes(3 * kMega), b = bytes(5 * kMega);
    EXPECT_EQ(in_use(), 8u * kMega);
    places.insert({a.data_ptr(), b.data_ptr()});
  }
  EXPECT_EQ(places.size(), 2u);
  EXPECT_EQ(in_use(), 0u);
  EXPECT_EQ(held(), 8u * kMega);
}

TEST_F(Pool, OnlyLargeTensorsOfItsOwnPassesAreInIt) {
  const at::Tensor before = bytes(kMega);
  {
    const TensorPool::Use use(pool);
    const at::Tensor small = bytes(1000);
    EXPECT_EQ(in_use(), 0u);
    {
      const auto other = std::make_shared<TensorPool>(1h);
      const TensorPool::Use inner(other);
      const at::Tensor there = bytes(kMega);
      EXPECT_EQ(other->bytes().in_use, std::size_t(kMega));
      EXPECT_EQ(in_use(), 0u);
    }
    std::thread([&] {
      const at::Tensor elsewhere = bytes(kMega);
      EXPECT_EQ(in_use(), 0u);
    }).join();
    const at::Tensor here = bytes(kMega);
    EXPECT_EQ(in_use(), std::size_t(kMega));
  }
  const at::Tensor after = bytes(kMega);
  EXPECT_EQ(in_use(), 0u);
}

TEST_F(Pool, GapsThatMeetAreOne) {
  const TensorPool::Use use(pool);
  at::Tensor a = bytes(kMega), b = bytes(kMega), c = bytes(kMega);
  const at::Tensor end = bytes(kMega);
  void *const first = a.data_ptr();
  a.reset();
  c.reset();
  b.reset();
  EXPECT_EQ(bytes(3 * kMega).data_ptr(), first);
  EXPECT_EQ(held(), 4u * kMega);
}

TEST_F(Pool, IsHardlyLargerThanWhatIsInUseAtATime) {
  std::mt19937 random(7);
  std::vector<at::Tensor> tensors(40);
  std::size_t most = 0;
  const TensorPool::Use use(pool);
  for (int i = 0; i < 5000; ++i) {
    // As in a network: tensors of some sizes, most of them small.
    tensors[random() % tensors.size()] = bytes((kMega / 8) << (random() % 6 * (random() % 2)));
    most = std::max(most, in_use());
  }
  EXPECT_LE(double(held()), 1.3 * double(most));
}

TEST_F(Pool, WritesStayApart) {
  const TensorPool::Use use(pool);
  std::vector<at::Tensor> all;
  for (int i = 0; i < 20; ++i) all.push_back(at::full({100000 + 1000 * i}, i, at::kFloat));
  for (int i = 0; i < 20; i += 2) all[std::size_t(i)] = at::full({70000 + 3000 * i}, i, at::kFloat);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(all[std::size_t(i)].eq(i).all().item<bool>()) << i;
}

TEST_F(Pool, TensorsMayOutliveIt) {
  at::Tensor tensor;
  {
    const TensorPool::Use use(pool);
    tensor = at::ones({kMega});
  }
  std::weak_ptr<TensorPool> left = pool;
  pool.reset();
  EXPECT_EQ(tensor.sum().item<float>(), float(kMega));
  EXPECT_FALSE(left.expired());
  std::thread([&] { tensor.reset(); }).join();
  EXPECT_TRUE(left.expired());
}

TEST_F(Pool, SeveralPassesAtATime) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([this, t] {
      for (int i = 0; i < 300; ++i) {
        const TensorPool::Use use(pool);
        const at::Tensor a = at::full({20000 + 700 * (i % 9)}, t, at::kFloat), b = a + 1;
        ASSERT_TRUE(b.eq(t + 1).all().item<bool>());
      }
    });
  for (std::thread &thread : threads) thread.join();
  EXPECT_EQ(in_use(), 0u);
}

// A picture that has become smaller.
TEST(TensorPoolWindow, WhatIsNoLongerUsedGoesBackToTheSystem) {
  const auto pool = std::make_shared<TensorPool>(0ns);
  const auto pass = [&](std::int64_t size) {
    const TensorPool::Use use(pool);
    const at::Tensor tensor = bytes(size);
  };
  pass(100 * kMega);
  pass(kMega);
  EXPECT_EQ(pool->bytes().held, 100u * kMega) << "it may come again: a gradient, say";
  pass(kMega);
  EXPECT_EQ(pool->bytes().held, std::size_t(kMega));
}

TEST_F(Pool, ReleaseKeepsWhatIsInUse) {
  const TensorPool::Use use(pool);
  const at::Tensor kept = bytes(kMega);
  bytes(9 * kMega);
  EXPECT_EQ(held(), 10u * kMega);
  pool->release();
  EXPECT_EQ(held(), std::size_t(kMega));
}

// oneDNN and others take plain memory from LibTorch's allocator.
TEST_F(Pool, RawMemoryOfBothKindsCanBeGivenBack) {
  const TensorPool::Use use(pool);
  c10::Allocator *const allocator = c10::GetCPUAllocator();
  for (const std::size_t size : {std::size_t(100), std::size_t(kMega)}) {
    void *const data = allocator->raw_allocate(size);
    ASSERT_NE(data, nullptr);
    std::memset(data, 1, size);
    allocator->raw_deallocate(data);
  }
  EXPECT_EQ(in_use(), 0u);
}

TEST_F(Pool, ItsTensorsAreCounted) {
  const TensorBytes counted = bytes_of_tensors([&] {
    const TensorPool::Use use(pool);
    const at::Tensor a = bytes(3 * kMega);
    bytes(2 * kMega);
  });
  EXPECT_EQ(counted.peak, double(5 * kMega));
  EXPECT_EQ(counted.kept, 0);
}
