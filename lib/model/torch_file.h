// SPDX-License-Identifier: LGPL-2.1-or-later
// A model file that is loaded: what models of pictures and of sound have in common. Internal: sees LibTorch.
#pragma once
#include <torch/script.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "model/blas_threads.h"
#include "model/model.h"
#include "model/shared_module.h"

namespace oneadapt {

/// One clean sentence from what LibTorch or a TorchScript program threw.
std::string first_sentence(const std::exception &e);

/// Runs `work`; whatever LibTorch throws becomes a ModelError(Run) of one sentence.
template <typename Work>
auto guarded(const char *what, Work work) -> decltype(work()) {
  try {
    return work();
  } catch (const ModelError &) {
    throw;
  } catch (const std::exception &e) {
    throw ModelError(ModelError::Kind::Run, std::string(what) + ": " + first_sentence(e));
  }
}

/// The tensors of a model's output: a tensor, or a tuple or list of some. What is None counts only as a place.
std::vector<at::Tensor> tensors_of(const c10::IValue &value);

/// Throws ModelError(Run) when `scores` are not part of an autograd graph.
void expect_graph(const at::Tensor &scores);

/// Device, module, description, labels, θ.
class TorchFile {
 protected:
  /// `takes`: what forward() is given, for its error. Throws ModelError.
  TorchFile(const ModelOptions &options, const char *takes);

  ModelWeights count_weights() const;

  /// OpenMP's number of threads belongs to the calling thread, so it is set wherever inference really runs; OpenBLAS's
  /// to the process.
  void use_threads();

  ModelDescription description_;
  std::vector<std::string> labels_;
  double theta_ = 0.5;
  std::string path_;
  c10::Device device_{c10::kCPU};
  std::string device_name_, device_reason_;
  std::shared_ptr<SharedModule> shared_;
  torch::jit::Module module_;  ///< shared_'s
  bool takes_list_ = false;    ///< forward() takes a list of pictures, as torchvision's detectors do
  c10::ScalarType type_ = c10::kFloat;

 private:
  void choose_device(const std::string &wanted);
  void load_module(const ModelOptions &options);
  void read_signature(const char *takes);
  void find_type();
  unsigned threads_ = 0;
  std::thread::id threads_set_in_;
  BlasThreads blas_threads_;
};

}  // namespace oneadapt
