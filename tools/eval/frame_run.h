// SPDX-License-Identifier: LGPL-2.1-or-later
// What is recorded of a medium that comes in frames, one buffer each.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "eval/medium.h"
#include "eval/pads.h"

namespace oneadapt::eval {

class FrameRun : public MediumRun {
 public:
  void finish(RunResult &result) override {
    result.input = std::move(input_);
    result.results = std::move(results_);
    if (!result.input.empty())
      result.seconds = double(result.input.back() - result.input.front() + duration_) / GST_SECOND;
  }

 protected:
  /// Adds to `result` what the DNN found in the frame.
  virtual void read(GstBuffer *buffer, FrameResult &result) const = 0;

  /// `input`: the element that frames come in by.
  void tap_frames(GstBin *pipeline, const char *input) {
    eval::tap(pipeline, input, "sink", on_input, this);
    eval::tap(pipeline, "dnn", "src", on_result, this);
  }
  std::size_t frames_in() const { return input_.size(); }
  std::size_t frames_analysed() const { return results_.size(); }

 private:
  static GstPadProbeReturn on_input(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
    auto *self = static_cast<FrameRun *>(data);
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    self->input_.push_back(stream_time(pad, buffer));
    if (GST_BUFFER_DURATION_IS_VALID(buffer)) self->duration_ = GST_BUFFER_DURATION(buffer);
    return GST_PAD_PROBE_OK;
  }
  static GstPadProbeReturn on_result(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
    auto *self = static_cast<FrameRun *>(data);
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    FrameResult result;
    result.stream_time = stream_time(pad, buffer);
    self->read(buffer, result);
    self->results_.push_back(std::move(result));
    return GST_PAD_PROBE_OK;
  }

  std::vector<std::uint64_t> input_;
  GstClockTime duration_ = 0;
  std::vector<FrameResult> results_;
};

}  // namespace oneadapt::eval
