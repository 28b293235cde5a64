// SPDX-License-Identifier: LGPL-2.1-or-later
// A gradient's place while things change, in profiles, across a network, and where it cannot be known.
#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>

#include "place_run.h"

using namespace oneadapt_test;

TEST(PlaceLimits, AFlipThatChangesWhilePlaying) {
  NEED("videoflip");
  Camera camera = corners()[1];
  for (const char *later : {"horiz", "90r", "identity"}) {
    SCOPED_TRACE(later);
    AtPicture change{12, [&](GstElement *pipeline) { set_property(pipeline, "flip", "video-direction", later); }};
    PlaceOptions options;
    options.frames = 32;
    options.setup = [&](GstElement *pipeline) { change.watch(pipeline); };
    const PlaceResult result = run_between(camera, "videoflip name=flip video-direction=180", options);
    ASSERT_EQ(result.maps[0].size(), 4u);
    expect_on_the_thing(result, camera);
    EXPECT_EQ(result.echoes[3].width, std::string(later) == "90r" ? 192u : 256u);
  }
}

// Behind a queue, upstream may have another size already when the DNN gets the last pictures of the one before.
TEST(PlaceLimits, ASizeThatChangesBehindAQueue) {
  NEED("videocrop");
  Camera camera;
  camera.thing = {144, 104, 64, 64};
  camera.caps = ",pixel-aspect-ratio=1/1";
  for (const char *queue : {"queue max-size-buffers=30", "identity"}) {
    SCOPED_TRACE(queue);
    AtPicture change{20, [&](GstElement *pipeline) {
                       set_property(pipeline, "size", "caps", "video/x-raw,width=128,height=96,pixel-aspect-ratio=1/1");
                     }};
    PlaceOptions options;
    options.frames = 42;
    options.setup = [&](GstElement *pipeline) { change.watch(pipeline); };
    const PlaceResult result =
        run_between(camera,
                    "videoscale ! capsfilter name=size caps=video/x-raw,width=256,height=192,pixel-aspect-ratio=1/1 ! "
                    "videocrop left=40 top=16 ! " +
                        std::string(queue),
                    options);
    ASSERT_EQ(result.maps[0].size(), 5u);
    EXPECT_EQ(result.echoes[1].width, 216u);
    EXPECT_EQ(result.echoes[4].width, 88u);
    for (const Map &map : result.maps[0]) {
      EXPECT_GT(map.weight(), 0);
      const double there = map.weight(map.scaled({112, 72, 128, 120}, camera));
      EXPECT_GE(there, 0.99 * map.weight()) << map.text();
    }
  }
}

/* ---- to a camera in another process ---------------------------------------------------------------------------- */

TEST(PlaceLimits, MessagesToAnotherProcessAreOfItsPictureToo) {
  NEED("videoflip");
  struct Arrived {
    std::mutex mutex;
    std::vector<Map> maps;
  } arrived;
  GstOneadaptFeedback *receiver = gst_oneadapt_feedback_new_receiver(
      "udp://127.0.0.1:0",
      [](GBytes *message, gpointer data) {
        GstOneadaptGradient *g = gst_oneadapt_gradient_from_bytes(message, nullptr);
        ASSERT_NE(g, nullptr);
        auto *a = static_cast<Arrived *>(data);
        std::lock_guard<std::mutex> lock(a->mutex);
        a->maps.push_back(map_of(*g));
        gst_oneadapt_gradient_free(g);
      },
      &arrived, nullptr);
  ASSERT_NE(receiver, nullptr);
  GstStructure *stats = gst_oneadapt_feedback_get_stats(receiver);
  guint port = 0;
  ASSERT_TRUE(gst_structure_get_uint(stats, "port", &port));
  gst_structure_free(stats);

  const Camera camera = corners()[1];
  PlaceOptions options;
  options.properties = "feedback=udp://127.0.0.1:" + std::to_string(port);
  const auto count = [&] {
    std::lock_guard<std::mutex> lock(arrived.mutex);
    return arrived.maps.size();
  };
  options.finish = [&](GstElement *) {
    for (int i = 0; i < 6000 && count() < 2; ++i) g_usleep(10000);
  };
  PlaceResult result = run_between(camera, "videoflip video-direction=90l", options);
  gst_oneadapt_feedback_free(receiver);
  ASSERT_EQ(result.warnings.size(), 1u);  // pictures without marks mean nothing to such a camera
  result.warnings.clear();
  result.maps = {arrived.maps};
  expect_on_the_thing(result, camera);
}

/* ---- profiles ------------------------------------------------------------------------------------------------- */

namespace {

/// Asks for a profile of two pictures of the size of the camera's: how good is the first one, compared with the second?
struct Profile {
  Camera first, second;
  double accuracy = -1;

  static GstOneadaptRendering *render(guint index, gpointer data) {
    const auto *self = static_cast<Profile *>(data);
    const Camera &camera = index == 0 ? self->first : self->second;
    GstOneadaptRendering *rendering = gst_oneadapt_rendering_new();
    GstCaps *caps =
        gst_caps_from_string(("video/x-raw,format=I420,framerate=10/1,width=" + std::to_string(camera.width) +
                              ",height=" + std::to_string(camera.height))
                                 .c_str());
    GstBuffer *buffer = picture(camera, 0);
    gst_oneadapt_rendering_add(rendering, gst_sample_new(buffer, caps, nullptr, nullptr), 0);
    gst_oneadapt_rendering_want(rendering, 0);
    gst_buffer_unref(buffer);
    gst_caps_unref(caps);
    return rendering;
  }

  /// In the thread of the data, between two pictures.
  void ask(GstElement *pipeline) {
    GstElement *camera = gst_bin_get_by_name(GST_BIN(pipeline), "cam0");
    GstPad *pad = gst_element_get_static_pad(camera, "src");
    GstQuery *query = gst_query_new_oneadapt_profile(2, render, this);
    gdouble *accuracies = nullptr;
    guint n = 0;
    guint64 inferences = 0;
    if (gst_pad_peer_query(pad, query) &&
        gst_query_parse_oneadapt_profile_result(query, &accuracies, &n, &inferences) && n == 2)
      accuracy = accuracies[0];
    g_free(accuracies);
    gst_query_unref(query);
    gst_object_unref(pad);
    gst_object_unref(camera);
  }
};

double profile_behind(const std::string &between, const Camera &first, const Camera &second, PlaceResult &result) {
  Profile profile{first, second};
  AtPicture fifth{5, [&](GstElement *pipeline) { profile.ask(pipeline); }};
  PlaceOptions options;
  options.setup = [&](GstElement *pipeline) { fifth.watch(pipeline); };
  result = run_between(second, between, options);
  return profile.accuracy;
}

}  // namespace

// Renderings are of the picture that a tunable passes on; the DNN must judge what it sees of that.
TEST(PlaceLimits, AProfileIsOfWhatTheDnnSees) {
  NEED("videocrop");
  NEED("videoflip");
  PlaceResult result;
  Camera best = corners()[0], moved = corners()[3], same = best;
  // The thing is seen at two places; behind the crop neither of them is, and both pictures are alike.
  EXPECT_EQ(profile_behind("identity", moved, best, result), 0);
  EXPECT_EQ(profile_behind("identity", same, best, result), 1);
  EXPECT_EQ(profile_behind("videocrop left=64 right=64", moved, best, result), 1);
  // Of one picture the half without the thing is seen, of the other one that with it.
  EXPECT_EQ(profile_behind("videoflip video-direction=90r ! videocrop top=128", moved, best, result), 0);
  EXPECT_EQ(profile_behind("videoflip video-direction=90r ! videocrop top=128", moved, moved, result), 1);
  EXPECT_TRUE(result.warnings.empty()) << result.warnings.front();
}

TEST(PlaceLimits, AProfileThroughWhatCannotBeFollowedIsRefused) {
  NEED("rotate");
  PlaceResult result;
  const Camera camera = corners()[0];
  EXPECT_EQ(profile_behind("videoconvert ! rotate name=x angle=1", camera, camera, result), -1);
  EXPECT_TRUE(std::any_of(result.warnings.begin(), result.warnings.end(), [](const std::string &text) {
    return text.find("cannot be profiled") != std::string::npos && text.find("\"x\"") != std::string::npos;
  }));
}

/* ---- what cannot be followed ---------------------------------------------------------------------------------- */

TEST(PlaceLimits, ElementsThatMoveThingsAboutGetAWarningAndNoPlaces) {
  for (const char *element : {"rotate angle=0.5", "warptv", "fisheye", "mirror"}) {
    if (!there_is(element)) {
      std::printf("%s is missing: not tested\n", element);
      continue;
    }
    SCOPED_TRACE(element);
    const Camera camera = corners()[0];
    const PlaceResult result = run_between(camera, std::string("videoconvert ! ") + element + " name=x ! videoconvert");
    ASSERT_EQ(result.warnings.size(), 1u);
    EXPECT_NE(result.warnings[0].find("\"x\""), std::string::npos) << result.warnings[0];
    EXPECT_NE(result.warnings[0].find("in front of oneadaptctl"), std::string::npos) << result.warnings[0];
    ASSERT_EQ(result.maps[0].size(), 2u);
    for (const Map &map : result.maps[0]) {
      EXPECT_GT(map.weight(), 0);
      for (const float value : map.values) EXPECT_EQ(value, map.values[0]);
      ASSERT_EQ(map.regions.size(), 1u);
      EXPECT_EQ(map.regions[0].x_max - map.regions[0].x_min, 1);
    }
  }
}

// Of an element that is known to leave sizes alone. A change would be over by the next gradient.
TEST(PlaceLimits, ASizeThatNobodyCanExplainGetsAWarning) {
  NEED("capssetter");
  const Camera camera = corners()[0];
  PlaceOptions options;
  options.frames = 42;
  const PlaceResult result = run_between(
      camera, "capssetter name=x replace=true caps=video/x-raw,format=I420,width=192,height=256,framerate=10/1",
      options);
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_NE(result.warnings[0].find("\"x\" (capssetter)"), std::string::npos) << result.warnings[0];
  ASSERT_EQ(result.maps[0].size(), 5u);
  for (const Map &map : result.maps[0])
    for (const float value : map.values) EXPECT_EQ(value, map.values[0]);
}

TEST(PlaceLimits, ElementsThatNobodyKnowsGetAWarning) {
  NEED("dilate");
  const Camera camera = corners()[0];
  PlaceResult result = run_between(camera, "videoconvert ! dilate name=x ! videoconvert");
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_NE(result.warnings[0].find("\"x\" (dilate)"), std::string::npos) << result.warnings[0];
  result.warnings.clear();
  expect_on_the_thing(result, camera);
  // Nobody upstream takes gradients: nobody is bothered.
  PlaceOptions alone;
  alone.upstream = false;
  result = run_between(camera, "videoconvert ! dilate", alone);
  EXPECT_TRUE(result.warnings.empty()) << result.warnings[0];
}
