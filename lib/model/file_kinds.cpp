// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/file_kinds.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace oneadapt {
namespace {

/// Archives name their records at their end, once more.
constexpr std::streamoff kEnd = 1 << 16;
constexpr std::size_t kHead = 512;

const char *const kExport =
    "export the model as ONNX (torch.onnx.export, or the exporter of its own repository) and "
    "convert that with oneadapt-import, or save it with torch.jit.save";

struct Kind {
  std::size_t offset;
  std::string mark;
  const char *what;
};

const std::array<Kind, 9> &kinds() {
  static const std::array<Kind, 9> all{{
      {4, "TFL3", "is a TensorFlow Lite model; export ONNX or TensorFlow.js instead, and convert that"},
      {4, "ORTM", "is a model of ONNX Runtime's own format; convert the ONNX file that it was made of"},
      {0, "ptrt", "is a TensorRT engine, made for one GPU; convert the ONNX file that it was made of"},
      {0, "\x89HDF",
       "is an HDF5 file (Keras); convert it with tensorflowjs_converter --output_format=tfjs_graph_model, "
       "then with oneadapt-import"},
      {0, "GGUF", "is a GGUF file, which holds no detector"},
      {0, "\x1f\x8b", "is compressed with gzip; unpack it first (gunzip)"},
      {0, "version https://git-lfs", "is a pointer of Git LFS, not the file itself; fetch it with \"git lfs pull\""},
      {0, "<?xml", "is XML, such as a model of OpenVINO; convert the ONNX file that it was made of"},
      {0, "Rar!", "is a RAR archive; unpack it first"},
  }};
  return all;
}

std::string piece(std::ifstream &in, std::streamoff from, std::size_t size) {
  std::string bytes(size, '\0');
  in.clear();
  in.seekg(from);
  in.read(bytes.data(), std::streamsize(size));
  bytes.resize(std::size_t(std::max<std::streamsize>(in.gcount(), 0)));
  return bytes;
}

bool is_page(std::string head) {
  head.erase(0, head.find_first_not_of(" \t\r\n"));
  std::transform(head.begin(), head.end(), head.begin(), [](char c) { return char(std::tolower(std::uint8_t(c))); });
  return head.rfind("<!doctype html", 0) == 0 || head.rfind("<html", 0) == 0;
}

/// Eight bytes of length, then JSON.
bool is_safetensors(const std::string &head) {
  return head.size() > 9 && head[8] == '{' && head[7] == 0 && head[6] == 0 && head[5] == 0 && head[9] == '"';
}

/// Of a zip archive, by the names of its records.
std::string archive_kind(const std::string &names) {
  const auto has = [&](const char *name) { return names.find(name) != std::string::npos; };
  if (!has("PK\x05\x06")) return "";  // truncated: names are missing
  if (has("archive_format") || has("serialized_exported_program.json") || has("models/model.json"))
    return std::string("is a program of torch.export (.pt2), which LibTorch cannot load as TorchScript; ") + kExport;
  if (has("data.pkl") && !has("constants.pkl"))
    return std::string("holds pickled weights (torch.save: a checkpoint or a state_dict), not a program; ") + kExport;
  if (has("saved_model.pb")) return "is an archive with a SavedModel of TensorFlow; unpack it, and convert it first";
  return "";
}

}  // namespace

std::string foreign_kind(const std::string &path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return "";  // a pipe would be waited for
  std::ifstream in(path, std::ios::binary);
  if (!in) return "";
  const std::string head = piece(in, 0, kHead);
  for (const Kind &kind : kinds())
    if (head.size() > kind.offset && head.compare(kind.offset, kind.mark.size(), kind.mark) == 0) return kind.what;
  if (is_page(head)) return "is a page of a web site (HTML), not a model; download the file itself";
  if (is_safetensors(head)) return std::string("holds weights (safetensors) without a program; ") + kExport;
  if (head.size() > 2 && head[0] == char(0x80) && head[1] >= 2 && head[1] <= 5)
    return std::string("is a pickled Python object (old torch.save), not a program; ") + kExport;
  if (head.compare(0, 4, "PK\x03\x04") != 0) return "";
  in.clear();
  in.seekg(0, std::ios::end);
  const std::streamoff size = in.tellg(), from = std::max<std::streamoff>(0, size - kEnd);
  return archive_kind(piece(in, from, std::size_t(size - from)));
}

}  // namespace oneadapt
