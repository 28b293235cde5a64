// SPDX-License-Identifier: LGPL-2.1-or-later
#include "detector_files.h"

#include <cmath>

namespace import_test {
namespace {

const std::vector<int> kStrides{8, 16, 32};
const std::vector<std::string> kThree{"red", "green", "blue"};

using Graph = DetectorGraph;

void yolo_columns(Graph &g) {
  g.name_classes(kThree);
  g.output(g.joined({g.boxes("centre"), g.sigmoid(g.logits(3))}, 1));
}

/// Three anchors a cell, of which the first finds something; objectness is one for all.
void yolo_anchors(Graph &g) {
  const std::string scores = g.sigmoid(g.logits(80));
  const int cells = Graph::cells(false);
  const std::string one =
      g.joined({g.boxes("centre"), g.floats({1, 1, cells}, std::vector<float>(std::size_t(cells), 1)), scores}, 1);
  const std::string none = g.op("Mul", {one, g.floats({1, 85, 1}, [] {
                                          std::vector<float> keep(85, 0);
                                          for (std::size_t i = 0; i < 4; ++i) keep[i] = 1;
                                          return keep;
                                        }())});
  g.output(g.turned(g.joined({one, none, none}, 2)));
}

void yolo_anchors_and_maps(Graph &g) {
  yolo_anchors(g);
  g.output(g.op("Identity", {"x"}));
}

/// Two stages of the best, as the heads of YOLOv10 and YOLO26 have.
void end_to_end(Graph &g) {
  g.name_classes(kThree);
  const std::string scores = g.turned(g.sigmoid(g.logits(3))), boxes = g.turned(g.boxes("corners"));
  const std::string best = g.op("ReduceMax", {scores, g.ints({-1})}, "keepdims", 0);
  auto &top = g.file.node("TopK", {best, g.ints({20})}, {"top", "which"});
  set(top, "axis", -1);
  const std::string index = g.op("Unsqueeze", {"which", g.ints({-1})});
  const auto picked = [&](const std::string &of, std::int64_t columns) {
    return g.op("GatherElements", {of, g.op("Expand", {index, g.ints({1, 20, columns})})}, "axis", 1);
  };
  const std::string some = picked(scores, 3);
  auto &arg = g.file.node("ArgMax", {some}, {"class"});
  set(set(arg, "axis", -1), "keepdims", 1);
  auto &cast = g.file.node("Cast", {"class"}, {"class_number"});
  set(cast, "to", 1);
  g.output(g.joined({picked(boxes, 4), g.op("Unsqueeze", {"top", g.ints({-1})}), "class_number"}, 2));
}

void yolox(Graph &g, const std::string &convention) {
  g.normalise(true, 255);
  const int cells = Graph::cells(false);
  const std::string there = g.floats({1, 1, cells}, std::vector<float>(std::size_t(cells), 1));
  g.output(g.turned(g.joined({g.boxes(convention), there, g.sigmoid(g.logits(80))}, 1)));
}
void yolox_raw(Graph &g) { yolox(g, "yolox"); }
void yolox_decoded(Graph &g) { yolox(g, "centre"); }

void yolo_nas(Graph &g) {
  g.normalise(false, 255);
  g.output(g.turned(g.boxes("corners")));
  g.output(g.turned(g.sigmoid(g.logits(80))));
}

void rtdetr_rows(Graph &g) {
  g.name_classes(kThree);
  g.output(g.turned(g.joined({g.boxes("centre/", true), g.sigmoid(g.logits(3, true))}, 1)));
}

/// Boxes in pixels of a picture whose size is an input; labels and scores beside them.
void with_sizes(Graph &g) {
  g.input("orig_target_sizes", Tensor::INT64, {1, 2});
  auto &cast = g.file.node("Cast", {"orig_target_sizes"}, {"size"});
  set(cast, "to", 1);
  const std::string twice = g.op("Tile", {"size", g.ints({1, 2})});
  const std::string boxes = g.op("Mul", {g.turned(g.boxes("corners/", true)), g.op("Unsqueeze", {twice, g.ints({1})})});
  const std::string scores = g.turned(g.sigmoid(g.logits(80, true)));
  auto &arg = g.file.node("ArgMax", {scores}, {"labels"});
  set(set(arg, "axis", -1), "keepdims", 0);
  g.output("labels");
  g.output(boxes);
  g.output(g.op("ReduceMax", {scores, g.ints({-1})}, "keepdims", 0));
}

const std::vector<float> kImageNetMean{0.485F, 0.456F, 0.406F}, kImageNetStd{0.229F, 0.224F, 0.225F};

/// Logits far below all others, for classes that are never found.
std::string low(Graph &g, std::int64_t classes) {
  const std::int64_t cells = Graph::cells(true);
  return g.floats({1, classes, cells}, std::vector<float>(std::size_t(classes * cells), -30));
}

/// Class 1 is COCO's first; the last of 92 is "no object", at a logit of 0.
void detr(Graph &g) {
  g.normalise(false, 1, kImageNetMean, kImageNetStd);
  const std::string none = g.floats({1, 1, Graph::cells(true)}, std::vector<float>(std::size_t(Graph::cells(true)), 0));
  g.output(g.turned(g.joined({low(g, 1), g.logits(3, true), low(g, 87), none}, 1)));
  g.output(g.turned(g.boxes("centre/", true)));
}

void rfdetr(Graph &g) {
  g.normalise(false, 1, kImageNetMean, kImageNetStd);
  g.output(g.turned(g.boxes("centre/", true)));
  g.output(g.turned(g.joined({low(g, 1), g.logits(3, true), low(g, 87)}, 1)));
}

void nanodet(Graph &g) {
  g.normalise(true, 255, {103.53F, 116.28F, 123.675F}, {57.375F, 57.12F, 58.395F});
  // Half a stride to each side is the expectation of bins 0 and 1 alike; others are far below.
  std::vector<float> bins;
  const int cells = Graph::cells(false);
  for (int side = 0; side < 4; ++side)
    for (int bin = 0; bin < 8; ++bin) bins.insert(bins.end(), std::size_t(cells), bin < 2 ? 5.F : -35.F);
  g.output(g.turned(g.joined({g.sigmoid(g.logits(80)), g.floats({1, 32, cells}, bins)}, 1)));
}

void ppyoloe(Graph &g) {
  g.input("scale_factor", Tensor::FLOAT, {1, 2});
  const std::string scale = g.op("Unsqueeze", {g.op("Tile", {"scale_factor", g.ints({1, 2})}), g.ints({1})});
  g.output(g.op("Div", {g.turned(g.boxes("corners")), scale}));
  g.output(g.sigmoid(g.logits(80)));
}

/// Softmax with the background in front, at a logit of 0.
void ssd(Graph &g, const std::vector<float> &mean, float range, int classes, const std::vector<float> &std) {
  g.normalise(false, range, mean, std);
  const int cells = Graph::cells(true);
  const std::string none = g.floats({1, 1, cells}, std::vector<float>(std::size_t(cells), 0));
  const std::string rows = g.turned(g.joined({none, g.logits(classes, true)}, 1));
  g.output(g.op("Softmax", {rows}, "axis", 2));
  g.output(g.turned(g.boxes("corners/", true)));
}
void ssd_coco(Graph &g) {
  g.name_classes({"background", "red", "green", "blue"});
  ssd(g, {0, 0, 0}, 1, 3, {1, 1, 1});
}
void ultraface(Graph &g) {
  g.name_classes({"background", "face"});
  ssd(g, {127, 127, 127}, 255, 1, {128, 128, 128});
}

void efficientdet(Graph &g) {
  g.name_classes(kThree);
  g.output(g.turned(g.sigmoid(g.logits(3))));
  g.output(g.turned(g.boxes("yx")));
}

void centernet(Graph &g) {
  g.name_classes(kThree);
  const Dims map{1, -1, kPictureSide / 32, kPictureSide / 32};
  const auto shaped = [&](const std::string &x) { return g.op("Reshape", {x, g.ints(map)}); };
  const auto flat = [&](float value) {
    return shaped(g.floats({1, 2, Graph::cells(true)}, std::vector<float>(2 * std::size_t(Graph::cells(true)), value)));
  };
  g.output(shaped(g.sigmoid(g.logits(3, true))));
  g.output(g.op("Mul", {flat(1), g.floats({1}, {1.0F})}));
  g.output(flat(0.5F));
}

/// The branch is chosen by a constant, as exporters of PyTorch write it.
void with_if(Graph &g) {
  g.name_classes(kThree);
  const std::string whole = g.joined({g.boxes("centre"), g.sigmoid(g.logits(3))}, 1);
  auto *yes = g.file.graph().add_initializer();
  yes->set_name("yes");
  yes->set_data_type(Tensor::BOOL);
  yes->add_int32_data(1);
  auto &choice = g.file.node("If", {"yes"}, {"chosen"});
  for (const bool taken : {true, false}) {
    auto *branch = attribute_of(choice, taken ? "then_branch" : "else_branch", onnx::AttributeProto::GRAPH).mutable_g();
    branch->set_name(taken ? "then" : "else");
    auto *node = branch->add_node();
    node->set_op_type(taken ? "Identity" : "Neg");
    node->add_input(whole);
    node->add_output(taken ? "taken" : "other");
    branch->add_output()->set_name(taken ? "taken" : "other");
  }
  g.output("chosen");
}

/// Three anchors, and eight numbers of each at each place.
void yolov7_heads(Graph &g) {
  for (const int stride : kStrides) {
    const std::int64_t side = kPictureSide / stride;
    const std::string small = g.op("AveragePool", {"x"}, "kernel_shape", Dims{stride, stride});
    set(*g.file.graph().mutable_node(g.file.graph().node_size() - 1), "strides", Dims{stride, stride});
    g.output(g.op("Expand", {g.op("Unsqueeze", {small, g.ints({4})}), g.ints({1, 3, side, side, 8})}));
  }
}

/// A map of `channels` for each stride, as rows: numbers around 0.
std::string head_of(Graph &g, int stride, int channels) {
  std::vector<float> weights(std::size_t(channels) * 3);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = i % 2 ? 0.5F : -0.4F;
  const std::string map = g.op("Conv", {"x", g.floats({channels, 3, 1, 1}, weights)});
  set(*g.file.graph().mutable_node(g.file.graph().node_size() - 1), "strides", Dims{stride, stride});
  return g.turned(g.op("Reshape", {map, g.ints({1, channels, -1})}));
}

/// For each stride scores, whether there is something, boxes and five points, which count from the cell.
void yunet(Graph &g) {
  for (int which = 0; which < 2; ++which)
    for (const int stride : kStrides) g.output(g.sigmoid(head_of(g, stride, 1)));
  for (const int numbers : {4, 10})
    for (const int stride : kStrides) g.output(head_of(g, stride, numbers));
}

/// torchvision's SSD and RetinaNet: class scores, and offsets from anchors.
void ssd_heads(Graph &g) {
  g.output(head_of(g, 16, 91));
  g.output(head_of(g, 16, 4));
}

}  // namespace

DetectorGraph::DetectorGraph(int opset, const char *input) : file({1, 3, kPictureSide, kPictureSide}, opset) {
  if (std::string(input) == "uint8") {
    file.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(Tensor::UINT8);
    auto &cast = file.node("Cast", {"x"}, {"as_float"});
    set(cast, "to", 1);
    picture_ = "as_float";
  }
}

int DetectorGraph::cells(bool only) {
  int count = 0;
  for (const int stride : kStrides)
    if (!only || stride == 32) count += (kPictureSide / stride) * (kPictureSide / stride);
  return count;
}

std::string DetectorGraph::op(const std::string &type, const std::vector<std::string> &inputs) {
  const std::string name = type + std::to_string(count_++);
  file.node(type, inputs, {name}).set_name(name + "_node");
  return name;
}
std::string DetectorGraph::op(const std::string &type, const std::vector<std::string> &inputs, const std::string &key,
                              std::int64_t value) {
  const std::string name = op(type, inputs);
  set(*file.graph().mutable_node(file.graph().node_size() - 1), key, value);
  return name;
}
std::string DetectorGraph::op(const std::string &type, const std::vector<std::string> &inputs, const std::string &key,
                              const Dims &values) {
  const std::string name = op(type, inputs);
  set(*file.graph().mutable_node(file.graph().node_size() - 1), key, values);
  return name;
}
std::string DetectorGraph::floats(const Dims &shape, const std::vector<float> &values) {
  const std::string name = "c" + std::to_string(count_++);
  file.floats(name, shape, values);
  return name;
}
std::string DetectorGraph::ints(const std::vector<std::int64_t> &values) {
  const std::string name = "c" + std::to_string(count_++);
  file.ints(name, values);
  return name;
}

void DetectorGraph::normalise(bool bgr, float range, const std::vector<float> &mean, const std::vector<float> &std) {
  const std::string pixels = op("Add", {op("Mul", {picture_, floats({1, 3, 1, 1}, std)}), floats({1, 3, 1, 1}, mean)});
  picture_ = op("Mul", {pixels, floats({1}, {1 / range})});
  if (bgr) picture_ = op("Gather", {picture_, ints({2, 1, 0})}, "axis", 1);
}

std::string DetectorGraph::logits(int classes, bool only) {
  std::vector<std::string> all;
  for (const int stride : kStrides) {
    if (only && stride != 32) continue;
    // Of three classes: 8 · (own − half of the others) − 4; of others, and of smaller cells, far below.
    std::vector<float> weights(std::size_t(classes) * 3, 0), biases(std::size_t(classes), stride == 32 ? -12 : -20);
    for (std::size_t i = 0; i < 3 && i < std::size_t(classes); ++i) {
      for (std::size_t k = 0; k < 3; ++k) weights[3 * i + k] = i == k ? 8 : -4;
      if (stride == 32) biases[i] = -4;
    }
    const std::string small = op("AveragePool", {picture_}, "kernel_shape", Dims{stride, stride});
    set(*file.graph().mutable_node(file.graph().node_size() - 1), "strides", Dims{stride, stride});
    const std::string map = op("Conv", {small, floats({classes, 3, 1, 1}, weights), floats({classes}, biases)});
    all.push_back(op("Reshape", {map, ints({1, classes, -1})}));
  }
  return all.size() == 1 ? all[0] : joined(all, 2);
}

std::string DetectorGraph::boxes(const std::string &convention, bool only) {
  const auto n = std::size_t(cells(only));
  std::vector<float> numbers(4 * n);
  const float unit = convention.back() == '/' ? 1.0F / kPictureSide : 1;
  std::size_t at = 0;
  for (const int stride : kStrides) {
    if (only && stride != 32) continue;
    for (int row = 0; row < kPictureSide / stride; ++row)
      for (int column = 0; column < kPictureSide / stride; ++column, ++at) {
        const auto s = float(stride), x = float(column) * s, y = float(row) * s;
        const bool centre = convention.rfind("centre", 0) == 0, yx = convention == "yx";
        std::vector<float> box = centre ? std::vector<float>{x + s / 2, y + s / 2, s, s}
                                 : yx   ? std::vector<float>{y, x, y + s, x + s}
                                        : std::vector<float>{x, y, x + s, y + s};
        // In strides from the cell's corner; a width and height of exp(0) strides, a few of less.
        if (convention == "yolox") box = {0.5F, 0.5F, stride == 32 ? 0.0F : -0.1F, stride == 32 ? 0.0F : -0.1F};
        for (std::size_t i = 0; i < 4; ++i) numbers[i * n + at] = box[i] * (convention == "yolox" ? 1 : unit);
      }
  }
  return op("Identity", {floats({1, 4, std::int64_t(n)}, numbers)});
}

void DetectorGraph::name_classes(const std::vector<std::string> &names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) text += (i ? ", " : "{") + std::to_string(i) + ": '" + names[i] + "'";
  auto *entry = file.model.add_metadata_props();
  entry->set_key("names");
  entry->set_value(text + "}");
}

void DetectorGraph::input(const std::string &name, int type, const Dims &shape) {
  auto *input = file.graph().add_input();
  input->set_name(name);
  auto *tensor = input->mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(type);
  for (const auto size : shape) tensor->mutable_shape()->add_dim()->set_dim_value(size);
}

const std::vector<DetectorFile> &detector_files() {
  constexpr auto itself = Import::DescribesItself, refused = Import::Refused;
  static const std::vector<DetectorFile> all{
      {"YOLOv5", "export.py --include onnx", itself, "", 17, yolo_anchors},
      {"YOLOv5 up to 6.1", "export.py, predictions and maps", itself, "", 12, yolo_anchors_and_maps},
      {"YOLOv7", "export.py --grid", itself, "", 12, yolo_anchors},
      {"YOLOv8, YOLOv9, YOLO11, YOLO12", "yolo export format=onnx", itself, "", 22, yolo_columns},
      {"YOLOv8 with a constant If", "torch.onnx.export", itself, "", 20, with_if},
      {"YOLOv10, YOLO26", "yolo export format=onnx", itself, "", 19, end_to_end},
      {"YOLOX", "export_onnx.py", itself, "", 11, yolox_raw},
      {"YOLOX, decoded", "export_onnx.py --decode_in_inference", itself, "", 18, yolox_decoded},
      {"YOLO-NAS", "model.export(…)", itself, "", 18, yolo_nas},
      {"RT-DETR of Ultralytics", "yolo export format=onnx", itself, "", 20, rtdetr_rows},
      {"RT-DETR, D-FINE, DEIM", "export_onnx.py", itself, "", 18, with_sizes},
      {"DETR", "optimum-cli export onnx", itself, "", 18, detr},
      {"RF-DETR", "model.export()", itself, "", 19, rfdetr},
      {"NanoDet", "export_onnx.py", itself, "", 13, nanodet},
      {"PP-YOLOE", "export_model.py exclude_nms=True, paddle2onnx", itself, "", 16, ppyoloe},
      {"SSD, with its decoding", "torch.onnx.export", itself, "", 18, ssd_coco},
      {"UltraFace", "its own file", itself, "", 18, ultraface},
      {"EfficientDet, with its decoding", "torch.onnx.export", itself, "", 18, efficientdet},
      {"CenterNet", "torch.onnx.export", itself, "", 18, centernet},
      {"YOLOv7, heads only", "export.py", refused, "--grid", 13, yolov7_heads},
      {"YuNet", "its own file", refused, "export the model with its decoding", 11, yunet},
      {"SSD, RetinaNet, heads only", "torch.onnx.export", refused, "export the model with its decoding", 18, ssd_heads},
  };
  return all;
}

}  // namespace import_test
