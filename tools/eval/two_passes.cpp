// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/two_passes.h"

#include <algorithm>
#include <cstdint>

namespace oneadapt::eval {
namespace {

// A region goes back to the camera as four 16-bit numbers, with the frame's time and their number in front.
constexpr std::uint64_t kRegionBytes = 8, kFrameBytes = 10;
// QP steps from the first pass to the second, nearest to the 10 of DDS (36 and 26) on a ladder of steps of 4. With 8
// the curve is the same within a few per cent.
constexpr double kFiner = 12, kLeastFiner = 8;

}  // namespace

std::vector<std::pair<std::size_t, std::size_t>> dds_pairs(const std::vector<double> &qps) {
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  const std::size_t top = qps.size() - 1;
  for (std::size_t coarse = 0; coarse + 1 < qps.size(); ++coarse) {
    std::size_t fine = coarse + 1;
    while (fine < top && qps[coarse] - qps[fine] < kFiner) ++fine;
    if (qps[coarse] - qps[fine] >= kLeastFiner || coarse == 0) pairs.emplace_back(coarse, fine);
  }
  return pairs;
}

SecondPass second_pass_of(const RunResult &first, double first_qp, const DdsSettings &settings) {
  SecondPass pass;
  pass.first_qp = first_qp;
  for (std::size_t i = 0; i < first.results.size() && i < first.uncertain.size(); ++i) {
    const auto regions = dds_regions(first.results[i].boxes, first.uncertain[i].boxes, first.threshold, settings);
    if (regions.empty()) continue;
    pass.blocks[first.results[i].stream_time] = dds_blocks(regions, first.width, first.height, settings);
    pass.feedback_bytes += kFrameBytes + kRegionBytes * regions.size();
  }
  return pass;
}

PolicyRun join_passes(const RunResult &first, const RunResult *second, const SecondPass &pass,
                      const DdsSettings &settings) {
  PolicyRun out;
  RunResult &run = out.result;
  run = first;
  run.feedback_bytes = pass.feedback_bytes;
  if (!second) return out;
  out.extra_inferences = second->inferences;
  run.packets.insert(run.packets.end(), second->packets.begin(), second->packets.end());
  std::stable_sort(run.packets.begin(), run.packets.end(),
                   [](const Packet &a, const Packet &b) { return a.stream_time < b.stream_time; });
  run.bytes += second->bytes;
  run.encode_s += second->encode_s;
  run.inference_s += second->inference_s;
  // Both passes' times come out of the same codec, rounded alike, and pass.blocks has the first one's.
  for (const FrameResult &frame : second->results) {
    const auto at = std::lower_bound(run.results.begin(), run.results.end(), frame.stream_time,
                                     [](const FrameResult &r, std::uint64_t t) { return r.stream_time < t; });
    const auto blocks = pass.blocks.find(frame.stream_time);
    if (at == run.results.end() || at->stream_time != frame.stream_time || blocks == pass.blocks.end())
      throw RunError("the second pass has a frame that the first one has not");
    at->boxes = dds_merge(at->boxes, frame.boxes, blocks->second, settings);
  }
  return out;
}

}  // namespace oneadapt::eval
