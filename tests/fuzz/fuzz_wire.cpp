// SPDX-License-Identifier: LGPL-2.1-or-later
// The gradient message and the key-frame request under arbitrary bytes: libFuzzer's entry point. The same bytes are
// tried as a message, as a message with the right length and checksum, and as a gradient to encode. What must hold is
// checked here; a failure is printed and aborts. Without libFuzzer: fuzz_driver.cpp.
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "../support/block_total.h"
#include "must.h"
#include "wire/key_request.h"
#include "wire/loss_detector.h"
#include "wire/message.h"

namespace {

using oneadapt::BlockMap;
using oneadapt::Gradient;

/// Puts the right checksum at the end.
void seal(std::vector<std::uint8_t> &bytes) {
  const uLong crc = crc32(0, bytes.data(), uInt(bytes.size() - 4));
  for (std::size_t i = 0; i < 4; ++i) bytes[bytes.size() - 4 + i] = std::uint8_t(crc >> (24 - 8 * i));
}

/// From a buffer of just that size, so that a sanitizer sees a byte too many.
bool decode(const std::vector<std::uint8_t> &bytes, Gradient &g) {
  const std::unique_ptr<std::uint8_t[]> exact(new std::uint8_t[bytes.size()]);
  std::copy(bytes.begin(), bytes.end(), exact.get());
  std::string why;
  const bool ok = oneadapt::decode_gradient(exact.get(), bytes.size(), g, why);
  MUST(ok == why.empty());
  return ok;
}

/// What a reader relies on in a message that was accepted.
void check_decoded(const Gradient &g) {
  MUST(g.map.block_size > 0 && !g.map.values.empty());
  MUST(g.map.values.size() == std::size_t(g.map.columns()) * g.map.rows());
  for (float v : g.map.values) MUST(std::isfinite(v) && v >= 0);
  MUST(g.fits_domain());
  MUST(std::isfinite(g.z) && std::isfinite(g.theta) && std::isfinite(g.slope));
  for (const auto &r : g.regions)
    MUST(r.x0 >= 0 && r.x0 <= r.x1 && r.x1 <= 1 && r.y0 >= 0 && r.y0 <= r.y1 && r.y1 <= 1);
}

void check_round_trip(const Gradient &g, std::size_t budget) {
  const auto bytes = oneadapt::encode_gradient(g, budget);
  MUST(bytes.size() <= budget);
  Gradient back;
  MUST(decode(bytes, back));
  check_decoded(back);
  MUST(back.map.frame_width == g.map.frame_width && back.map.frame_height == g.map.frame_height);
  MUST(back.map.block_size == g.map.block_size && back.map.values.size() == g.map.values.size());
  MUST(back.domain == g.domain && back.early == g.early);
  MUST(back.interval == g.interval && back.stream == g.stream && back.z == double(float(g.z)));
  MUST(back.regions.size() <= g.regions.size());
  const double before = oneadapt_test::total(g.map), after = oneadapt_test::total(back.map);
  MUST(before < 1e-30 ? after < 1e-29 : std::abs(after / before - 1) < 1.0 / 256);
}

/// The same bytes as a key-frame request, as they are and with the right checksum, and as the payload of a packet.
void try_key_request(std::vector<std::uint8_t> bytes) {
  for (int sealed = 0; sealed < 2; ++sealed) {
    const std::unique_ptr<std::uint8_t[]> exact(new std::uint8_t[bytes.size()]);
    std::copy(bytes.begin(), bytes.end(), exact.get());
    oneadapt::KeyRequest request;
    oneadapt::begins_key_picture(exact.get(), bytes.size());
    if (oneadapt::decode_key_request(exact.get(), bytes.size(), request)) {
      MUST(oneadapt::encode_key_request(request) == bytes);
      MUST(oneadapt::key_request_length(exact.get(), oneadapt::kMessagePrefix) == bytes.size());
      MUST(!oneadapt::is_message(exact.get(), bytes.size()));
    }
    bytes.resize(oneadapt::kKeyRequestBytes);
    seal(bytes);
  }
}

void try_message(const std::vector<std::uint8_t> &bytes) {
  Gradient g;
  if (!decode(bytes, g)) return;
  check_decoded(g);
  if (g.map.values.size() <= 4096) check_round_trip(g, bytes.size() < 100 ? 100 : bytes.size());
}

struct Input {
  const std::uint8_t *at, *end;
  unsigned byte() { return at < end ? *at++ : 0; }
  unsigned word() { return byte() << 8 | byte(); }
};

void try_gradient(Input in) {
  Gradient g;
  const unsigned block = 1 + in.byte() % 32;
  g.map = BlockMap(1 + in.word() % (block * 24), 1 + in.word() % (block * 24), block);
  const std::size_t budget = oneadapt::kLeastMessageBudget + in.word() % 700;
  for (unsigned regions = in.byte() % 70; regions > 0; --regions)
    g.regions.push_back({in.byte() / 128.0 - 0.5, in.byte() / 255.0, in.byte() / 255.0, in.byte() / 128.0});
  g.interval_duration = 1000000000;
  const unsigned kind = in.byte() % 4;
  for (float &v : g.map.values) {
    const unsigned byte = in.at < in.end ? in.byte() : unsigned(&v - g.map.values.data()) * 2654435761u >> 24;
    if (kind == 0) v = float(std::ldexp(1.0, -int(byte % 64)));
    if (kind == 1) v = float(byte) / 255;
    if (kind == 2) v = byte % 8 ? 0 : 1;
    if (kind == 3) {  // any number, and what is none
      const std::uint32_t bits = byte << 24 | in.word() << 8 | byte;
      std::memcpy(&v, &bits, sizeof v);
    }
  }
  const bool fine =
      std::all_of(g.map.values.begin(), g.map.values.end(), [](float v) { return std::isfinite(v) && v >= 0; });
  try {
    check_round_trip(g, budget);
    MUST(fine);
  } catch (const std::invalid_argument &) {
    MUST(!fine);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const std::vector<std::uint8_t> bytes(data, data + size);
  try_message(bytes);
  try_key_request(bytes);
  if (size >= 59 && size <= oneadapt::kMaxMessageBytes) {
    auto sealed = bytes;
    sealed[8] = std::uint8_t(size >> 8);
    sealed[9] = std::uint8_t(size);
    seal(sealed);
    try_message(sealed);
  }
  try_gradient({data, data + size});
  return 0;
}
