// SPDX-License-Identifier: LGPL-2.1-or-later
// Who may use the model now: the stream's frames, and a profile's pictures in between.
#pragma once
#include <condition_variable>
#include <mutex>

namespace oneadapt {

/// A frame of the stream waits for one picture of a profile at most. Any thread; nothing is called under its lock.
class ModelTurns {
 public:
  /// The stream's turn, from a frame's inference until its gradient has been taken. Given back at the latest in the
  /// end.
  class Frame {
   public:
    explicit Frame(ModelTurns &turns) : turns_(turns) {}
    ~Frame() { give_back(); }
    void take() {
      std::unique_lock<std::mutex> lock(turns_.mutex_);
      ++turns_.frames_waiting_;
      turns_.changed_.wait(lock, [&] { return !turns_.busy_; });
      --turns_.frames_waiting_;
      turns_.busy_ = taken_ = true;
    }
    void give_back() {
      if (taken_) turns_.release();
      taken_ = false;
    }
    bool taken() const { return taken_; }
    Frame(const Frame &) = delete;
    Frame &operator=(const Frame &) = delete;

   private:
    ModelTurns &turns_;
    bool taken_ = false;
  };

  /// A profile's turn, for one picture.
  class Picture {
   public:
    /// `generation` as it was when the profile began.
    Picture(ModelTurns &turns, unsigned generation) : turns_(turns) {
      std::unique_lock<std::mutex> lock(turns_.mutex_);
      const auto off = [&] { return turns_.closed_ || turns_.generation_ != generation; };
      turns_.changed_.wait(lock, [&] { return off() || (!turns_.busy_ && turns_.frames_waiting_ == 0); });
      given_ = !off();
      if (given_) turns_.busy_ = true;
    }
    ~Picture() {
      if (given_) turns_.release();
    }
    Picture(const Picture &) = delete;
    Picture &operator=(const Picture &) = delete;
    /// False: the profile was called off.
    explicit operator bool() const { return given_; }

   private:
    ModelTurns &turns_;
    bool given_ = false;
  };

  unsigned generation() {
    std::lock_guard<std::mutex> lock(mutex_);
    return generation_;
  }
  /// Calls off the profiles under way (a flush), and with `for_good` all that may still come (the end of a run).
  void call_off(bool for_good) {
    std::lock_guard<std::mutex> lock(mutex_);
    ++generation_;
    closed_ = closed_ || for_good;
    changed_.notify_all();
  }

 private:
  void release() {
    std::lock_guard<std::mutex> lock(mutex_);
    busy_ = false;
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  bool busy_ = false, closed_ = false;
  unsigned frames_waiting_ = 0, generation_ = 0;
};

}  // namespace oneadapt
