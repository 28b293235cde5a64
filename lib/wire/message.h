// SPDX-License-Identifier: LGPL-2.1-or-later
// The gradient message: small, versioned, length-checked, checksummed (docs/wire-format.md).
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/gradient/gradient.h"

namespace oneadapt {

/// Default for the most bytes of a message: what one RTCP APP packet carries.
constexpr std::size_t kMessageBudget = 1300;
/// Every gradient can be encoded in this many bytes: 70, and room for the header to grow.
constexpr std::size_t kLeastMessageBudget = 80;
/// Most bytes that a message may have; anything longer is refused unread.
constexpr std::size_t kMaxMessageBytes = 0xffff;
/// Most blocks that a map may have: 4 MiB of values, so that a hostile message cannot take more of a reader's memory.
constexpr std::size_t kMaxMessageBlocks = 1u << 20;
/// Most regions that a message may hold.
constexpr std::size_t kMaxMessageRegions = 64;

/// Encodes a gradient in at most `byte_budget` bytes, whatever its map looks like. The map is quantised to at most 48
/// levels and its blocks are pooled, both only as far as necessary. Σ value·pixels stays within 0.2 %, z, θ and slope
/// within a float's precision. The first regions are sent, as many as fit in a quarter of what the header leaves of the
/// budget, at most kMaxMessageRegions; their corners are clipped to the frame. Counts above 65535 become 65535.
/// Throws std::invalid_argument when the map's size does not match its grid, a value is negative or not finite, the
/// grid is empty or has more than kMaxMessageBlocks blocks, a signal's frame is not one high, `interval` is not that of
/// `stream_time` or one of the 65535 before, or `byte_budget` is below kLeastMessageBudget; more than kMaxMessageBytes
/// counts as that. Thread-safe.
std::vector<std::uint8_t> encode_gradient(const Gradient &gradient, std::size_t byte_budget = kMessageBudget);

/// Decodes a message of this version or of one from 4 on. On failure returns false and says why in `error`; `gradient`
/// is then unchanged. Never throws on bad input, never allocates more than the sizes it has checked. Thread-safe.
bool decode_gradient(const std::uint8_t *data, std::size_t size, Gradient &gradient, std::string &error);

/// Length that the beginning of a message states, for readers of a stream of messages. 0 when the data is not a message
/// or is longer than kMessageBudget. `size` ≥ kMessagePrefix. Thread-safe.
std::size_t message_length(const std::uint8_t *data, std::size_t size);
constexpr std::size_t kMessagePrefix = 10;
/// Whether the data is a complete message of at most kMessageBudget bytes with the right checksum. Cheap: nothing is
/// decoded. Thread-safe.
bool is_message(const std::uint8_t *data, std::size_t size);

}  // namespace oneadapt
