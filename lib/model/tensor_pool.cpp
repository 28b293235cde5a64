// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/tensor_pool.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <sys/mman.h>
#include <torch/csrc/api/include/torch/version.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <mutex>
#include <unordered_map>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(data, bytes) ((void)(data), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(data, bytes) ((void)(data), (void)(bytes))
#endif

namespace oneadapt {
namespace {

constexpr std::size_t kPage = 4096;
/// Smaller ones cost malloc() no pages.
constexpr std::size_t kSmall = 64 * 1024;

/// A block that a tensor has.
struct Owner {
  std::size_t bytes;
  std::shared_ptr<TensorPool> pool;
};

/// Guards all pools, and what tensors have of them. Never destroyed: tensors may outlive static objects.
struct Registry {
  std::mutex mutex;
  std::unordered_map<void *, Owner> blocks;
};
Registry &registry() {
  static auto &all = *new Registry;
  return all;
}

thread_local std::shared_ptr<TensorPool> pool_in_use;

/// Tensors of passes from the pool that is in use, all others as before.
class PoolAllocator final : public c10::Allocator {
 public:
  explicit PoolAllocator(c10::Allocator *before) : before_(before) { instance = this; }

#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 2)
  c10::DataPtr allocate(std::size_t bytes) override { return take(bytes); }
  void copy_data(void *to, const void *from, std::size_t bytes) const override { std::memcpy(to, from, bytes); }
#else
  c10::DataPtr allocate(std::size_t bytes) const override { return take(bytes); }
#endif
  c10::DeleterFnPtr raw_deleter() const override { return &free_any; }

 private:
  c10::DataPtr take(std::size_t bytes) const {
    const std::shared_ptr<TensorPool> pool = pool_in_use;
    void *data = pool && bytes >= kSmall ? pool->allocate(bytes) : nullptr;
    if (!data) return before_->allocate(bytes);
    return {data, data, &free_block, c10::Device(c10::kCPU)};
  }
  static void free_block(void *data) { TensorPool::free(data); }
  static void free_any(void *data) {
    if (data && !TensorPool::free(data)) instance->before_->raw_deleter()(data);
  }

  static PoolAllocator *instance;
  c10::Allocator *const before_;
};
PoolAllocator *PoolAllocator::instance = nullptr;

/// For the process, once, when the first pass begins. An application that sets an allocator of its own is heeded: it is
/// the one before, or it takes this one's place.
void install() {
  static const bool done = [] {
    c10::SetCPUAllocator(new PoolAllocator(c10::GetCPUAllocator()));
    return true;
  }();
  (void)done;
}

}  // namespace

TensorPool::Use::Use(std::shared_ptr<TensorPool> pool) : pool_(std::move(pool)), outer_(pool_in_use) {
  install();
  pool_in_use = pool_;
}

TensorPool::Use::~Use() {
  pool_in_use = outer_;
  std::lock_guard<std::mutex> lock(registry().mutex);
  pool_->trim();
}

TensorPool::~TensorPool() {
  if (!range_) return;
  ASAN_UNPOISON_MEMORY_REGION(range_, size_);
  munmap(range_, size_);
}

TensorPool::Bytes TensorPool::bytes() const {
  std::lock_guard<std::mutex> lock(registry().mutex);
  return bytes_;
}

void TensorPool::release() {
  std::lock_guard<std::mutex> lock(registry().mutex);
  most_ = most_before_ = end_of_tensors();
  shrink(most_);
}

/// As many addresses as the machine has memory, or as may be had. Only pages that are written to take memory.
bool TensorPool::reserve() {
  if (range_ || failed_) return range_;
  size_ = std::size_t(sysconf(_SC_PHYS_PAGES)) * std::size_t(sysconf(_SC_PAGESIZE)) / kPage * kPage;
  for (; size_ > kPage * 1024; size_ = size_ / 2 / kPage * kPage) {
    void *range = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED) continue;
    range_ = static_cast<char *>(range);
    gaps_[0] = size_;
    return true;
  }
  failed_ = true;
  return false;
}

void *TensorPool::allocate(std::size_t wanted) {
  const std::size_t bytes = (wanted + kPage - 1) / kPage * kPage;
  void *data = nullptr;
  {
    std::lock_guard<std::mutex> lock(registry().mutex);
    if (!reserve()) return nullptr;
    const auto gap =
        std::find_if(gaps_.begin(), gaps_.end(), [&](const auto &g) { return g.second - g.first >= bytes; });
    if (gap == gaps_.end()) return nullptr;
    const auto [from, to] = *gap;
    gaps_.erase(gap);
    if (from + bytes < to) gaps_[from + bytes] = to;
    data = range_ + from;
    ASAN_UNPOISON_MEMORY_REGION(data, bytes);
    bytes_.in_use += bytes;
    most_ = std::max(most_, from + bytes);
    bytes_.held = std::max(bytes_.held, from + bytes);
    registry().blocks[data] = {bytes, shared_from_this()};
  }
  c10::reportMemoryUsageToProfiler(data, std::int64_t(bytes), 0, 0, c10::Device(c10::kCPU));
  return data;
}

bool TensorPool::free(void *data) {
  std::shared_ptr<TensorPool> pool;  // dropped after the lock
  std::size_t bytes = 0;
  {
    std::lock_guard<std::mutex> lock(registry().mutex);
    const auto found = registry().blocks.find(data);
    if (found == registry().blocks.end()) return false;
    pool = std::move(found->second.pool);
    bytes = found->second.bytes;
    registry().blocks.erase(found);
    ASAN_POISON_MEMORY_REGION(data, bytes);
    const auto from = std::size_t(static_cast<char *>(data) - pool->range_);
    pool->put_back(from, from + bytes);
    pool->bytes_.in_use -= bytes;
  }
  c10::reportMemoryUsageToProfiler(data, -std::int64_t(bytes), 0, 0, c10::Device(c10::kCPU));
  return true;
}

/// Under the mutex, as all below.
void TensorPool::put_back(std::size_t from, std::size_t to) {
  auto after = gaps_.lower_bound(from);
  if (after != gaps_.end() && after->first == to) {
    to = after->second;
    after = gaps_.erase(after);
  }
  if (after != gaps_.begin() && std::prev(after)->second == from)
    std::prev(after)->second = to;
  else
    gaps_[from] = to;
}

std::size_t TensorPool::end_of_tensors() const {
  if (gaps_.empty()) return size_;
  const auto &last = *gaps_.rbegin();
  return last.second == size_ ? last.first : size_;
}

/// Gives back the pages beyond `end`, where no tensor is.
void TensorPool::shrink(std::size_t end) {
  if (bytes_.held <= end) return;
  madvise(range_ + end, bytes_.held - end, MADV_DONTNEED);
  bytes_.held = end;
}

void TensorPool::trim() {
  const Clock::time_point now = Clock::now();
  if (now - window_ < kept_for_) return;
  shrink(std::max(most_, most_before_));
  most_before_ = most_;
  most_ = end_of_tensors();
  window_ = now;
}

}  // namespace oneadapt
