// SPDX-License-Identifier: LGPL-2.1-or-later
// Loads a model as oneadaptdnn does, runs it, and measures. No LibTorch header in here, nothing is printed.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "media.h"
#include "model/model.h"
#include "model/sequence_model.h"
#include "model/tensor_memory.h"
#include "model/training_mode.h"
#include "video/input_size.h"

namespace oneadapt::inspect {

struct Options {
  ModelOptions model;
  InputSize input_size;
  GradientMethod method = GradientMethod::Exact;
  GradientMemory memory = GradientMemory::Exact;
  std::string input;           ///< picture or clip; empty: a picture made here
  double start = 0, step = 1;  ///< seconds of a clip
  unsigned frames = 1;
  std::string output;   ///< folder; empty: no pictures
  unsigned repeat = 5;  ///< passes whose median is taken; 0: nothing is measured
};

struct ModelFile {
  std::string path, sidecar;  ///< sidecar empty: none
  std::uint64_t bytes = 0;
  std::string sha256;
};

/// What both kinds of models say of themselves.
struct Facts {
  ModelDescription description;
  std::vector<std::string> labels;
  double theta = 0;
  std::string device, device_reason;
  ModelWeights weights;
  PlanReport plan;
  bool hears() const { return description.takes_sound(); }
};

/// What a model found. Words are boxes too, over the whole height, their sides shares of the interval.
struct Found {
  Detection at;
  std::string name;
};

/// One picture that the model was shown, or one second that it heard.
struct Frame {
  std::optional<double> seconds;  ///< of a clip; where a second begins
  FrameSize size, seen;           ///< of a picture: as it is, and as the model sees it
  double length = 0;              ///< of sound, seconds
  std::vector<Found> objects;     ///< or words
  std::vector<Word> words;        ///< of sound; times count from where the file begins
  std::optional<Found> best;      ///< of those below θ, where there is no object
  Gradient gradient;
  std::string gradient_error;  ///< it is not finite, says the model
  double greatest = 0;         ///< value of the map
  std::string objects_file, gradient_file;
};

struct Times {
  unsigned repeat = 0;                                  ///< 0: not measured
  double forward = 0, with_autograd = 0, backward = 0;  ///< medians, ms
  std::size_t frame = 0;                                ///< which it was measured on
  unsigned inferences = 10;                             ///< in an interval: ten frames, or one second of sound
  /// What DNNGrad adds to inference (paper §4.1).
  double share() const { return (with_autograd - forward + backward) / (inferences * forward); }
};

/// Bytes.
struct MemoryUse {
  double loading = 0, running = 0,
         peak = 0;                     ///< of the process: what each added at its peak, and all in all; 0: unknown
  TensorBytes forward, with_autograd;  ///< peak; what is kept for the way back
  double gradient = 0;                 ///< peak of tensors, forward with autograd and backward
};

struct Inspection {
  ModelFile file;
  Facts facts;
  std::unique_ptr<Model> model;           ///< of pictures, or null
  std::unique_ptr<SequenceModel> hearer;  ///< of sound, or null
  bool made_up = false, clip = false;     ///< the input was made here; it has frames, or seconds
  std::vector<Frame> frames;
  TrainingCalls training;
  bool repeatable = true;        ///< equal runs give equal results
  std::string results_problem;   ///< why what was found cannot be right; empty: it may be
  std::string gradient_problem;  ///< why the gradient cannot be trusted; empty: nothing speaks against it
  Times times;
  MemoryUse memory;
};

/// The first step: throws ModelError when it cannot be loaded.
Inspection load(const Options &options);
/// Shows it pictures, or has it hear seconds of sound, and measures; `on_frame` is called after each. Throws ModelError
/// when the model fails on one, InspectError when the input or the folder is bad.
void run(Inspection &inspection, const Options &options, const std::function<void(std::size_t)> &on_frame);

}  // namespace oneadapt::inspect
