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
#include "core/policy/registry.h"
#include "core/sequence/sequence.h"
#include "core/vision/metrics.h"

namespace oneadapt::eval {

/// A run that could not be done; the text is one line that says what and what to do.
class RunError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What the second of two passes over a clip sends.
struct SecondPass {
  double first_qp = 0;  ///< of the first pass, over whose pictures the second one's are laid
  /// By stream time in ns: what is above 0 is sent, the rest is black. A frame that is not here is not sent at all.
  std::map<std::uint64_t, BlockMap> blocks;
  std::uint64_t feedback_bytes = 0;  ///< that told the camera so
};

struct RunOptions {
  std::string clip, model, classes, device = "auto";
  unsigned threads = 0;    ///< CPU threads of the DNN; 0: as many as there are cores
  bool per_class = false;  ///< keep the classes of interest apart in the results; else an object is of interest or not
  bool gradient = true;    ///< false: the DNN sends none (policies that do not need it)
  bool sound = false;      ///< the clip is sound, and results are words
  bool raw = false;        ///< pictures go from the filter to the DNN as they are, not as H.264
  double interval = 1;     ///< adaptation interval of all elements, seconds
  std::string source;      ///< launch fragment that ends in raw video, instead of a clip
  double fps = 0;          ///< frames a second taken from the clip; 0: the clip's own
  double seconds = 0;      ///< how much of the clip; 0: all
  std::string policy = default_policy().name;
  std::string policy_file;  ///< of a policy that needs one
  double lambda = 1, alpha = 0.5, smoothing = 0.5;
  double feedback_loss = 0;                       ///< share of the gradients that never reach the controller, [0, 1]
  unsigned seed = 1;                              ///< which ones
  std::string knobs;                              ///< knobs to adapt, separated by commas; empty: all
  std::map<std::string, double> start;            ///< values of the filter's knob properties at the start
  std::map<std::string, std::string> properties;  ///< more properties, by "element.property" (ctl, filter or dnn)
  std::string results_location;                   ///< JSON lines of the DNN element; empty: none
  std::string video_location;   ///< MP4 of what the DNN saw, with boxes and gradient drawn on it where the overlay is
                                ///< installed; empty: none
  bool keep_gradients = false;  ///< RunResult::gradient_maps
  double uncertain_from = 0;  ///< above 0: RunResult::uncertain holds boxes from this score on; only without gradient,
                              ///< which a lower threshold would change
  std::shared_ptr<const SecondPass> second_pass;  ///< none: a whole run
  /// Values of the filter's knobs in each interval, the last ones to the end, instead of a policy's: with a policy that
  /// moves nothing, and `start` the first of them. Empty: as the policy decides.
  std::vector<std::map<std::string, double>> schedule;
  unsigned stills = 0;  ///< pictures of what the DNN saw, spread over the clip; none where the overlay is missing
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
  bool sound = false;
  std::vector<float> envelope;         ///< of sound: the largest amplitude in each fiftieth of a second, [0, 1]
  std::vector<FrameResult> results;    ///< of every frame that was analysed
  double threshold = 0;                ///< θ: least score in `results`
  std::vector<FrameResult> uncertain;  ///< of the same frames: boxes below the DNN's threshold, if asked for
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

/// Has malloc keep what it frees, for programs that do nothing but inference: a DNN's activations come and go by tens
/// of megabytes a frame, and giving them back to the system each time costs a tenth of one run's time and a third of
/// two at once.
void keep_memory();

/// Caps of the pictures that are taken from a clip; `fps` 0: its own rate.
std::string raw_caps(double fps);

/// Runs; calls `on_interval` (may be empty) from this thread after every decision. Throws RunError.
RunResult run(const RunOptions &options, const std::function<void(const IntervalRow &)> &on_interval);

/// Of masks where the model gives some, else of boxes. MeanIou: miou().
enum class Metric { F1, MeanIou };

/// How far apart in seconds the same word may stand in two results: both hear the same sound.
constexpr double kWordTolerance = 0.5;
/// Words of all intervals; `intervals` (may be NULL) gets the stream time of each one's interval.
std::vector<SequenceElement> all_words(const RunResult &run, std::vector<std::uint64_t> *intervals = nullptr);

/// Accuracy at each input frame of `reference`, [0, 1]: the result in force then against the reference's. A frame that
/// was not sent keeps the last result (of none before the first). Of sound: F1 of the words in each interval, matched
/// over the whole clip; 1 where both are silent.
std::vector<double> frame_accuracy(const RunResult &result, const RunResult &reference, Metric metric = Metric::F1);

/// Mean of the above; 0 for no frames. Of sound: F1 of all words, so that silence counts for nothing.
double mean_accuracy(const RunResult &result, const RunResult &reference, Metric metric = Metric::F1);

}  // namespace oneadapt::eval
