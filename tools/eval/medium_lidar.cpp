// SPDX-License-Identifier: LGPL-2.1-or-later
// Point clouds: a folder of turns goes as Draco to a DNN that finds boxes in space.
#include <cstdio>
#include <utility>

#include "eval/frame_run.h"
#include "eval/medium.h"
#include "eval/pipeline.h"

namespace oneadapt::eval {
namespace {

constexpr double kTurnsASecond = 10;  // unless --fps says otherwise: files do not

class LidarRun : public FrameRun {
 public:
  void tap(GstBin *pipeline) override { tap_frames(pipeline, "ctl"); }

 protected:
  void read(GstBuffer *buffer, FrameResult &result) const override {
    GstCustomMeta *meta = gst_buffer_get_custom_meta(buffer, "GstOneadaptBoxes3d");
    const GValue *array = meta ? gst_structure_get_value(gst_custom_meta_get_structure(meta), "boxes") : nullptr;
    for (guint i = 0; array && i < gst_value_array_get_size(array); ++i) {
      const GstStructure *s = gst_value_get_structure(gst_value_array_get_value(array, i));
      ScoredBox3d b;
      if (gst_structure_get(s, "x", G_TYPE_DOUBLE, &b.box.x, "y", G_TYPE_DOUBLE, &b.box.y, "z", G_TYPE_DOUBLE, &b.box.z,
                            "l", G_TYPE_DOUBLE, &b.box.length, "w", G_TYPE_DOUBLE, &b.box.width, "h", G_TYPE_DOUBLE,
                            &b.box.height, "yaw", G_TYPE_DOUBLE, &b.box.yaw, "confidence", G_TYPE_DOUBLE, &b.score,
                            "label_id", G_TYPE_INT, &b.label, nullptr))
        result.boxes3d.push_back(b);
    }
  }
};

const std::vector<ScoredBox3d> &boxes_at(const RunResult &run, std::uint64_t time) {
  static const std::vector<ScoredBox3d> none;
  const FrameResult *turn = result_in_force(run, time);
  return turn ? turn->boxes3d : none;
}

class LidarMedium : public Medium {
 public:
  LidarMedium() : Medium(lidar_traits()) {}
  bool holds(const tools::FileFacts &file) const override { return file.clouds.has_value(); }
  void check(const EvalOptions &options) const override { refuse_options_of_video(options, name()); }
  void complete(RunOptions &, const EvalOptions &, const tools::FileFacts &) const override {}
  std::string launch(const RunOptions &options) const override {
    if (!options.source.empty()) throw RunError("a source of one's own is for pictures");
    return std::string(
               "multifilesrc name=source ! oneadaptlidarparse name=parse ! capsfilter name=caps ! "
               "oneadaptctl name=ctl lockstep=true ! oneadaptlidarfilter name=filter ! ") +
           (options.raw ? "application/x-lidar" : "oneadaptlidardec") + " ! oneadaptdnn name=dnn ! " +
           (options.stills > 0 && have_element("oneadaptlidaroverlay") ? stills_branch() : "") +
           "fakesink name=sink async=false";
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
      values.push_back(f1(boxes_at(result, t), boxes_at(reference, t), metric == Metric::F1At70 ? 0.7 : 0.5));
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
  static std::string stills_branch() {
    return "tee name=t t. ! queue max-size-buffers=0 max-size-bytes=0 max-size-time=0 name=stills ! "
           "oneadaptlidaroverlay ! videoconvert ! jpegenc quality=85 ! fakesink name=still-sink async=false sync=false "
           "t. ! ";
  }
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
