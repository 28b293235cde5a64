// SPDX-License-Identifier: LGPL-2.1-or-later
// Pictures: frames go as H.264, or as they are, to a DNN that finds boxes.
#include <gst/video/video.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "eval/clip_source.h"
#include "eval/encoder_cost.h"
#include "eval/frame_run.h"
#include "eval/medium.h"
#include "eval/pads.h"
#include "eval/pipeline.h"
#include "eval/second_pass.h"
#include "eval/written_size.h"
#include "gstoneadapt.h"
#include "mask_param.h"

namespace oneadapt::eval {
namespace {

/// What the DNN found on a picture.
void read_boxes(GstBuffer *buffer, std::vector<ScoredBox> &boxes) {
  gpointer state = nullptr;
  while (GstMeta *meta = gst_buffer_iterate_meta_filtered(buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) {
    auto *roi = reinterpret_cast<GstVideoRegionOfInterestMeta *>(meta);
    const GstStructure *s = gst_video_region_of_interest_meta_get_param(roi, "detection");
    ScoredBox box;
    if (s && gst_structure_get(s, "x_min", G_TYPE_DOUBLE, &box.box.x0, "y_min", G_TYPE_DOUBLE, &box.box.y0, "x_max",
                               G_TYPE_DOUBLE, &box.box.x1, "y_max", G_TYPE_DOUBLE, &box.box.y1, "confidence",
                               G_TYPE_DOUBLE, &box.score, "label_id", G_TYPE_INT, &box.label, nullptr)) {
      const GstStructure *param = gst_video_region_of_interest_meta_get_param(roi, "mask");
      if (const auto grid = param ? read_mask_param(param) : std::nullopt)
        box.mask = mask_of(grid->cut, grid->width, grid->height);
      boxes.push_back(std::move(box));
    }
  }
}

class VideoRun : public FrameRun {
 public:
  explicit VideoRun(const RunOptions &options)
      : passes_(options.second_pass), second_pass_(options.second_pass), encoder_(!options.encoder.empty()) {}
  void tap(GstBin *pipeline) override {
    if (second_pass_) passes_.tap(pipeline);
    if (encoder_) cost_.tap(pipeline, "filter");
    // What a second pass leaves out came in all the same.
    tap_frames(pipeline, second_pass_ ? "camera" : encoder_ ? "filter" : "ctl");
    eval::tap(pipeline, "upright", "src", forget_orientation, nullptr, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM);
    size_.tap(pipeline);
  }
  std::uint64_t sent_bytes(GstBuffer *buffer) override {
    return encoder_ ? bytes_without_sei(buffer) : MediumRun::sent_bytes(buffer);
  }
  void finish(RunResult &result) override {
    if (passes_.lost()) throw RunError("a picture of the first pass was lost: is avdec_h264 GStreamer's own?");
    if (encoder_ && frames_analysed() != frames_in())
      throw RunError("of " + std::to_string(frames_in()) + " pictures that were coded, " +
                     std::to_string(frames_analysed()) + " came to the DNN: is avdec_h264 GStreamer's own?");
    if (encoder_) result.encode_s = cost_.seconds();
    FrameRun::finish(result);
    result.width = size_.width();
    result.height = size_.height();
  }

 protected:
  void read(GstBuffer *buffer, FrameResult &result) const override { read_boxes(buffer, result.boxes); }

 private:
  PassOverlay passes_;
  bool second_pass_, encoder_;
  EncoderCost cost_;
  WrittenSize size_;
};

const std::vector<ScoredBox> &boxes_at(const RunResult &run, std::uint64_t time) {
  static const std::vector<ScoredBox> none;
  const FrameResult *frame = result_in_force(run, time);
  return frame ? frame->boxes : none;
}

class VideoMedium : public Medium {
 public:
  VideoMedium() : Medium(video_traits()) {}
  bool holds(const tools::FileFacts &file) const override { return file.video; }
  void check(const EvalOptions &options) const override {
    if (options.metric == Metric::F1At70) throw only_for("--metric f1-70", "lidar", name());
  }
  void complete(RunOptions &run, const EvalOptions &options, const tools::FileFacts &file) const override {
    // Without B pictures there is nothing to be biased.
    if (std::count(options.knobs.begin(), options.knobs.end(), "b-bias"))
      run.properties.emplace("filter.b-frames", "3");
    // The DNN's own rule takes the largest frame seen so far: the same pictures would be judged differently by what
    // came before them.
    run.properties.emplace("dnn.input-size", std::to_string(file.width) + "x" + std::to_string(file.height));
  }
  std::string launch(const RunOptions &options) const override;
  std::string caps(const RunOptions &options) const override { return raw_caps(options.fps); }
  void configure(GstElement *pipeline, const RunOptions &options) const override;
  std::unique_ptr<MediumRun> begin(const RunOptions &options) const override {
    return std::make_unique<VideoRun>(options);
  }
  std::vector<double> frame_accuracy(const RunResult &result, const RunResult &reference,
                                     Metric metric) const override {
    std::vector<double> values;
    for (std::uint64_t t : reference.input) {
      const auto &here = boxes_at(result, t), &there = boxes_at(reference, t);
      values.push_back(metric == Metric::F1 ? f1(here, there) : miou(here, there));
    }
    return values;
  }
  std::string headline(const nlohmann::json &clip) const override {
    char line[256];
    std::snprintf(line, sizeof line, "%d frames at %g fps, %dx%d, %.0f kbit/s, %.1f objects a frame",
                  clip.at("frames").get<int>(), clip.at("fps").get<double>(), clip.at("width").get<int>(),
                  clip.at("height").get<int>(), clip.at("reference").at("kbps").get<double>(),
                  clip.at("reference").at("objects_per_frame").get<double>());
    return line;
  }

 private:
  static MediumTraits video_traits() {
    MediumTraits traits{"video", "oneadaptfilter", "qp-map"};
    traits.coded = true;
    return traits;
  }
};

/// From the camera's pictures to those that come to the DNN.
std::string transmission(const RunOptions &o) {
  const std::string decoder = "h264parse ! avdec_h264 max-threads=1 ! ";
  // The queue is for EncoderCost. Filter and encoder are compared in the same form of H.264.
  if (!o.encoder.empty())
    return "videocrop name=even ! " + o.encoder + " name=filter ! video/x-h264,stream-format=byte-stream ! queue ! " +
           decoder;
  return (o.second_pass ? PassOverlay::camera() : "") +
         "oneadaptctl name=ctl lockstep=true ! oneadaptfilter name=filter ! " + (o.raw ? "video/x-raw ! " : decoder) +
         (o.min_accuracy > 0 && !o.raw ? "oneadaptshadow name=shadow ! " : "") +
         (o.second_pass ? PassOverlay::server() : "");
}

std::string VideoMedium::launch(const RunOptions &o) const {
  std::string launch = (o.source.empty() ? kClipSource : o.source) + " ! videorate ! capsfilter name=caps ! " +
                       transmission(o) + "videoconvert ! oneadaptdnn name=dnn ! ";
  // The overlay is a plugin of its own: without it the video has no boxes, and there are no stills.
  const std::string branch = "t. ! queue max-size-buffers=0 max-size-bytes=0 max-size-time=0 ";
  const std::string overlay = "oneadaptoverlay gradient=true gradient-opacity=0.3 ! ";
  const std::string scaled = "! videoconvertscale ! capsfilter name=";
  const bool drawn = have_element("oneadaptoverlay"), video = !o.video_location.empty(), stills = o.stills > 0 && drawn;
  if (video || stills) launch += "tee name=t ";
  if (video)
    launch += branch + scaled + "size ! " + (drawn ? overlay : "") +
              "videoconvert ! x264enc tune=zerolatency speed-preset=veryfast pass=quant quantizer=18 ! mp4mux ! "
              "filesink name=file async=false ";
  if (stills)
    launch += branch + "name=stills " + scaled + "still-size ! " + overlay +
              "videoconvert ! jpegenc quality=85 ! fakesink name=still-sink async=false sync=false ";
  if (video || stills) launch += "t. ! ";
  return launch + "fakesink name=sink async=false";
}

void VideoMedium::configure(GstElement *pipeline, const RunOptions &o) const {
  if (!o.video_location.empty()) set_property(pipeline, "file", "location", o.video_location);
  if (!o.encoder.empty()) return;
  const std::string key_int_max = std::to_string(o.key_int_max);
  set_property(pipeline, "filter", "key-int-max", key_int_max);
  if (!o.second_pass) return;
  set_property(pipeline, "first", "key-int-max", key_int_max);
  set_property(pipeline, "first", "interval", std::to_string(std::llround(o.interval * GST_SECOND)));
  const std::string filter = "filter.";
  for (const auto &[name, value] : o.properties)
    if (name.compare(0, filter.size(), filter) == 0)
      set_property(pipeline, "first", name.substr(filter.size()).c_str(), value);
  for (const auto &[name, value] : o.start) set_start(pipeline, "first", name, value);
  set_start(pipeline, "first", "qp", o.second_pass->first_qp);
}

}  // namespace

std::string raw_caps(double fps) {
  std::string caps = "video/x-raw,format=I420";
  if (fps > 0) {
    gint n, d;
    gst_util_double_to_fraction(fps, &n, &d);
    caps += ",framerate=" + std::to_string(n) + "/" + std::to_string(d);
  }
  return caps;
}

const Medium &video_medium() {
  static const VideoMedium medium;
  return medium;
}

}  // namespace oneadapt::eval
