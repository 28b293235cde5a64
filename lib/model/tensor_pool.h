// SPDX-License-Identifier: LGPL-2.1-or-later
// Memory of tensors that stays from one pass to the next. A pass makes and drops the same tensors as the pass before,
// some of them of tens of megabytes. From malloc() their pages are mapped, zeroed and given back each time, which can
// cost more than the arithmetic. No LibTorch header in here.
#pragma once
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>

namespace oneadapt {

/// A range of addresses in which the tensors of one model's passes on the CPU have their places: each the first gap
/// that it fits in, so that the range grows little beyond what is in use at a time. Pages beyond what passes of the
/// last two to four seconds used go back to the system. Thread-safe: several passes may use it at a time, and tensors
/// may be dropped in any thread. The pool lives until the last of them is.
class TensorPool : public std::enable_shared_from_this<TensorPool> {
 public:
  struct Bytes {
    std::size_t in_use = 0, held = 0;  ///< of tensors; with what is kept for those to come
  };

  /// Pages go back that no pass used in one window of time and what there was of the next.
  explicit TensorPool(std::chrono::nanoseconds window = std::chrono::seconds(2)) : kept_for_(window) {}
  ~TensorPool();
  TensorPool(const TensorPool &) = delete;
  TensorPool &operator=(const TensorPool &) = delete;

  /// While it lives, tensors that its thread makes on the CPU come from the pool, but for small ones. To be nested.
  class Use {
   public:
    explicit Use(std::shared_ptr<TensorPool> pool);
    ~Use();
    Use(const Use &) = delete;
    Use &operator=(const Use &) = delete;

   private:
    const std::shared_ptr<TensorPool> pool_, outer_;
  };

  Bytes bytes() const;
  /// Gives back to the system what lies beyond the tensors that there are.
  void release();

  // For LibTorch's allocator.
  /// NULL: the range is full, or there is none.
  void *allocate(std::size_t bytes);
  /// Whether `data` is a tensor's of any pool; it is dropped then.
  static bool free(void *data);

 private:
  using Clock = std::chrono::steady_clock;
  using Gaps = std::map<std::size_t, std::size_t>;  ///< from one place in the range to another

  bool reserve();
  void put_back(std::size_t from, std::size_t to);
  std::size_t end_of_tensors() const;
  void shrink(std::size_t end);
  void trim();

  const std::chrono::nanoseconds kept_for_;
  char *range_ = nullptr;
  std::size_t size_ = 0;  ///< of the range
  bool failed_ = false;   ///< there can be none
  Gaps gaps_;
  Bytes bytes_;
  Clock::time_point window_ = Clock::now();  ///< since when `most_` counts
  std::size_t most_ = 0, most_before_ = 0;   ///< how far tensors reached, and in the window before
};

}  // namespace oneadapt
