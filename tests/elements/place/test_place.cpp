// SPDX-License-Identifier: LGPL-2.1-or-later
// A bright thing in a corner of the camera's picture, and elements between decoder and DNN that move it: the gradient
// that goes upstream is where the thing is in the camera's picture.
#include <gtest/gtest.h>

#include <random>

#include "place_run.h"

namespace {

using namespace oneadapt_test;

/// Behind these elements, wherever the thing is.
void expect_everywhere(const std::string &between) {
  SCOPED_TRACE(between);
  for (const Camera &camera : corners()) expect_on_the_thing(run_between(camera, between), camera);
}

/// Behind these elements, with the thing there, which they leave in the picture.
void expect_at(int x, int y, const std::string &between, const std::string &more_caps = "") {
  SCOPED_TRACE(between);
  Camera camera;
  camera.thing = {x, y, 24, 24};
  camera.caps = more_caps;
  expect_on_the_thing(run_between(camera, between), camera);
}

/// Behind these elements, with the thing there, which the DNN does not get to see: its weight is nowhere.
void expect_unseen(int x, int y, const std::string &between) {
  SCOPED_TRACE(between);
  Camera camera;
  camera.thing = {x, y, 24, 24};
  const PlaceResult result = run_between(camera, between);
  ASSERT_FALSE(result.maps[0].empty());
  for (const Map &map : result.maps[0]) EXPECT_EQ(map.weight(camera.thing), 0) << map.text();
}

}  // namespace

TEST(Place, NothingBetween) {
  expect_everywhere("identity");
  const Camera camera = corners()[1];
  const PlaceResult result = run_between(camera, "identity");
  ASSERT_EQ(result.echoes.size(), 2u);
  EXPECT_EQ(result.echoes[1].values, result.maps[0][1].values);
}

TEST(Place, EveryWayToFlip) {
  NEED("videoflip");
  for (const char *direction : {"identity", "90r", "180", "90l", "horiz", "vert", "ul-lr", "ur-ll"})
    expect_everywhere(std::string("videoflip video-direction=") + direction);
}

TEST(Place, EveryOldNameOfAFlip) {
  NEED("videoflip");
  const Camera camera = corners()[1];
  for (const char *method : {"none", "clockwise", "rotate-180", "counterclockwise", "horizontal-flip", "vertical-flip",
                             "upper-left-diagonal", "upper-right-diagonal"}) {
    SCOPED_TRACE(method);
    PlaceOptions options;
    options.setup = [method](GstElement *pipeline) { set_property(pipeline, "flip", "method", method); };
    expect_on_the_thing(run_between(camera, "videoflip name=flip", options), camera);
  }
}

TEST(Place, FlipsByTheStreamsTags) {
  NEED("videoflip");
  Camera camera = corners()[1];
  for (const GstTagScope scope : {GST_TAG_SCOPE_STREAM, GST_TAG_SCOPE_GLOBAL})
    for (const char *tag : {"rotate-0", "rotate-90", "rotate-180", "rotate-270", "flip-rotate-0", "flip-rotate-90",
                            "flip-rotate-180", "flip-rotate-270"})
      for (const char *setting : {"video-direction=auto", "method=automatic", "video-direction=identity"}) {
        SCOPED_TRACE(std::string(tag) + " " + setting);
        camera.orientation = tag;
        camera.scope = scope;
        const PlaceResult result = run_between(camera, std::string("videoflip ") + setting);
        expect_on_the_thing(result, camera);
        if (g_str_has_prefix(setting, "method")) continue;  // versions differ in what the old name does
        ASSERT_FALSE(result.echoes.empty());
        const bool lies = g_str_has_suffix(tag, "90") || g_str_has_suffix(tag, "270");
        EXPECT_EQ(result.echoes[0].width, lies && g_str_has_suffix(setting, "auto") ? 192u : 256u);
      }
  expect_at(208, 16, "videoflip video-direction=auto");
}

TEST(Place, AFlipOfASquare) {  // caps say nothing of a quarter turn
  NEED("videoflip");
  for (const char *flip :
       {"videoflip video-direction=auto", "videoflip video-direction=90r", "videoflip video-direction=ur-ll"}) {
    Camera camera;
    camera.orientation = "rotate-270";
    camera.height = 256;
    camera.thing = {200, 48, 24, 24};
    expect_on_the_thing(run_between(camera, flip), camera);
  }
}

TEST(Place, TheDnnsOwnMapIsWhatIsShown) {
  NEED("videoflip");
  const Camera camera = corners()[0];
  const PlaceResult result = run_between(camera, "videoflip video-direction=90r");
  ASSERT_EQ(result.echoes.size(), 2u);
  for (const Map &map : result.echoes) {
    EXPECT_EQ(map.width, 192u);
    EXPECT_EQ(map.height, 256u);
    // Turned clockwise, the upper left corner is the upper right one.
    EXPECT_GE(map.weight({192 - 8 - 24, 24, 24, 24}), 0.99 * map.weight()) << map.text();
  }
}

TEST(Place, CropsOfEachSide) {
  NEED("videocrop");
  expect_at(56, 40, "videocrop left=32");
  expect_at(56, 40, "videocrop right=100");
  expect_at(56, 40, "videocrop top=24");
  expect_at(56, 40, "videocrop bottom=72");
  expect_at(56, 40, "videocrop left=31 right=97 top=24 bottom=71");  // odd ones too
  for (const char *side : {"left=-1", "right=-1", "left=-1 right=-1", "left=8 right=-1", "left=-1 right=8"})
    expect_at(100, 80, std::string("videocrop ") + side + " ! video/x-raw,width=200");
  for (const char *side : {"top=-1", "bottom=-1", "top=-1 bottom=-1", "top=8 bottom=-1", "top=-1 bottom=8"})
    expect_at(100, 80, std::string("videocrop ") + side + " ! video/x-raw,height=151");
  expect_unseen(8, 8, "videocrop left=40");
  expect_unseen(208, 152, "videocrop bottom=48");
}

TEST(Place, CropsToAShape) {
  NEED("aspectratiocrop");
  expect_at(100, 16, "videoconvert ! aspectratiocrop aspect-ratio=1/1");
  expect_at(208, 100, "videoconvert ! aspectratiocrop aspect-ratio=16/9");
  expect_at(120, 100, "videoconvert ! aspectratiocrop aspect-ratio=9/16");
  expect_unseen(8, 8, "videoconvert ! aspectratiocrop aspect-ratio=9/16");
}

TEST(Place, BoxesThatCropAndBoxesThatAdd) {
  NEED("videobox");
  expect_at(56, 40, "videobox left=32 top=16");
  expect_at(56, 40, "videobox right=32 bottom=16");
  expect_everywhere("videobox left=-32 top=-48");
  expect_everywhere("videobox right=-32 bottom=-48");
  expect_at(56, 40, "videobox left=32 right=-64 top=-16 bottom=40");
  expect_at(100, 80, "videobox autocrop=true ! video/x-raw,width=200,height=160");
  expect_everywhere("videobox autocrop=true ! video/x-raw,width=320,height=240");
  expect_unseen(8, 8, "videobox left=40");
}

TEST(Place, ScalersOfTheWholePicture) {
  for (const char *caps : {"width=512,height=384", "width=128,height=96", "width=320,height=192"}) {
    Camera camera;
    camera.thing = {64, 64, 64, 64};
    expect_on_the_thing(run_between(camera, std::string("videoscale add-borders=false ! video/x-raw,") + caps +
                                                ",pixel-aspect-ratio=1/1"),
                        camera);
  }
}

TEST(Place, ScalersThatAddBorders) {
  for (const char *caps :
       {"width=512,height=192", "width=256,height=384", "width=129,height=255", "width=400,height=111"}) {
    SCOPED_TRACE(caps);
    for (const auto &[x, y] : {std::pair{8, 8}, {168, 8}, {8, 120}, {168, 104}}) {
      Camera camera;
      camera.thing = {x, y, 64, 64};
      camera.caps = ",pixel-aspect-ratio=1/1";
      expect_on_the_thing(run_between(camera, std::string("videoscale ! video/x-raw,pixel-aspect-ratio=1/1,") + caps),
                          camera);
    }
  }
}

TEST(Place, PixelsOfAnotherShape) {
  Camera camera;
  camera.thing = {168, 104, 64, 64};
  for (const char *before : {"1/1", "2/1", "12/11"})
    for (const char *after : {"1/1", "2/1", "1/2"})
      for (const char *borders : {"true", "false"}) {
        SCOPED_TRACE(std::string(before) + " to " + after + ", borders " + borders);
        camera.caps = std::string(",pixel-aspect-ratio=") + before;
        expect_on_the_thing(run_between(camera, std::string("videoscale add-borders=") + borders +
                                                    " ! video/x-raw,width=320,height=240,pixel-aspect-ratio=" + after),
                            camera);
      }
  // Left to itself, a scaler changes the shape of pixels rather than add borders.
  camera.caps = ",pixel-aspect-ratio=1/1";
  expect_on_the_thing(run_between(camera, "videoscale ! video/x-raw,width=512,height=192"), camera);
}

TEST(Place, SeveralAfterEachOther) {
  NEED("videoflip");
  NEED("videocrop");
  NEED("videobox");
  expect_at(104, 72,
            "videocrop left=40 top=24 ! videoflip video-direction=90r ! videoscale ! "
            "video/x-raw,width=400,height=300,pixel-aspect-ratio=1/1",
            ",pixel-aspect-ratio=1/1");
  expect_at(104, 72,
            "videoflip video-direction=horiz ! videocrop left=40 ! videoflip video-direction=90l ! videocrop "
            "left=16 bottom=24");
  expect_at(104, 72,
            "videobox left=-40 ! videoflip video-direction=ur-ll ! videocrop left=16 top=8 ! videobox "
            "bottom=-64");
  // The border that a crop takes off again.
  expect_everywhere("videobox left=-40 ! videocrop left=40");
  // What a crop took, a border does not give back.
  expect_unseen(8, 8, "videocrop left=40 ! videobox left=-40");
}

TEST(Place, ThroughQueuesTeesBinsAndOthers) {
  NEED("videoflip");
  NEED("videocrop");
  expect_everywhere(
      "queue ! videoconvert ! videorate ! videoflip video-direction=horiz ! valve ! queue ! "
      "video/x-raw,format=RGB ! identity");
  expect_everywhere("tee name=t ! queue ! fakesink async=false t. ! queue ! videoflip video-direction=horiz");
  expect_everywhere("multiqueue ! videoflip video-direction=horiz");
  expect_everywhere("videoflip video-direction=horiz ! oneadaptdnn gradient=false model=MODEL name=first");
  expect_everywhere("videobalance brightness=0.01 ! videoflip video-direction=180 ! gamma gamma=1.01");
}

TEST(Place, InsideBins) {
  NEED("videoflip");
  NEED("videocrop");
  expect_everywhere("( videoflip video-direction=90r ! queue )");
  expect_at(104, 72, "( videocrop left=40 ! ( videoflip video-direction=horiz ! identity ) ) ! ( queue )");
}

// Chains of anything. Where the thing is still to be seen, the DNN finds it, and its place must be right.
TEST(Place, RandomChains) {
  for (const char *needed : {"videoflip", "videocrop", "videobox"}) NEED(needed);
  constexpr unsigned kChains = 120, kFirstSeed = 1;
  unsigned seen = 0;
  for (unsigned seed = kFirstSeed; seed < kFirstSeed + kChains; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](unsigned n) { return random() % n; };
    const auto number = [&](unsigned n) { return std::to_string(below(n)); };
    const char *const directions[] = {"90r", "180", "90l", "horiz", "vert", "ul-lr", "ur-ll", "auto"};
    const char *const orientations[] = {"rotate-90", "rotate-180", "flip-rotate-270", "flip-rotate-0"};
    Camera camera;
    camera.width = 160 + 16 * int(below(8));
    camera.height = 160 + 16 * int(below(8));
    camera.thing = {8 * int(below(13)), 8 * int(below(13)), 48, 48};
    camera.caps = ",pixel-aspect-ratio=1/1";
    camera.orientation = orientations[below(4)];
    std::string chain = "identity";
    for (unsigned length = 1 + below(5); length > 0; --length) {
      switch (below(8)) {
        case 0:
        case 1:
          chain += std::string(" ! videoflip video-direction=") + directions[below(8)];
          break;
        case 2:
          chain += " ! videocrop left=" + number(30) + " right=" + number(30) + " top=" + number(30) +
                   " bottom=" + number(30);
          break;
        case 3:
          chain += " ! videobox left=" + std::to_string(30 - int(below(60))) +
                   " bottom=" + std::to_string(30 - int(below(60)));
          break;
        case 4:
          chain += " ! videoscale add-borders=" + std::string(below(2) ? "true" : "false") +
                   " ! video/x-raw,pixel-aspect-ratio=1/1,width=" + std::to_string(200 + below(150)) +
                   ",height=" + std::to_string(200 + below(150));
          break;
        case 5:
          chain += " ! queue ! videoconvert ! video/x-raw,format=" + std::string(below(2) ? "RGB" : "I420");
          break;
        case 6:
          chain += " ! tee ! valve ! videorate";
          break;
        default:
          chain += " ! ( queue ! videoflip video-direction=" + std::string(directions[below(8)]) + " )";
      }
    }
    SCOPED_TRACE("seed " + std::to_string(seed) + ": " + camera.orientation + " " + chain);
    const PlaceResult result = run_between(camera, chain);
    ASSERT_EQ(result.echoes.size(), 2u);
    if (result.echoes[0].weight() < 1)
      continue;  // the thing was cut off: something as dark as the background was found
    ++seen;
    expect_on_the_thing(result, camera, 0, 48);
  }
  EXPECT_GT(seen, kChains / 2);
}
