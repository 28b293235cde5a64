// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/run.h"

#include <gst/gst.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <memory>

#include "eval/lossy_feedback.h"
#include "eval/medium.h"
#include "eval/messages.h"
#include "eval/pad_recorder.h"
#include "eval/pads.h"
#include "eval/pipeline.h"
#include "eval/schedule.h"
#include "eval/stills.h"

namespace oneadapt::eval {
namespace {

/// Moves what is below the threshold from the results to `uncertain`.
void split_results(const RunOptions &o, RunResult &result) {
  for (FrameResult &frame : result.results) {
    FrameResult below{frame.stream_time, {}};
    auto &boxes = frame.boxes;
    const auto uncertain = std::stable_partition(boxes.begin(), boxes.end(),
                                                 [&](const ScoredBox &b) { return b.score >= result.threshold; });
    std::copy_if(uncertain, boxes.end(), std::back_inserter(below.boxes),
                 [&](const ScoredBox &b) { return b.score >= o.uncertain_from; });
    boxes.erase(uncertain, boxes.end());
    result.uncertain.push_back(std::move(below));
  }
}

/// The elements that write files know neither the option nor, but for oneadaptdnn, the remedy.
std::string failure_of(GstMessage *message, const RunOptions &o) {
  const std::string text = text_of(message), source = GST_MESSAGE_SRC_NAME(message);
  if (source == "file" && !o.video_location.empty())
    return "--output: \"" + o.video_location + "\" cannot be written (" + text +
           "); make room on the disk, or name a folder that can be written";
  if (source == "dnn" && !o.results_location.empty() && text.find("\"results-location\"") != std::string::npos)
    return "--output: " + text;
  return complaint_of(message);
}

/// Ends the stream in front of the first buffer that is not within `seconds` (0: none), or that comes after a stop.
class FootageLimit {
 public:
  FootageLimit(double seconds, std::function<bool()> stop) : seconds_(seconds), stop_(std::move(stop)) {}
  void tap(GstBin *pipeline) { eval::tap(pipeline, "caps", "src", on_buffer, this); }

 private:
  static GstPadProbeReturn on_buffer(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
    auto *self = static_cast<FootageLimit *>(data);
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    const GstClockTime time = stream_time(pad, buffer);
    const bool shown = GST_CLOCK_TIME_IS_VALID(time);  // an edit list may cut frames off
    const bool stopped = self->stop_ && self->stop_();
    // Half a millisecond: time stamps are rounded.
    if (shown && !stopped && (self->seconds_ <= 0 || double(time) < self->seconds_ * GST_SECOND - 5e5))
      return GST_PAD_PROBE_OK;
    if (shown && !self->ended_) {
      self->ended_ = true;
      Ref<GstPad> peer(gst_pad_get_peer(pad));
      gst_pad_send_event(peer.get(), gst_event_new_eos());
    }
    gst_buffer_unref(buffer);
    GST_PAD_PROBE_INFO_DATA(info) = nullptr;
    GST_PAD_PROBE_INFO_FLOW_RETURN(info) = shown ? GST_FLOW_EOS : GST_FLOW_OK;
    return GST_PAD_PROBE_HANDLED;
  }

  double seconds_;
  std::function<bool()> stop_;
  bool ended_ = false;
};

/// A pipeline with what listens to it.
class Run {
 public:
  using OnInterval = std::function<void(const IntervalRow &)>;
  Run(const RunOptions &options, const OnInterval &on_interval)
      : options_(options),
        on_interval_(on_interval),
        pipeline_(build_pipeline(options)),
        medium_(options.medium->begin(options)),
        recorder_(*medium_, options.keep_gradients),
        limit_(options.seconds, options.stop),
        schedule_(options.schedule),
        lossy_(options.feedback_loss, options.seed),
        stills_(options.stills) {
    GstBin *bin = GST_BIN(pipeline_.get());
    medium_->tap(bin);
    recorder_.tap(bin);
    schedule_.tap(bin);
    lossy_.tap(bin);
    stills_.tap(bin);
    limit_.tap(bin);
  }
  ~Run() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }
  Run(const Run &) = delete;
  Run &operator=(const Run &) = delete;

  /// To the end of the stream. Throws RunError.
  void play();
  /// What came of it, once. `model_threshold` is the least score of a result, unless the options set one.
  RunResult result();
  double model_threshold() const { return model_threshold_; }

 private:
  /// False: it was the last one.
  bool handle(GstMessage *message);

  const RunOptions &options_;
  const OnInterval &on_interval_;
  Ref<GstElement> pipeline_;
  std::unique_ptr<MediumRun> medium_;
  PadRecorder recorder_;
  FootageLimit limit_;
  Schedule schedule_;
  LossyFeedback lossy_;
  Stills stills_;
  RunResult result_;
  std::string failure_;
  double model_threshold_ = 0;
};

bool Run::handle(GstMessage *message) {
  switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_EOS:
      return false;
    case GST_MESSAGE_ERROR:
      failure_ = failure_of(message, options_);
      return false;
    case GST_MESSAGE_WARNING:
      result_.warnings.push_back(complaint_of(message));
      return true;
    default:
      break;
  }
  const GstStructure *s = gst_message_get_structure(message);
  if (s && gst_structure_has_name(s, "oneadapt-decision")) {
    result_.intervals.push_back(row_of(s, options_.interval));
    if (on_interval_) on_interval_(result_.intervals.back());
  } else if (s) {
    medium_->on_message(s);
  }
  return true;
}

void Run::play() {
  const Ref<GstBus> bus(gst_element_get_bus(pipeline_.get()));
  gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
  for (bool going = true; going;) {
    const std::unique_ptr<GstMessage, decltype(&gst_message_unref)> message(
        gst_bus_timed_pop_filtered(
            bus.get(), GST_CLOCK_TIME_NONE,
            GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_ELEMENT | GST_MESSAGE_WARNING)),
        gst_message_unref);
    going = handle(message.get());
  }
  if (failure_.empty()) {
    model_threshold_ = read_dnn(pipeline_.get(), result_);
    if (options_.encoder.empty()) read_filter(pipeline_.get(), result_);
    medium_->on_end(result_);
  }
  gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  if (!failure_.empty()) throw RunError(failure_);
  if (!schedule_.problem().empty()) throw RunError("a schedule cannot be kept: " + schedule_.problem());
}

RunResult Run::result() {
  RunResult r = std::move(result_);
  r.medium = options_.medium;
  medium_->finish(r);
  if (r.input.empty() && options_.stop && options_.stop()) throw RunStopped("interrupted before the first frame");
  if (r.input.empty()) throw RunError("no frame came out of \"" + options_.clip + "\": is it a video clip?");
  if (!options_.per_class)
    for (FrameResult &frame : r.results) {
      frame.boxes = of_interest(frame.boxes);
      frame.boxes3d = of_interest(frame.boxes3d);
    }
  r.threshold = own_threshold(options_).value_or(model_threshold_);
  recorder_.finish(r);
  r.stills = stills_.chosen();
  return r;
}

}  // namespace

RunResult run(const RunOptions &options, const std::function<void(const IntervalRow &)> &on_interval) {
  Run made(options, on_interval);
  made.play();
  RunResult result = made.result();
  if (!keeps_uncertain(options)) return result;
  if (own_threshold(options) || made.model_threshold() >= options.uncertain_from) {
    split_results(options, result);
    return result;
  }
  RunOptions plain = options;  // a model that is sure of less than that
  plain.uncertain_from = 0;
  RunResult all = run(plain, on_interval);
  for (const FrameResult &frame : all.results) all.uncertain.push_back({frame.stream_time, {}});
  return all;
}

}  // namespace oneadapt::eval
