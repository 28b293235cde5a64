// SPDX-License-Identifier: LGPL-2.1-or-later
// A message in pieces, for transports whose packets are small (docs/wire-transport.md). Pure: no clock, no I/O.
#pragma once
#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "wire/message.h"

namespace oneadapt {

/// Least room that a fragment needs: its header and one word.
constexpr std::size_t kLeastFragment = 12;

/// The piece of `message` that begins at `offset` (a multiple of 4), in at most `room` bytes (≥ kLeastFragment), a
/// multiple of 4 long. `offset` moves to where the next piece begins; when it is the message's size, there are no more.
/// The message has at most kMessageBudget bytes. Thread-safe.
std::vector<std::uint8_t> next_fragment(const std::vector<std::uint8_t> &message, std::size_t &offset,
                                        std::size_t room);

/// Joins fragments, which may come in any order and repeatedly. Remembers one message for each of the last kSources
/// sources, about 6 KB in all. Thread-bound.
class Reassembler {
 public:
  static constexpr std::size_t kSources = 4;
  enum class Result { Malformed, Partial, Complete };
  /// Adds one fragment from `source`. With Complete, the whole message, whose checksum is right, is in `message`.
  /// Otherwise `message` does not change.
  Result take(std::uint32_t source, const std::uint8_t *data, std::size_t size, std::vector<std::uint8_t> &message);

 private:
  static constexpr std::size_t kWords = kMessageBudget / 4;
  struct Slot {
    bool used = false;
    std::uint32_t source = 0, id = 0;
    std::size_t length = 0;
    std::uint64_t turn = 0;
    std::bitset<kWords> have;
    std::array<std::uint8_t, kMessageBudget> bytes;
  };
  std::array<Slot, kSources> slots_;
  std::uint64_t turn_ = 0;
};

}  // namespace oneadapt
