// SPDX-License-Identifier: LGPL-2.1-or-later
// The files around a model, and names of classes: all that needs no LibTorch. Internal.
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace oneadapt {

/// By its name, or its first bytes.
bool is_onnx(const std::string &path);

/// Is this a whole zip archive? Throws ModelError(File, Format) with one sentence that says which of these it is:
/// missing, a directory, unreadable, empty, truncated, of another kind (ONNX, TensorFlow.js: what converts it),
/// something else altogether.
void check_archive(const std::string &path);

/// The sidecar that overrides a model's own description: PATH.json, else PATH with its extension replaced by .json
/// (unless that is a TensorFlow.js graph, the file that NanoDet is converted from).
struct Sidecar {
  std::string path, text;
};
std::optional<Sidecar> read_sidecar(const std::string &model_path);

/// One label a line; blank lines at the end do not count. Throws ModelError(Labels) unless there are `expected`.
std::vector<std::string> read_labels(const std::string &path, std::size_t expected);

/// Which of `labels` are named in `classes`; all when `classes` is empty. Throws ModelError(Classes) for a name that is
/// no label, with those that look like it.
std::vector<bool> select_classes(const std::vector<std::string> &labels, const std::vector<std::string> &classes);

}  // namespace oneadapt
