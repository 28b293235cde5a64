// SPDX-License-Identifier: LGPL-2.1-or-later
// Detectors as people export them: graph, outputs and conventions of each family, with a network that finds squares.
#pragma once
#include <string>
#include <vector>

#include "onnx_file.h"

namespace import_test {

/// Side of the pictures that all of them take; squares fill cells of 32 pixels.
constexpr int kPictureSide = 160;

/// What it is imported as.
enum class Import { DescribesItself, Refused };

class DetectorGraph;

struct DetectorFile {
  const char *family;    ///< as the table of docs/models.md has it
  const char *exported;  ///< how, in that table
  Import import;
  const char *said;  ///< of one that is refused: a part of what is said
  int opset;
  void (*build)(DetectorGraph &);
};

/// All of them, in the order of the table.
const std::vector<DetectorFile> &detector_files();

/// A graph that grows.
class DetectorGraph {
 public:
  /// `input`: "float", or "uint8".
  DetectorGraph(int opset, const char *input = "float");

  /// The picture behind `normalise()`, RGB from 0 to 1, to a logit for each class and cell, 1×classes×cells, in the
  /// order of strides 8, 16 and 32; only the cells of 32 pixels find squares. `only`: those of 32 pixels alone.
  std::string logits(int classes, bool only = false);
  /// Undoes (pixel · range − mean) / std, and BGR.
  void normalise(bool bgr, float range, const std::vector<float> &mean = {0, 0, 0},
                 const std::vector<float> &std = {1, 1, 1});
  /// 1×numbers×cells: four numbers for each cell, as `convention` says: "centre", "corners", "yx", "yolox", or
  /// "centre", "corners" with "/" behind it for fractions.
  std::string boxes(const std::string &convention, bool only = false);

  std::string op(const std::string &type, const std::vector<std::string> &inputs);
  std::string op(const std::string &type, const std::vector<std::string> &inputs, const std::string &key,
                 std::int64_t value);
  std::string op(const std::string &type, const std::vector<std::string> &inputs, const std::string &key,
                 const Dims &values);
  std::string floats(const Dims &shape, const std::vector<float> &values);
  std::string ints(const std::vector<std::int64_t> &values);
  std::string sigmoid(const std::string &x) { return op("Sigmoid", {x}); }
  std::string turned(const std::string &x) { return op("Transpose", {x}, "perm", Dims{0, 2, 1}); }
  std::string joined(const std::vector<std::string> &parts, int axis) { return op("Concat", parts, "axis", axis); }
  void output(const std::string &name) { file.output(name); }
  /// Ultralytics' metadata: names of three classes.
  void name_classes(const std::vector<std::string> &names);
  /// Another input, of that shape.
  void input(const std::string &name, int type, const Dims &shape);
  static int cells(bool only);

  OnnxFile file;

 private:
  int count_ = 0;
  std::string picture_ = "x";
};

}  // namespace import_test
