// SPDX-License-Identifier: LGPL-2.1-or-later
#include "wire/fragments.h"

#include <algorithm>

#include "wire/big_endian.h"

namespace oneadapt {
namespace {
constexpr std::size_t kHeader = 8, kWord = 4;
static_assert(kMessageBudget % kWord == 0, "whole words");
}  // namespace

std::vector<std::uint8_t> next_fragment(const std::vector<std::uint8_t> &message, std::size_t &offset,
                                        std::size_t room) {
  std::vector<std::uint8_t> out;
  if (room < kLeastFragment || offset >= message.size() || message.size() < kWord) return out;
  const std::size_t bytes = std::min((room - kHeader) / kWord * kWord, message.size() - offset);
  out.resize(kHeader + (bytes + kWord - 1) / kWord * kWord);  // the last one is padded with zeros
  std::uint8_t *p = out.data();
  p = std::copy(message.end() - kWord, message.end(), p);  // the message's checksum tells messages apart
  put<std::uint16_t>(p, std::uint16_t(message.size()));
  put<std::uint16_t>(p, std::uint16_t(offset));
  std::copy_n(message.begin() + std::ptrdiff_t(offset), bytes, p);
  offset += bytes;
  return out;
}

Reassembler::Result Reassembler::take(std::uint32_t source, const std::uint8_t *data, std::size_t size,
                                      std::vector<std::uint8_t> &message) {
  if (!data || size < kLeastFragment || size % kWord) return Result::Malformed;
  const auto id = get<std::uint32_t>(data);
  const std::size_t length = get<std::uint16_t>(data), offset = get<std::uint16_t>(data);
  const std::size_t body = size - kHeader;
  if (length < kWord || length > kMessageBudget || offset % kWord || offset >= length) return Result::Malformed;
  const std::size_t left = length - offset;
  if (body > (left + kWord - 1) / kWord * kWord) return Result::Malformed;

  Slot *slot = nullptr, *oldest = &slots_[0];
  for (Slot &s : slots_) {
    if (s.used && s.source == source) slot = &s;
    if (!s.used || s.turn < oldest->turn) oldest = &s;
  }
  if (!slot) slot = oldest;
  if (!slot->used || slot->source != source || slot->id != id || slot->length != length) {
    slot->used = true;
    slot->source = source;
    slot->id = id;
    slot->length = length;
    slot->have.reset();
  }
  slot->turn = ++turn_;
  std::copy_n(data, std::min(body, left), slot->bytes.begin() + std::ptrdiff_t(offset));
  for (std::size_t word = 0; word < body / kWord; ++word) slot->have.set(offset / kWord + word);
  if (slot->have.count() < (length + kWord - 1) / kWord) return Result::Partial;
  slot->used = false;
  slot->turn = 0;
  if (!is_message(slot->bytes.data(), length)) return Result::Malformed;
  message.assign(slot->bytes.begin(), slot->bytes.begin() + std::ptrdiff_t(length));
  return Result::Complete;
}

}  // namespace oneadapt
