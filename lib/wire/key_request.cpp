// SPDX-License-Identifier: LGPL-2.1-or-later
// Layout: docs/wire-transport.md. All numbers are big-endian.
#include "wire/key_request.h"

#include <zlib.h>

#include <algorithm>

#include "wire/big_endian.h"
#include "wire/message.h"

namespace oneadapt {
namespace {

constexpr std::uint8_t kMagic[4] = {'O', 'A', 'K', 'F'};
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kCrcBytes = 4;

std::uint32_t checksum(const std::uint8_t *data) {
  return std::uint32_t(crc32(0, data, uInt(kKeyRequestBytes - kCrcBytes)));
}

}  // namespace

std::vector<std::uint8_t> encode_key_request(const KeyRequest &request) {
  std::vector<std::uint8_t> out(kKeyRequestBytes);
  std::uint8_t *p = std::copy(std::begin(kMagic), std::end(kMagic), out.data());
  put<std::uint8_t>(p, kVersion);
  p += 3;  // reserved
  put<std::uint16_t>(p, std::uint16_t(kKeyRequestBytes));
  put<std::uint16_t>(p, 0);  // reserved
  put<std::uint32_t>(p, request.ssrc);
  put<std::uint32_t>(p, checksum(out.data()));
  return out;
}

std::size_t key_request_length(const std::uint8_t *data, std::size_t size) {
  if (!data || size < kMessagePrefix || !std::equal(std::begin(kMagic), std::end(kMagic), data) || data[4] != kVersion)
    return 0;
  const std::uint8_t *p = data + 8;
  return get<std::uint16_t>(p) == kKeyRequestBytes ? kKeyRequestBytes : 0;
}

bool decode_key_request(const std::uint8_t *data, std::size_t size, KeyRequest &request) {
  if (size != kKeyRequestBytes || key_request_length(data, size) != size) return false;
  const std::uint8_t *p = data + 5;
  const unsigned reserved = unsigned(p[0]) | p[1] | p[2] | data[10] | data[11];
  if (reserved) return false;
  p = data + 12;
  const auto ssrc = get<std::uint32_t>(p);
  if (get<std::uint32_t>(p) != checksum(data)) return false;
  request.ssrc = ssrc;
  return true;
}

}  // namespace oneadapt
