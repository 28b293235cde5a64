// SPDX-License-Identifier: LGPL-2.1-or-later
// Finished runs on disk, so that an interrupted evaluation goes on where it stopped.
#pragma once
#include <optional>
#include <string>

#include "eval/run.h"

namespace oneadapt::eval {

/// A folder of finished runs. May be used by several threads as long as no two keep the same run.
class RunStore {
 public:
  /// `folder` is made when it is not there. Throws OutputError when it cannot be.
  explicit RunStore(std::string folder);
  /// The run that `options` made, by the same elements on the same files; none when there is none, or it is damaged.
  std::optional<RunResult> find(const RunOptions &options) const;
  /// Whole or not at all. Throws OutputError when it cannot be written.
  void keep(const RunOptions &options, const RunResult &result) const;

  /// Where the run is kept: the same for the same run only.
  std::string path(const RunOptions &options) const;

 private:
  std::string folder_, build_;
};

}  // namespace oneadapt::eval
