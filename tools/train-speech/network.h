// SPDX-License-Identifier: LGPL-2.1-or-later
// The recogniser: what it computes, how it is trained, and the file it is saved as. No LibTorch header in here.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "compose.h"

namespace oneadapt_speech {

constexpr int kRate = 8000;   ///< Hz
constexpr int kStep = 160;    ///< samples a step: 20 ms
constexpr int kClasses = 11;  ///< blank, "zero" … "nine"
/// A network trained with CTC is surer than it is right, and where it is sure it has no gradient. Scores are divided by
/// this before the softmax (output.temperature in docs/model-keys.md), and f(e) is less steep than the paper's 20 (§E).
constexpr double kTemperature = 2, kSlope = 4;
constexpr double kThreshold = 0.3;  ///< θ at that temperature: as many words are wrong as are missed

struct TrainingOptions {
  unsigned steps = 2000;  ///< of the optimiser
  unsigned batch = 24;    ///< items a step
  double item_seconds = 2.6;
  double rate = 3e-3;  ///< largest learning rate; falls to nothing as a cosine
  std::uint64_t seed = 1;
};

/// One line of the training's curve.
struct Progress {
  unsigned step = 0;
  double loss = 0;  ///< mean CTC loss a string, since the line before
};

/// Steps × kClasses logits of `sound` (kRate), row by row.
class Recogniser {
 public:
  virtual ~Recogniser() = default;
  virtual std::vector<float> logits(const Sound &sound) = 0;
  virtual std::size_t parameters() const = 0;
};

class Trainer : public Recogniser {
 public:
  static std::unique_ptr<Trainer> make(std::uint64_t seed);
  /// `report` is called every hundred steps. Items are made by a thread of their own; the result depends on nothing but
  /// the sources and options (and LibTorch's rounding).
  virtual void train(const Sources &sources, const TrainingOptions &options,
                     const std::function<void(const Progress &)> &report) = 0;
  /// Writes a self-describing TorchScript file (docs/model-keys.md) with batch normalisation folded in. Throws
  /// std::runtime_error when what was written computes something else, or cannot be written.
  virtual void save(const std::string &path, const std::string &description) = 0;
};

/// A file that save() wrote. Throws std::runtime_error.
std::unique_ptr<Recogniser> load_recogniser(const std::string &path);

}  // namespace oneadapt_speech
