// SPDX-License-Identifier: LGPL-2.1-or-later
#include "overlay_run.h"

#include "mask_param.h"

#include <cstring>
#include <memory>

namespace overlay_test {

Shot::Shot(const GstVideoInfo &info, GstBuffer *before, GstBuffer *after)
    : info_(info), before_(before), after_(after) {
  EXPECT_TRUE(gst_video_frame_map(&was_, &info_, before_, GST_MAP_READ));
  EXPECT_TRUE(gst_video_frame_map(&is_, &info_, after_, GST_MAP_READ));
}

Shot::~Shot() {
  gst_video_frame_unmap(&was_);
  gst_video_frame_unmap(&is_);
  gst_buffer_unref(before_);
  gst_buffer_unref(after_);
}

int Shot::sample(const GstVideoFrame &frame, guint c, int x, int y) const {
  const int sx = x >> info_.finfo->w_sub[c], sy = y >> info_.finfo->h_sub[c];
  return static_cast<const guint8 *>(GST_VIDEO_FRAME_COMP_DATA(
      &frame, c))[sy * GST_VIDEO_FRAME_COMP_STRIDE(&frame, c) + sx * GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, c)];
}

bool Shot::changed(int x, int y) const {
  for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS(&was_); ++c)
    if (sample(was_, c, x, y) != sample(is_, c, x, y)) return true;
  return false;
}

int Shot::changes(const Rect &where) const {
  int n = 0;
  for (int y = where.y0; y < where.y1; ++y)
    for (int x = where.x0; x < where.x1; ++x) n += changed(x, y);
  return n;
}

int Shot::changes_outside(const std::function<bool(int, int)> &allowed) const {
  int n = 0;
  for (int y = 0; y < frame().y1; ++y)
    for (int x = 0; x < frame().x1; ++x) n += !allowed(x, y) && changed(x, y);
  return n;
}

Rgb Shot::rgb(int x, int y) const { return {sample(is_, 0, x, y), sample(is_, 1, x, y), sample(is_, 2, x, y)}; }

int Shot::brighter(int x, int y) const { return sample(is_, 0, x, y) - sample(was_, 0, x, y); }

bool Shot::same_bytes() const {
  const gsize size = gst_buffer_get_size(before_);
  GstMapInfo map;
  if (gst_buffer_get_size(after_) != size || !gst_buffer_map(before_, &map, GST_MAP_READ)) return false;
  const bool same = gst_buffer_memcmp(after_, 0, map.data, size) == 0;
  gst_buffer_unmap(before_, &map);
  return same;
}

OverlayRun::OverlayRun(const std::string &properties, const std::string &text, const std::string &in_front) {
  harness = gst_harness_new_parse((in_front + "oneadaptoverlay " + properties).c_str());
  element = gst_harness_find_element(harness, "oneadaptoverlay");
  if (!text.empty()) caps(text);
}

OverlayRun::~OverlayRun() {
  gst_object_unref(element);
  gst_harness_teardown(harness);
}

void OverlayRun::caps(const std::string &text) {
  GstCaps *caps = gst_caps_from_string(text.c_str());
  ASSERT_TRUE(gst_video_info_from_caps(&info, caps)) << text;
  gst_harness_set_src_caps(harness, caps);
}

GstBuffer *OverlayRun::picture(GstClockTime pts) const {
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, info.size, nullptr);
  GstMapInfo map;
  gst_buffer_map(buffer, &map, GST_MAP_WRITE);
  for (gsize i = 0; i < map.size; ++i) map.data[i] = guint8(40 + (i * 7 + i / 251) % 41);
  gst_buffer_unmap(buffer, &map);
  GST_BUFFER_PTS(buffer) = pts;
  GST_BUFFER_DURATION(buffer) = 100 * GST_MSECOND;
  return buffer;
}

std::unique_ptr<Shot> OverlayRun::shoot(GstBuffer *picture) {
  GstBuffer *before = gst_buffer_copy_deep(picture);
  EXPECT_EQ(gst_harness_push(harness, picture), GST_FLOW_OK);
  GstBuffer *after = gst_harness_try_pull(harness);
  if (!after) {
    ADD_FAILURE() << "nothing came out";
    after = gst_buffer_copy_deep(before);
  }
  return std::make_unique<Shot>(info, before, after);
}

void add_box(GstBuffer *picture, const GstVideoInfo &info, double x0, double y0, double x1, double y1,
             const char *label, double confidence, int id) {
  const int w = GST_VIDEO_INFO_WIDTH(&info), h = GST_VIDEO_INFO_HEIGHT(&info);
  auto *meta = gst_buffer_add_video_region_of_interest_meta(picture, label, guint(x0 * w), guint(y0 * h),
                                                            guint((x1 - x0) * w), guint((y1 - y0) * h));
  gst_video_region_of_interest_meta_add_param(
      meta, gst_structure_new("detection", "x_min", G_TYPE_DOUBLE, x0, "x_max", G_TYPE_DOUBLE, x1, "y_min",
                              G_TYPE_DOUBLE, y0, "y_max", G_TYPE_DOUBLE, y1, "confidence", G_TYPE_DOUBLE, confidence,
                              "label_id", G_TYPE_INT, id, nullptr));
}

GstStructure *add_mask(GstBuffer *picture, const std::vector<std::string> &rows) {
  std::vector<std::uint8_t> cells;
  for (std::size_t x = 0; x < rows[0].size(); ++x)
    for (const std::string &row : rows) cells.push_back(row[x] == '#');
  GstVideoRegionOfInterestMeta *meta = nullptr;
  gpointer state = nullptr;
  while (GstMeta *m = gst_buffer_iterate_meta_filtered(picture, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))
    meta = reinterpret_cast<GstVideoRegionOfInterestMeta *>(m);
  GstStructure *param =
      oneadapt::mask_param(oneadapt::mask_of(cells.data(), unsigned(rows[0].size()), unsigned(rows.size())));
  gst_video_region_of_interest_meta_add_param(meta, param);
  return param;
}

GstEvent *gradient_event(unsigned width, unsigned height, const std::vector<std::pair<unsigned, unsigned>> &hot,
                         guint64 interval, GstClockTime stream_time, unsigned block) {
  GstOneadaptGradient *g = gst_oneadapt_gradient_new(width, height, block);
  g->interval = interval;
  g->interval_duration = GST_SECOND;
  g->stream_time = stream_time;
  g->z = 1.25;
  for (const auto &[column, row] : hot) g->values[row * g->columns + column] = 1;
  GstEvent *event = gst_event_new_oneadapt_gradient_downstream(g);
  gst_oneadapt_gradient_free(g);
  return event;
}

GstEvent *configuration_event(guint64 interval, guint64 bytes) {
  GstStructure *knobs = gst_structure_new("knobs", "qp", G_TYPE_INT, 32, "scale", G_TYPE_DOUBLE, 0.5, nullptr);
  GstEvent *event = gst_event_new_oneadapt_configuration(interval, knobs, bytes, GST_SECOND);
  gst_structure_free(knobs);
  return event;
}

}  // namespace overlay_test
