// SPDX-License-Identifier: LGPL-2.1-or-later
#include "foreign.h"

#include <filesystem>
#include <fstream>
#include <system_error>

#include "graph.h"
#include "model/file_kinds.h"
#include "model/files.h"

namespace oneadapt::import {

void refuse_foreign(const std::string &path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) throw ImportError("the model " + path + " does not exist");
  if (std::filesystem::is_directory(path, error))
    throw ImportError("the model " + path + " is a directory; name the ONNX file or the model.json in it");
  if (!std::filesystem::is_regular_file(path, error))
    throw ImportError("the model " + path + " is no file, but a pipe or a device");
  if (!std::filesystem::file_size(path, error)) throw ImportError("the model " + path + " is empty; fetch it again");
  const std::string kind = foreign_kind(path);
  if (!kind.empty()) throw ImportError("the model " + path + " " + kind);
  char head[4] = {};
  std::ifstream(path, std::ios::binary).read(head, sizeof head);
  if (std::string(head, 2) == "PK")
    throw ImportError("the model " + path + " is TorchScript already: oneadapt-import --describe " + path);
  const auto first = std::string(head, 4).find_first_not_of(" \t\r\n");
  if (!is_onnx(path) && (first == std::string::npos || (head[first] != '{' && head[first] != '[')))
    throw ImportError("the model " + path +
                      " is neither ONNX nor JSON; oneadapt-import converts ONNX files and TensorFlow.js graph models");
}

}  // namespace oneadapt::import
