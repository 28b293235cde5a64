// SPDX-License-Identifier: LGPL-2.1-or-later
#include "source.h"

#include <torch/script.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <regex>
#include <set>
#include <sstream>

#include "model/lstm_shapes.h"
#include "source_module.h"

namespace oneadapt::import {
namespace {

/// What takes more than one expression: methods of the module that uses them.
const std::map<std::string, const char *> helpers{
    // TensorFlow's bilinear resize from before half-pixel centres: source = target · scale. LibTorch has no such mode.
    {"resize_corner", R"(
def resize_corner(self, x, height: int, width: int):
    y = torch.mul(torch.arange(height, dtype=6, device=x.device), float(x.size(2)) / float(height))
    top = torch.clamp(torch.floor(y), 0, x.size(2) - 1)
    weight = torch.reshape(torch.sub(y, top), [-1, 1])
    first = torch.to(top, 4)
    second = torch.clamp(torch.add(first, 1), 0, x.size(2) - 1)
    rows = torch.lerp(torch.index_select(x, 2, first), torch.index_select(x, 2, second), weight)
    z = torch.mul(torch.arange(width, dtype=6, device=x.device), float(x.size(3)) / float(width))
    left = torch.clamp(torch.floor(z), 0, x.size(3) - 1)
    share = torch.sub(z, left)
    near = torch.to(left, 4)
    far = torch.clamp(torch.add(near, 1), 0, x.size(3) - 1)
    return torch.lerp(torch.index_select(rows, 3, near), torch.index_select(rows, 3, far), share)
)"},
    // A tensor of sizes as LibTorch's functions take them.
    {"numbers", R"(
def numbers(self, x):
    result: List[int] = []
    flat = torch.reshape(x, [-1])
    for i in range(flat.size(0)):
        result.append(int(flat[i]))
    return result
)"},
    // ONNX's Expand: ones in either shape give way.
    {"broadcast", R"(
def broadcast(self, x, sizes: List[int]):
    result: List[int] = []
    rank = max(len(sizes), x.dim())
    for i in range(rank):
        mine = i - (rank - x.dim())
        theirs = i - (rank - len(sizes))
        size = 1
        if mine >= 0:
            size = x.size(mine)
        if theirs >= 0 and size == 1:
            size = sizes[theirs]
        result.append(size)
    return torch.expand(x, result)
)"},
    // Numbers at places: a list of index tensors is a list of optional ones only after a detour.
    {"pick", R"(
def pick(self, x, places: List[Tensor]):
    columns: List[Optional[Tensor]] = []
    for place in places:
        columns.append(place)
    return torch.index(x, columns)
)"},
    {"put", R"(
def put(self, x, places: List[Tensor], values, add: bool):
    columns: List[Optional[Tensor]] = []
    for place in places:
        columns.append(place)
    return torch.index_put(x, columns, values, add)
)"},
    // The same where what is there and all updates for it become one number: torch.index_put can only add.
    {"put_reduced", R"(
def put_reduced(self, x, places: List[Tensor], values, way: str):
    rows = 1
    flat = torch.zeros_like(places[0])
    for i in range(len(places)):
        flat = torch.add(torch.mul(flat, x.size(i)), torch.remainder(places[i], x.size(i)))
        rows = rows * x.size(i)
    index = torch.reshape(flat, [-1, 1])
    table = torch.reshape(x, [rows, -1])
    updates = torch.reshape(values, [index.size(0), -1])
    return torch.reshape(torch.scatter_reduce(table, 0, torch.expand_as(index, updates), updates, way), x.size())
)"},
    // The GRU whose reset gate works before the product with the hidden state; LibTorch has only the other one.
    {"gru_reset_first", R"(
def gru_reset_first(self, x, h, w, r, wb, rb):
    size = h.size(1)
    inputs = torch.add(torch.matmul(x, torch.t(w)), wb)
    steps: List[Tensor] = []
    for i in range(x.size(0)):
        gates = torch.add(torch.matmul(h, torch.t(torch.slice(r, 0, 0, 2 * size))), torch.slice(rb, 0, 0, 2 * size))
        both = torch.sigmoid(torch.add(torch.slice(inputs[i], 1, 0, 2 * size), gates))
        update = torch.slice(both, 1, 0, size)
        reset = torch.slice(both, 1, size, 2 * size)
        last = torch.add(torch.matmul(torch.mul(reset, h), torch.t(torch.slice(r, 0, 2 * size, 3 * size))), torch.slice(rb, 0, 2 * size, 3 * size))
        new = torch.tanh(torch.add(torch.slice(inputs[i], 1, 2 * size, 3 * size), last))
        h = torch.lerp(new, h, update)
        steps.append(h)
    return torch.stack(steps)
)"}};

/// All values at once, for every probe: what takes more is no network for pictures.
constexpr double kMaxBytes = 12e9;

std::string input_name(std::size_t index) { return index ? "x" + std::to_string(index) : "x"; }

std::set<std::string> names_in(const std::string &expression, const std::string &pattern) {
  const std::regex regex(pattern);
  std::set<std::string> names;
  for (auto i = std::sregex_iterator(expression.begin(), expression.end(), regex); i != std::sregex_iterator(); ++i)
    names.insert((*i)[1]);
  return names;
}
std::set<std::string> variables_in(const std::string &expression) {
  return names_in(expression, "\\b(v[0-9]+|x[0-9]*)\\b");
}
std::set<std::string> buffers_in(const std::string &expression) {
  return names_in(expression, "\\bself\\.(c[0-9]+)\\b");
}

bool is_identity(const Dims &perm) {
  for (std::size_t i = 0; i < perm.size(); ++i)
    if (perm[i] != std::int64_t(i)) return false;
  return true;
}

}  // namespace

std::string join(const std::vector<std::string> &parts) {
  std::string text;
  for (const auto &part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

Dims identity_perm(std::size_t rank) {
  Dims perm(rank);
  for (std::size_t i = 0; i < rank; ++i) perm[i] = std::int64_t(i);
  return perm;
}

Dims compose(const Dims &a, const Dims &b) {
  Dims result = b.empty() ? a : Dims{};
  if (a.empty()) result = b;
  for (std::size_t n = 0; !a.empty() && n < b.size(); ++n) result.push_back(a.at(std::size_t(b[n])));
  return is_identity(result) ? Dims{} : result;
}

Dims inverse(const Dims &perm) {
  Dims result(perm.size());
  for (std::size_t i = 0; i < perm.size(); ++i) result.at(std::size_t(perm[i])) = std::int64_t(i);
  return result;
}

std::string literal(const Dims &values) {
  std::string text;
  for (auto v : values) text += (text.empty() ? "" : ", ") + std::to_string(v);
  return "[" + text + "]";
}

std::string literal(double value) {
  // Pads of −∞ come before a maximum only: the lowest finite number does as well, and has a literal.
  constexpr double lowest = std::numeric_limits<float>::lowest();
  if (!(std::abs(value) <= -lowest)) value = std::copysign(-lowest, value);
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text.precision(9);
  text << value;
  const std::string s = text.str();
  return s.find_first_of(".e") == std::string::npos ? s + ".0" : s;
}

Dims Value::shape(std::size_t probe) const {
  if (is_constant()) return constant.sizes().vec();
  Dims stored = probes.at(probe).sizes().vec();
  for (std::size_t i = 0; i < pads.size(); ++i) stored[i / 2] += pads[i];
  if (perm.empty()) return stored;
  Dims result;
  for (auto i : perm) result.push_back(stored.at(std::size_t(i)));
  return result;
}

struct Source::Runner {
  torch::jit::Module module{"Probe"};
  torch::jit::GraphOptimizerEnabledGuard plain_executor{false};
  torch::NoGradGuard no_grad;
  std::size_t methods = 0;
};

Source::Source(std::vector<std::vector<at::Tensor>> inputs, bool dynamic)
    : inputs_(std::move(inputs)),
      probes_(inputs_.empty() ? 1 : inputs_[0].size()),
      dynamic_(dynamic),
      runner_(std::make_unique<Runner>()) {
  check_lstm_shapes();
  for (std::size_t i = 0; i < inputs_.size(); ++i) values_[input_name(i)] = inputs_[i];
  for (const auto &[name, source] : helpers) runner_->module.define(source);
}

Source::~Source() = default;

Value Source::given(std::size_t index, const Dims &perm) const {
  Value value;
  value.var = input_name(index);
  value.perm = perm;
  value.probes = inputs_.at(index);
  return value;
}

std::string Source::buffer(const at::Tensor &tensor) {
  const std::string name = "c" + std::to_string(buffers_.size());
  buffers_[name] = tensor.contiguous();
  runner_->module.register_buffer(name, buffers_[name]);
  return "self." + name;
}

std::vector<Value> Source::run(std::size_t index) {
  Statement &statement = statements_.at(index);
  const auto arguments = variables_in(statement.expression);
  const std::string method = "s" + std::to_string(runner_->methods++);
  std::string header = "def " + method + "(self";
  for (const auto &argument : arguments) header += ", " + argument;
  runner_->module.define(header + "):\n    return " + statement.expression + "\n");
  std::vector<std::vector<at::Tensor>> results;
  for (std::size_t probe = 0; probe < probes_; ++probe) {
    std::vector<torch::jit::IValue> inputs;
    for (const auto &argument : arguments) inputs.emplace_back(values_.at(argument).at(probe));
    const auto result = runner_->module.get_method(method)(std::move(inputs));
    std::vector<at::Tensor> tensors;
    if (result.isTensorList()) {
      tensors = result.toTensorVector();
    } else if (result.isTuple()) {
      for (const auto &element : result.toTupleRef().elements()) tensors.push_back(element.toTensor());
    } else {
      tensors.push_back(result.toTensor());
    }
    results.resize(tensors.size());
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      results[i].push_back(tensors[i]);
      bytes_ += double(tensors[i].numel()) * double(tensors[i].element_size());
    }
    if (bytes_ > kMaxBytes) throw ImportError("the values of the graph take more than 12 GB");
  }
  if (statement.results.empty()) {
    for (std::size_t i = 0; i < results.size(); ++i) statement.results.push_back("v" + std::to_string(next_value_++));
  }
  std::vector<Value> values(results.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    values[i].var = statement.results[i];
    values[i].probes = values_[values[i].var] = results[i];
  }
  return values;
}

std::vector<Value> Source::emit_all(const std::string &expression) {
  statements_.push_back({{}, expression});
  return run(statements_.size() - 1);
}

Value Source::emit(const std::string &expression, const Dims &perm) {
  Value value = emit_all(expression).at(0);
  value.perm = perm;
  return value;
}

void Source::apply_pads(Value &value) {
  if (value.pads.empty()) return;
  // constant_pad_nd counts from the last dimension.
  Dims pads;
  for (std::size_t i = value.pads.size(); i >= 2; i -= 2) {
    pads.push_back(value.pads[i - 2]);
    pads.push_back(value.pads[i - 1]);
  }
  value = emit("torch.constant_pad_nd(" + value.var + ", " + literal(pads) + ", " + literal(value.pad_value) + ")",
               value.perm);
}

std::string Source::stored(Value &value, const Dims &perm) {
  if (value.is_constant()) return buffer(perm.empty() ? value.constant : value.constant.permute(inverse(perm)));
  apply_pads(value);
  // value = var.permute(value.perm); wanted: x.permute(perm) = value, so x = var.permute(value.perm).permute(perm⁻¹).
  const Dims move = compose(value.perm, inverse(perm));
  if (move.empty()) return value.var;
  return emit("torch.permute(" + value.var + ", " + literal(move) + ")").var;
}

Value Source::with_bias(const Value &convolution, const at::Tensor &bias) {
  const auto index = std::size_t(convolution.bias_slot);
  std::string &expression = statements_.at(index).expression;
  const std::string none = ", None, ";
  expression.replace(expression.find(none), none.size(), ", " + buffer(bias) + ", ");
  Value value = run(index).at(0);
  value.perm = convolution.perm;
  return value;
}

std::unique_ptr<Source::Module> Source::finish(std::vector<Value *> outputs, std::string *text) {
  std::vector<std::string> names;
  for (Value *output : outputs) names.push_back(plain(*output));
  // A tuple of one needs its comma.
  const std::string last = "(" + join(names) + ",)";
  auto needed = variables_in(last);
  auto kept = buffers_in(last);
  std::vector<std::string> lines;
  for (auto s = statements_.rbegin(); s != statements_.rend(); ++s) {
    if (std::none_of(s->results.begin(), s->results.end(), [&](const auto &name) { return needed.count(name) > 0; }))
      continue;
    needed.merge(variables_in(s->expression));
    kept.merge(buffers_in(s->expression));
    lines.push_back("    " + join(s->results) + " = " + s->expression + "\n");
  }
  std::string arguments;
  for (std::size_t i = 0; i < inputs_.size(); ++i) arguments += ", " + input_name(i);
  std::string source = "def forward(self" + arguments + "):\n";
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) source += *line;
  source += "    return " + last + "\n";

  auto module = std::make_unique<Module>();
  for (const auto &name : kept) module->module.register_buffer(name, buffers_.at(name));
  for (const auto &[name, helper] : helpers)
    if (source.find("self." + name + "(") != std::string::npos) module->module.define(helper);
  module->module.define(source);
  module->module.eval();
  if (text) *text = source;
  return module;
}

}  // namespace oneadapt::import
