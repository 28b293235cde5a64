// SPDX-License-Identifier: LGPL-2.1-or-later
// What was lost of a stream of H.264 in RTP packets (RFC 6184), and when its receiver has to ask for a key frame. Pure:
// the caller says what the time is.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>

namespace oneadapt {

struct H264Packet {
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  bool marker = false;      ///< the last one of its picture
  bool begins_key = false;  ///< an IDR picture begins with it: begins_key_picture()
};

/// Whether an RTP payload begins an IDR picture: it has a sequence parameter set, or the first slice of an IDR picture.
/// Thread-safe.
bool begins_key_picture(const std::uint8_t *payload, std::size_t size);

/// Follows the packets of one stream, in the order in which they reach the depayloader. After a gap, and at the
/// beginning, pictures are of no use until a whole IDR picture has come. Thread-bound.
class LossDetector {
 public:
  /// Until an answer was seen, it is waited for that long before the request is repeated, ns.
  static constexpr std::uint64_t kFirstPatience = 1000000000;
  static constexpr std::uint64_t kLeastPatience = 250000000, kMostPatience = 8000000000;

  /// `now`: ns, of a clock that never goes back. Returns true when a key frame is to be requested now.
  bool on_packet(const H264Packet &packet, std::uint64_t now);
  /// Whether what comes can be decoded: nothing is missing since the last whole IDR picture began.
  bool intact() const { return intact_; }

 private:
  bool advance(std::uint16_t sequence);
  void on_gap();
  void on_whole_key(std::uint64_t now);
  bool is_due(std::uint64_t now);

  std::optional<std::uint16_t> last_;  ///< sequence number
  bool intact_ = false;
  std::optional<std::uint32_t> key_;  ///< time stamp of an IDR picture of which nothing was lost so far
  std::optional<std::uint64_t> first_request_, last_request_;
  std::uint64_t patience_ = kFirstPatience;  ///< from a request to the next
};

}  // namespace oneadapt
