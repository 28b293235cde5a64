// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/device.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <algorithm>

#include "model/torch_errors.h"

namespace oneadapt {
namespace {

[[noreturn]] void fail(const std::string &what) { throw ModelError(ModelError::Kind::Device, what); }

/// A small sum on the device: a driver that is too old, or a build without kernels for this GPU, shows here.
void try_device(const c10::Device &device) {
  const at::Tensor two = at::ones({2, 2}, at::TensorOptions().device(device));
  if (two.matmul(two).sum().item<float>() != 8) throw std::runtime_error("it computed 2·2·2 wrongly");
}

std::string why_no_cuda() {
  return c10::impl::hasDeviceGuardImpl(c10::kCUDA) ? "LibTorch sees no CUDA device"
                                                   : "this LibTorch was built without CUDA";
}

/// CUDA device 0 where it works, else the CPU.
ChosenDevice choose_automatically(int count) {
  ChosenDevice chosen;
  chosen.reason = why_no_cuda();
  if (count == 0) return chosen;
  try {
    try_device(c10::Device(c10::kCUDA, 0));
    chosen.device = c10::Device(c10::kCUDA, 0);
    chosen.reason = "CUDA works on it";
  } catch (const std::exception &e) {
    chosen.reason = "CUDA is there but does not work: " + first_sentence(e);
  }
  return chosen;
}

/// The N of "cuda:N"; "cuda" is 0.
int index_of_cuda(const std::string &wanted) {
  if (wanted == "cuda") return 0;
  const std::string digits = wanted.rfind("cuda:", 0) == 0 ? wanted.substr(5) : "";
  if (digits.empty() || digits.size() > 3 || digits.find_first_not_of("0123456789") != std::string::npos)
    fail("there is no device \"" + wanted + "\"; write auto, cpu, cuda or cuda:N");
  return std::stoi(digits);
}

c10::Device cuda_device(const std::string &wanted, int count) {
  const int index = index_of_cuda(wanted);
  if (count == 0) fail("there is no device \"" + wanted + "\": " + why_no_cuda() + "; write auto or cpu");
  if (index >= count)
    fail("there is no device \"" + wanted + "\": LibTorch sees " + std::to_string(count) + " CUDA device" +
         (count > 1 ? "s" : "") + ", counted from 0");
  const c10::Device device(c10::kCUDA, c10::DeviceIndex(index));
  try {
    try_device(device);
  } catch (const std::exception &e) {
    fail("device \"" + wanted + "\" does not work: " + first_sentence(e) + "; write auto or cpu");
  }
  return device;
}

}  // namespace

ChosenDevice choose_device(const std::string &wanted) {
  const int count = at::hasCUDA() ? int(at::getNumGPUs()) : 0;
  ChosenDevice chosen;
  if (wanted == "auto" || wanted.empty()) {
    chosen = choose_automatically(count);
  } else {
    if (wanted != "cpu") chosen.device = cuda_device(wanted, count);
    chosen.reason = "asked for";
  }
  chosen.name = chosen.device.is_cuda() ? "cuda:" + std::to_string(int(chosen.device.index())) : "cpu";
  return chosen;
}

unsigned InferenceThreads::use() {
  static const int all = at::get_num_threads();
  blas_.count();
  const int wanted = threads_ ? int(threads_) : std::max(1, all / BlasThreads::models());
  if (at::get_num_threads() != wanted) at::set_num_threads(wanted);
  blas_.use(wanted);
  return unsigned(wanted);
}

}  // namespace oneadapt
