// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>

#include "core/output/json_depth.h"
#include "model/file_kinds.h"
#include "model/labels.h"
#include "model/model.h"

namespace oneadapt {
namespace fs = std::filesystem;
namespace {

/// A model description or a label file longer than this is none.
constexpr std::size_t kMaxTextBytes = std::size_t(16) << 20;

/// Reads a small text file; false (with errno's words) when it cannot.
bool read_text(const std::string &path, std::string &text, std::string &why) {
  std::error_code ec;
  const auto status = fs::status(path, ec);
  if (fs::is_directory(status) || fs::is_other(status)) {
    why = fs::is_directory(status) ? "it is a directory" : "it is no file, but a pipe or a device";
    return false;
  }
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    why = std::strerror(errno ? errno : EIO);
    return false;
  }
  text.clear();
  char chunk[65536];
  while (in.read(chunk, sizeof chunk), in.gcount() > 0) {
    text.append(chunk, std::size_t(in.gcount()));
    if (text.size() > kMaxTextBytes) {
      why = "it is larger than 16 MiB";
      return false;
    }
  }
  return true;
}

std::size_t edit_distance(const std::string &a, const std::string &b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t(0));
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitute = diagonal + (std::tolower(static_cast<unsigned char>(a[i - 1])) !=
                                                 std::tolower(static_cast<unsigned char>(b[j - 1])));
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
    }
  }
  return row.back();
}

/// Up to three labels, nearest first; one that holds the name (or is held by it) counts as near.
std::string near_names(const std::vector<std::string> &labels, const std::string &name) {
  std::vector<std::pair<std::size_t, std::size_t>> order;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const bool holds = labels[i].find(name) != std::string::npos || name.find(labels[i]) != std::string::npos;
    order.emplace_back(holds ? 1 : edit_distance(labels[i], name), i);
  }
  std::sort(order.begin(), order.end());
  std::string list;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, order.size()); ++i)
    list += (i ? ", \"" : "\"") + labels[order[i].second] + "\"";
  return list;
}

/// What turns `path` into a model, in quotes.
std::string import_command(const std::string &path) {
  const std::string usual = fs::path(path).replace_extension(".pt").string();
  return "\"oneadapt-import " + path + " " + (usual == path ? path + ".pt" : usual) + "\"";
}

/// Throws for JSON: a TensorFlow.js graph, or a description.
void refuse_json(const std::string &path, const std::string &file) {
  std::string text, why;
  if (!read_text(path, text, why)) return;  // too large for either
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos || text[begin] != '{') return;
  if (text.find("\"modelTopology\"") != std::string::npos)
    throw ModelError(ModelError::Kind::Format, file + "is a TensorFlow.js graph model; convert it first, with " +
                                                   import_command(path) + " and --preset or --layout and --labels");
  if (text.find("\"output\"") != std::string::npos || text.find("\"labels\"") != std::string::npos)
    throw ModelError(ModelError::Kind::Format, file + "is a description (JSON); name the TorchScript file beside it");
}

}  // namespace

bool is_onnx(const std::string &path) {
  if (fs::path(path).extension() == ".onnx") return true;
  std::error_code ec;
  if (!fs::is_regular_file(path, ec)) return false;  // reading a pipe may never end
  std::ifstream in(path, std::ios::binary);
  // Field 1, a number (ir_version), comes first.
  char head[2] = {};
  return in.read(head, 2) && head[0] == 0x08 && head[1] > 0 && head[1] < 32;
}

void check_archive(const std::string &path) {
  using Kind = ModelError::Kind;
  if (path.empty()) throw ModelError(Kind::File, "no model file is given; name a TorchScript file");
  const std::string file = "model file '" + path + "' ";
  std::error_code ec;
  const auto status = fs::status(path, ec);
  if (!fs::exists(status))
    throw ModelError(Kind::File, file + "does not exist (or cannot be reached); name a TorchScript file");
  if (fs::is_directory(status)) throw ModelError(Kind::File, file + "is a directory; name the TorchScript file in it");
  if (!fs::is_regular_file(status))
    throw ModelError(Kind::File, file + "is no file, but a pipe or a device; name a TorchScript file");
  std::ifstream in(path, std::ios::binary);
  if (!in) throw ModelError(Kind::File, file + "cannot be opened: " + std::strerror(errno ? errno : EIO));

  char head[4] = {};
  in.read(head, sizeof head);
  if (in.gcount() == 0) throw ModelError(Kind::Format, file + "is empty; copy or convert it again");
  if (const std::string kind = foreign_kind(path); !kind.empty()) throw ModelError(Kind::Format, file + kind);
  const bool zip = in.gcount() == 4 && std::memcmp(head, "PK\x03\x04", 4) == 0;  // whatever it is called
  if (!zip && is_onnx(path))
    throw ModelError(Kind::Format, file + "is an ONNX model; convert it first, with " + import_command(path));
  if (in.gcount() > 0 && std::memchr("{ \t\r\n", head[0], 5)) refuse_json(path, file);
  if (!zip) throw ModelError(Kind::Format, file + "is not TorchScript (no zip archive); save it with torch.jit.save");

  // Every zip archive ends with a record of at least 22 bytes, "PK\5\6", followed by at most 65535 bytes of comment.
  in.clear();
  in.seekg(0, std::ios::end);
  const std::streamoff size = in.tellg(), tail = std::min<std::streamoff>(size, 65557);
  std::string end(std::size_t(tail), '\0');
  in.seekg(size - tail);
  in.read(end.data(), tail);
  if (end.rfind(std::string("PK\x05\x06", 4)) == std::string::npos)
    throw ModelError(Kind::Format, file + "is truncated (the archive has no end); copy or convert it again");
}

std::optional<Sidecar> read_sidecar(const std::string &model_path) {
  const std::string appended = model_path + ".json",
                    replaced = fs::path(model_path).replace_extension(".json").string();
  for (const std::string &path : {appended, replaced}) {
    std::error_code ec;
    if (path == model_path || !fs::exists(path, ec)) continue;
    Sidecar sidecar{path, {}};
    std::string why;
    if (!read_text(path, sidecar.text, why))
      throw ModelError(ModelError::Kind::Description, "model description '" + path + "' cannot be read: " + why);
    if (nests_too_deep(sidecar.text))
      throw ModelError(ModelError::Kind::Description,
                       "model description '" + path + "' nests more than 64 levels deep; it is none");
    if (path == replaced && sidecar.text.find("\"modelTopology\"") != std::string::npos) continue;
    return sidecar;
  }
  return std::nullopt;
}

std::vector<std::string> read_labels(const std::string &path, std::size_t expected) {
  using Kind = ModelError::Kind;
  std::string text, why;
  if (!read_text(path, text, why)) throw ModelError(Kind::Labels, "labels file '" + path + "' cannot be read: " + why);
  std::vector<std::string> labels;
  try {
    labels = parse_labels(text);
  } catch (const std::invalid_argument &error) {
    throw ModelError(Kind::Labels, "labels file '" + path + "' " + error.what());
  }
  if (labels.size() != expected)
    throw ModelError(Kind::Labels, "labels file '" + path + "' has " + std::to_string(labels.size()) +
                                       " labels, the model has " + std::to_string(expected) +
                                       " classes; write one label a line, in the model's order");
  return labels;
}

std::vector<bool> select_classes(const std::vector<std::string> &labels, const std::vector<std::string> &classes) {
  std::vector<bool> wanted(labels.size(), classes.empty());
  for (const std::string &name : classes) {
    bool any = false;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (labels[i] != name) continue;
      wanted[i] = any = true;
    }
    if (!any)
      throw ModelError(ModelError::Kind::Classes, "the model has no class \"" + name + "\"; it has " +
                                                      near_names(labels, name) + " among its " +
                                                      std::to_string(labels.size()));
  }
  return wanted;
}

}  // namespace oneadapt
