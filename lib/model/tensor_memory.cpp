// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/tensor_memory.h"

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <torch/csrc/api/include/torch/version.h>

#include <algorithm>
#include <cstdint>
#include <memory>

namespace oneadapt {
namespace {

#if TORCH_VERSION_MAJOR >= 2
using Total = std::size_t;
#else
using Total = std::int64_t;
#endif

struct Meter : c10::MemoryReportingInfoBase {
  void reportMemoryUsage(void *, std::int64_t size, Total, Total, c10::Device) override {
    now += size;
    peak = std::max(peak, now);
  }
  bool memoryProfilingEnabled() const override { return true; }
  std::int64_t now = 0, peak = 0;
};

}  // namespace

TensorBytes bytes_of_tensors(const std::function<void()> &work) {
  const auto meter = std::make_shared<Meter>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, meter);
  work();
  return {double(meter->peak), double(meter->now)};
}

}  // namespace oneadapt
