// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/description.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "core/output/json_depth.h"

namespace oneadapt {
namespace {

using Json = nlohmann::json;

constexpr double kMaxSide = 16384;
constexpr int kMaxOutputs = 64;

[[noreturn]] void bad(const std::string &key, const std::string &what) {
  throw std::invalid_argument("\"" + key + "\" " + what);
}

std::string number_text(double value) {
  std::string text = Json(value).dump();
  if (text.size() > 2 && text.compare(text.size() - 2, 2, ".0") == 0) text.resize(text.size() - 2);
  return text;
}

std::string range_text(double low, double high) { return number_text(low) + " to " + number_text(high); }

/// Reads the keys of one object and remembers which were asked for, so that the others can be refused.
class Reader {
 public:
  Reader(const Json &object, std::string prefix) : object_(object), prefix_(std::move(prefix)) {}

  std::string path(const std::string &key) const { return prefix_ + key; }

  const Json *find(const std::string &key) {
    known_.push_back(key);
    const auto it = object_.find(key);
    return it == object_.end() ? nullptr : &*it;
  }
  const Json &need(const std::string &key, const std::string &what) {
    const Json *value = find(key);
    if (!value) bad(path(key), "is missing; it must be " + what);
    return *value;
  }

  void text(const std::string &key, std::string &out) {
    if (const Json *value = find(key)) {
      if (!value->is_string()) bad(path(key), "must be a string");
      out = value->get<std::string>();
    }
  }
  void flag(const std::string &key, bool &out) {
    if (const Json *value = find(key)) {
      if (!value->is_boolean()) bad(path(key), "must be true or false");
      out = value->get<bool>();
    }
  }
  void choice(const std::string &key, std::string &out, const std::vector<std::string> &choices, bool needed = false) {
    std::string list;
    for (std::size_t i = 0; i < choices.size(); ++i) list += (i ? " or \"" : "\"") + choices[i] + "\"";
    const Json *value = needed ? &need(key, list) : find(key);
    if (!value) return;
    if (!value->is_string() || std::find(choices.begin(), choices.end(), value->get<std::string>()) == choices.end())
      bad(path(key), "must be " + list + ", it is " + value->dump());
    out = value->get<std::string>();
  }
  double checked(const std::string &name, const Json &value, double low, double high, bool whole) const {
    const bool type = whole ? value.is_number_integer() : value.is_number();
    const double number = type ? value.get<double>() : 0;
    if (!type || !std::isfinite(number) || number < low || number > high)
      bad(name, std::string("must be a ") + (whole ? "whole number" : "number") + " from " + range_text(low, high) +
                    ", it is " + value.dump());
    return number;
  }
  template <typename T>
  void number(const std::string &key, T &out, double low, double high, bool needed = false) {
    const bool whole = std::is_integral<T>::value;
    const Json *value = needed ? &need(key, "a number from " + range_text(low, high)) : find(key);
    if (value) out = T(checked(path(key), *value, low, high, whole));
  }
  template <typename T>
  void numbers(const std::string &key, std::vector<T> &out, double low, double high, std::size_t least,
               std::size_t most, bool needed = false) {
    const std::string what = "a list of " + std::to_string(least) +
                             (most != least ? " to " + std::to_string(most) : std::string()) + " numbers";
    const Json *value = needed ? &need(key, what) : find(key);
    if (!value) return;
    if (!value->is_array() || value->size() < least || value->size() > most) bad(path(key), "must be " + what);
    std::vector<T> list;
    for (std::size_t i = 0; i < value->size(); ++i)
      list.push_back(
          T(checked(path(key) + "[" + std::to_string(i) + "]", (*value)[i], low, high, std::is_integral<T>::value)));
    out = std::move(list);
  }
  /// Call last.
  void refuse_others() const {
    for (const auto &item : object_.items())
      if (std::find(known_.begin(), known_.end(), item.key()) == known_.end())
        bad(path(item.key()), "is not a key of a model description (format 1)");
  }

 private:
  const Json &object_;
  std::string prefix_;
  std::vector<std::string> known_;
};

Json parse_object(const std::string &text) {
  Json value;
  if (nests_too_deep(text)) throw std::invalid_argument("it nests more than 64 levels deep");
  try {
    value = Json::parse(text);
  } catch (const Json::parse_error &e) {
    throw std::invalid_argument("no valid JSON at byte " + std::to_string(e.byte));
  }
  if (!value.is_object()) throw std::invalid_argument("the top level must be a JSON object");
  return value;
}

void read_input(Reader r, ModelDescription &d) {
  r.number("width", d.width, 1, kMaxSide);
  r.number("height", d.height, 1, kMaxSide);
  r.number("multiple_of", d.multiple_of, 0, 4096);
  if ((d.width == 0) != (d.height == 0))
    bad(r.path(d.width ? "height" : "width"), "is missing; width and height go together");
  if (!d.multiple_of && !d.width)
    bad(r.path("width"), "is missing; give width and height, or multiple_of for a model that takes any such size");
  if (d.multiple_of && (d.width % d.multiple_of || d.height % d.multiple_of))
    bad(r.path("multiple_of"), "must divide width and height");
  r.choice("colour", d.colour, {"RGB", "BGR", "gray"});
  r.number("range", d.range, 1e-6, 1e6);
  const std::size_t channels = d.channels();
  d.mean.resize(channels);
  d.std.resize(channels, 1);
  r.numbers("mean", d.mean, -1e6, 1e6, channels, channels);
  r.numbers("std", d.std, 1e-6, 1e6, channels, channels);
  r.refuse_others();
}

void read_sound_input(Reader r, ModelDescription &d) {
  r.number("sample_rate", d.sample_rate, 1000, 192000, true);
  r.flag("normalise", d.normalise);
  r.number("context", d.context, 0, 10);
  r.number("lookahead", d.lookahead, 0, 2);
  r.refuse_others();
}

void read_ctc_output(Reader r, ModelDescription &d) {
  const double last = double(d.labels.size()) - 1;
  r.choice("layout", d.layout, {"ctc"}, true);
  if (last < 1) bad("labels", "must name the blank and at least one more class");
  d.score_outputs = {0};
  r.numbers("scores", d.score_outputs, 0, kMaxOutputs - 1, 1, 1);
  r.number("blank", d.blank, 0, last);
  r.number("separator", d.separator, -1, last);
  if (d.separator == d.blank) bad(r.path("separator"), "must not be the blank");
  r.number("temperature", d.temperature, 1e-2, 1e2);
  r.refuse_others();
}

void read_cloud_input(Reader r, ModelDescription &d) {
  r.number("intensity_scale", d.intensity_scale, 1e-6, 1e6);
  r.refuse_others();
}

void read_cloud_output(Reader r, ModelDescription &d) {
  r.choice("layout", d.layout, {"boxes3d"}, true);
  d.box_outputs = {0};
  d.score_outputs = {1};
  d.label_output = 2;
  r.numbers("boxes", d.box_outputs, 0, kMaxOutputs - 1, 1, 1);
  r.numbers("scores", d.score_outputs, 0, kMaxOutputs - 1, 1, 1);
  r.number("labels", d.label_output, 0, kMaxOutputs - 1);
  r.choice("origin", d.origin, {"centre", "bottom"});
  d.nms_iou = 0.1;
  r.number("nms_iou", d.nms_iou, 0.01, 1);
  r.refuse_others();
}

/// "boxes" and "centre", or what the older key "corners" says of "yolo".
void read_box(Reader &r, ModelDescription &d) {
  d.box = d.layout == "yolo" ? "centre" : "corners";
  bool corners = false;
  if (d.layout == "yolo") r.flag("corners", corners);
  if (corners) d.box = "corners";
  r.choice("box", d.box, {"corners", "corners-yx", "centre", "corner-size"});
  if (corners && d.box != "corners") bad(r.path("corners"), "contradicts " + r.path("box"));
  r.flag("normalised", d.normalised);
}

void read_candidates(Reader &r, ModelDescription &d) {
  const bool yolo = d.layout == "yolo";
  d.score_outputs = {0};
  r.numbers("predictions", d.score_outputs, 0, kMaxOutputs - 1, 1, 1);
  d.objectness = d.layout == "yolox";
  if (yolo) r.flag("objectness", d.objectness);
  if (yolo) r.choice("activation", d.activation, {"none", "sigmoid"});
  if (d.layout != "yolox") read_box(r, d);
  if (d.layout == "detections") d.nms_iou = 1;
}

void read_boxes(Reader &r, ModelDescription &d) {
  d.label_output = -1;
  r.number("labels", d.label_output, -1, kMaxOutputs - 1);
  read_box(r, d);
  if (d.label_output >= 0) return;
  r.number("background", d.background, -1, double(d.labels.size()) - 1);
  r.choice("activation", d.activation, {"none", "sigmoid", "softmax"});
}

void read_semantic(Reader &r, ModelDescription &d) {
  const std::size_t labels = d.labels.size();
  d.score_outputs = {0};
  r.numbers("scores", d.score_outputs, 0, kMaxOutputs - 1, 1, 1);
  d.background = labels > 1 ? 0 : -1;
  r.number("background", d.background, -1, double(labels) - 1);
  r.flag("probabilities", d.probabilities);
  r.number("smallest", d.smallest, 0, 1);
}

/// What depends on the task and the labels comes after them.
void read_output(Reader r, ModelDescription &d) {
  r.choice("layout", d.layout,
           {"boxes", "detections", "torchvision", "nanodet", "yolo", "yolox", "centernet", "semantic"}, true);
  const bool segments = d.task == "segmentation", semantic = d.layout == "semantic";
  if (segments ? !semantic && d.layout != "torchvision" : semantic)
    bad(r.path("layout"),
        segments ? "must be \"semantic\" or \"torchvision\" for the task \"segmentation\", it is \"" + d.layout + "\""
                 : "\"semantic\" is for the task \"segmentation\", but \"task\" is \"" + d.task + "\"");
  const bool nanodet = d.layout == "nanodet", yolox = d.layout == "yolox";
  if (nanodet || yolox) r.numbers("strides", d.strides, 1, 4096, 1, 16, true);
  if (nanodet) r.number("bins", d.bins, 2, 256, true);
  if (d.layout == "torchvision") {
    d.box_outputs = {0};  // of what the dictionary is turned into
    d.score_outputs = {1};
    d.label_output = 2;
    d.nms_iou = 1;
  } else if (semantic) {
    read_semantic(r, d);
    return r.refuse_others();
  } else if (yolox || d.layout == "yolo" || d.layout == "detections") {
    read_candidates(r, d);
  } else {
    if (nanodet && r.find("predictions")) {
      r.numbers("predictions", d.score_outputs, 0, kMaxOutputs - 1, 1, 1);
      d.box_outputs = d.score_outputs;
      r.number("nms_iou", d.nms_iou, 0.01, 1);
      return r.refuse_others();
    }
    const std::size_t count = nanodet ? d.strides.size() : 1;
    r.numbers("scores", d.score_outputs, 0, kMaxOutputs - 1, count, count, true);
    r.numbers("boxes", d.box_outputs, 0, kMaxOutputs - 1, count, count, true);
    if (d.layout == "centernet") {
      r.number("offsets", d.offset_output, 0, kMaxOutputs - 1);
      d.nms_iou = 1;
    }
    if (d.layout == "boxes") read_boxes(r, d);
  }
  r.number("nms_iou", d.nms_iou, 0.01, 1);
  r.refuse_others();
}

void read_features(Reader r, ModelDescription &d) {
  std::string pair;
  r.need("pair", "six hexadecimal digits, the same of both halves");
  r.text("pair", pair);
  const auto number = PairNumber::parse(pair);
  if (!number) bad(r.path("pair"), "must be six hexadecimal digits, it is \"" + pair + "\"");
  d.features.pair = *number;
  std::vector<unsigned> picture, plane;
  MosaicLayout &mosaic = d.features.mosaic;
  r.numbers("picture", picture, 1, kMaxSide, 2, 2, true);
  r.numbers("plane", plane, 1, kMaxSide, 2, 2, true);
  r.number("channels", mosaic.channels, 1, 4096, true);
  r.number("columns", mosaic.columns, 1, double(mosaic.channels), true);
  std::copy_n(picture.begin(), 2, d.features.picture);
  std::copy_n(plane.begin(), 2, mosaic.plane);
  mosaic.rows = (mosaic.channels + mosaic.columns - 1) / mosaic.columns;
  if (mosaic.width() > kMaxSide || mosaic.height() > kMaxSide)
    bad(r.path("channels"), "make a mosaic of more than 16384 pixels a side");
  r.refuse_others();
  const unsigned width = d.is_head() ? picture[0] : mosaic.width(), height = d.is_head() ? picture[1] : mosaic.height();
  if (d.width != width || d.height != height || d.multiple_of)
    bad("input.width", "and input.height must be " + std::to_string(width) + " and " + std::to_string(height) +
                           " and nothing else, which follows from \"features\"");
  if (!d.is_head() && d.channels() != 1) bad("input.colour", "must be gray, as a mosaic is");
}

const Json &object_at(Reader &r, const std::string &key) {
  const Json &value = r.need(key, "an object");
  if (!value.is_object()) bad(r.path(key), "must be an object");
  return value;
}

}  // namespace

ModelDescription ModelDescription::parse(const std::string &json, const std::string &overrides) {
  Json root = parse_object(json);
  if (!overrides.empty()) root.merge_patch(parse_object(overrides));

  ModelDescription d;
  Reader r(root, "");
  const Json &format = r.need("format", "1");
  if (!format.is_number_integer() || format.get<double>() != 1)
    bad("format", "must be 1 (the only version there is so far), it is " + format.dump());
  r.text("name", d.name);
  r.text("source", d.source);
  r.text("licence", d.licence);
  r.choice("task", d.task, {"detection", "segmentation", "ctc", "detection3d", "features"});
  const bool sound = d.takes_sound(), points = d.takes_points();
  (sound ? read_sound_input : points ? read_cloud_input : read_input)(Reader(object_at(r, "input"), "input."), d);

  if (d.is_head() || (!sound && !points && r.find("features")))
    read_features(Reader(object_at(r, "features"), "features."), d);
  if (d.is_head()) {
    r.refuse_others();
    return d;
  }
  const Json &labels = r.need("labels", "a list of names, one a class");
  if (!labels.is_array() || labels.empty()) bad("labels", "must be a list of names, one a class");
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (!labels[i].is_string() || labels[i].get_ref<const std::string &>().empty())
      bad("labels[" + std::to_string(i) + "]", "must be a name, it is " + labels[i].dump());
    d.labels.push_back(labels[i].get<std::string>());
  }
  (sound ? read_ctc_output : points ? read_cloud_output : read_output)(Reader(object_at(r, "output"), "output."), d);
  r.number("threshold", d.threshold, 0, 1);
  r.number("slope", d.slope, 1e-3, 1e4);
  r.number("floor", d.floor, 0, 1);
  r.refuse_others();
  return d;
}

std::string ModelDescription::to_json() const {
  // Ordered, because people read it.
  nlohmann::ordered_json input, output, root;
  const bool sound = takes_sound(), points = takes_points();
  if (points) {
    input["intensity_scale"] = intensity_scale;
  } else if (sound) {
    input["sample_rate"] = sample_rate;
    input["normalise"] = normalise;
    input["context"] = context;
    input["lookahead"] = lookahead;
  } else {
    if (width) input["width"] = width;
    if (height) input["height"] = height;
    input["multiple_of"] = multiple_of;
    input["colour"] = colour;
    input["range"] = range;
    input["mean"] = mean;
    input["std"] = std;
  }
  output["layout"] = layout;
  if (!strides.empty()) output["strides"] = strides;
  if (layout == "nanodet") output["bins"] = bins;
  if (layout == "yolo" || layout == "yolox" || layout == "detections") {
    output["predictions"] = score_outputs;
    if (layout == "yolo") output["objectness"] = objectness;
  } else if (sound) {
    output["scores"] = score_outputs;
    output["blank"] = blank;
    output["separator"] = separator;
    output["temperature"] = temperature;
  } else if (points) {
    output["boxes"] = box_outputs;
    output["scores"] = score_outputs;
    output["labels"] = label_output;
    output["origin"] = origin;
  } else if (layout == "semantic") {
    output["scores"] = score_outputs;
    output["background"] = background;
    output["probabilities"] = probabilities;
    output["smallest"] = smallest;
  } else if (layout == "nanodet" && strides.size() > 1 && score_outputs.size() == 1) {
    output["predictions"] = score_outputs;
  } else if (layout != "torchvision") {
    output["scores"] = score_outputs;
    output["boxes"] = box_outputs;
    if (layout == "boxes" && label_output >= 0) output["labels"] = label_output;
    if (layout == "boxes" && label_output < 0) output["background"] = background;
    if (offset_output >= 0) output["offsets"] = offset_output;
  }
  if (layout == "boxes" || layout == "yolo" || layout == "detections") {
    output["box"] = box;
    output["normalised"] = normalised;
  }
  if ((layout == "boxes" && label_output < 0) || layout == "yolo") output["activation"] = activation;
  if (layout != "semantic" && !sound) output["nms_iou"] = nms_iou;
  root["format"] = format;
  if (!name.empty()) root["name"] = name;
  if (!source.empty()) root["source"] = source;
  if (!licence.empty()) root["licence"] = licence;
  root["task"] = task;
  root["input"] = input;
  if (features.mosaic.channels)
    root["features"] = {{"pair", features.pair.text()},
                        {"picture", features.picture},
                        {"channels", features.mosaic.channels},
                        {"plane", features.mosaic.plane},
                        {"columns", features.mosaic.columns}};
  if (is_head()) return root.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  root["output"] = output;
  root["labels"] = labels;
  root["threshold"] = threshold;
  root["slope"] = slope;
  root["floor"] = floor;
  return root.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace oneadapt
