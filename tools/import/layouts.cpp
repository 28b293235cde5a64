// SPDX-License-Identifier: LGPL-2.1-or-later
#include "layouts.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "box_convention.h"
#include "check.h"
#include "layout_text.h"

namespace oneadapt::import {
namespace {

constexpr std::int64_t kMostClasses = 1024;
/// Detectors that ask for each object once (DETR and its kin) give so many at most.
constexpr std::int64_t kQueries = 1000;
const std::vector<int> kStrides{8, 16, 32}, kMoreStrides{8, 16, 32, 64};

std::int64_t cells(std::int64_t height, std::int64_t width, std::int64_t stride) {
  return ((height + stride - 1) / stride) * ((width + stride - 1) / stride);
}

bool is_share(const at::Tensor &tensor) {
  if (!tensor.is_floating_point() || !tensor.numel()) return tensor.is_floating_point();
  return tensor.min().item<double>() >= 0 && tensor.max().item<double>() <= 1;
}

bool all_finite(const at::Tensor &tensor) {
  return !tensor.is_floating_point() || at::isfinite(tensor).all().item<bool>();
}

/// One rule a kind of output; each returns false when it does not look like that.
class Layouts {
 public:
  Layouts(const Result &result, std::int64_t height, std::int64_t width, int known_classes, Guesses &guesses)
      : tensors_(result.tensors), height_(height), width_(width), known_(known_classes), guesses_(guesses) {
    for (const int stride : kStrides) cells_ += cells(height, width, stride);
    for (const int stride : kMoreStrides) more_cells_ += cells(height, width, stride);
  }

  void find() {
    if (candidates() || nanodet() || boxes() || detections() || heads_alone() || scores_by_class() || queries() ||
        centernet() || semantic())
      return;
    if (std::any_of(tensors_.begin(), tensors_.end(), [](const at::Tensor &t) { return !all_finite(t); })) {
      guesses_.problem =
          "the model gives values that are not finite (NaN, infinite), so that its outputs cannot be told";
      return;
    }
    std::string shapes;
    for (const at::Tensor &tensor : tensors_) shapes += (shapes.empty() ? "" : ", ") + words(tensor.sizes().vec());
    guesses_.problem = "outputs of " + (shapes.empty() ? "no tensor" : shapes) + unknown_layout(tensors_, height_);
  }

 private:
  void say(const std::string &key, const std::string &value, const std::string &reason) {
    guesses_.found.push_back({key, value, reason});
  }
  void layout(const std::string &name, const std::string &reason) {
    say("output.layout", "\"" + name + "\"", reason);
    draft().layout = name;
  }
  void classes(std::int64_t count) { guesses_.classes = int(count); }
  ModelDescription &draft() { return guesses_.draft; }

  /// The convention that the numbers show; else the layout's usual one.
  void convention(const at::Tensor &boxes, const std::string &usual) {
    const BoxConvention found = convention_of(boxes, height_, width_);
    draft().box = found.box.empty() ? usual : found.box;
    draft().normalised = found.normalised;
    if (found.box.empty())
      say("output.box", "\"" + usual + "\"", "it is the usual one, though the numbers do not look like it");
    else
      say("output.box", "\"" + found.box + "\"", found.box_reason);
    if (found.normalised) say("output.normalised", "true", "no coordinate is far above 1");
  }

  void predictions(std::size_t output, const std::string &reason) {
    if (output) say("output.predictions", "[" + std::to_string(output) + "]", reason);
    draft().score_outputs = {int(output)};
  }

  /// YOLO in its variants: one tensor with a row or a column for each candidate.
  bool candidates() {
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      const auto shape = shape_of(tensors_[i], 2);
      if (shape.size() != 2) continue;
      for (const bool turned : {false, true}) {
        const auto count = shape[turned ? 1 : 0], columns = shape[turned ? 0 : 1];
        if (columns < 5 || (count != cells_ && count != 3 * cells_ && count != more_cells_)) continue;
        if (has_boxes_beside(i, count)) continue;
        const at::Tensor flat = tensors_[i].reshape(shape);
        if (candidates(i, turned ? flat.t() : flat, turned)) return true;
      }
    }
    return false;
  }

  /// Whether another output has that many boxes: this one has scores alone then.
  bool has_boxes_beside(std::size_t i, std::int64_t count) const {
    for (std::size_t b = 0; b < tensors_.size(); ++b)
      if (b != i && shape_of(tensors_[b], 2) == std::vector<std::int64_t>{count, 4}) return true;
    return false;
  }

  bool candidates(std::size_t i, const at::Tensor &rows, bool turned) {
    const auto count = rows.size(0), columns = rows.size(1);
    const std::string what = "output " + std::to_string(i) + " is " + words(tensors_[i].sizes().vec()) + ": " +
                             std::to_string(count) + " candidates are ";
    const bool scores = is_share(rows.narrow(1, 4, columns - 4));
    const std::string which = "that is the output with a row a candidate";
    if (count == 3 * cells_) {
      if (!scores) return false;
      layout("yolo", what + "three anchors for each cell of strides 8, 16 and 32, as YOLOv5 and v7 have");
      predictions(i, which);
      say("output.objectness", "true", "these have one");
      draft().objectness = true;
      convention(rows.narrow(1, 0, 4), "centre");
      classes(columns - 5);
      return true;
    }
    const std::string cell = what + "one for each cell of strides 8, 16 and 32";
    if (!scores) return together(i, rows, what) || logits(i, rows, cell);
    if (count != cells_) return false;
    predictions(i, which);
    if (turned || columns - 4 == known_ || columns - 4 == 80) {
      layout("yolo", cell + (turned ? ", a column each, as YOLOv8 has" : ", a row each, without objectness"));
      convention(rows.narrow(1, 0, 4), "centre");
      classes(columns - 4);
      return true;
    }
    // Centres that are decoded lie all over the picture.
    const at::Tensor x = rows.select(1, 0);
    const bool apart = (x.max() - x.min()).item<double>() > double(width_) / 4;
    const bool logarithms = !apart || rows.narrow(1, 2, 2).min().item<double>() <= 0;
    layout(logarithms ? "yolox" : "yolo", cell + ", a row each, as YOLOX has; width and height are " +
                                              (!apart       ? "logarithms: centres are parts of a cell"
                                               : logarithms ? "logarithms: some are negative"
                                                            : "pixels already: none is negative"));
    guesses_.family = "YOLOX";
    draft().objectness = true;
    draft().strides = kStrides;
    if (logarithms) {
      say("output.strides", list(kStrides), "these make that many cells");
    } else {
      say("output.objectness", "true", "YOLOX has one");
      draft().strides.clear();
      convention(rows.narrow(1, 0, 4), "centre");
    }
    classes(columns - 5);
    return true;
  }

  /// YOLOv8 before its sigmoid: only where the number of classes is known, and boxes look like some.
  bool logits(std::size_t i, const at::Tensor &rows, const std::string &cell) {
    const auto classes_here = rows.size(1) - 4;
    if (rows.size(0) != cells_ || (classes_here != known_ && classes_here != 80) || !all_finite(rows)) return false;
    if (convention_of(rows.narrow(1, 0, 4), height_, width_).box.empty()) return false;
    layout("yolo", cell + ", a box and a number for each class");
    predictions(i, "that is the output with such candidates");
    say("output.activation", "\"sigmoid\"", "the scores are not from 0 to 1");
    draft().activation = "sigmoid";
    convention(rows.narrow(1, 0, 4), "centre");
    classes(classes_here);
    return true;
  }

  /// NanoDet's own export: scores and box distributions in one row.
  bool together(std::size_t i, const at::Tensor &rows, const std::string &what) {
    std::int64_t scores = 0;
    while (scores < rows.size(1) && is_share(rows.narrow(1, scores, 1))) ++scores;
    const std::int64_t sides = rows.size(1) - (known_ ? known_ : scores);
    if (!scores || sides < 8 || sides % 4) return false;
    const auto &strides = rows.size(0) == cells_ ? kStrides : kMoreStrides;
    layout("nanodet", what + "one for each cell of strides " + list(strides) +
                          ", with scores and box distributions in one row, as NanoDet's own export has them");
    guesses_.family = "NanoDet";
    say("output.strides", list(strides), "these make that many cells");
    say("output.predictions", "[" + std::to_string(i) + "]", "scores and distributions are in it");
    say("output.bins", std::to_string(sides / 4), std::to_string(sides) + " numbers are 4 sides");
    draft().strides = strides;
    draft().score_outputs = draft().box_outputs = {int(i)};
    draft().bins = int(sides / 4);
    classes(rows.size(1) - sides);
    return true;
  }

  /// An output of scores and one of distributions a stride.
  bool nanodet() {
    std::vector<int> strides, scores, distributions;
    std::int64_t class_count = 0, sides = 0;
    for (const int stride : kMoreStrides) {
      const auto count = cells(height_, width_, stride);
      int score = -1, box = -1;
      for (std::size_t i = 0; i < tensors_.size(); ++i) {
        const auto shape = shape_of(tensors_[i], 2);
        if (shape.size() != 2 || shape[0] != count) continue;
        const bool shares = is_share(tensors_[i]);
        if (shares && score < 0 && (!class_count || class_count == shape[1])) {
          score = int(i);
          class_count = shape[1];
        } else if (!shares && box < 0 && shape[1] % 4 == 0 && shape[1] >= 8 && (!sides || sides == shape[1])) {
          box = int(i);
          sides = shape[1];
        }
      }
      if (score < 0 || box < 0) continue;
      strides.push_back(stride);
      scores.push_back(score);
      distributions.push_back(box);
    }
    if (strides.size() < 2) return false;
    layout("nanodet", "for each of " + std::to_string(strides.size()) +
                          " strides there are an output of scores and one of " + std::to_string(sides) +
                          " numbers a cell");
    guesses_.family = "NanoDet";
    say("output.strides", list(strides), "these make as many cells as the outputs have rows");
    say("output.scores", list(scores), "their numbers are from 0 to 1");
    say("output.boxes", list(distributions), "theirs are not, and there are four sides to them");
    say("output.bins", std::to_string(sides / 4), std::to_string(sides) + " numbers are 4 sides");
    draft().strides = strides;
    draft().score_outputs = scores;
    draft().box_outputs = distributions;
    draft().bins = int(sides / 4);
    classes(class_count);
    return true;
  }

  bool boxes() {
    for (std::size_t b = 0; b < tensors_.size(); ++b) {
      const auto shape = shape_of(tensors_[b], 2);
      if (shape.size() != 2 || shape[1] != 4) continue;
      std::vector<std::size_t> rows;
      for (std::size_t i = 0; i < tensors_.size(); ++i)
        if (i != b && shape_of(tensors_[i], 1) == std::vector<std::int64_t>{shape[0]}) rows.push_back(i);
      if (rows.size() != 2) continue;
      const auto whole = [&](std::size_t i) {
        return !tensors_[i].is_floating_point() || (tensors_[i].numel() && !is_share(tensors_[i]));
      };
      if (whole(rows[0])) std::swap(rows[0], rows[1]);
      if (!whole(rows[1])) continue;
      const std::string n = std::to_string(shape[0]);
      layout("boxes", "there are " + n + " boxes of 4 numbers and two outputs of " + n);
      say("output.boxes", "[" + std::to_string(b) + "]", "it has 4 numbers a row");
      say("output.scores", "[" + std::to_string(rows[0]) + "]", "its numbers are from 0 to 1");
      say("output.labels", std::to_string(rows[1]), "its numbers are whole, or not from 0 to 1");
      draft().box_outputs = {int(b)};
      draft().score_outputs = {int(rows[0])};
      draft().label_output = int(rows[1]);
      convention(tensors_[b].reshape(shape), "corners");
      return true;
    }
    return false;
  }

  /// Rows of box, score and class, as YOLOv10 and YOLO26 give them.
  bool detections() {
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      const auto shape = shape_of(tensors_[i], 2);
      if (shape.size() != 2 || shape[1] != 6 || shape[0] < 1) continue;
      const at::Tensor rows = tensors_[i].reshape(shape), labels = rows.select(1, 5);
      if (!is_share(rows.select(1, 4)) || !labels.eq(labels.round()).all().item<bool>() ||
          labels.min().item<double>() < 0)
        continue;
      layout("detections", "output " + std::to_string(i) + " is " + words(tensors_[i].sizes().vec()) +
                               ": rows of a box, a score from 0 to 1 and a whole number, as YOLOv10 and YOLO26 have");
      predictions(i, "that is the output with such rows");
      draft().nms_iou = 1;
      convention(rows.narrow(1, 0, 4), "corners");
      return true;
    }
    return false;
  }

  /// RT-DETR of Ultralytics: boxes and class scores of each query in one row, in fractions.
  bool queries() {
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      const auto shape = shape_of(tensors_[i], 2);
      if (shape.size() != 2 || shape[1] < 5 || shape[1] > kMostClasses || shape[0] > kQueries || shape[0] < 2) continue;
      if (!is_share(tensors_[i])) continue;
      const at::Tensor rows = tensors_[i].reshape(shape);
      layout("yolo", "output " + std::to_string(i) + " is " + words(tensors_[i].sizes().vec()) +
                         ", all from 0 to 1: rows of a box and class scores, as RT-DETR of Ultralytics has");
      predictions(i, "that is the output with such rows");
      convention(rows.narrow(1, 0, 4), "centre");
      one_a_query(shape[0]);
      classes(shape[1] - 4);
      return true;
    }
    return false;
  }

  void one_a_query(std::int64_t count) {
    if (count > kQueries) return;
    say("output.nms_iou", "1", "there are few of them, so the model asks for each object once");
    draft().nms_iou = 1;
  }

  /// Boxes N×4 that are no boxes yet: offsets from anchors or cells, which the file does not hold, or one output for
  /// each stride.
  bool heads_alone() {
    std::set<std::int64_t> counts;
    bool offsets = false;
    for (std::size_t b = 0; b < tensors_.size(); ++b) {
      const auto box = shape_of(tensors_[b], 2);
      if (box.size() != 2 || box[1] != 4 || box[0] < 2) continue;
      const bool beside = std::any_of(tensors_.begin(), tensors_.end(), [&](const at::Tensor &t) {
        const auto shape = shape_of(t, 2);
        return t.data_ptr() != tensors_[b].data_ptr() && shape.size() == 2 && shape[0] == box[0];
      });
      if (!beside) continue;
      const at::Tensor rows = tensors_[b].reshape(box);
      if (adds_up(rows)) continue;
      counts.insert(box[0]);
      offsets = offsets || (convention_of(rows, height_, width_).box.empty() &&
                            rows.abs().max().item<double>() * 8 < double(std::min(height_, width_)));
    }
    if (counts.size() < 2 && !offsets) return false;
    guesses_.problem = heads_before_decoding(counts.size());
    return true;
  }

  /// Boxes N×4 beside scores N×C or C×N, in either order.
  bool scores_by_class() {
    for (std::size_t b = 0; b < tensors_.size(); ++b) {
      const auto box = shape_of(tensors_[b], 2);
      // Four classes look like boxes, unless their scores add up.
      if (box.size() != 2 || box[1] != 4 || box[0] < 2 || adds_up(tensors_[b].reshape(box))) continue;
      for (std::size_t s = 0; s < tensors_.size(); ++s) {
        const auto score = shape_of(tensors_[s], 2);
        if (s == b || score.size() != 2 || (score[0] != box[0] && score[1] != box[0])) continue;
        const at::Tensor flat = tensors_[s].reshape(score), rows = score[0] == box[0] ? flat : flat.t();
        const auto columns = rows.size(1);
        if (columns < 1 || columns > kMostClasses || (columns == 4 && !is_share(rows))) continue;
        boxes_and_scores(b, s, tensors_[b].reshape(box), rows);
        return true;
      }
    }
    return false;
  }

  void boxes_and_scores(std::size_t b, std::size_t s, const at::Tensor &boxes, const at::Tensor &scores) {
    const std::string n = std::to_string(boxes.size(0)), columns = std::to_string(scores.size(1));
    layout("boxes", "there are " + n + " boxes of 4 numbers beside " + n + " times " + columns + " scores");
    say("output.boxes", "[" + std::to_string(b) + "]", "it has 4 numbers a row");
    say("output.scores", "[" + std::to_string(s) + "]", "it has a number for each class");
    draft().box_outputs = {int(b)};
    draft().score_outputs = {int(s)};
    draft().label_output = -1;
    convention(boxes, "corners");
    activation(scores);
    if (boxes.size(0) != cells_) one_a_query(boxes.size(0));
    classes(scores.size(1));
    family_of_scores(scores.size(1));
  }

  static bool adds_up(const at::Tensor &rows) {
    return is_share(rows) && rows.size(1) > 1 && rows.sum(1).sub(1).abs().max().item<double>() < 1e-3;
  }

  /// What is still due on the scores, and which class stands for nothing.
  void activation(const at::Tensor &scores) {
    const auto columns = scores.size(1);
    const auto background = [&](std::int64_t which, const std::string &reason) {
      say("output.background", std::to_string(which), reason);
      draft().background = int(which);
    };
    if (is_share(scores)) {
      const auto most = scores.mean(0).argmax().item<std::int64_t>();
      if (adds_up(scores) && (most == 0 || most == columns - 1))
        background(most, "the scores of a row add up to 1, and it has most of them");
      return;
    }
    const bool softmax = columns == 92 || columns == 81 || columns == 21;
    draft().activation = softmax ? "softmax" : "sigmoid";
    say("output.activation", "\"" + draft().activation + "\"",
        softmax ? "the scores are not from 0 to 1, and one of " + std::to_string(columns) + " classes is usually none"
                : "the scores are not from 0 to 1; a run does not show which it is");
    if (columns == 92) background(91, "DETR's last class is none");
    if (columns == 81 || columns == 21) background(0, "SSD's first class is none");
  }

  void family_of_scores(std::int64_t columns) {
    const ModelDescription &d = draft();
    if (d.box == "centre" && d.normalised && (columns == 91 || columns == 92)) guesses_.family = "DETR";
    if (d.box == "corners" && d.normalised && columns == 2) guesses_.family = "UltraFace";
  }

  bool centernet() {
    if (tensors_.size() < 2 || tensors_.size() > 3) return false;
    const auto heat = shape_of(tensors_[0], 3);
    if (heat.size() != 3 || !is_share(tensors_[0])) return false;
    for (std::size_t i = 1; i < tensors_.size(); ++i)
      if (shape_of(tensors_[i], 3) != std::vector<std::int64_t>{2, heat[1], heat[2]}) return false;
    layout("centernet", "output 0 is a map from 0 to 1, and the others have two planes of its size");
    say("output.scores", "[0]", "the map");
    // Offsets are parts of a cell; sizes are not.
    const bool swapped = tensors_.size() == 3 && is_share(tensors_[1]) && !is_share(tensors_[2]);
    say("output.boxes", swapped ? "[2]" : "[1]",
        swapped ? "output 1 is from 0 to 1, as offsets are" : "sizes come first");
    if (tensors_.size() == 3)
      say("output.offsets", swapped ? "1" : "2", swapped ? "its numbers are from 0 to 1" : "offsets come after");
    draft().score_outputs = {0};
    draft().box_outputs = {swapped ? 2 : 1};
    draft().offset_output = tensors_.size() == 3 ? (swapped ? 1 : 2) : -1;
    classes(heat[0]);
    return true;
  }

  /// One tensor with a plane for each class, not much coarser than the picture, and of its shape.
  bool semantic() {
    const auto shape = tensors_.size() == 1 ? shape_of(tensors_[0], 3) : std::vector<std::int64_t>{};
    if (shape.size() != 3 || shape[0] < 1 || shape[0] > kMostClasses || shape[1] * 16 < height_) return false;
    const double across = double(shape[2]) / double(width_), down = double(shape[1]) / double(height_);
    if (std::abs(across - down) > 0.1 * down) return false;
    const std::string n = std::to_string(shape[0]);
    layout("semantic", "the output is " + words(tensors_[0].sizes().vec()) +
                           ": a map of the picture, a plane for each of " + n + (shape[0] > 1 ? " classes" : " class"));
    const bool shares = is_share(tensors_[0]);
    const at::Tensor sums = tensors_[0].reshape(shape).sum(0);
    const bool whole = shares && shape[0] > 1 && sums.sub(1).abs().max().item<double>() < 1e-3;
    say("output.probabilities", shares ? "true" : "false",
        whole    ? "its planes add up to 1"
        : shares ? "its numbers are from 0 to 1"
                 : "its numbers are not from 0 to 1, so the softmax is still to come");
    if (shares && !whole && shape[0] > 1)
      say("output.background", "-1", "its planes do not add up to 1, so none of them is the rest");
    else if (shape[0] > 1)
      say("output.background", "0", "it is the usual one; a run does not show it");
    draft().score_outputs = {0};
    classes(shape[0]);
    return true;
  }

  const std::vector<at::Tensor> &tensors_;
  const std::int64_t height_, width_;
  const int known_;
  Guesses &guesses_;
  std::int64_t cells_ = 0, more_cells_ = 0;
};

}  // namespace

std::vector<std::int64_t> shape_of(const at::Tensor &tensor, std::int64_t rank) {
  auto shape = tensor.sizes().vec();
  if (std::int64_t(shape.size()) == rank + 1 && shape[0] == 1) shape.erase(shape.begin());
  return shape;
}

void guess_layout(const Result &result, std::int64_t height, std::int64_t width, int classes, Guesses &guesses) {
  Layouts(result, height, width, classes, guesses).find();
}

bool boxes_follow(const ModelDescription &d, const at::Tensor &first, const at::Tensor &second, double share) {
  const auto reach = [&](const at::Tensor &all) {
    auto shape = shape_of(all, 2);
    at::Tensor rows = all.reshape(shape);
    if (d.layout != "boxes" && shape[1] > shape[0]) rows = rows.t();
    return rows.select(1, d.box == "centre" ? 0 : d.box == "corners-yx" ? 3 : 2).max().item<double>();
  };
  const double before = reach(first), after = reach(second);
  // In fractions it stays, in pixels it grows as the picture does.
  const double expected = d.normalised ? before : before * share;
  return std::abs(after - expected) <= 0.1 * std::abs(expected);
}

}  // namespace oneadapt::import
