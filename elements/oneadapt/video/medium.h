// SPDX-License-Identifier: LGPL-2.1-or-later
// Pictures as a medium: what oneadaptfilter supplies to the filter that is the same for all media.
#pragma once
#include <gst/gst.h>

#include <atomic>
#include <memory>
#include <optional>

#include "core/vision/gray16.h"
#include "setting_properties.h"
#include "tunable/knob_properties.h"
#include "tunable/medium.h"
#include "video/knobs.h"
#include "video/picture_history.h"
#include "video/picture_measurement.h"

namespace oneadapt {

extern const char *const kPresets[];  ///< x264's names, NULL at the end
constexpr int kDefaultPreset = 2;     ///< veryfast
/// Whether frames say themselves where an interval begins and ends.
enum class Marks { Auto, Off, On };
/// What feedback may take of the stream's bytes: small beside it.
constexpr double kDefaultFeedbackShare = 0.01;

/// What the user asked for.
struct VideoSettings {
  GstClockTime interval = GST_SECOND;
  int preset = kDefaultPreset;  ///< of kPresets
  guint threads = 1, max_skip = 0, b_frames = 0, key_int_max = 0, blocks = 16;
  Marks marks = Marks::Auto;
  double feedback_share = kDefaultFeedbackShare;
  guint map_granularity = 1;
  Gray16Mapping gray16;
};

class VideoMedium : public RememberingMedium<PictureHistory> {
 public:
  Locked<VideoSettings> settings;
  static SettingProperties<VideoSettings> setting_properties;

  const KnobTable &knobs() const override { return video_knobs(); }
  Ladders ladders(const Ladders &users) override;
  std::optional<Typical> typical(std::size_t knob, double value, const std::vector<double> &ladder) override;
  std::unique_ptr<Measurement> measure(std::uint64_t interval, bool pinned, const ProbeRequest &request) override;
  GstStructure *counters() override;
  void merge(Values &values, const PartialValues &named) const override;
  /// A QpMap.
  PayloadRef payload(const PartialValues &named, const Values &asked) override;
  void on_probe(const ProbeRequest &request) override;
  void new_run(bool over) override;
  bool set_setting(guint id, const GValue *value) override {
    return setting_properties.set(*settings.lock(), id, value);
  }
  bool get_setting(guint id, GValue *value) override { return setting_properties.get(*settings.lock(), id, value); }
  std::optional<double> announced(std::size_t knob, double value) override;

  /// DNNGrad for the frame filter, which has not been told of it yet.
  struct Weights {
    BlockMap map;
    double confident;
  };
  Locked<std::optional<Weights>> weights;
  /// Gradients come, so an interval's last frame, which they are taken on, must be sent. Thresholds are to be adapted,
  /// so frames must be remembered even while none is set; of some, units too.
  std::atomic<bool> feedback{false}, thresholds_asked{false}, units_asked{false};
  /// The controller wants to know the accuracy.
  std::atomic<bool> accuracy_wanted{false};
  /// While a frame is dropped on purpose: the base class would post a QoS message, as if it had been late.
  std::atomic<bool> dropping{false};

 private:
  struct LastGradient {
    BlockMap map;
    unsigned confident = 0;
  };
  Locked<LastGradient> gradient_;  // of the last probe: what a map is made from
  ProbeTools tools_;               // one thread at a time (measure())
};

/// "map,columns=C,rows=R,offsets=<…>". False, with `complaint`, for anything else, another number of offsets than C·R,
/// or an offset that is not a number. Offsets beyond ±51 are clipped: true, with a `complaint` all the same. An empty
/// structure or NULL is no map.
bool qp_map_parse(const GstStructure *structure, QpMap &map, std::string &complaint);
/// NULL for no map.
GstStructure *qp_map_structure(const QpMap &map);
/// The map of a configuration; empty where it has none.
const QpMap &qp_map_of(const PayloadRef &payload);

}  // namespace oneadapt
