// SPDX-License-Identifier: LGPL-2.1-or-later
#include "wire/loss_detector.h"

#include <algorithm>

namespace oneadapt {
namespace {

// RFC 6184, 5.2: types of NAL units and of payloads.
constexpr unsigned kIdrSlice = 5, kSequenceParameters = 7, kStapA = 24, kFuA = 28;
constexpr int kMostLate = 100;  // packets (RFC 3550, A.1: MAX_MISORDER); a larger step back is a new beginning

/// A NAL unit's type, and its first byte behind the header (0: none), where a slice says its first macroblock.
bool begins_key_nal(unsigned type, unsigned next) {
  // first_mb_in_slice is ue(v): 0 is the single bit 1.
  return type == kSequenceParameters || (type == kIdrSlice && (next & 0x80));
}

}  // namespace

bool begins_key_picture(const std::uint8_t *payload, std::size_t size) {
  if (!payload || size < 2) return false;
  const unsigned type = payload[0] & 31;
  if (type == kFuA) return (payload[1] & 0x80) && begins_key_nal(payload[1] & 31, size > 2 ? payload[2] : 0);
  if (type != kStapA) return begins_key_nal(type, payload[1]);
  for (std::size_t at = 1; at + 2 < size;) {
    const std::size_t length = std::size_t(payload[at]) << 8 | payload[at + 1];
    at += 2;
    if (begins_key_nal(payload[at] & 31, at + 1 < size ? payload[at + 1] : 0)) return true;
    at += std::max<std::size_t>(length, 1);
  }
  return false;
}

/// Goes on to a packet; false: it is doubled or too late, and depayloaders ignore it.
bool LossDetector::advance(std::uint16_t sequence) {
  if (last_) {
    const int step = std::int16_t(std::uint16_t(sequence - *last_));
    if (step <= 0 && step > -kMostLate) return false;
    if (step != 1) on_gap();
  }
  last_ = sequence;
  return true;
}

void LossDetector::on_gap() {
  // What was asked for is still to come, unless it is this that was damaged.
  if (intact_ || key_) last_request_.reset();
  if (intact_) first_request_.reset();
  intact_ = false;
  key_.reset();
}

void LossDetector::on_whole_key(std::uint64_t now) {
  key_.reset();
  if (!intact_ && first_request_) {
    const std::uint64_t took = now - *first_request_;
    patience_ = std::clamp(took + took / 2, kLeastPatience, kMostPatience);
  }
  intact_ = true;
  first_request_.reset();
  last_request_.reset();
}

bool LossDetector::is_due(std::uint64_t now) {
  if (intact_ || key_ || (last_request_ && now - *last_request_ < patience_)) return false;
  if (last_request_) patience_ = std::min(2 * patience_, kMostPatience);  // nobody answers
  if (!first_request_) first_request_ = now;
  last_request_ = now;
  return true;
}

bool LossDetector::on_packet(const H264Packet &packet, std::uint64_t now) {
  if (!advance(packet.sequence)) return false;
  if (key_ && *key_ != packet.timestamp) on_whole_key(now);  // it ended without a marker
  if (packet.begins_key && !key_) key_ = packet.timestamp;
  if (key_ && packet.marker) on_whole_key(now);
  return is_due(now);
}

}  // namespace oneadapt
