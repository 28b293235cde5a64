// SPDX-License-Identifier: LGPL-2.1-or-later
// The interval mark: data in a frame about its adaptation interval (docs/wire-transport.md). It travels inside the
// encoded picture, so that both ends of a network count the same intervals.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace oneadapt {

constexpr std::uint8_t kUnknownQp = 0xff;

/// The mark of a frame that is the first or the last of its interval.
struct IntervalMark {
  bool last = false;                    ///< the interval's last frame; else its first, or the first of a GOP within it
  std::uint32_t stream = 0;             ///< CRC-32 of the camera's stream id; 0: unknown
  std::uint64_t stream_time = 0;        ///< of the frame, at the camera, in ns; below 2^63
  std::uint64_t interval_duration = 0;  ///< ns, 1 ms to 2^63
  std::uint16_t feedback_bytes = 0;     ///< most bytes of a gradient message on the interval; 0: no limit
  std::uint8_t qp = kUnknownQp;         ///< of the pictures from this one on, before a map's offsets
  std::uint8_t map_range = 0;           ///< of the map over it (AllocationSettings::range), QP steps; 0: there is none
  bool measure = false;                 ///< the controller wants to know the accuracy
  /// Number of the interval.
  std::uint64_t interval() const { return stream_time / interval_duration; }
};

/// Identifies a mark among the other user data of a picture (H.264 D.1.7), and its version.
constexpr std::uint8_t kMarkUuid[16] = {0x4f, 0x6e, 0x65, 0x41, 0x64, 0x61, 0x4d, 0x32,
                                        0x9c, 0xe3, 0x57, 0xb8, 0x2a, 0xd4, 0x61, 0xf6};

/// The bytes behind the UUID. Thread-safe.
std::vector<std::uint8_t> encode_mark(const IntervalMark &mark);
/// Returns false for anything but a mark; `mark` is then unchanged. Never throws. Thread-safe.
bool decode_mark(const std::uint8_t *data, std::size_t size, IntervalMark &mark);

}  // namespace oneadapt
