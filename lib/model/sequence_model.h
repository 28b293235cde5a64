// SPDX-License-Identifier: LGPL-2.1-or-later
// A self-describing TorchScript model of task "ctc": waveform in, words out, and the gradient of their utility with
// respect to the waveform (paper §3.3, §E; Table 3, h). No LibTorch header in here.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "model/model.h"

namespace oneadapt {

/// A recognised word.
struct Word {
  std::string text;
  int label = -1;                       ///< index into labels(); −1: spelled by a model of letters
  double start = 0, end = 0, peak = 0;  ///< seconds from the window's beginning
  double score = 0;                     ///< largest posterior; of a spelled word the mean over its letters
};

/// Thread-bound: one thread at a time (a model may move between threads). Description, sidecar and errors as Model's.
class SequenceModel {
 public:
  /// Throws ModelError with one sentence that names what is wrong and the remedy.
  static std::unique_ptr<SequenceModel> load(const ModelOptions &options);
  virtual ~SequenceModel() = default;

  virtual const ModelDescription &description() const = 0;
  virtual const std::vector<std::string> &labels() const = 0;
  virtual double theta() const = 0;
  virtual const std::string &device() const = 0;
  virtual const std::string &device_reason() const = 0;
  virtual ModelWeights weights() const = 0;

  /// Forward without autograd: the wanted words with score ≥ θ, in order of time. `samples`: mono, full scale ±1, at
  /// description().sample_rate, at least a tenth of a second. Throws ModelError (Run, Input).
  virtual std::vector<Word> infer(const std::vector<float> &samples) = 0;

  /// Forward with autograd; same words. Keeps the graph until backward() or the next forward pass, for the utility of
  /// the words whose likeliest step is from `first` to before `first` + `count` (samples).
  virtual std::vector<Word> infer_for_gradient(const std::vector<float> &samples, std::size_t first,
                                               std::size_t count) = 0;
  /// Backpropagates z of the last infer_for_gradient() to its samples: fills z, elements, confident, theta, slope, and
  /// a map of one row: frame_width = `count` samples, frame_height 1, blocks of 10 ms, the mean of |∂z/∂y| over a
  /// block's samples. Weights are frozen (§4.1). Throws ModelError(NotFinite) on a gradient that is not finite, and
  /// ModelError(Run) without graph.
  virtual void backward(Gradient &gradient) = 0;
  virtual void drop_graph() = 0;
};

/// What a model file says of itself, its sidecar laid over it: loads it as Model::load() does, and fails as that does.
ModelDescription read_description(const ModelOptions &options);

/// Samples in a block of the map: 10 ms.
unsigned sound_block(unsigned sample_rate);

}  // namespace oneadapt
