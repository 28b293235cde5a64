// SPDX-License-Identifier: LGPL-2.1-or-later
// Profiles: what a controller asks with a query (gst_query_new_oneadapt_profile()). Runs in the asker's thread.
#include <memory>
#include <utility>

#include "core/vision/metrics.h"
#include "video/detector.h"
#include "video/seen_part.h"

GST_DEBUG_CATEGORY_EXTERN(oneadaptdnn_debug);
#define GST_CAT_DEFAULT oneadaptdnn_debug

namespace oneadapt {
namespace {

struct FreeRendering {
  void operator()(GstOneadaptRendering *rendering) const { gst_oneadapt_rendering_free(rendering); }
};

struct FreeCaps {
  void operator()(GstCaps *caps) const { gst_caps_unref(caps); }
};

using Boxes = std::vector<ScoredBox>;

GstClockTime time_at(const GArray *times, guint index) {
  return reinterpret_cast<const GstClockTime *>(static_cast<const void *>(times->data))[index];
}

/// What stands at `time`: the result of the last sample that is not later.
const Boxes &held(const GArray *times, const std::vector<Boxes> &results, GstClockTime time) {
  static const Boxes none;
  const Boxes *last = &none;
  for (guint i = 0; i < times->len && time_at(times, i) <= time; ++i) last = &results[i];
  return *last;
}

}  // namespace

/// How this element sees what a tunable passes on. None, with a warning (once a run), when that cannot be told.
std::optional<FrameTransform> Detector::transform_for_profile() {
  const UpstreamPictures upstream = upstream_pictures(sink_);
  const UpstreamPicture &picture = upstream.pictures.front();
  if (upstream.pictures.size() == 1 && picture.known && !is_empty(picture.transform.shown())) return picture.transform;
  if (upstream.in_step && !warned_profile_.exchange(true))
    GST_ELEMENT_WARNING(element_, STREAM, FAILED,
                        ("Configurations cannot be profiled: the picture is put together or moved about between the "
                         "tunable element and this one. Use a policy that does not profile, or put \"%s\" in front of "
                         "oneadaptctl or behind this element.",
                         upstream.obstacles.empty() ? "the mixer" : upstream.obstacles.front().name.c_str()),
                        ("said once a run"));
  return std::nullopt;
}

bool Detector::profile(guint count, const RenderingSource &source, const RunSettings &settings,
                       std::vector<double> &accuracies, guint64 &inferences) {
  const unsigned generation = turns_.generation();
  accuracies.assign(count, 0);
  inferences = 0;
  // Renderings are of the picture that a tunable passes on.
  const std::optional<FrameTransform> transform = transform_for_profile();
  if (!transform) return false;
  std::vector<std::uint8_t> turned;
  RgbReader reader;  // the stream's own has the stream's caps
  std::unique_ptr<GstCaps, FreeCaps> last;
  unsigned largest_width = 0, largest_height = 0;
  const auto run = [&](const GstOneadaptRendering &rendering, std::vector<Boxes> &results) {
    for (guint i = 0; i < rendering.samples->len; ++i) {
      auto *sample = static_cast<GstSample *>(rendering.samples->pdata[i]);
      GstBuffer *buffer = gst_sample_get_buffer(sample);
      GstCaps *caps = gst_sample_get_caps(sample);
      const bool same = caps && last && gst_caps_is_equal(caps, last.get());
      if (!buffer || !caps || (!same && !reader.set_caps(caps))) {
        GST_WARNING_OBJECT(element_, "a profile's sample cannot be read: %" GST_PTR_FORMAT, caps);
        return false;
      }
      if (!same) last.reset(gst_caps_ref(caps));
      const auto width = unsigned(GST_VIDEO_INFO_WIDTH(&reader.info()));
      const auto height = unsigned(GST_VIDEO_INFO_HEIGHT(&reader.info()));
      const ModelTurns::Picture turn(turns_, generation);
      if (!turn) return false;
      const gint64 begin = g_get_monotonic_time();
      // As the stream's frames are resized, and the most expensive configuration is one that the stream might have.
      if (guint64(largest_width_) * largest_height_ > guint64(largest_width) * largest_height) {
        largest_width = largest_width_;
        largest_height = largest_height_;
      }
      if (guint64(width) * height > guint64(largest_width) * largest_height) {
        largest_width = width;
        largest_height = height;
      }
      if (settings.input_size.mode == InputSize::Mode::Largest)
        model_->set_input_size(largest_width, largest_height);
      else
        choose_input_size(settings.input_size);
      Boxes boxes;
      const bool mapped = reader.read(buffer, [&](const RgbFrame &frame) {
        const RgbFrame seen = transform->is_whole() ? frame : seen_part(frame, *transform, turned);
        for (Detection &d : model_->infer(seen)) boxes.push_back({d.box, d.score, d.label, std::move(d.mask)});
      });
      if (!mapped) {
        GST_WARNING_OBJECT(element_, "a profile's sample cannot be read as its caps say: %" GST_PTR_FORMAT, caps);
        return false;
      }
      results.push_back(std::move(boxes));
      ++inferences;
      note_profile(guint64(g_get_monotonic_time() - begin) * 1000);
    }
    return true;
  };

  try {
    std::unique_ptr<GstOneadaptRendering, FreeRendering> best;
    std::vector<Boxes> reference;
    for (guint n = 0; n < count; ++n) {
      const guint index = n == 0 ? count - 1 : n - 1;
      std::unique_ptr<GstOneadaptRendering, FreeRendering> rendering(source(index));
      std::vector<Boxes> results;
      if (!rendering || !run(*rendering, results)) return false;
      if (n == 0) {
        accuracies[index] = 1;
        best = std::move(rendering);
        reference = std::move(results);
        continue;
      }
      const GArray *wanted = rendering->wanted;
      double sum = 0;
      for (guint i = 0; i < wanted->len; ++i)
        sum +=
            f1(held(rendering->times, results, time_at(wanted, i)), held(best->times, reference, time_at(wanted, i)));
      accuracies[index] = wanted->len ? sum / wanted->len : 0;
      GST_LOG_OBJECT(element_, "profile: configuration %u has accuracy %.3f", index, accuracies[index]);
    }
    return true;
  } catch (const std::exception &e) {
    GST_WARNING_OBJECT(element_, "a profile failed: %s", e.what());
    return false;
  }
}

}  // namespace oneadapt
