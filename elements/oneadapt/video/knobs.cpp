// SPDX-License-Identifier: LGPL-2.1-or-later
#include "video/knobs.h"

#include <algorithm>
#include <cmath>

namespace oneadapt {
namespace {

constexpr unsigned kOnRequest = GST_ONEADAPT_KNOB_ON_REQUEST, kFollows = GST_ONEADAPT_KNOB_FOLLOWS_GRADIENT,
                   kContinuous = GST_ONEADAPT_KNOB_CONTINUOUS, kSelfScaling = GST_ONEADAPT_KNOB_SELF_SCALING,
                   kRefines = GST_ONEADAPT_KNOB_REFINES, kMeasured = GST_ONEADAPT_KNOB_MEASURED,
                   kSuperseded = GST_ONEADAPT_KNOB_SUPERSEDED, kReuses = GST_ONEADAPT_KNOB_REUSES_RESULTS;

const KnobRow kTable[kKnobs] = {
    {"scale", "Scale", "Width and height of the output as a fraction of the input's, rounded to even pixels",
     KnobType::Double, 0.1, 1.0, 1.0, true, false, false, kSuperseded, "0.5,0.625,0.75,0.875,1",
     "fractions of width and height", 0.6},
    {"framerate", "Frame rate",
     "Most frames per second that are passed on, by their time stamps, whatever rate the caps promise; the others are "
     "dropped (0 = every frame)",
     KnobType::Double, 0.0, 1000.0, 0.0, true, true, false, kSuperseded | kReuses, "",
     "frames per second; values above the input's rate are left out", 2.8},
    {"qp", "QP", "H.264 quantisation parameter of every macroblock: small is fine and expensive", KnobType::Int, 0, 51,
     20, false, false, true, kContinuous | kRefines | kMeasured | kSuperseded, "48,44,40,36,32,28,24,20",
     "quantisation parameters", 1.0},
    {"qp-map", "QP map",
     "QP offsets of the macroblocks, laid over the frame whatever its size: a structure with columns, rows and an "
     "array "
     "of columns x rows offsets, such as \"map,columns=2,rows=1,offsets=<0,8>\"; offsets are added to \"qp\", and "
     "those "
     "of regions of interest to them; odd sums are coded one step finer",
     KnobType::Map, 0, 51, 20, false, false, true, kFollows | kContinuous | kRefines | kMeasured,
     "48,44,40,36,32,28,24,20", "QPs that the map is laid over", 1.0},
    {"map-range", "Map range",
     "Greatest difference of two macroblocks' QPs in a map that a controller chooses; 0 = all have the same",
     KnobType::Int, 0, 51, 18, false, false, true, kOnRequest | kFollows | kMeasured, "18,12,6,0", "QP steps", 1.0},
    {"b-bias", "B-frame bias",
     "How likely a picture becomes a B picture where \"b-frames\" allows it, from -100 (never) to 100", KnobType::Int,
     -100, 100, 0, false, false, true, kMeasured, "100,50,0,-50,-100", "biases", 1.0},
    {"pixel-threshold", "Pixel threshold",
     "A frame is dropped when the share of its pixels that differ from the last frame sent is at most this many times "
     "what is usual from one frame to the next (mean plus standard deviation over the last interval); 0 = never",
     KnobType::Double, 0.0, 1000.0, 0.0, false, false, false, kOnRequest, "16,8,4,2.8,2,1.4,1,0.7,0.5,0",
     "multiples of the usual difference", 2.8},
    {"area-threshold", "Area threshold",
     "A frame is dropped when the largest connected region of pixels that differ from the last frame sent covers at "
     "most this many times what is usual from one frame to the next; 0 = never",
     KnobType::Double, 0.0, 1000.0, 0.0, false, false, false, kOnRequest, "16,8,4,2.8,2,1.4,1,0.7,0.5,0",
     "multiples of the usual area", 2.8},
    {"change-threshold", "Change threshold",
     "Frames are dropped until reusing the last result is estimated to have cost this much: the sum over the dropped "
     "frames of the loss of F1, by how much changed where the DNN looks; 0 = never",
     KnobType::Double, 0.0, 1000.0, 0.0, false, false, false, kOnRequest | kFollows | kContinuous | kSelfScaling,
     "3.2,1.6,0.8,0.4,0.2,0.1,0.05,0.02,0", "sums of F1 lost", 2.8},
};

}  // namespace

Typical typical_of_video(std::size_t knob, double value, double rate, bool h264) {
  // Pictures that are farther apart differ more: on seven clips a half, a third, a fifth and a tenth of the frames took
  // 0.68, 0.53, 0.37 and 0.22 of the bytes (oneadapt-eval --policies uniform --knobs framerate,qp).
  const auto bytes = [&](double frames) { return h264 ? std::pow(frames, 0.6) : frames; };
  Typical t;
  switch (knob) {
    case kQp:
      return {interpolated({{20, .96}, {24, .95}, {28, .94}, {32, .92}, {36, .895}, {40, .855}, {44, .76}, {48, .6}},
                           value),
              interpolated({{20, 1}, {24, .58}, {28, .34}, {32, .2}, {36, .115}, {40, .068}, {44, .042}, {48, .026}},
                           value)};
    case kQpMap:
      return {interpolated({{20, .96}, {24, .95}, {28, .94}, {32, .92}, {36, .895}, {40, .855}, {44, .76}, {48, .6}},
                           value),
              interpolated(
                  {{20, 1}, {22, .38}, {24, .3}, {28, .19}, {32, .13}, {36, .085}, {40, .06}, {44, .042}, {48, .026}},
                  value)};
    case kMapRange:
      // At the same QP under the map (docs/results/accuracy.md).
      return {interpolated({{0, 1}, {18, .98}, {51, .94}}, value),
              interpolated({{0, 1}, {6, .78}, {12, .62}, {18, .5}, {51, .4}}, value)};
    case kScale:
      return {interpolated({{.25, .4}, {.5, .68}, {.625, .78}, {.75, .86}, {.875, .93}, {1, 1}}, value),
              interpolated({{.25, .15}, {.5, .37}, {.625, .48}, {.75, .61}, {.875, .8}, {1, 1}}, value)};
    case kBBias:
      // B pictures are 2 QP coarser and there are at most so many of them.
      return {interpolated({{-100, 1}, {-50, .995}, {0, .99}, {50, .985}, {100, .98}}, value),
              interpolated({{-100, 1}, {-50, .985}, {0, .97}, {50, .955}, {100, .94}}, value)};
    case kFramerate: {
      // By the time from one result to the next.
      if (rate <= 0) rate = 25;
      if (value <= 0 || value > rate) value = rate;
      const auto fresh = [](double gap) {
        return interpolated({{.04, 1}, {.1, .985}, {.2, .95}, {.3, .89}, {.5, .78}, {1, .6}}, gap);
      };
      return {fresh(1 / value) / fresh(1 / rate), bytes(value / rate), value / rate};
    }
    case kPixelThreshold:
    case kAreaThreshold:
      t = {interpolated({{0, 1},
                         {.5, .99},
                         {.7, .985},
                         {1, .97},
                         {1.4, .945},
                         {2, .91},
                         {2.8, .87},
                         {4, .82},
                         {8, .73},
                         {16, .65}},
                        value),
           interpolated(
               {{0, 1}, {.5, .9}, {.7, .82}, {1, .7}, {1.4, .56}, {2, .42}, {2.8, .3}, {4, .2}, {8, .1}, {16, .06}},
               value)};
      return {t.accuracy, bytes(t.resource), t.resource};
    case kChangeThreshold:
      // Frames as 1/√T, and the loss that makes T = λ the best rung (lib/core/frames/frame_filter.h).
      t = {interpolated(
               {{0, 1}, {.02, .981}, {.05, .97}, {.1, .958}, {.2, .94}, {.4, .915}, {.8, .88}, {1.6, .83}, {3.2, .76}},
               value),
           interpolated(
               {{0, 1}, {.02, .86}, {.05, .6}, {.1, .424}, {.2, .3}, {.4, .212}, {.8, .15}, {1.6, .106}, {3.2, .075}},
               value)};
      return {t.accuracy, bytes(t.resource), t.resource};
    default:
      return {};
  }
}

const KnobTable &video_knobs() {
  static const KnobTable table(kTable);
  return table;
}

FilterThresholds thresholds_of(const Values &values) {
  return {values[kPixelThreshold], values[kAreaThreshold], values[kChangeThreshold]};
}

std::vector<double> framerate_ladder(const std::vector<double> &user, double input_rate) {
  if (!user.empty()) return ladder_up_to(user, input_rate);
  std::vector<double> ladder;
  if (input_rate <= 0) return ladder;
  for (double divisor : {10.0, 5.0, 3.0, 2.0, 1.0})
    if (divisor == 1.0 || input_rate / divisor >= 1.0) ladder.push_back(input_rate / divisor);
  return ladder;
}

}  // namespace oneadapt
