// SPDX-License-Identifier: LGPL-2.1-or-later
// The description of a TorchScript file that is there already: guessed from a run, checked, written.
#pragma once
#include <memory>
#include <string>
#include <vector>

namespace oneadapt::import {

/// One thing that was found out about a model, and how.
struct Guess {
  std::string key;     ///< as in docs/model-keys.md, with dots
  std::string value;   ///< JSON
  std::string reason;  ///< goes on after "because"
};

struct Guesses {
  std::vector<Guess> found;
  int classes = 0;      ///< 0: not known
  std::string problem;  ///< what kept the layout from being known; empty: nothing
};

/// A TorchScript file that is open for describing.
class ModelFile {
 public:
  /// Throws ImportError: missing, no TorchScript, needs operators that are not there.
  explicit ModelFile(const std::string &path);
  ~ModelFile();

  /// Its own description; empty: none.
  const std::string &description() const;
  /// Runs it on pictures: of the given size, or (0) of usual ones until it takes one. Throws ImportError when it takes
  /// none.
  Guesses guess(unsigned width, unsigned height);
  /// Runs it, and compares what it gives with the description. Throws ImportError.
  void check(const std::string &description);
  /// Writes it with this description; whatever else is in the archive stays. Throws ImportError.
  void write(const std::string &path, const std::string &option, const std::string &description) const;

 private:
  struct Contents;
  std::unique_ptr<Contents> contents_;
};

}  // namespace oneadapt::import
