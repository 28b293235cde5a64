// SPDX-License-Identifier: LGPL-2.1-or-later
// How results stay on a frame behind oneadaptdnn, and how an element behind it learns that they did not: who writes and
// who reads, side by side. Internal.
//
// A GstVideoRegionOfInterestMeta that is scaled or converted keeps its rectangle and loses its params (`detection`,
// `mask`) in all versions of GStreamer up to 1.28; elements that crop or turn drop it. So oneadaptdnn attaches two
// custom metas to every frame that has results, also where nothing was found:
// - "oneadapt-results": the params by the region's id. It has the tags of a region, so that it comes along where a
//   region does; it then gives the regions of the new frame their params back.
// - "oneadapt-analysed": empty and without tags, so that elements copy it whatever they do to the picture. A frame that
//   has it without the other has lost its results.
#pragma once
#include <gst/gst.h>
#include <gst/video/video.h>

#include <cmath>
#include <initializer_list>

namespace oneadapt {

constexpr const char *kAnalysedMeta = "oneadapt-analysed";
constexpr const char *kResultsMeta = "oneadapt-results";

enum class Carried {
  Nothing,  ///< no oneadaptdnn has seen this frame, or all metas are gone
  Results,  ///< its regions are those of the picture
  Lost,     ///< there were results, and they are lost on the way
};

inline Carried carried_by(GstBuffer *buffer) {
  if (gst_buffer_get_custom_meta(buffer, kResultsMeta)) return Carried::Results;
  return gst_buffer_get_custom_meta(buffer, kAnalysedMeta) ? Carried::Lost : Carried::Nothing;
}

namespace results_meta {

/// Whether a scaler fills the whole new picture with the old one. It adds borders where the shapes differ, and regions
/// do not follow that. A pixel more or less on each side is rounding: such a border moves nothing by a whole pixel of
/// the smaller picture.
inline bool same_shape(const GstVideoInfo &from, const GstVideoInfo &to) {
  const auto shape = [](const GstVideoInfo &info) {
    return double(info.width) * info.par_n / (double(info.height) * info.par_d);
  };
  const double rounding = 1.0 / from.width + 1.0 / from.height + 1.0 / to.width + 1.0 / to.height;
  return std::abs(shape(from) / shape(to) - 1) <= rounding;
}

/// Gives `buffer`'s region that `object` describes the params that it lost.
inline void give_back(GstBuffer *buffer, const GstStructure *object) {
  gint id = 0;
  gst_structure_get_int(object, "id", &id);
  auto *region = gst_buffer_get_video_region_of_interest_meta_id(buffer, id);
  if (!region || gst_video_region_of_interest_meta_get_param(region, "detection")) return;
  for (const char *name : {"detection", "mask"})
    if (const GValue *param = gst_structure_get_value(object, name))
      gst_video_region_of_interest_meta_add_param(region, gst_structure_copy(gst_value_get_structure(param)));
}

inline gboolean transform(GstBuffer *to, GstCustomMeta *meta, GstBuffer *, GQuark type, gpointer data, gpointer) {
  if (GST_VIDEO_META_TRANSFORM_IS_SCALE(type)) {
    const auto *scale = static_cast<const GstVideoMetaTransform *>(data);
    if (!same_shape(*scale->in_info, *scale->out_info)) return FALSE;
  } else if (!GST_META_TRANSFORM_IS_COPY(type)) {
    return FALSE;
  }
  const GValue *objects = gst_structure_get_value(gst_custom_meta_get_structure(meta), "objects");
  GstCustomMeta *copy = gst_buffer_add_custom_meta(to, kResultsMeta);
  gst_structure_set_value(gst_custom_meta_get_structure(copy), "objects", objects);
  // The regions stand before this meta, so they have been transformed already.
  for (guint i = 0; i < gst_value_array_get_size(objects); ++i)
    give_back(to, gst_value_get_structure(gst_value_array_get_value(objects, i)));
  return TRUE;
}

/// For the whole process, once.
inline void register_metas() {
  static const bool done = [] {
    const gchar *none[] = {nullptr};
    const gchar *as_region[] = {GST_META_TAG_VIDEO_STR, GST_META_TAG_VIDEO_ORIENTATION_STR, GST_META_TAG_VIDEO_SIZE_STR,
                                nullptr};
    if (!gst_meta_get_info(kAnalysedMeta)) gst_meta_register_custom(kAnalysedMeta, none, nullptr, nullptr, nullptr);
    if (!gst_meta_get_info(kResultsMeta))
      gst_meta_register_custom(kResultsMeta, as_region, transform, nullptr, nullptr);
    return true;
  }();
  (void)done;
}

}  // namespace results_meta

/// Collects the params of a frame's regions while they are attached, and attaches the two metas at the end.
class ResultsKeeper {
 public:
  ResultsKeeper() { g_value_init(&objects_, GST_TYPE_ARRAY); }
  ~ResultsKeeper() { g_value_unset(&objects_); }
  ResultsKeeper(const ResultsKeeper &) = delete;
  ResultsKeeper &operator=(const ResultsKeeper &) = delete;

  /// `region` has got its params, and an id that no other region of the process has.
  void add(GstVideoRegionOfInterestMeta *region) {
    GstStructure *object = gst_structure_new("object", "id", G_TYPE_INT, region->id, nullptr);
    for (const char *name : {"detection", "mask"})
      if (const GstStructure *param = gst_video_region_of_interest_meta_get_param(region, name))
        gst_structure_set(object, name, GST_TYPE_STRUCTURE, param, nullptr);
    GValue value = G_VALUE_INIT;
    g_value_init(&value, GST_TYPE_STRUCTURE);
    g_value_take_boxed(&value, object);
    gst_value_array_append_and_take_value(&objects_, &value);
  }

  /// After the regions. `buffer` must be writable.
  void attach(GstBuffer *buffer) {
    results_meta::register_metas();
    gst_buffer_add_custom_meta(buffer, kAnalysedMeta);
    GstCustomMeta *results = gst_buffer_add_custom_meta(buffer, kResultsMeta);
    gst_structure_set_value(gst_custom_meta_get_structure(results), "objects", &objects_);
  }

 private:
  GValue objects_ = G_VALUE_INIT;
};

}  // namespace oneadapt
