// SPDX-License-Identifier: LGPL-2.1-or-later
// The key-frame request: a DNN that lost a packet, or joined in mid-stream, asks the camera for an IDR picture
// (docs/wire-transport.md). It goes the way that gradients go.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace oneadapt {

/// Every request has that many bytes: whole words, for RTCP.
constexpr std::size_t kKeyRequestBytes = 20;

struct KeyRequest {
  std::uint32_t ssrc = 0;  ///< of the RTP stream that the request is about; 0: unknown
};

/// Thread-safe.
std::vector<std::uint8_t> encode_key_request(const KeyRequest &request);
/// Returns false for anything but a request; `request` is then unchanged. Never throws. Thread-safe.
bool decode_key_request(const std::uint8_t *data, std::size_t size, KeyRequest &request);
/// For readers of a stream of messages: kKeyRequestBytes where the data begins as a request does, else 0. `size` ≥
/// kMessagePrefix. Thread-safe.
std::size_t key_request_length(const std::uint8_t *data, std::size_t size);

}  // namespace oneadapt
