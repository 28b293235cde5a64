// SPDX-License-Identifier: LGPL-2.1-or-later
// State that several threads share can only be reached through its lock.
#pragma once
#include <mutex>
#include <utility>

namespace oneadapt {

/// A value and its mutex. `state.lock()->call()` locks to the end of that statement, whatever else is in it;
/// `auto locked = state.lock();` to the end of the block. A leaf: no other lock is taken meanwhile.
template <class T>
class Locked {
 public:
  class Access {
   public:
    Access(std::mutex &mutex, T &value) : guard_(mutex), value_(value) {}
    T *operator->() const { return &value_; }
    T &operator*() const { return value_; }

   private:
    std::lock_guard<std::mutex> guard_;
    T &value_;
  };
  template <class... Arguments>
  explicit Locked(Arguments &&...arguments) : value_(std::forward<Arguments>(arguments)...) {}
  Access lock() { return {mutex_, value_}; }

 private:
  std::mutex mutex_;
  T value_;
};

}  // namespace oneadapt
