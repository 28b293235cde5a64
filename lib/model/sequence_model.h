// SPDX-License-Identifier: LGPL-2.1-or-later
// A self-describing TorchScript model of task "ctc": waveform in, words out, and the gradient of their utility with
// respect to the waveform (paper §3.3, §E; Table 3, h). No LibTorch header in here.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "model/loaded_model.h"

namespace oneadapt {

/// A recognised word.
struct Word {
  std::string text;
  int label = -1;                       ///< index into labels(); −1: spelled by a model of letters
  double start = 0, end = 0, peak = 0;  ///< seconds from the window's beginning
  double score = 0;                     ///< largest posterior; of a spelled word the mean over its letters
};

/// A model of sound, of task "ctc". The map of its gradient has one row: frame_width is `count` samples, frame_height
/// 1, and a block, of 10 ms, holds the mean of |∂z/∂y| over its samples.
class SequenceModel : public LoadedModel {
 public:
  /// Throws ModelError with one sentence that names what is wrong and the remedy.
  static std::unique_ptr<SequenceModel> load(const ModelOptions &options);

  /// Forward without autograd: the wanted words with score ≥ θ, in order of time. `samples`: mono, full scale ±1, at
  /// description().sample_rate, at least a tenth of a second. Throws ModelError (Run, Input).
  virtual std::vector<Word> infer(const std::vector<float> &samples) = 0;

  /// Forward with autograd; same words. Keeps the graph until backward() or the next forward pass, for the utility of
  /// the words whose likeliest step is from `first` to before `first` + `count` (samples).
  virtual std::vector<Word> infer_for_gradient(const std::vector<float> &samples, std::size_t first,
                                               std::size_t count) = 0;
};

/// Samples in a block of the map: 10 ms.
unsigned sound_block(unsigned sample_rate);

}  // namespace oneadapt
