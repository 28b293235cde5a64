// SPDX-License-Identifier: LGPL-2.1-or-later
// Small TensorFlow.js graph models, written by the tests and run after conversion. No LibTorch in here.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "convert.h"
#include "tfjs.h"

namespace import_test {

using oneadapt::import::Dims;
using Json = nlohmann::json;

struct Numbers {
  Dims shape;
  std::vector<double> values;
};

// Attributes as TensorFlow.js writes them.
Json text(const std::string &value);
Json texts(const std::vector<std::string> &values);
Json number(double value);
Json integer(long value);
Json integers(const std::vector<long> &values);
Json flag(bool value);
Json type(const std::string &name);

/// A folder of its own that goes with the test.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder &) = delete;
  std::string path(const std::string &name) const { return path_ + "/" + name; }
  std::vector<std::string> list() const;

 private:
  std::string path_;
};

class GraphFile {
 public:
  /// The picture "x": 1×3×H×W or 1×H×W×3.
  explicit GraphFile(const Dims &shape);

  GraphFile &floats(const std::string &name, const Dims &shape, const std::vector<float> &values);
  GraphFile &ints(const std::string &name, const std::vector<int> &values);  ///< one dimension
  GraphFile &ints(const std::string &name, const Dims &shape, const std::vector<int> &values);
  GraphFile &scalar(const std::string &name, int value) { return ints(name, {}, {value}); }
  /// A weight with its bytes as they are in the file; quantization null: none.
  GraphFile &raw(const std::string &name, const std::string &dtype, const Dims &shape, const std::string &bytes,
                 Json quantization = nullptr);
  GraphFile &node(const std::string &op, const std::string &name, const std::vector<std::string> &inputs,
                  Json attributes = Json::object());

  /// model.json and its weights, in as many files. Returns the path of the JSON.
  std::string write(const Folder &folder, int shards = 1) const;
  Json json;  ///< to be spoilt by tests of bad input
  std::string weights;

 private:
  void constant(const std::string &name);
};

/// Converts and runs; the size stays fixed unless `multiple_of` is given.
struct Runnable {
  Runnable(const GraphFile &file, const std::vector<std::string> &outputs, int multiple_of = 0);
  std::vector<Numbers> operator()(const Numbers &picture) const;
  oneadapt::import::Converted converted;
};
Numbers run(const GraphFile &file, const std::string &output, const Numbers &picture);

/// A picture whose first colour holds `values`, the others 0, in the layout of `shape`.
Numbers first_colour(const Dims &shape, const std::vector<double> &values);
/// The tolerance is relative above 1.
void expect_numbers(const Numbers &have, const Dims &shape, const std::vector<double> &values, double tolerance = 1e-5);

}  // namespace import_test
