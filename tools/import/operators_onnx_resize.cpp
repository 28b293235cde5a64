// SPDX-License-Identifier: LGPL-2.1-or-later
// ONNX: resizes, and samples at the places of a grid.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "onnx_helpers.h"
#include "operators.h"

namespace oneadapt::import {
namespace {

/// What becomes of one dimension.
struct Side {
  std::int64_t from = 1, to = 1;
  float scale = 1;            ///< as the model says it; to / from where it gives a size
  double start = 0, end = 1;  ///< of the region, of the whole
  bool stays() const { return from == to && scale == 1; }
};

/// How a place of the result finds its place in the input.
struct Mapping {
  /// `rounding` is ONNX's nearest_mode, or "smaller_up". Opset 10 does not say how to round. As ONNX Runtime does, the
  /// importer rounds down where the picture becomes larger, and up where it becomes smaller.
  std::string mode = "half_pixel", rounding = "round_prefer_floor", kind = "nearest";
  double cubic = -0.75;
  bool exclude_outside = false, antialias = false;
  double outside = 0;  ///< tf_crop_and_resize: the value beyond the input

  /// In single precision, as ONNX Runtime computes it: whether 3 / 0.6 is below 5 decides which pixel is the nearest.
  float place(std::int64_t i, const Side &side) const {
    const auto x = float(i), in = float(side.from), out = float(side.to);
    if (mode == "asymmetric") return x / side.scale;
    if (mode == "align_corners") return side.to > 1 ? x * (in - 1) / (out - 1) : 0;
    if (mode == "pytorch_half_pixel" && side.to <= 1) return 0;
    if (mode == "tf_half_pixel_for_nn") return (x + 0.5F) / side.scale;
    if (mode == "tf_crop_and_resize") {
      const auto start = float(side.start), end = float(side.end);
      return side.to > 1 ? start * (in - 1) + x * (end - start) * (in - 1) / (out - 1)
                         : float(0.5 * (start + end) * (in - 1));
    }
    const float middle = (x + 0.5F) / side.scale - 0.5F;
    // The picture's middle stays in the middle when the size was rounded.
    return mode == "half_pixel_symmetric" ? in / 2 * (1 - out / (side.scale * in)) + middle : middle;
  }
  bool is_outside(float x, const Side &side) const {
    return mode == "tf_crop_and_resize" && (x < 0 || x > float(side.from - 1));
  }

  std::int64_t nearest(std::int64_t i, const Side &side) const {
    const float x = place(i, side);
    float rounded = std::floor(x);
    if (rounding == "ceil" || (rounding == "smaller_up" && side.scale < 1)) rounded = std::ceil(x);
    // x + 0.5 is not always a number of single precision.
    const float rest = x - std::floor(x);
    if (rounding == "round_prefer_ceil") rounded += rest >= 0.5F ? 1 : 0;
    if (rounding == "round_prefer_floor") rounded += rest > 0.5F ? 1 : 0;
    return std::clamp<std::int64_t>(std::int64_t(rounded), 0, side.from - 1);
  }

  /// The share of a pixel at a distance of d.
  double kernel(double d) const {
    const double a = cubic;
    d = std::abs(d);
    if (kind == "linear") return std::max(1 - d, 0.0);
    if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
  }

  /// Linear and cubic. Rows: places of the result; columns: shares of the input's.
  at::Tensor matrix(const Side &side) const {
    at::Tensor m = at::zeros({side.to, side.from});
    auto cells = m.accessor<float, 2>();
    // With antialias, a pixel of a smaller picture is an average over as many more pixels.
    const double shrink = antialias ? std::min(double(side.scale), 1.0) : 1;
    const double reach = (kind == "linear" ? 1 : 2) / shrink;
    for (std::int64_t i = 0; i < side.to; ++i) {
      const float x = place(i, side);
      if (is_outside(x, side)) continue;
      const auto first = std::int64_t(std::floor(x - reach)) + 1, last = std::int64_t(std::ceil(x + reach)) - 1;
      const auto share = [&](std::int64_t k) {
        return exclude_outside && (k < 0 || k >= side.from) ? 0 : kernel(shrink * (double(k) - x));
      };
      double sum = 0;
      for (auto k = first; k <= last; ++k) sum += share(k);
      for (auto k = first; k <= last && sum != 0; ++k)
        cells[i][std::clamp<std::int64_t>(k, 0, side.from - 1)] += float(share(k) / sum);
    }
    return m;
  }
  at::Tensor indices(const Side &side) const {
    at::Tensor list = at::zeros({side.to}, at::kLong);
    for (std::int64_t i = 0; i < side.to; ++i) list[i] = nearest(i, side);
    return list;
  }
  at::Tensor inside(const Side &side) const {
    at::Tensor list = at::ones({side.to});
    for (std::int64_t i = 0; i < side.to; ++i)
      if (is_outside(place(i, side), side)) list[i] = 0;
    return list;
  }
};

/// What LibTorch has a function for, on the last two of four dimensions; "": nothing.
std::string resize_function(const Mapping &m, const Side &height, const Side &width) {
  const bool half = m.mode == "half_pixel" || m.mode == "pytorch_half_pixel", align = m.mode == "align_corners";
  // The half-pixel rules differ for results of one pixel only; LibTorch's functions follow the plain one.
  if (m.mode == "pytorch_half_pixel" && (height.to <= 1 || width.to <= 1)) return "";
  if (m.kind == "nearest") {
    if (m.mode == "asymmetric" && (m.rounding == "floor" || m.rounding == "smaller_up"))
      return "torch.upsample_nearest2d(";
    const auto times = [](const Side &side) {
      return side.to % side.from == 0 && side.scale == std::floor(side.scale);
    };
    // Each pixel becomes as many, whatever the rounding.
    if (half && m.rounding.rfind("round", 0) == 0 && times(height) && times(width)) return "torch.upsample_nearest2d(";
    if (half && m.rounding == "round_prefer_ceil") return "torch._upsample_nearest_exact2d(";
    return "";
  }
  if (m.antialias || m.exclude_outside || !(half || align)) return "";
  if (m.kind == "linear") return "torch.upsample_bilinear2d(";
  return m.cubic == -0.75 ? "torch.upsample_bicubic2d(" : "";
}

/// The scale for LibTorch, which counts pixels in double precision. 1.3 as a float is a little less than 1.3, and ten
/// times that number is 13 in single precision but 12 in double precision, rounded down. For such scales LibTorch gets
/// one that is larger by half a step of single precision.
double factor_of(const Side &side) {
  const double scale = side.scale;
  for (int size = 1; size <= 16384; ++size)  // the largest pictures
    if (std::floor(size * scale) != std::floor(float(size) * side.scale)) return scale * (1 + std::ldexp(1.0, -24));
  return scale;
}

/// LibTorch's function and the mapping may round a place to different pixels.
bool same_pixels(const Mapping &mapping, const std::string &function, const Side &side, bool by_scales) {
  const at::Tensor row = at::arange(side.from, at::kFloat).reshape({1, 1, -1});
  c10::optional<double> scale;
  if (by_scales) scale = factor_of(side);
  const at::Tensor picked = function.find("exact") != std::string::npos
                                ? at::_upsample_nearest_exact1d(row, {side.to}, scale)
                                : at::upsample_nearest1d(row, {side.to}, scale);
  return at::equal(picked.reshape({-1}).to(at::kLong), mapping.indices(side));
}

/// By LibTorch's function; nothing where it has none that does the same. `sizes`: known at run time only.
Values resize_picture(Context &context, const Mapping &mapping, const std::vector<Side> &sides, bool by_scales,
                      const std::string &sizes) {
  Value &x = context.input(0);
  if (sides.size() != 4 || !sides[0].stays() || !sides[1].stays() || !is_float(x)) return {};
  const Side &height = sides[2], &width = sides[3];
  const std::string function = resize_function(mapping, height, width);
  if (function.empty()) return {};
  if (mapping.kind == "nearest" &&
      !(same_pixels(mapping, function, height, by_scales) && same_pixels(mapping, function, width, by_scales)))
    return {};
  const auto stretched = [](const Side &side) { return side.scale == float(side.to) / float(side.from); };
  if (!by_scales && !(stretched(height) && stretched(width))) return {};
  const std::string align = mapping.kind == "nearest"         ? ""
                            : mapping.mode == "align_corners" ? ", True"
                                                              : ", False",
                    call = function + context.in(0) + ", ", list = literal(Dims{height.to, width.to});
  if (!sizes.empty()) return context.one(call + sizes + align + ", None)");
  const std::string factors = literal(factor_of(height)) + ", " + literal(factor_of(width));
  if (!context.varies(x)) return context.one(call + list + align + ", " + (by_scales ? factors : "None") + ")");
  if (!by_scales) context.not_convolutional("resizes to a fixed size");
  return context.one(call + "None" + align + ", [" + factors + "])");
}

/// By LibTorch's function where there is one, else one dimension after the other.
Values resize_to(Context &context, const Mapping &mapping, const std::vector<Side> &sides, bool by_scales,
                 const std::string &sizes) {
  Value &x = context.input(0);
  Dims to;
  for (const Side &side : sides) {
    if (!(side.scale > 0 && side.scale <= 4096)) context.fail("a scale is out of range");
    if (side.to < 1 || side.from < 1) context.fail("a size is 0");
    to.push_back(side.to);
  }
  context.bound(to);
  Values picture = resize_picture(context, mapping, sides, by_scales, sizes);
  if (!picture.empty()) return picture;
  if (context.varies(x)) context.not_convolutional("resizes in a way that is supported for a fixed size only");
  std::string result = context.in(0);
  const bool nearest = mapping.kind == "nearest", whole = !is_float(x) && !nearest;
  const bool crops = mapping.mode == "tf_crop_and_resize";
  if (whole) result = "torch.to(" + result + ", 6)";
  const auto type = whole ? at::kFloat : type_of(x);
  at::Tensor valid = at::ones(Dims(sides.size(), 1));
  for (std::size_t i = 0; i < sides.size(); ++i) {
    if (sides[i].stays() && !(crops && (sides[i].start != 0 || sides[i].end != 1))) continue;
    context.bound({sides[i].from, sides[i].to});
    const auto axis = text(std::int64_t(i));
    Dims along(sides.size(), 1);
    along[i] = sides[i].to;
    valid = valid * mapping.inside(sides[i]).reshape(along);
    if (nearest)
      result =
          "torch.index_select(" + result + ", " + axis + ", " + context.source.buffer(mapping.indices(sides[i])) + ")";
    else
      result = "torch.transpose(torch.matmul(torch.transpose(" + result + ", " + axis + ", -1), " +
               context.source.buffer(mapping.matrix(sides[i]).t().to(type)) + "), " + axis + ", -1)";
  }
  if (crops && valid.lt(1).any().item<bool>())
    result = "torch.where(" + context.source.buffer(valid.gt(0)) + ", " + result + ", " +
             context.source.buffer(at::full({}, mapping.outside, at::dtype(type))) + ")";
  if (whole) result = "torch.to(torch.round(" + result + "), " + text(int(type_of(x))) + ")";
  return context.one(result);
}

/// Numbers that may be left out, or be none.
std::vector<double> numbers_of(const Context &context, std::size_t index) {
  if (!context.has(index) || (context.input(index).is_constant() && context.input(index).constant.numel() == 0))
    return {};
  const at::Tensor list = context.constant(index).to(at::kDouble).contiguous();
  return {list.data_ptr<double>(), list.data_ptr<double>() + list.numel()};
}

/// The dimensions as they are.
std::vector<Side> sides_of(const Context &context) {
  std::vector<Side> sides;
  for (const auto size : context.input(0).shape()) {
    sides.emplace_back();
    sides.back().from = sides.back().to = size;
  }
  return sides;
}

void scale_sides(const Context &context, std::vector<Side> &sides, const Dims &axes,
                 const std::vector<double> &scales) {
  if (scales.size() != axes.size()) context.fail("the sizes do not fit the input's shape");
  for (std::size_t i = 0; i < axes.size(); ++i) {
    Side &side = sides[std::size_t(axes[i])];
    side.scale = float(scales[i]);
    const float size = std::floor(float(side.from) * side.scale);
    if (!(size < 1e9F)) context.fail("a scale is out of range");
    side.to = std::int64_t(size);
  }
}

void size_sides(const Context &context, std::vector<Side> &sides, const Dims &axes, const Dims &sizes) {
  if (sizes.size() != axes.size()) context.fail("the sizes do not fit the input's shape");
  const std::string policy = context.node.text("keep_aspect_ratio_policy", "stretch");
  if (policy != "stretch" && policy != "not_larger" && policy != "not_smaller")
    context.fail("keep_aspect_ratio_policy=" + policy + " is not supported");
  std::vector<float> scales;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    Side &side = sides[std::size_t(axes[i])];
    side.to = sizes[i];
    side.scale = float(side.to) / float(side.from);
    scales.push_back(side.scale);
  }
  if (policy == "stretch" || scales.empty()) return;
  const auto [least, most] = std::minmax_element(scales.begin(), scales.end());
  const float scale = policy == "not_larger" ? *least : *most;
  if (!(scale > 0 && scale <= 4096)) context.fail("a scale is out of range");
  for (const auto axis : axes) {
    Side &side = sides[std::size_t(axis)];
    side.scale = scale;
    side.to = std::int64_t(std::floor(float(side.from) * scale + 0.5F));
  }
}

/// Sizes that are known at run time only: the last two of them, wherever the operator's axes have them.
std::string picture_sizes(const Context &context, const std::string &sizes, const Dims &axes) {
  if (sizes[0] == '[') return "";
  std::string list;
  for (const std::int64_t dimension : {2, 3}) {
    const auto found = std::find(axes.begin(), axes.end(), dimension);
    list += (list.empty() ? "[" : ", ") + (found == axes.end()
                                               ? context.in(0) + ".size(" + text(dimension) + ")"
                                               : sizes + "[" + text(std::int64_t(found - axes.begin())) + "]");
  }
  return list + "]";
}

Values resize(Context &context) {
  Mapping mapping;
  mapping.kind = context.node.text("mode", "nearest");
  if (mapping.kind != "nearest" && mapping.kind != "linear" && mapping.kind != "cubic")
    context.fail("the mode " + mapping.kind + " is not supported");
  std::vector<Side> sides = sides_of(context);
  Dims axes = context.node.ints("axes");
  for (auto &axis : axes) axis = axis_of(context, axis, sides.size());
  if (axes.empty()) axes = identity_perm(sides.size());
  if (context.opset < 11) {
    mapping.mode = "asymmetric";
    mapping.rounding = "smaller_up";
    scale_sides(context, sides, axes, numbers_of(context, 1));
    return resize_to(context, mapping, sides, true, "");
  }
  mapping.mode = context.node.text("coordinate_transformation_mode", "half_pixel");
  mapping.rounding = context.node.text("nearest_mode", "round_prefer_floor");
  mapping.cubic = context.node.number("cubic_coeff_a", -0.75);
  mapping.exclude_outside = context.node.flag("exclude_outside");
  mapping.antialias = context.node.flag("antialias");
  mapping.outside = context.node.number("extrapolation_value", 0);
  static const std::set<std::string> modes{"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
                                           "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize"},
      roundings{"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
  if (!modes.count(mapping.mode)) context.fail("coordinate_transformation_mode=" + mapping.mode + " is not supported");
  if (!roundings.count(mapping.rounding)) context.fail("nearest_mode=" + mapping.rounding + " is not supported");
  if (mapping.mode == "tf_crop_and_resize") {
    const auto region = numbers_of(context, 1);
    if (region.size() != 2 * axes.size()) context.fail("the region does not fit the input's shape");
    // Zooms out by more than that are no network's, and not a number would be no place.
    for (const double edge : region)
      if (!(std::abs(edge) <= 4096)) context.fail("the region is out of range");
    for (std::size_t i = 0; i < axes.size(); ++i) {
      sides[std::size_t(axes[i])].start = region[i];
      sides[std::size_t(axes[i])].end = region[axes.size() + i];
    }
  }
  const auto scales = numbers_of(context, 2);
  if (!scales.empty()) {
    scale_sides(context, sides, axes, scales);
    return resize_to(context, mapping, sides, true, "");
  }
  const auto [sizes, values] = context.sizes(3);
  size_sides(context, sides, axes, values);
  if (sizes[0] != '[' && context.node.text("keep_aspect_ratio_policy", "stretch") != "stretch")
    context.not_convolutional("keeps the picture's shape in a size that depends on the picture");
  return resize_to(context, mapping, sides, false, picture_sizes(context, sizes, axes));
}

Values upsample(Context &context) {
  Mapping mapping;
  mapping.kind = context.node.text("mode", "nearest");
  if (mapping.kind != "nearest" && mapping.kind != "linear")
    context.fail("the mode " + mapping.kind + " is not supported");
  mapping.mode = "asymmetric";
  mapping.rounding = "smaller_up";
  std::vector<double> scales = numbers_of(context, 1);
  const auto attribute = context.node.attributes.find("scales");
  if (attribute != context.node.attributes.end()) scales = attribute->second.floats;
  std::vector<Side> sides = sides_of(context);
  scale_sides(context, sides, identity_perm(sides.size()), scales);
  return resize_to(context, mapping, sides, true, "");
}

/// LibTorch takes grids of two and of three dimensions, the latter without cubic samples.
Values grid_sample(Context &context) {
  const std::string mode = context.node.text("mode", "linear"), pads = context.node.text("padding_mode", "zeros");
  // Opset 20 has shorter names.
  const int kind = mode == "bilinear" || mode == "linear" ? 0
                   : mode == "nearest"                    ? 1
                   : mode == "bicubic" || mode == "cubic" ? 2
                                                          : -1;
  const int edge = pads == "zeros" ? 0 : pads == "border" ? 1 : pads == "reflection" ? 2 : -1;
  if (kind < 0 || edge < 0) context.fail("the mode " + mode + " with " + pads + " is not supported");
  const auto rank = context.input(0).rank();
  if (rank != 4 && (rank != 5 || kind == 2))
    context.fail("samples " + text(std::int64_t(rank) - 2) + " dimensions in the mode " + mode +
                 ", which is not supported");
  return context.one("torch.grid_sampler(" + context.in(0) + ", " + context.in(1) + ", " + text(kind) + ", " +
                     text(edge) + (context.node.flag("align_corners") ? ", True)" : ", False)"));
}

Values affine_grid(Context &context) {
  const auto [sizes, values] = context.sizes(1);
  context.bound(values);
  if (values.size() != 4 && values.size() != 5) context.fail("the size must have four or five numbers");
  return context.one("torch.affine_grid_generator(" + context.in(0) + ", " + sizes +
                     (context.node.flag("align_corners") ? ", True)" : ", False)"));
}

}  // namespace

const std::vector<OperatorRow> &onnx_resize_operators() {
  static const std::vector<OperatorRow> rows{
      {"AffineGrid", affine_grid, "align_corners"},
      {"GridSample", grid_sample, "align_corners mode padding_mode"},
      {"Resize", resize,
       "antialias axes coordinate_transformation_mode cubic_coeff_a exclude_outside extrapolation_value "
       "keep_aspect_ratio_policy mode nearest_mode"},
      {"Upsample", upsample, "mode scales"}};
  return rows;
}

}  // namespace oneadapt::import
