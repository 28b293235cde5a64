// SPDX-License-Identifier: LGPL-2.1-or-later
// Video's part of probing and rendering: what a configuration would have made of an interval's pictures.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "core/gradient/gradient.h"
#include "core/macroblock/map_model.h"
#include "tunable/measurement.h"
#include "video/picture_history.h"
#include "video/plane.h"
#include "video/probe_encoders.h"

namespace oneadapt {

/// What is kept from one measurement to the next, because it is costly to make or learnt. Thread-bound.
struct ProbeTools {
  ProbeEncoders encoders;
  PlaneScalers scalers;
  RateFit rate;                        ///< of the QP map's model
  std::uint64_t fitted = G_MAXUINT64;  ///< the interval that `rate` saw last
};

/// Measures by encoding, with encoders of its own, two pictures for each configuration: the last one that was passed on
/// in the interval as a P picture, after an earlier one as an IDR picture.
///
/// y is luma on the source's grid, in [0, 1] (limited range stretched by 255/219 = 1.164); what was scaled is scaled
/// back. r(k) = (m·I + (n − m)·P) / the same of k*, with I and P the bytes of the two pictures, n the frames that k
/// would pass on in this interval, and m how many of them are IDR pictures: n / key-int-max, or 1 where each interval
/// has one. A frame rate changes n, and P by taking the two pictures as far apart as it
/// would. OutputGrad of the frame rate: the DNN's result is reused for the frames in a gap, so |Δy| is the mean, over
/// the positions in the gap, of the difference between the picture it would have seen and the one it did. Raw output:
/// r = (pixels · frames) / those of k*. The rungs of a QP map are not encoded but modelled
/// (lib/core/macroblock/map_model.h): a probe by encoding takes as long as encoding the interval.
///
/// A rendering holds, of the remembered pictures, those nearest to the ones that the configuration's frame rate would
/// have passed on (at multiples of its gap before the interval's last picture), the oldest coded as an IDR picture and
/// each other one as a P picture after it. A gap longer than the pictures reach back is taken for one that reaches to
/// the oldest. r is as above.
///
/// Thread-bound. Throws std::runtime_error when a picture cannot be read or encoded.
class PictureMeasurement : public Measurement {
 public:
  /// `preset` is the filter's own. All but `record` must outlive the measurement.
  PictureMeasurement(ProbeTools &tools, PictureRecord record, const std::string &preset, const ProbeRequest &request);

  const IntervalRecord &record() const override { return record_; }
  bool possible() const override { return !record_.pictures.empty(); }
  double resource_in_force() override;
  /// An IDR picture is a rare event: its bytes say nothing of the interval after it, and one that comes is planned for.
  std::uint64_t next_bytes() override;
  double resource(const Values &values) override;
  double compute(const Values &values) override;
  double resource_change(const Move &move) override;
  double output_grad(const Move &move) override;
  /// Throws also where no picture of the interval is remembered.
  GstOneadaptRendering *render(const Values &values) override;

 private:
  /// What a configuration makes of the interval's last picture, and what it costs.
  struct Outcome {
    double first = 0, other = 0;  ///< bytes of an IDR and of a P picture (raw: pixels)
    Plane luma;                   ///< as the DNN would see it, on the source's grid
  };
  /// What one B picture does, instead of a P picture, under the configuration in force.
  struct BPicture {
    double bytes = 0;  ///< more (or less, < 0), as a share of a P picture's
    BlockMap change;   ///< of the picture itself
  };

  unsigned nearest_distance(double gap_frames) const;
  std::vector<unsigned> passed_on(double gap_frames) const;
  const Plane &source(unsigned distance);
  Plane on_grid(const Plane &plane);
  BlockMap difference(const Plane &a, const Plane &b) const;

  double gap(double framerate) const;
  double frames(double framerate) const;
  const FilterOutcome &filtered(const Values &values);
  double frames_of(const Values &values);
  double gap_of(const Values &values);

  const Outcome &outcome(const Values &values);
  Outcome encode(int qp, Size size, unsigned distance);
  bool has_idr_each() const;
  double p_bytes() const;
  double cost(const Values &values);
  double b_share(double bias) const;
  const BPicture &b_effect();
  BPicture measure_b_picture();
  BlockMap reuse(double gap_frames);
  /// A map, and the QP that it is laid over.
  struct LaidMap {
    MapModel map;
    double base;
  };
  LaidMap laid_here(const Move &move) const;
  LaidMap laid_there(const Move &move) const;
  MapModel map_of_range(double base, double range) const;
  void prepare_map_model();

  ProbeTools &tools_;
  const PictureRecord record_;
  const Values best_;  // k*
  Size grid_;
  double luma_range_;
  BlockMap gradient_;            // on the grid; empty: none
  std::optional<MapModel> map_;  // where the QP map's moves, or its range's, are wanted
  BlockMap sent_gradient_;       // as it came
  unsigned confident_ = 0;
  bool only_map_ = false;  // and nothing else: no picture need be encoded
  std::map<std::tuple<int, unsigned, unsigned, unsigned>, Outcome> outcomes_;  // by QP, size, distance
  std::map<unsigned, Plane> sources_;                                          // luma by distance
  std::map<std::tuple<double, double, double>, FilterOutcome> replays_;        // by thresholds
  std::optional<BPicture> b_picture_;
};

}  // namespace oneadapt
