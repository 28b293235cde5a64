// SPDX-License-Identifier: LGPL-2.1-or-later
// What LibTorch or a TorchScript program throws, in one sentence. Internal.
#pragma once
#include <string>

#include "model/loaded_model.h"

namespace oneadapt {

/// One clean sentence from what LibTorch or a TorchScript program threw.
std::string first_sentence(const std::exception &e);

/// Runs `work`; whatever else it throws becomes a ModelError of this kind: `what`, a colon, and one sentence.
template <typename Work>
auto guarded(ModelError::Kind kind, const std::string &what, Work work) -> decltype(work()) {
  try {
    return work();
  } catch (const ModelError &) {
    throw;
  } catch (const std::exception &e) {
    throw ModelError(kind, what + ": " + first_sentence(e));
  }
}

/// The same while a model runs.
template <typename Work>
auto guarded(const char *what, Work work) -> decltype(work()) {
  return guarded(ModelError::Kind::Run, what, work);
}

/// The same while a file is loaded.
template <typename Work>
auto loading(const ModelOptions &options, Work work) -> decltype(work()) {
  return guarded(ModelError::Kind::Format, "model file '" + options.path + "' cannot be loaded", work);
}

}  // namespace oneadapt
