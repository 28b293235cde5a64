// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/frame_study.h"

#include <gst/video/video.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "eval/clip_source.h"
#include "eval/compose.h"
#include "eval/messages.h"
#include "eval/pads.h"

namespace oneadapt::eval {
namespace {

constexpr std::size_t kClusters = 5;
constexpr unsigned kThresholds = 24;
constexpr double kLeast = 2e-4, kMost = 0.6;  // shares of the frame

struct Reading {
  std::vector<FrameFilter::Frame> frames;
  std::size_t wanted;
  GstElement *pipeline;
};

GstPadProbeReturn on_picture(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
  auto *reading = static_cast<Reading *>(data);
  if (reading->frames.size() >= reading->wanted) return GST_PAD_PROBE_DROP;
  GstCaps *caps = gst_pad_get_current_caps(pad);
  GstVideoInfo video;
  GstVideoFrame frame;
  if (gst_video_info_from_caps(&video, caps) &&
      gst_video_frame_map(&frame, &video, GST_PAD_PROBE_INFO_BUFFER(info), GST_MAP_READ)) {
    reading->frames.push_back(std::make_shared<Cells>(luma_cells(
        static_cast<const std::uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0)),
        std::size_t(GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0)), unsigned(video.width), unsigned(video.height))));
    gst_video_frame_unmap(&frame);
  }
  gst_caps_unref(caps);
  if (reading->frames.size() == reading->wanted)  // the rest of the clip need not be decoded
    gst_element_post_message(reading->pipeline, gst_message_new_application(GST_OBJECT(reading->pipeline),
                                                                            gst_structure_new_empty("enough")));
  return GST_PAD_PROBE_OK;
}

/// The luma of the first `wanted` frames of a run's clip.
std::vector<FrameFilter::Frame> read_frames(const RunOptions &o, std::size_t wanted) {
  GError *error = nullptr;
  Ref<GstElement> pipeline(gst_parse_launch((std::string(o.source.empty() ? kClipSource : o.source) +
                                             " ! videorate ! capsfilter name=caps ! fakesink name=sink sync=false")
                                                .c_str(),
                                            &error));
  if (error) {
    const std::string text = error->message;
    g_clear_error(&error);
    throw RunError("the clip cannot be read again: " + text);
  }
  if (o.source.empty()) {
    Ref<GstElement> source(gst_bin_get_by_name(GST_BIN(pipeline.get()), "source"));
    g_object_set(source.get(), "location", o.clip.c_str(), nullptr);
  }
  Ref<GstElement> filter(gst_bin_get_by_name(GST_BIN(pipeline.get()), "caps"));
  gst_util_set_object_arg(G_OBJECT(filter.get()), "caps", raw_caps(o.fps).c_str());
  Reading reading{{}, wanted, pipeline.get()};
  tap(GST_BIN(pipeline.get()), "sink", "sink", on_picture, &reading);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  Ref<GstBus> bus(gst_element_get_bus(pipeline.get()));
  GstMessage *end = gst_bus_timed_pop_filtered(
      bus.get(), GST_CLOCK_TIME_NONE, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_APPLICATION));
  std::string failure;
  if (GST_MESSAGE_TYPE(end) == GST_MESSAGE_ERROR) failure = text_of(end);
  gst_message_unref(end);
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  if (!failure.empty()) throw RunError("the clip cannot be read again: " + failure);
  return std::move(reading.frames);
}

}  // namespace

FrameStudy::FrameStudy(const RunOptions &options, std::shared_ptr<const RunResult> reference)
    : FrameStudy(read_frames(options, reference->input.size()), reference) {}

FrameStudy::FrameStudy(std::vector<FrameFilter::Frame> frames, std::shared_ptr<const RunResult> reference)
    : frames_(std::move(frames)), reference_(std::move(reference)) {
  if (frames_.size() != reference_->input.size() || reference_->results.size() != frames_.size())
    throw RunError("the run of the most expensive configuration did not analyse every frame of the clip");
}

RunResult FrameStudy::fixed(const FilterThresholds &thresholds) const { return scheduled({thresholds}, false); }

RunResult FrameStudy::scheduled(const std::vector<FilterThresholds> &schedule, bool afresh) const {
  FrameFilter filter;
  std::vector<std::size_t> sent;
  for (std::size_t i = 0; i < frames_.size(); ++i) {
    const std::size_t now = interval_at(reference_->input[i]);
    const bool begins = i == 0 || now != interval_at(reference_->input[i - 1]);
    if (begins) filter.begin_interval();
    filter.observe(frames_[i]);
    if (filter.keep(frames_[i], schedule.at(std::min(now, schedule.size() - 1)), begins && afresh)) sent.push_back(i);
  }
  return chosen(sent);
}

RunResult FrameStudy::chosen(const std::vector<std::size_t> &sent) const {
  const RunResult &all = *reference_;
  RunResult out = same_clip(all);
  for (std::size_t i : sent) {
    out.results.push_back(all.results[i]);
    if (i >= all.packets.size()) continue;
    out.packets.push_back(all.packets[i]);
    out.bytes += all.packets[i].bytes;
  }
  out.inferences = sent.size();
  if (all.inferences) out.inference_s = all.inference_s * double(out.inferences) / double(all.inferences);
  return out;
}

RunResult FrameStudy::reducto(double target, bool area, Metric metric) const {
  const RunResult &all = *reference_;
  const std::size_t seconds = interval_count(all);
  const auto feature = [&](std::size_t a, std::size_t b) {
    const FrameDifference d = frame_difference(*frames_[a], *frames_[b]);
    return area ? d.area : d.pixel;
  };
  // Each second by itself: the first frame is sent, the others while they differ enough from the last one sent.
  std::vector<std::size_t> first(seconds + 1, frames_.size());
  for (std::size_t i = frames_.size(); i-- > 0;) first[interval_at(all.input[i])] = i;
  const auto similarity = [&](std::size_t shown, std::size_t at) {
    const auto &a = all.results[shown].boxes, &b = all.results[at].boxes;
    return metric == Metric::F1 ? f1(a, b) : miou(a, b);
  };
  const auto send = [&](std::size_t s, double threshold, std::vector<std::size_t> *sent) {
    double sum = 0;
    std::size_t last = first[s];
    for (std::size_t i = first[s]; i < first[s + 1]; ++i) {
      if (i == first[s] || feature(i, last) > threshold) {
        last = i;
        if (sent) sent->push_back(i);
      }
      sum += similarity(last, i);
    }
    return first[s + 1] > first[s] ? sum / double(first[s + 1] - first[s]) : 1;
  };
  std::vector<double> mean(seconds), best(seconds);
  for (std::size_t s = 0; s < seconds; ++s) {
    if (first[s] == frames_.size()) first[s] = first[s + 1];
    for (std::size_t i = first[s] + 1; i < first[s + 1]; ++i) mean[s] += feature(i, i - 1);
    mean[s] = std::log(1e-5 + mean[s] / double(std::max<std::size_t>(2, first[s + 1] - first[s]) - 1));
    for (unsigned t = 0; t < kThresholds; ++t) {
      const double threshold = kLeast * std::pow(kMost / kLeast, double(t) / (kThresholds - 1));
      if (send(s, threshold, nullptr) >= target) best[s] = threshold;
    }
  }
  // k-means in one dimension, from quantiles.
  std::vector<double> sorted = mean, centres;
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t c = 0; c < kClusters; ++c) centres.push_back(sorted[(2 * c + 1) * seconds / (2 * kClusters)]);
  const auto nearest = [&](double value) {
    std::size_t at = 0;
    for (std::size_t c = 1; c < centres.size(); ++c)
      if (std::abs(value - centres[c]) < std::abs(value - centres[at])) at = c;
    return at;
  };
  for (int round = 0; round < 30; ++round) {
    std::vector<double> sums(kClusters);
    std::vector<std::size_t> n(kClusters);
    for (double m : mean) {
      sums[nearest(m)] += m;
      ++n[nearest(m)];
    }
    for (std::size_t c = 0; c < kClusters; ++c)
      if (n[c]) centres[c] = sums[c] / double(n[c]);
  }
  constexpr double kFloor = 1e-4;
  std::vector<double> logs(kClusters);
  std::vector<std::size_t> n(kClusters);
  for (std::size_t s = 0; s < seconds; ++s) {
    logs[nearest(mean[s])] += std::log(best[s] + kFloor);
    ++n[nearest(mean[s])];
  }
  std::vector<std::size_t> sent;
  for (std::size_t s = 0; s < seconds; ++s) {
    const std::size_t c = nearest(mean[s]);
    send(s, std::exp(logs[c] / double(n[c])) - kFloor, &sent);
  }
  return chosen(sent);
}

}  // namespace oneadapt::eval
