// SPDX-License-Identifier: LGPL-2.1-or-later
// One run of one policy over one clip, through the real elements, in lockstep.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/gradient/gradient.h"
#include "core/sequence/sequence.h"
#include "core/vision/box3d.h"
#include "core/vision/metrics.h"
#include "eval/options.h"

namespace oneadapt::eval {

/// A run that could not be done; the text is one line that says what and what to do.
class RunError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// RunOptions::stop ended a run of which there is nothing yet.
class RunStopped : public RunError {
 public:
  using RunError::RunError;
};

struct KnobValue {
  std::string name;
  double value = 0;                                   ///< in force during the interval
  double output_grad_up = -1, output_grad_down = -1;  ///< −1: not probed
  double acc_grad_up = 0, acc_grad_down = 0, resource_change_up = 0, resource_change_down = 0;
  double next = 0;  ///< decided for the interval after
};

struct IntervalRow {
  std::uint64_t interval = 0;
  double seconds = 0;       ///< length of an interval
  std::uint64_t bytes = 0;  ///< after the filter
  double z = 0;
  unsigned objects = 0;  ///< confident objects on the interval's last frame
  bool feedback = false;
  double measured_resource = -1,
         predicted_resource = -1;  ///< fractions of the most expensive configuration's; −1: unknown
  std::vector<KnobValue> knobs;
  double measured_accuracy = -1;  ///< without labels, of frames in which something was found; −1: there was none
  double expected_accuracy = -1, accuracy_deviation = 0;  ///< under the decision; −1: no accuracy was asked for
};

/// What left the filter in one buffer.
struct Packet {
  std::uint64_t stream_time = 0;  ///< ns
  std::uint64_t bytes = 0;
};

/// What the DNN said of one frame; of sound, of one interval.
struct FrameResult {
  std::uint64_t stream_time = 0;       ///< ns
  std::vector<ScoredBox> boxes;        ///< normalised to the frame; with masks if it segments
  std::vector<SequenceElement> words;  ///< that begin in it
  std::vector<ScoredBox3d> boxes3d;    ///< of a point cloud
};

/// What the DNN saw of one frame, with its boxes and the gradient drawn on it, at the clip's size.
struct Still {
  std::uint64_t stream_time = 0;  ///< ns
  std::vector<std::uint8_t> jpeg;
};

/// One gradient message.
struct GradientMap {
  std::uint64_t stream_time = 0;  ///< ns, of the frame it was taken on
  BlockMap map;
};

struct RunResult {
  std::vector<std::uint64_t> input;  ///< stream time of every frame (of sound: interval) that came into the controller
  const Medium *medium = &video_medium();  ///< of the clip; never NULL
  std::vector<float> envelope;             ///< of sound: the largest amplitude in each fiftieth of a second, [0, 1]
  std::vector<FrameResult> results;        ///< of every frame that was analysed
  double threshold = 0;                    ///< θ: least score in `results`
  std::vector<FrameResult> uncertain;      ///< of the same frames: boxes below the DNN's threshold, if asked for
  std::vector<IntervalRow> intervals;
  std::vector<Still> stills;               ///< as many as were asked for, fewer of a clip with fewer analysed frames
  std::vector<GradientMap> gradient_maps;  ///< as they came to the filter, if asked for
  std::vector<Packet> packets;             ///< after the filter
  std::uint64_t bytes = 0;                 ///< their sum
  double seconds = 0;                      ///< of footage
  unsigned width = 0, height = 0;          ///< of the frames that came in
  std::string device;                      ///< the DNN ran on
  double inference_s = 0, gradient_s = 0;  ///< time that the DNN took
  double encode_s = 0, probe_s = 0;        ///< CPU time of the filter, and of the controller's thread
  std::uint64_t inferences = 0, gradients = 0;
  std::uint64_t feedback_bytes = 0;  ///< of the gradient messages, as they would go over a network
  std::map<std::string, std::vector<double>> typical_accuracy, typical_resource;  ///< of the ladders' rungs
  std::map<std::string, std::vector<double>> ladders;  ///< of the filter's knobs, cheap → expensive
  std::vector<std::string> warnings;                   ///< of the elements, a line each
};

/// Runs; calls `on_interval` (may be empty) from this thread after every decision. Throws RunError, RunStopped.
RunResult run(const RunOptions &options, const std::function<void(const IntervalRow &)> &on_interval);

/// Accuracy at each input frame of `reference`, [0, 1]: the result in force then against the reference's. A frame that
/// was not sent keeps the last result (of none before the first). Of sound: at each interval.
std::vector<double> frame_accuracy(const RunResult &result, const RunResult &reference, Metric metric = Metric::F1);

/// Mean of the above; 0 for no frames. Of sound: F1 of all words, so that silence counts for nothing.
double mean_accuracy(const RunResult &result, const RunResult &reference, Metric metric = Metric::F1);

}  // namespace oneadapt::eval
