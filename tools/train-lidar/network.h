// SPDX-License-Identifier: LGPL-2.1-or-later
// A small detector of pillars: how it is trained, and the file that it is saved as. No LibTorch header in here.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "targets.h"

namespace oneadapt_lidar {

/// Channels: of a point and a pillar, of the maps with a place of 0.8 m, and of those with one of 1.6 m.
struct Widths {
  unsigned points = 32, near = 48, deep = 64;
};

struct TrainingOptions {
  unsigned steps = 2000;
  unsigned batch = 4;  ///< turns a step
  double rate = 3e-3;  ///< largest learning rate; it rises for a while, then falls to nothing as a cosine
  unsigned report_every = 50;
};

/// Means of the losses since the report before.
struct Progress {
  unsigned step = 0;
  double heat = 0, box = 0;
};

class Trainer {
 public:
  virtual ~Trainer() = default;
  static std::unique_ptr<Trainer> make(std::uint64_t seed, const Widths &widths = {});
  /// Goes on with a file that save() made. Throws std::runtime_error.
  static std::unique_ptr<Trainer> load(const std::string &path);
  /// `next` makes the examples; it is called from another thread, never twice at a time. `report` is called every
  /// `report_every` steps and after the last.
  virtual void train(const std::function<Example()> &next, const TrainingOptions &options,
                     const std::function<void(const Progress &)> &report) = 0;
  /// A self-describing TorchScript file of task "detection3d" (docs/model-keys.md), as bytes. `description`: JSON. Its
  /// weights are the mean of the last steps'.
  virtual std::string save(const std::string &description) const = 0;
  virtual std::size_t parameters() const = 0;
};

}  // namespace oneadapt_lidar
