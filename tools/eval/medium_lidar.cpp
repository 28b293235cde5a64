// SPDX-License-Identifier: LGPL-2.1-or-later
// Point clouds: a folder of turns goes as Draco to a DNN that finds boxes in space.
#include <algorithm>
#include <cstdio>
#include <iterator>
#include <utility>

#include "eval/medium.h"
#include "eval/pads.h"
#include "eval/pipeline.h"

namespace oneadapt::eval {
namespace {

constexpr double kTurnsASecond = 10;  // unless --fps says otherwise: files do not

/// What the DNN found in a cloud.
std::vector<ScoredBox3d> read_boxes(GstBuffer *buffer) {
  std::vector<ScoredBox3d> boxes;
  GstCustomMeta *meta = gst_buffer_get_custom_meta(buffer, "GstOneadaptBoxes3d");
  const GValue *array = meta ? gst_structure_get_value(gst_custom_meta_get_structure(meta), "boxes") : nullptr;
  for (guint i = 0; array && i < gst_value_array_get_size(array); ++i) {
    const GstStructure *s = gst_value_get_structure(gst_value_array_get_value(array, i));
    ScoredBox3d b;
    if (gst_structure_get(s, "x", G_TYPE_DOUBLE, &b.box.x, "y", G_TYPE_DOUBLE, &b.box.y, "z", G_TYPE_DOUBLE, &b.box.z,
                          "l", G_TYPE_DOUBLE, &b.box.length, "w", G_TYPE_DOUBLE, &b.box.width, "h", G_TYPE_DOUBLE,
                          &b.box.height, "yaw", G_TYPE_DOUBLE, &b.box.yaw, "confidence", G_TYPE_DOUBLE, &b.score,
                          "label_id", G_TYPE_INT, &b.label, nullptr))
      boxes.push_back(b);
  }
  return boxes;
}

class LidarRun : public MediumRun {
 public:
  void tap(GstBin *pipeline) override {
    eval::tap(pipeline, "ctl", "sink", on_input, this);
    eval::tap(pipeline, "dnn", "src", on_result, this);
  }
  void finish(RunResult &result) override {
    result.input = std::move(input_);
    result.results = std::move(results_);
    if (!result.input.empty())
      result.seconds = double(result.input.back() - result.input.front() + duration_) / GST_SECOND;
  }

 private:
  static GstPadProbeReturn on_input(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
    auto *self = static_cast<LidarRun *>(data);
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    self->input_.push_back(stream_time(pad, buffer));
    if (GST_BUFFER_DURATION_IS_VALID(buffer)) self->duration_ = GST_BUFFER_DURATION(buffer);
    return GST_PAD_PROBE_OK;
  }
  static GstPadProbeReturn on_result(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    FrameResult result;
    result.stream_time = stream_time(pad, buffer);
    result.boxes3d = read_boxes(buffer);
    static_cast<LidarRun *>(data)->results_.push_back(std::move(result));
    return GST_PAD_PROBE_OK;
  }

  std::vector<std::uint64_t> input_;
  GstClockTime duration_ = 0;
  std::vector<FrameResult> results_;
};

/// The result that is in force at `time`: the last one that is not later.
const std::vector<ScoredBox3d> &in_force(const RunResult &run, std::uint64_t time) {
  static const std::vector<ScoredBox3d> none;
  const auto after = std::upper_bound(run.results.begin(), run.results.end(), time,
                                      [](std::uint64_t t, const FrameResult &r) { return t < r.stream_time; });
  return after == run.results.begin() ? none : std::prev(after)->boxes3d;
}

class LidarMedium : public Medium {
 public:
  LidarMedium() : Medium(lidar_traits()) {}
  bool holds(const tools::FileFacts &file) const override { return file.clouds.has_value(); }
  void check(const EvalOptions &options) const override {
    const std::pair<const char *, bool> of_video[] = {{"--figure", !options.figures.empty()},
                                                      {"--resource frames", options.frames},
                                                      {"--metric miou", options.metric == Metric::MeanIou},
                                                      {"--key-int-max", options.key_int_max > 0},
                                                      {"--train-casva", !options.train_casva.empty()}};
    for (const auto &[option, given] : of_video)
      if (given) throw only_for(option, "video", name());
  }
  void complete(RunOptions &, const EvalOptions &, const tools::FileFacts &) const override {}
  std::string launch(const RunOptions &options) const override {
    if (!options.source.empty()) throw RunError("a source of one's own is for pictures");
    return std::string(
               "multifilesrc name=source ! oneadaptlidarparse name=parse ! capsfilter name=caps ! "
               "oneadaptctl name=ctl lockstep=true ! oneadaptlidarfilter name=filter ! ") +
           (options.raw ? "application/x-lidar" : "oneadaptlidardec") +
           " ! oneadaptdnn name=dnn ! fakesink name=sink async=false";
  }
  std::string caps(const RunOptions &) const override { return "application/x-lidar"; }
  void configure(GstElement *pipeline, const RunOptions &options) const override {
    const auto files = tools::numbered_clouds(options.clip);
    if (!files) throw RunError("--clip: \"" + options.clip + "\" is a folder without point clouds");
    set_property(pipeline, "source", "location", files->pattern);
    for (const char *property : {"start-index", "index"})
      set_property(pipeline, "source", property, std::to_string(files->first));
    set_property(pipeline, "parse", "frame-rate", std::to_string(options.fps > 0 ? options.fps : kTurnsASecond));
  }
  std::unique_ptr<MediumRun> begin(const RunOptions &) const override { return std::make_unique<LidarRun>(); }
  std::vector<double> frame_accuracy(const RunResult &result, const RunResult &reference,
                                     Metric metric) const override {
    std::vector<double> values;
    for (const std::uint64_t t : reference.input)
      values.push_back(f1(in_force(result, t), in_force(reference, t), metric == Metric::F1At70 ? 0.7 : 0.5));
    return values;
  }
  std::string headline(const nlohmann::json &clip) const override {
    char line[256];
    std::snprintf(line, sizeof line, "%d turns at %g a second, %.0f kbit/s, %.1f objects a turn",
                  clip.at("frames").get<int>(), clip.at("fps").get<double>(),
                  clip.at("reference").at("kbps").get<double>(),
                  clip.at("reference").at("objects_per_frame").get<double>());
    return line;
  }
  void describe_clip(nlohmann::json &clip, const RunResult &, const EvalOptions &) const override {
    clip[name()] = nlohmann::json::object();
  }

 private:
  static MediumTraits lidar_traits() {
    MediumTraits traits{"lidar", "oneadaptlidarfilter", "keep-map"};
    traits.coded = true;
    traits.folders = true;
    traits.scored_results = false;  // no policy asks for uncertain boxes in space
    return traits;
  }
};

}  // namespace

const Medium &lidar_medium();

const Medium &lidar_medium() {
  static const LidarMedium medium;
  return medium;
}

}  // namespace oneadapt::eval
