// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dnn_harness.h"

#include <gtest/gtest.h>

#include <sstream>

namespace oneadapt_test {
namespace {

GstPadProbeReturn log_item(GstPad *, GstPadProbeInfo *info, gpointer log) {
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
    static_cast<Log *>(log)->push_back("buffer");
  } else {
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
    if (gst_event_is_oneadapt_gradient(event)) {
      guint64 interval = 0;
      gst_structure_get_uint64(gst_event_get_structure(event), "interval", &interval);
      static_cast<Log *>(log)->push_back("gradient " + std::to_string(interval));
    }
  }
  return GST_PAD_PROBE_OK;
}

}  // namespace

DnnHarness::DnnHarness() {
  element = gst_element_factory_make("oneadaptdnn", nullptr);
  if (!element) {
    ADD_FAILURE() << "there is no oneadaptdnn: is GST_PLUGIN_PATH set?";
    abort();
  }
  gst_object_ref_sink(element);
  bus = gst_bus_new();
  gst_element_set_bus(element, bus);
  set("model", save_colours(folder).c_str());
  set("device", "cpu");
  gst_util_set_object_arg(G_OBJECT(element), "keep-up", "off");  // a harness says that it is live
  g_object_set(element, "early-gradient", FALSE, "raise-elements", FALSE, nullptr);  // they have tests of their own
  const auto probe = [&](const char *name, GstPadProbeType type) {
    GstPad *pad = gst_element_get_static_pad(element, name);
    gst_pad_add_probe(pad, type, log_item, &log, nullptr);
    gst_object_unref(pad);
  };
  probe("src", GST_PAD_PROBE_TYPE_BUFFER);
  probe("sink", GST_PAD_PROBE_TYPE_EVENT_UPSTREAM);
}

DnnHarness::~DnnHarness() {
  if (harness) gst_harness_teardown(harness);
  gst_element_set_state(element, GST_STATE_NULL);
  gst_element_set_bus(element, nullptr);
  gst_object_unref(element);
  gst_object_unref(bus);
}

void DnnHarness::play() {
  harness = gst_harness_new_with_element(element, "sink", "src");
  // The harness counts in a segment of its own; it starts at 0, as ours does.
  gst_element_set_bus(element, bus);
  gst_harness_play(harness);
}

void DnnHarness::caps(const std::string &format, int width, int height, const std::string &framerate) {
  const std::string text = "video/x-raw,format=" + format + ",width=" + std::to_string(width) +
                           ",height=" + std::to_string(height) + ",framerate=" + framerate;
  GstCaps *caps = gst_caps_from_string(text.c_str());
  ASSERT_TRUE(gst_video_info_from_caps(&info_, caps)) << text;
  gst_harness_set_src_caps(harness, caps);
}

GstBuffer *DnnHarness::picture(GstClockTime pts, GstClockTime duration, int r, int g, int b) const {
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&info_), nullptr);
  gst_buffer_memset(buffer, 0, 0, GST_VIDEO_INFO_SIZE(&info_));
  GstVideoInfo info = info_;
  GstVideoFrame frame;
  EXPECT_TRUE(gst_video_frame_map(&frame, &info, buffer, GST_MAP_WRITE));
  // Components 0, 1, 2 are R, G, B of RGB formats and Y, U, V of the others.
  const int values[] = {r, g, b};
  for (guint c = 0; c < 3; ++c)
    for (int y = 0; y < GST_VIDEO_FRAME_COMP_HEIGHT(&frame, c); ++y)
      for (int x = 0; x < GST_VIDEO_FRAME_COMP_WIDTH(&frame, c); ++x)
        (static_cast<guint8 *>(GST_VIDEO_FRAME_COMP_DATA(&frame, c)) + y * GST_VIDEO_FRAME_COMP_STRIDE(&frame, c) +
         x * GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, c))[0] = guint8(values[c]);
  gst_video_frame_unmap(&frame);
  GST_BUFFER_PTS(buffer) = pts;
  GST_BUFFER_DURATION(buffer) = duration;
  return buffer;
}

GstFlowReturn DnnHarness::push(GstClockTime pts, int r, int g, int b, GstClockTime duration) {
  return gst_harness_push(harness, picture(pts, duration, r, g, b));
}

std::vector<GstBuffer *> DnnHarness::pull() {
  std::vector<GstBuffer *> buffers;
  while (GstBuffer *buffer = gst_harness_try_pull(harness)) buffers.push_back(buffer);
  return buffers;
}

void DnnHarness::drop_output() {
  for (GstBuffer *buffer : pull()) gst_buffer_unref(buffer);
}

std::vector<GstOneadaptGradient *> DnnHarness::gradients() {
  std::vector<GstOneadaptGradient *> result;
  while (GstEvent *event = gst_harness_try_pull_upstream_event(harness)) {
    if (gst_event_is_oneadapt_gradient(event)) {
      GstOneadaptGradient *gradient = nullptr;
      EXPECT_TRUE(gst_event_parse_oneadapt_gradient(event, &gradient, nullptr));
      if (gradient) result.push_back(gradient);
    }
    gst_event_unref(event);
  }
  return result;
}

std::vector<Message> DnnHarness::messages(GstMessageType types) {
  std::vector<Message> result;
  while (GstMessage *message = gst_bus_pop_filtered(bus, types)) {
    GError *error = nullptr;
    switch (GST_MESSAGE_TYPE(message)) {
      case GST_MESSAGE_ERROR:
        gst_message_parse_error(message, &error, nullptr);
        break;
      case GST_MESSAGE_WARNING:
        gst_message_parse_warning(message, &error, nullptr);
        break;
      default:
        gst_message_parse_info(message, &error, nullptr);
    }
    result.push_back({GST_MESSAGE_TYPE(message), error->domain, error->code, error->message});
    g_error_free(error);
    gst_message_unref(message);
  }
  return result;
}

guint64 DnnHarness::stat(const char *name) const {
  GstStructure *stats = nullptr;
  g_object_get(element, "stats", &stats, nullptr);
  const GValue *value = gst_structure_get_value(stats, name);
  guint64 number = 0;
  if (value) number = G_VALUE_HOLDS_UINT64(value) ? g_value_get_uint64(value) : g_value_get_uint(value);
  EXPECT_NE(value, nullptr) << name;
  gst_structure_free(stats);
  return number;
}

std::vector<GstVideoRegionOfInterestMeta *> rois(GstBuffer *buffer) {
  std::vector<GstVideoRegionOfInterestMeta *> result;
  gpointer state = nullptr;
  while (GstMeta *meta = gst_buffer_iterate_meta_filtered(buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))
    result.push_back(reinterpret_cast<GstVideoRegionOfInterestMeta *>(meta));
  return result;
}

std::vector<nlohmann::json> lines(const std::string &path) {
  std::vector<nlohmann::json> result;
  std::istringstream in(read_file(path));
  for (std::string line; std::getline(in, line);) result.push_back(nlohmann::json::parse(line));
  return result;
}

Message only_error(DnnHarness &dnn) {
  const auto errors = dnn.messages(GST_MESSAGE_ERROR);
  EXPECT_EQ(errors.size(), 1u);
  return errors.empty() ? Message{} : errors.front();
}

Message start_error(DnnHarness &dnn) {
  EXPECT_EQ(gst_element_set_state(dnn.element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  Message error = only_error(dnn);
  gst_element_set_state(dnn.element, GST_STATE_NULL);
  return error;
}

}  // namespace oneadapt_test
