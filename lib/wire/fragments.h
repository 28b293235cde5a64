// SPDX-License-Identifier: LGPL-2.1-or-later
// A message in pieces, for transports whose packets are small (docs/wire-format.md). Pure: no clock, no I/O.
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
/// multiple of 4 long. `offset` moves to where the next one begins; at the message's size there is none. The message
/// has at most kMessageBudget bytes. Thread-safe.
std::vector<std::uint8_t> next_fragment(const std::vector<std::uint8_t> &message, std::size_t &offset,
                                        std::size_t room);

/// Puts fragments together, in whatever order and however often they come. Remembers one message a source, of the last
/// kSources sources: some 6 KB, whatever comes. Thread-bound.
class Reassembler {
 public:
  static constexpr std::size_t kSources = 4;
  enum class Result { Malformed, Partial, Complete };
  /// One fragment from `source`. Complete: the whole message, its checksum found right, is in `message`, which else
  /// stays as it is.
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
