// SPDX-License-Identifier: LGPL-2.1-or-later
// The files of a model, and names of classes: everything that needs no LibTorch. Internal.
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace oneadapt {

/// Whether the file is ONNX, by its name or its first bytes.
bool is_onnx(const std::string &path);

/// Throws ModelError(File, Format) unless the file is a complete zip archive. Its sentence says whether the file is
/// missing, a directory, unreadable, empty, truncated, of another kind (for ONNX and TensorFlow.js with the command
/// that converts it), or unknown.
void check_archive(const std::string &path);

/// The sidecar that overrides a model's own description: PATH.json, else PATH with its extension replaced by .json
/// (unless that is a TensorFlow.js graph, the file that NanoDet is converted from).
struct Sidecar {
  std::string path, text;
};
std::optional<Sidecar> read_sidecar(const std::string &model_path);

/// Reads one label from each line; blank lines at the end are ignored. Throws ModelError(Labels) unless there are
/// `expected` labels.
std::vector<std::string> read_labels(const std::string &path, std::size_t expected);

/// Which of `labels` are named in `classes`; all when `classes` is empty. Throws ModelError(Classes) for a name that is
/// not a label; the text has similar labels.
std::vector<bool> select_classes(const std::vector<std::string> &labels, const std::vector<std::string> &classes);

}  // namespace oneadapt
