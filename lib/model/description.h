// SPDX-License-Identifier: LGPL-2.1-or-later
// The description in a model file: extra file `oneadapt.json` in the TorchScript archive, overridden by a sidecar
// `MODEL.json` (docs/model-keys.md).
#pragma once
#include <string>
#include <vector>

#include "core/vision/mosaic.h"

namespace oneadapt {

struct ModelDescription {
  int format = 1;                     ///< version of this description
  std::string name, source, licence;  ///< free text
  /// Or "segmentation": elements have masks; "ctc": words of sound; "detection3d": boxes in point clouds;
  /// "features": the first half of a detector, which gives a mosaic.
  std::string task = "detection";

  // input of pictures
  unsigned width = 0, height = 0;                   ///< preferred or only size
  unsigned multiple_of = 0;                         ///< any size that is a multiple of this; 0: width × height only
  std::string colour = "RGB";                       ///< "RGB" or "BGR"; "gray": one channel, luma
  double range = 1.0;                               ///< pixel values reach the normalisation in [0, range] (1 or 255)
  std::vector<double> mean{0, 0, 0}, std{1, 1, 1};  ///< one a channel, in the model's order: (pixel·range − mean) / std

  // input of sound (ctc): mono, full scale ±1
  unsigned sample_rate = 0;  ///< Hz
  bool normalise = false;    ///< each window to mean 0 and variance 1 first
  double context = 1;        ///< seconds before the adaptation interval that the model hears too
  double lookahead = 0.3;    ///< seconds after a word's likeliest step that the model needs to be sure of it

  // input of points (detection3d): x, y, z, intensity
  double intensity_scale = 1;  ///< intensities are multiplied by it first

  // output
  /// "boxes": boxes N×4 (x0 y0 x1 y1, input pixels), scores N, labels N; or, without labels, scores N×classes
  /// "detections": one tensor, a row x0 y0 x1 y1 score class for each object, as YOLOv10 and YOLO26 give it
  /// "torchvision": the same in a dictionary "boxes", "scores", "labels", as torchvision's detectors give it; for
  /// segmentation with "masks", as Mask R-CNN does
  /// "nanodet": per stride class scores (after sigmoid) and box distributions
  /// "yolo": one tensor, a row (or column) of box, objectness if there is one, and class scores for each candidate
  /// "yolox": the same with boxes that still count from their grid cell, by strides
  /// "centernet": heat map of each class, box sizes and, if there are any, offsets
  /// "semantic": (segmentation) a number for each class and pixel; connected regions of a class are elements
  /// "ctc": (ctc) a number for each step and class, logits or logarithms of probabilities; steps divide the window
  /// evenly
  /// "boxes3d": (detection3d) boxes N×7 (centre x y z, length, width, height, m; yaw), scores N, labels N
  std::string layout;
  std::vector<int> strides;                     ///< nanodet, yolox
  std::vector<int> score_outputs, box_outputs;  ///< which tensors of the output tuple: one a stride ("nanodet") or one
  int label_output = 0;     ///< boxes, boxes3d: which tensor holds the labels; −1: scores have a column each
  int offset_output = -1;   ///< centernet: which tensor holds the offsets; −1: none
  bool objectness = false;  ///< yolo: each candidate has one, between box and class scores
  /// boxes, detections, yolo: what the four numbers of a box are. "corners": x0 y0 x1 y1; "corners-yx": y0 x0 y1 x1;
  /// "centre": centre x, centre y, width, height; "corner-size": x0 y0 width height
  std::string box = "corners";
  bool normalised = false;          ///< these count in fractions of the input's sides, not in its pixels
  std::string activation = "none";  ///< still due on boxes' and yolo's scores: "none", "sigmoid" or "softmax"
  int bins = 0;                     ///< nanodet: bins a side of the box distribution
  int background = -1;         ///< semantic, boxes without labels: this class is not an element; −1: every class is
  bool probabilities = false;  ///< semantic: the map holds probabilities; else logits
  double smallest = 0.0005;    ///< semantic: share of the picture that a region must cover
  int blank = 0;               ///< ctc: the class that stands for none
  int separator = -1;          ///< ctc: classes are letters, this one is between words; −1: words
  double temperature = 1;      ///< ctc: scores are divided by it before the softmax
  std::string origin = "centre";  ///< boxes3d: what z is of a box: "centre", or "bottom"
  double nms_iou = 0.5;           ///< of class-aware NMS; 1: none, the model has its own; boxes3d: as seen from above

  std::vector<std::string> labels;
  double threshold = 0.5;  ///< θ
  double slope = 20.0;     ///< of f(e), §E
  double floor = 0.1;      ///< elements below it do not count in z

  /// Of both halves of a detector; no channels: it is whole.
  struct Features {
    PairNumber pair;               ///< which halves belong together
    unsigned picture[2] = {0, 0};  ///< width and height of what the first half is given, and boxes refer to
    MosaicLayout mosaic;           ///< what the first half gives, and the second takes
  } features;

  /// Parses and checks. An unknown key is an error too, so that a misspelt one is noticed. `overrides` is merged over
  /// `json` first (RFC 7396 merge patch); it may hold a single key. Throws std::invalid_argument with one
  /// sentence that names the key. Keys: see to_json() and docs/model-keys.md.
  static ModelDescription parse(const std::string &json, const std::string &overrides = "");
  /// JSON from which parse() makes the same description.
  std::string to_json() const;

  unsigned channels() const { return colour == "gray" ? 1 : 3; }
  bool is_head() const { return task == "features"; }
  bool is_tail() const { return features.mosaic.channels && !is_head(); }
  bool takes_sound() const { return task == "ctc"; }
  bool takes_points() const { return task == "detection3d"; }
  /// "pictures", "sound" or "point clouds".
  const char *medium() const { return takes_sound() ? "sound" : takes_points() ? "point clouds" : "pictures"; }
};

}  // namespace oneadapt
