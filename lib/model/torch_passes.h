// SPDX-License-Identifier: LGPL-2.1-or-later
// The passes of a loaded model, forward and back, of any medium. Internal: sees LibTorch.
#pragma once
#include <torch/script.h>

#include <string>
#include <vector>

#include "model/torch_errors.h"
#include "model/torch_file.h"

namespace oneadapt {

/// The tensors of a model's output, in order: a tensor, or a tuple or list of such. What is None counts only as a
/// place.
std::vector<at::Tensor> tensors_of(const c10::IValue &value);

/// Throws ModelError(Run) when `scores` are not part of an autograd graph.
void expect_graph(const at::Tensor &scores);

/// A loaded file that runs.
class TorchPasses : protected TorchFile {
 public:
  TorchPasses(const TorchPasses &) = delete;
  TorchPasses &operator=(const TorchPasses &) = delete;

 protected:
  using TorchFile::TorchFile;
  virtual ~TorchPasses() = default;

  /// What a forward pass with autograd keeps for backpropagate().
  struct Graph {
    at::Tensor leaf;    ///< the input, as it was received
    at::Tensor scores;  ///< of the elements that count in z
  };

  /// |∂sum/∂leaf|; undefined: `sum` does not depend on it.
  virtual at::Tensor gradient_of(const at::Tensor &sum, const at::Tensor &leaf);
  /// The gradient of an input as the map that is sent (fill()).
  virtual BlockMap map_of(const at::Tensor &gradient) = 0;
  /// What the map is over.
  virtual Domain domain() const = 0;

  /// forward() of a program for one input. `on` and `remedy` are for the error: what the model failed on, and what to
  /// check. Throws ModelError(Run).
  c10::IValue call(torch::jit::Module program, const at::Tensor &input, const std::string &on, const char *remedy);
  /// The same for several inputs.
  c10::IValue call(torch::jit::Module program, std::vector<c10::IValue> inputs, const std::string &on,
                   const char *remedy);

  /// Runs `work`, a forward pass without autograd. Throws ModelError.
  template <typename Work>
  auto run_plain(Work work) {
    graph_ = {};
    return guarded("the model failed", [&] {
      const TensorPool::Use pool(shared_->pool);
      at::NoGradGuard no_grad;  // not InferenceMode: a tensor that a model caches there could not enter autograd later
      threads_.use();
      return work();
    });
  }
  /// Runs `work`, a forward pass with autograd that leaves a graph_. Throws ModelError.
  template <typename Work>
  auto run_with_graph(Work work) {
    graph_ = {};
    return guarded("the model failed", [&] {
      const TensorPool::Use pool(shared_->pool);
      at::AutoGradMode with_grad(true);
      threads_.use();
      return work();
    });
  }

  /// LoadedModel::backward().
  void backpropagate(Gradient &gradient);
  /// |∂z/∂leaf| of the graph, which is used up, and z. Throws ModelError(Run).
  at::Tensor input_gradient(double &z);
  /// Copies the means of blocks into `map`. Throws ModelError(NotFinite).
  void fill(BlockMap &map, const at::Tensor &means) const;

  Graph graph_;

 private:
  [[noreturn]] void fail_not_finite() const;
};

/// A loaded file behind the interface of a medium's model.
template <class Interface>
class LoadedFile : public Interface, protected TorchPasses {
 public:
  const ModelDescription &description() const final { return description_; }
  const std::vector<std::string> &labels() const final { return labels_; }
  double theta() const final { return theta_; }
  const std::string &device() const final { return device_.name; }
  const std::string &device_reason() const final { return device_.reason; }
  ModelWeights weights() const final { return count_weights(); }
  void backward(Gradient &gradient) final { backpropagate(gradient); }
  void drop_graph() final { graph_ = {}; }
  ~LoadedFile() override {
    graph_ = {};
    shared_->pool->release();  // other users of the module make theirs anew
  }

 protected:
  using TorchPasses::TorchPasses;
};

}  // namespace oneadapt
