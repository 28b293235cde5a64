// SPDX-License-Identifier: LGPL-2.1-or-later
#include "wire/mark.h"

#include "wire/big_endian.h"

namespace oneadapt {
namespace {
constexpr std::size_t kOldMarkBytes = 23, kMarkBytes = 25;  // without and with QP and range
constexpr std::uint8_t kMostQp = 51;
constexpr std::uint8_t kLast = 1, kMeasure = 2;  // flags
constexpr std::uint64_t kMostTime = std::uint64_t(1) << 63, kLeastInterval = 1000000;
}  // namespace

std::vector<std::uint8_t> encode_mark(const IntervalMark &mark) {
  std::vector<std::uint8_t> out(kMarkBytes);
  std::uint8_t *p = out.data();
  put<std::uint8_t>(p, std::uint8_t((mark.last ? kLast : 0) | (mark.measure ? kMeasure : 0)));
  put<std::uint32_t>(p, mark.stream);
  put<std::uint64_t>(p, mark.stream_time);
  put<std::uint64_t>(p, mark.interval_duration);
  put<std::uint16_t>(p, mark.feedback_bytes);
  put<std::uint8_t>(p, mark.qp);
  put<std::uint8_t>(p, mark.map_range);
  return out;
}

bool decode_mark(const std::uint8_t *data, std::size_t size, IntervalMark &mark) {
  if (!data || (size != kMarkBytes && size != kOldMarkBytes)) return false;
  const auto flags = get<std::uint8_t>(data);
  if (flags & ~unsigned(kLast | kMeasure)) return false;
  IntervalMark m;
  m.last = flags & kLast;
  m.measure = flags & kMeasure;
  m.stream = get<std::uint32_t>(data);
  m.stream_time = get<std::uint64_t>(data);
  m.interval_duration = get<std::uint64_t>(data);
  m.feedback_bytes = get<std::uint16_t>(data);
  if (size == kMarkBytes) {
    m.qp = get<std::uint8_t>(data);
    m.map_range = get<std::uint8_t>(data);
    if ((m.qp > kMostQp && m.qp != kUnknownQp) || m.map_range > kMostQp) return false;
  }
  if (m.stream_time >= kMostTime || m.interval_duration < kLeastInterval || m.interval_duration > kMostTime)
    return false;
  mark = m;
  return true;
}

}  // namespace oneadapt
