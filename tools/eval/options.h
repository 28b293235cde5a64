// SPDX-License-Identifier: LGPL-2.1-or-later
// What a run, and an evaluation of many, are told.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/gradient/gradient.h"
#include "core/policy/policy.h"
#include "core/policy/registry.h"

namespace oneadapt::eval {

class Medium;
const Medium &video_medium();

/// What is the same for all runs of an evaluation.
struct CommonOptions {
  std::string model, classes, device = "auto";
  bool per_class = false;  ///< keep the classes of interest apart in the results; else an object is of interest or not
  double fps = 0;          ///< frames a second taken from the clip; 0: the clip's own
  double seconds = 0;      ///< how much of the clip; 0: all
  double interval = 1;     ///< adaptation interval of all elements, seconds
  std::map<std::string, std::string> properties;  ///< more properties, by "element.property" (ctl, filter or dnn)
  double feedback_loss = 0;                       ///< share of the gradients that never reach the controller, [0, 1]
  unsigned seed = 1;                              ///< which ones
  unsigned key_int_max = 0;  ///< of coded pictures: property `key-int-max` of the filter; 0: its default
};

/// What the second of two passes over a clip sends.
struct SecondPass {
  double first_qp = 0;  ///< of the first pass, over whose pictures the second one's are laid
  /// By stream time in ns: what is above 0 is sent, the rest is black. A frame that is not here is not sent at all.
  std::map<std::uint64_t, BlockMap> blocks;
  std::uint64_t feedback_bytes = 0;  ///< that told the camera so
};

/// One run.
struct RunOptions : CommonOptions {
  std::string clip;
  const Medium *medium = &video_medium();  ///< of the clip; never NULL
  unsigned threads = 0;                    ///< CPU threads of the DNN; 0: as many as there are cores
  bool gradient = true;                    ///< false: the DNN sends none (policies that do not need it)
  bool raw = false;                        ///< pictures go from the filter to the DNN as they are, not as H.264
  std::string encoder;                     ///< launch fragment of an encoder of H.264 that stands where controller and
                                           ///< filter would; empty: these
  std::string source;                      ///< launch fragment that ends in raw video, instead of a clip
  std::string policy = default_policy().name;
  std::string policy_file;  ///< of a policy that needs one
  double lambda = 1, alpha = 0.5, smoothing = 0.5;
  double min_accuracy = 0;              ///< accuracy to keep, which is then measured; 0: lambda decides
  std::string knobs;                    ///< knobs to adapt, separated by commas; empty: all
  std::map<std::string, double> start;  ///< values of the filter's knob properties at the start
  std::string results_location;         ///< JSON lines of the DNN element; empty: none
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
  /// Whether the run is to end in order with what has come so far; asked for each frame, by a streaming thread. Empty:
  /// it goes to its end.
  std::function<bool()> stop;
};

/// Of masks where the model gives some, else of boxes. MeanIou: miou(). F1At70: of point clouds, at an IoU of 0.7.
enum class Metric { F1, MeanIou, F1At70 };

/// An evaluation.
struct EvalOptions : CommonOptions {
  std::vector<std::string> clips;
  std::vector<std::string> knobs, policies;
  std::vector<double> lambdas{0.05, 0.1, 0.2, 0.4, 0.8, 1.6};
  std::vector<double> min_accuracies{0.8, 0.85, 0.9, 0.95};
  std::vector<std::string> figures;  ///< checks of the paper instead of policies; empty: policies
  bool frames = false;               ///< resource: frames analysed, without a codec; else bytes sent
  std::optional<double> look_ahead;  ///< of a filter that looks ahead, seconds; none: the medium's own
  Metric metric = Metric::F1;
  PolicySettings profiling;     ///< its three profile fields
  double profile_budget = 0.5;  ///< inferences a second for profiles, as a share of the clip's frame rate
  unsigned jobs = 1;            ///< runs at a time
  unsigned stills = 4;          ///< frames of one run in the report
  std::string policy_file;      ///< of a policy that needs one
  std::string train_casva;      ///< file to train a network of casva into instead; empty: evaluate
  std::string against;          ///< folder of another evaluation; empty: none
  std::string output;           ///< folder
};

}  // namespace oneadapt::eval
