// SPDX-License-Identifier: LGPL-2.1-or-later
// ONNX: normalisations.
#include "onnx_helpers.h"
#include "operators.h"

namespace oneadapt::import {
namespace {

Values batch_norm(Context &context) {
  // Opset 14 says it; before that, the statistics of the batch are outputs of their own.
  if (context.opset >= 14 ? context.node.flag("training_mode") : context.node.outputs > 1)
    context.fail("is in training mode; export the model in evaluation mode");
  // With a mean for each place of each channel, as opset 6 to 8 had as an option, it is another operator.
  if (!context.node.flag("spatial", true)) context.fail("spatial=0 is not supported");
  std::string all = "torch.batch_norm(" + context.in(0);
  for (std::size_t i = 1; i <= 4; ++i) all += ", " + context.in(i);
  return context.one(all + ", False, 0.0, " + literal(context.node.number("epsilon", 1e-5)) + ", False)");
}

Values instance_norm(Context &context) {
  return context.one("torch.instance_norm(" + context.in(0) + ", " + context.in(1) + ", " + context.in(2) +
                     ", None, None, True, 0.0, " + literal(context.node.number("epsilon", 1e-5)) + ", False)");
}

Values group_norm(Context &context) {
  const Dims shape = context.input(0).shape();
  const auto groups = context.node.integer("num_groups", 1);
  if (shape.size() < 2) context.fail("expects a batch and channels");
  if (groups < 1 || shape[1] % groups)
    context.fail("num_groups=" + text(groups) + " does not fit " + text(shape[1]) + " channels");
  // Until opset 20 scale and bias have a number a group, since then one a channel.
  const auto numbers = context.opset < 21 ? groups : shape[1];
  const auto channels = [&](std::size_t input) {
    if (context.input(input).shape() != Dims{numbers})
      context.fail("scale and bias must have " + text(numbers) + " numbers");
    const std::string x = context.in(input);
    return context.opset < 21 ? "torch.repeat_interleave(" + x + ", " + text(shape[1] / groups) + ")" : x;
  };
  return context.one("torch.group_norm(" + context.in(0) + ", " + text(groups) + ", " + channels(1) + ", " +
                     channels(2) + ", " + literal(context.node.number("epsilon", 1e-5)) + ", False)");
}

Values layer_norm(Context &context) {
  const Value &x = context.input(0);
  const auto axis = axis_of(context, context.node.integer("axis", -1), x.rank());
  Dims shape = x.shape();
  for (auto i = std::size_t(axis); i < shape.size(); ++i)
    if (context.varies(x, i)) context.not_convolutional("normalises a size that depends on the picture");
  shape.erase(shape.begin(), shape.begin() + axis);
  Values results = context.source.emit_all("torch.native_layer_norm(" + context.in(0) + ", " + literal(shape) + ", " +
                                           context.in(1) + ", " + (context.has(2) ? context.in(2) : "None") + ", " +
                                           literal(context.node.number("epsilon", 1e-5)) + ")");
  return results;
}

Values mean_variance_norm(Context &context) {
  const Dims axes = context.node.ints("axes", {0, 2, 3});
  const std::string x = context.in(0), tail = ", " + literal(axes) + ", True)";
  return context.one("torch.div(torch.sub(" + x + ", torch.mean(" + x + tail + "), torch.add(torch.sqrt(torch.sub(" +
                     "torch.mean(torch.square(" + x + ")" + tail + ", torch.square(torch.mean(" + x + tail +
                     "))), 1e-9))");
}

/// Divided by its length along an axis; what is all zeros stays so.
Values lp_norm(Context &context) {
  const auto p = context.node.integer("p", 2);
  if (p != 1 && p != 2) context.fail("p=" + text(p) + " is not supported");
  const auto axis = axis_of(context, context.node.integer("axis", -1), context.input(0).rank());
  const std::string x = context.in(0);
  const std::string tail = ", [" + text(axis) + "], True)";
  const std::string length =
      p == 1 ? "torch.sum(torch.abs(" + x + ")" + tail : "torch.sqrt(torch.sum(torch.square(" + x + ")" + tail + ")";
  // The smallest normal number of single precision: far below any length that counts.
  return context.one("torch.div(" + x + ", torch.clamp(" + length + ", 1.17549435e-38, None))");
}

Values local_response(Context &context) {
  if (context.input(0).rank() != 4) context.fail("expects a picture of four dimensions");
  const auto size = context.node.integer("size", 1);
  if (size < 1 || size > 4096) context.fail("the size is out of range");
  const double alpha = context.node.number("alpha", 1e-4), beta = context.node.number("beta", 0.75),
               bias = context.node.number("bias", 1);
  const std::string x = context.in(0);
  const auto before = (size - 1) / 2, after = size - 1 - before;
  const std::string squares = "torch.constant_pad_nd(torch.unsqueeze(torch.square(" + x + "), 1), [0, 0, 0, 0, " +
                              text(before) + ", " + text(after) + "], 0.0)";
  return context.one("torch.div(" + x + ", torch.pow(torch.add(torch.mul(torch.squeeze(torch.avg_pool3d(" + squares +
                     ", [" + text(size) + ", 1, 1], [1, 1, 1], [0, 0, 0], False, True), 1), " + literal(alpha) + "), " +
                     literal(bias) + "), " + literal(beta) + "))");
}

}  // namespace

const std::vector<OperatorRow> &onnx_norm_operators() {
  // Several rows a line.
  // clang-format off
  static const std::vector<OperatorRow> rows{
      {"BatchNormalization", batch_norm, "epsilon is_test momentum spatial training_mode"},
      {"GroupNormalization", group_norm, "epsilon num_groups stash_type"},
      {"InstanceNormalization", instance_norm, "epsilon"}, {"LRN", local_response, "alpha beta bias size"},
      {"LayerNormalization", layer_norm, "axis epsilon stash_type"}, {"LpNormalization", lp_norm, "axis p"},
      {"MeanVarianceNormalization", mean_variance_norm, "axes"}};
  // clang-format on
  return rows;
}

}  // namespace oneadapt::import
