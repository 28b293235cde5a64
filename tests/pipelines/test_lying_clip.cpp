// SPDX-License-Identifier: LGPL-2.1-or-later
// Telephones' clips, which lie on their side, are seen upright by the tools, and what they write is upright.
#include <gtest/gtest.h>

#include "../support/lying_clip.h"
#include "core/gradient/frame_transform.h"
#include "eval/run.h"

using namespace oneadapt;
using namespace oneadapt::eval;
using namespace oneadapt_test;

namespace {

struct Film {
  int width = 0, height = 0;
  bool turned = false;  ///< when it is shown
};

/// What is in a written video.
Film film_of(const std::string &path) {
  Film film;
  GstElement *pipeline =
      gst_parse_launch(("filesrc location=\"" + path + "\" ! decodebin ! fakesink name=sink").c_str(), nullptr);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstBus *bus = gst_element_get_bus(pipeline);
  for (bool over = false; !over;) {
    GstMessage *message = gst_bus_timed_pop_filtered(
        bus, 60 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_TAG));
    over = !message || GST_MESSAGE_TYPE(message) != GST_MESSAGE_TAG;
    EXPECT_TRUE(message && GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR) << path;
    if (!over) {
      GstTagList *tags = nullptr;
      gst_message_parse_tag(message, &tags);
      gchar *orientation = nullptr;
      if (gst_tag_list_get_string(tags, GST_TAG_IMAGE_ORIENTATION, &orientation))
        film.turned = film.turned || std::string(orientation) != "rotate-0";
      g_free(orientation);
      gst_tag_list_unref(tags);
    }
    if (message) gst_message_unref(message);
  }
  GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
  GstPad *pad = gst_element_get_static_pad(sink, "sink");
  if (GstCaps *caps = gst_pad_get_current_caps(pad)) {
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    gst_structure_get_int(s, "width", &film.width);
    gst_structure_get_int(s, "height", &film.height);
    gst_caps_unref(caps);
  }
  gst_object_unref(pad);
  gst_object_unref(sink);
  gst_object_unref(bus);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
  return film;
}

}  // namespace

TEST(LyingClip, IsSeenAndWrittenUpright) {
  const std::pair<int, Orientation> turns[] = {{0, Orientation::Identity},
                                               {90, Orientation::Rotate90},
                                               {180, Orientation::Rotate180},
                                               {270, Orientation::Rotate270}};
  for (const auto &[degrees, orientation] : turns) {
    SCOPED_TRACE(degrees);
    const TemporaryFolder folder;
    RunOptions options;
    options.clip = folder.file("clip.mp4");
    ASSERT_TRUE(write_lying_clip(options.clip, degrees));
    options.model = save_brightest(folder);
    options.policy = "static";
    options.video_location = folder.file("film.mp4");
    const RunResult result = run(options, {});
    EXPECT_TRUE(result.warnings.empty()) << result.warnings.front();
    ASSERT_EQ(result.results.size(), 10u);
    const Box square = FrameTransform::turned(orientation).to_picture({16 / 192.0, 32 / 256.0, 64 / 192.0, 80 / 256.0});
    for (const FrameResult &frame : result.results) {
      ASSERT_EQ(frame.boxes.size(), 1u);
      const Box &found = frame.boxes.front().box;
      EXPECT_GE(found.x0, square.x0 - 1e-6);
      EXPECT_GE(found.y0, square.y0 - 1e-6);
      EXPECT_LE(found.x1, square.x1 + 1e-6);
      EXPECT_LE(found.y1, square.y1 + 1e-6);
    }
    const Film film = film_of(options.video_location);
    EXPECT_EQ(film.width, swaps_sides(orientation) ? 256 : 192);
    EXPECT_EQ(film.height, swaps_sides(orientation) ? 192 : 256);
    EXPECT_FALSE(film.turned);
  }
}
