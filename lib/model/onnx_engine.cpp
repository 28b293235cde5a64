// SPDX-License-Identifier: LGPL-2.1-or-later
// The only file that sees ONNX Runtime's headers.
#include "model/onnx_engine.h"

#include <onnxruntime_cxx_api.h>

#include <atomic>
#include <cstddef>
#include <iostream>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <streambuf>
#include <utility>

namespace oneadapt {
namespace {

/// Keeps std::cerr silent. Debian's ONNX Runtime shares libonnx, and registers each operator once more with the first
/// session, of which libonnx complains there, hundreds of times.
class Silence : std::streambuf {
 public:
  Silence() : before_(std::cerr.rdbuf(this)) {}
  ~Silence() override { std::cerr.rdbuf(before_); }
  Silence(const Silence &) = delete;
  Silence &operator=(const Silence &) = delete;

 private:
  int_type overflow(int_type c) override { return traits_type::not_eof(c); }
  std::streamsize xsputn(const char *, std::streamsize count) override { return count; }

  std::streambuf *const before_;
};

/// Never destroyed: elements may outlive static objects. It prints nothing of errors: they are thrown.
Ort::Env &environment() {
  static auto &one = *new Ort::Env(ORT_LOGGING_LEVEL_FATAL, "oneadapt");
  return one;
}

EngineTensor::Type type_of(ONNXTensorElementDataType type) {
  switch (type) {
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT:
      return EngineTensor::Type::Float;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE:
      return EngineTensor::Type::Double;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32:
      return EngineTensor::Type::Int32;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64:
      return EngineTensor::Type::Int64;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8:
      return EngineTensor::Type::Byte;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL:
      return EngineTensor::Type::Bool;
    default:
      throw std::runtime_error("an output is of a type that is not supported");
  }
}

Ort::SessionOptions options_for(unsigned threads) {
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(int(threads));
  options.SetInterOpNumThreads(1);
  options.SetExecutionMode(ORT_SEQUENTIAL);
  options.SetGraphOptimizationLevel(ORT_ENABLE_ALL);
  // Threads that spin while they wait would slow the rest of the pipeline.
  options.AddConfigEntry("session.intra_op.allow_spinning", "0");
  return options;
}

Ort::Session make_session(const std::string &graph, unsigned threads) {
  static std::mutex mutex;
  static bool registered = false;
  const std::lock_guard<std::mutex> lock(mutex);
  std::optional<Silence> silence;
  if (!registered) silence.emplace();
  Ort::Session session(environment(), graph.data(), graph.size(), options_for(threads));
  registered = true;
  return session;
}

class OnnxEngine final : public PlainEngine {
 public:
  OnnxEngine(const std::string &graph, unsigned threads) : session_(make_session(graph, threads)) {
    if (session_.GetInputCount() != 1)
      throw std::runtime_error("the graph has " + std::to_string(session_.GetInputCount()) +
                               " inputs; one picture is expected");
    if (session_.GetInputTypeInfo(0).GetTensorTypeAndShapeInfo().GetElementType() !=
        ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT)
      throw std::runtime_error("the graph's picture is not of 32-bit floating point");
    Ort::AllocatorWithDefaultOptions allocator;
    input_ = session_.GetInputNameAllocated(0, allocator).get();
    for (std::size_t i = 0; i < session_.GetOutputCount(); ++i)
      outputs_.emplace_back(session_.GetOutputNameAllocated(i, allocator).get());
  }

  EngineResult run(const float *picture, const std::vector<std::int64_t> &shape) override {
    std::size_t count = 1;
    for (const auto size : shape) count *= std::size_t(size);
    // ONNX Runtime only reads its inputs.
    const Ort::Value in =
        Ort::Value::CreateTensor<float>(Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault),
                                        const_cast<float *>(picture), count, shape.data(), shape.size());
    const char *const in_name = input_.c_str();
    std::vector<const char *> out_names;
    for (const auto &name : outputs_) out_names.push_back(name.c_str());
    Ort::RunOptions options;
    // What a larger picture took goes back to the system.
    if (pixels_.exchange(count) > count) options.AddConfigEntry("memory.enable_memory_arena_shrinkage", "cpu:0");
    const auto values = std::make_shared<std::vector<Ort::Value>>(
        session_.Run(options, &in_name, &in, 1, out_names.data(), out_names.size()));
    EngineResult result;
    for (Ort::Value &value : *values) {
      if (!value.IsTensor()) throw std::runtime_error("an output is no tensor");
      const auto info = value.GetTensorTypeAndShapeInfo();
      result.outputs.push_back({type_of(info.GetElementType()), info.GetShape(), value.GetTensorMutableRawData()});
    }
    result.memory = values;
    return result;
  }

 private:
  Ort::Session session_;
  std::string input_;
  std::vector<std::string> outputs_;
  std::atomic<std::size_t> pixels_{0};  ///< of the last picture
};

}  // namespace

std::string onnx_runtime_version() { return OrtGetApiBase()->GetVersionString(); }

std::shared_ptr<PlainEngine> make_onnx_engine(const std::string &graph, unsigned threads) {
  return std::make_shared<OnnxEngine>(graph, threads);
}

}  // namespace oneadapt
