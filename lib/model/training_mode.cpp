// SPDX-License-Identifier: LGPL-2.1-or-later
// Without it RecordFunction::inputs() goes by a flag that LibTorch, built with it, never sets.
#ifndef NDEBUG
#define NDEBUG
#endif
#include "model/training_mode.h"

#include <ATen/record_function.h>

#include <algorithm>
#include <iterator>
#include <string_view>

namespace oneadapt {
namespace {

struct Counted {
  TrainingCalls calls;
  int instance_norms = 0;  ///< under way: they are made of batch norms that go by the picture, as they should
};
thread_local Counted *counted = nullptr;

/// Of an instance norm under way.
struct InstanceNorm : at::ObserverContext {};

/// Where the flag of an operator that sets values to zero stands: dropout(input, p, train), of single values or of
/// whole channels, in place or not.
bool is_dropout(std::string_view name) {
  static constexpr std::string_view names[] = {
      "aten::dropout",       "aten::dropout_",       "aten::feature_dropout",       "aten::feature_dropout_",
      "aten::alpha_dropout", "aten::alpha_dropout_", "aten::feature_alpha_dropout", "aten::feature_alpha_dropout_",
      "aten::native_dropout"};
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

std::unique_ptr<at::ObserverContext> on_call(const at::RecordFunction &call) {
  if (!counted) return nullptr;
  const std::string_view name = call.name();
  if (name == "aten::instance_norm") {
    ++counted->instance_norms;
    return std::make_unique<InstanceNorm>();
  }
  const bool norm = name == "aten::batch_norm" && !counted->instance_norms, dropout = is_dropout(name);
  if (!norm && !dropout) return nullptr;
  // An interpreter hands over all of its stack: the operator's own arguments are the last ones.
  auto inputs = call.inputs();
  const std::size_t own = call.num_inputs();
  if (own && inputs.size() > own) inputs = inputs.slice(inputs.size() - own);
  // batch_norm(input, weight, bias, running_mean, running_var, training, …), dropout(input, p, train)
  const std::size_t which = norm ? 5 : 2;
  if (inputs.size() <= which || !inputs[which].isBool() || !inputs[which].toBool()) return nullptr;
  if (norm) ++counted->calls.batch_norms;
  if (dropout && inputs[1].isDouble() && inputs[1].toDouble() > 0) ++counted->calls.dropouts;
  return nullptr;
}

void on_return(const at::RecordFunction &, at::ObserverContext *context) {
  if (counted && dynamic_cast<InstanceNorm *>(context)) --counted->instance_norms;
}

}  // namespace

TrainingCalls watch_training_calls(const std::function<void()> &work) {
  struct Watch {
    Counted here;
    at::CallbackHandle callback = at::addThreadLocalCallback(
        at::RecordFunctionCallback(on_call, on_return).needsInputs(true).scopes({at::RecordScope::FUNCTION}));
    Watch() { counted = &here; }
    ~Watch() {
      counted = nullptr;
      at::removeCallback(callback);
    }
  } watch;
  work();
  return watch.here.calls;
}

}  // namespace oneadapt
