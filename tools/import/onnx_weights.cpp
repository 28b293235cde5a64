// SPDX-License-Identifier: LGPL-2.1-or-later
#include "onnx_weights.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <vector>

namespace oneadapt::import {
namespace {

namespace fs = std::filesystem;
using Type = onnx::TensorProto;

constexpr std::size_t kMaxElements = std::size_t(1) << 30;

/// TensorProto.DataType's newer values, which the headers of ONNX before 1.14 and 1.16 lack.
enum NewerType { kFloat8e4m3fn = 17, kFloat8e4m3fnuz, kFloat8e5m2, kFloat8e5m2fnuz, kUint4, kInt4 };

float bfloat_to_float(std::uint16_t value) {
  const std::uint32_t bits = std::uint32_t(value) << 16;
  float result = 0;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

/// How a type of ONNX lies in a file, and which of ours it becomes. Floating point of 16 and 8 bits is widened:
/// LibTorch's CPU functions have little of it. Unsigned types that LibTorch lacks become 64-bit ones, numbers of four
/// bits 8-bit ones.
struct Storage {
  std::size_t bits;
  Array::Type type;
};

Storage storage_of(int type, const std::string &name) {
  switch (type) {
    case Type::FLOAT:
      return {32, Array::Type::Float};
    case Type::FLOAT16:
    case Type::BFLOAT16:
      return {16, Array::Type::Float};
    case Type::DOUBLE:
      return {64, Array::Type::Double};
    case Type::INT8:
      return {8, Array::Type::Char};
    case Type::UINT8:
      return {8, Array::Type::Byte};
    case Type::INT16:
      return {16, Array::Type::Short};
    case Type::UINT16:
      return {16, Array::Type::Long};
    case Type::INT32:
      return {32, Array::Type::Int};
    case Type::UINT32:
      return {32, Array::Type::Long};
    case Type::INT64:
    case Type::UINT64:
      return {64, Array::Type::Long};
    case Type::BOOL:
      return {8, Array::Type::Bool};
    case kFloat8e4m3fn:
    case kFloat8e4m3fnuz:
    case kFloat8e5m2:
    case kFloat8e5m2fnuz:
      return {8, Array::Type::Float};
    case kUint4:
      return {4, Array::Type::Byte};
    case kInt4:
      return {4, Array::Type::Char};
    default:
      throw ImportError("weight " + name + " has the type " + onnx_type_name(type) + ", which is not supported");
  }
}

template <typename T>
std::vector<T> as(const std::string &bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

template <typename T, typename List>
std::string packed(const List &list) {
  std::string bytes;
  bytes.reserve(std::size_t(list.size()) * sizeof(T));
  for (const auto value : list) {
    const T narrow = T(value);
    bytes.append(reinterpret_cast<const char *>(&narrow), sizeof narrow);
  }
  return bytes;
}

/// A file beside the model that holds weights. Names that lead elsewhere are refused.
std::string external_data(const onnx::TensorProto &tensor, const fs::path &folder, std::size_t expected) {
  std::string location;
  std::uintmax_t offset = 0, length = expected;
  const std::string what = "weight " + tensor.name();
  for (const auto &entry : tensor.external_data()) {
    if (entry.key() == "location") location = entry.value();
    if (entry.key() != "offset" && entry.key() != "length") continue;
    if (entry.value().empty() || entry.value().size() > 18 ||
        entry.value().find_first_not_of("0123456789") != std::string::npos)
      throw ImportError(what + ": '" + entry.value() + "' is no " + entry.key());
    (entry.key() == "offset" ? offset : length) = std::stoull(entry.value());
  }
  const fs::path path = path_below(folder, location, what + " is in the file");
  std::error_code error;
  const auto there = fs::is_regular_file(path, error) ? fs::file_size(path, error) : std::uintmax_t(-1);
  if (there == std::uintmax_t(-1))
    throw ImportError(what + " is in the file " + path.string() + ", which does not exist");
  if (length != expected)
    throw ImportError(what + " takes " + std::to_string(expected) + " bytes, the model says " + std::to_string(length));
  if (offset > there || expected > there - offset)
    throw ImportError("the weight file " + path.string() + " is too short for weight " + tensor.name() +
                      "; fetch it again");
  std::string bytes(expected, '\0');
  std::ifstream in(path, std::ios::binary);
  in.seekg(std::streamoff(offset));
  in.read(bytes.data(), std::streamsize(expected));
  if (!in) throw ImportError("the weight file " + path.string() + " cannot be read");
  return bytes;
}

/// The numbers as they would be in raw_data, whichever field holds them.
std::string bytes_of(const onnx::TensorProto &t) {
  if (t.has_raw_data()) return t.raw_data();
  switch (t.data_type()) {
    case Type::FLOAT:
      return packed<float>(t.float_data());
    case Type::DOUBLE:
      return packed<double>(t.double_data());
    case Type::INT64:
      return packed<std::int64_t>(t.int64_data());
    case Type::UINT64:
      return packed<std::uint64_t>(t.uint64_data());
    case Type::UINT32:
      return packed<std::uint32_t>(t.uint64_data());
    case Type::INT32:
      return packed<std::int32_t>(t.int32_data());
    case Type::INT16:
    case Type::UINT16:
    case Type::FLOAT16:
    case Type::BFLOAT16:
      return packed<std::uint16_t>(t.int32_data());
    default:
      return packed<std::uint8_t>(t.int32_data());
  }
}

/// Two numbers a byte, the first in the lower half, as bytes.
std::string nibbles(const std::string &bytes, bool with_sign, std::size_t count) {
  std::string numbers;
  for (std::size_t i = 0; i < count; ++i) {
    const int bits = std::uint8_t(bytes[i / 2]) >> (i % 2 ? 4 : 0) & 15;
    numbers += char(with_sign && bits > 7 ? bits - 16 : bits);
  }
  return numbers;
}

/// Fills the array's field with the numbers, which are `bytes` in the file.
void unpack(int type, const std::string &bytes, std::size_t count, Array &array) {
  const auto float8 = [&](int fraction_bits, bool finite, bool unsigned_zero) {
    for (const char bits : bytes)
      array.floats.push_back(float8_to_float(std::uint8_t(bits), fraction_bits, finite, unsigned_zero));
  };
  switch (type) {
    case Type::FLOAT:
      array.floats = as<float>(bytes);
      break;
    case Type::FLOAT16:
      for (const auto half : as<std::uint16_t>(bytes)) array.floats.push_back(half_to_float(half));
      break;
    case Type::BFLOAT16:
      for (const auto value : as<std::uint16_t>(bytes)) array.floats.push_back(bfloat_to_float(value));
      break;
    case kFloat8e4m3fn:
      return float8(3, true, false);
    case kFloat8e4m3fnuz:
      return float8(3, true, true);
    case kFloat8e5m2:
      return float8(2, false, false);
    case kFloat8e5m2fnuz:
      return float8(2, true, true);
    case kUint4:
    case kInt4:
      array.bytes = nibbles(bytes, type == kInt4, count);
      break;
    case Type::INT32:
      array.ints = as<std::int32_t>(bytes);
      break;
    case Type::BOOL:
      for (const char value : bytes) array.ints.push_back(value != 0);
      break;
    case Type::UINT16:
      array.bytes = packed<std::int64_t>(as<std::uint16_t>(bytes));
      break;
    case Type::UINT32:
      array.bytes = packed<std::int64_t>(as<std::uint32_t>(bytes));
      break;
    default:
      array.bytes = bytes;
  }
}

std::size_t count_of(const onnx::TensorProto &tensor) {
  std::size_t count = 1;
  for (const auto size : tensor.dims()) {
    if (size < 0) throw ImportError("weight " + tensor.name() + " has a negative size");
    if (size && count > kMaxElements / std::size_t(size))
      throw ImportError("weight " + tensor.name() + " has an impossible size");
    count *= std::size_t(size);
  }
  return count;
}

}  // namespace

std::string external_bytes(const onnx::TensorProto &tensor, const fs::path &folder) {
  const std::size_t bits = storage_of(tensor.data_type(), tensor.name()).bits;
  return external_data(tensor, folder, (count_of(tensor) * bits + 7) / 8);
}

Array read_tensor(const onnx::TensorProto &tensor, const fs::path &folder) {
  const Storage storage = storage_of(tensor.data_type(), tensor.name());
  Array array;
  array.type = storage.type;
  const std::size_t count = count_of(tensor);
  array.shape.assign(tensor.dims().begin(), tensor.dims().end());
  if (tensor.has_segment()) throw ImportError("weight " + tensor.name() + " comes in segments, which is not supported");
  const std::size_t expected = (count * storage.bits + 7) / 8;
  const std::string bytes = tensor.data_location() == onnx::TensorProto::EXTERNAL
                                ? external_data(tensor, folder, expected)
                                : bytes_of(tensor);
  if (bytes.size() != expected)
    throw ImportError("weight " + tensor.name() + " takes " + std::to_string(expected) + " bytes, the file has " +
                      std::to_string(bytes.size()));
  unpack(tensor.data_type(), bytes, count, array);
  return array;
}

Array read_list(const onnx::AttributeProto &attribute) {
  Array array;
  if (attribute.name() == "value_float" || attribute.name() == "value_floats") {
    if (attribute.name() == "value_float") array.floats = {attribute.f()};
    if (attribute.name() == "value_floats") array.floats.assign(attribute.floats().begin(), attribute.floats().end());
  } else if (attribute.name() == "value_int") {
    array.type = Array::Type::Long;
    array.bytes = packed<std::int64_t>(std::vector<std::int64_t>{attribute.i()});
  } else {
    array.type = Array::Type::Long;
    array.bytes = packed<std::int64_t>(attribute.ints());
  }
  if (attribute.name() == "value_floats") array.shape = {std::int64_t(array.floats.size())};
  if (attribute.name() == "value_ints") array.shape = {std::int64_t(attribute.ints().size())};
  return array;
}

}  // namespace oneadapt::import
