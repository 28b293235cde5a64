// SPDX-License-Identifier: LGPL-2.1-or-later
// The description of a TorchScript file that is there already: guessed from a run, checked, written.
#pragma once
#include <memory>
#include <string>
#include <utility>

#include "layouts.h"

namespace oneadapt::import {

/// A TorchScript file that is open for describing.
class ModelFile {
 public:
  /// Throws ImportError: missing, no TorchScript, needs operators that are not there.
  explicit ModelFile(const std::string &path);
  ~ModelFile();

  /// Its own description; empty: none.
  const std::string &description() const;
  /// What the file says of its model without describing it.
  const Hints &hints() const;
  /// Runs it on pictures: of the given size, or (0) of usual ones until it takes one. `classes`: how many there are; 0:
  /// that is not known. `gray`: they have one channel. Throws ImportError when it takes none.
  Guesses guess(unsigned width, unsigned height, int classes, bool gray);
  /// Runs it, and compares what it gives with the description. Returns why the results cannot be right all the
  /// same, as a sentence; empty: they may be. Throws ImportError.
  std::string check(const std::string &description);
  /// Writes it with this description; whatever else is in the archive stays. Throws ImportError.
  void write(const std::string &path, const std::string &option, const std::string &description) const;

 private:
  void copy_graph(const std::string &path, const std::string &option) const;
  [[noreturn]] void refuse(unsigned width, unsigned height, const std::string &why) const;
  std::pair<bool, std::string> follows(const Result &result, std::int64_t h, std::int64_t w,
                                       const Guesses &guesses) const;

  struct Contents;
  std::unique_ptr<Contents> contents_;
};

/// Why the gradient of the described model at `path` cannot be trusted (Model::gradient_problem()), on a picture made
/// for it; empty: nothing speaks against it, or it does not load, which whoever uses it is told. It is loaded as
/// oneadaptdnn will: plans are tried, for ten seconds at most, and remembered (lib/model/plan_memory.h).
std::string gradient_doubt(const std::string &path);

}  // namespace oneadapt::import
