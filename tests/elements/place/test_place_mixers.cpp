// SPDX-License-Identifier: LGPL-2.1-or-later
// Several cameras whose pictures come together: each hears of its own.
#include <gtest/gtest.h>

#include "place_run.h"

using namespace oneadapt_test;

// Of a selector's inputs only the active one has to do with the picture.
TEST(PlaceMixers, ASelectorsActiveInput) {
  NEED("videoflip");
  for (const bool second : {false, true}) {
    std::vector<Camera> cameras(2);
    cameras[1].thing = {208, 152, 24, 24};
    cameras[second ? 0 : 1].brightness = 60;
    const std::string flips[] = {"videoflip video-direction=horiz", "videoflip video-direction=90r"};
    const PlaceResult result =
        run_place(cameras, "input-selector name=s sync-streams=false ! dnn_in.  cam" + std::string(second ? "1" : "0") +
                               ". ! " + flips[second] + " ! s.sink_0  cam" + (second ? "0" : "1") + ". ! " +
                               flips[!second] + " ! fakesink async=false");
    expect_on_the_thing(result, cameras[second], second);
  }
}

TEST(PlaceMixers, OneInputOfAMixer) {
  for (const char *mixer : {"compositor", "videomixer"}) {
    if (!there_is(mixer)) continue;
    const std::string name = mixer;
    const std::string out = " ! video/x-raw,width=512,height=384,pixel-aspect-ratio=1/1 ! dnn_in. cam0. ! m.sink_0";
    for (Camera camera : corners()) {
      camera.caps = ",pixel-aspect-ratio=1/1";
      for (const char *pad : {"", "sink_0::xpos=128 sink_0::ypos=64", "sink_0::xpos=256 sink_0::ypos=192"}) {
        SCOPED_TRACE(name + " " + pad);
        expect_on_the_thing(run_place({camera}, name + " name=m background=black " + pad + out), camera);
      }
    }
  }
}

TEST(PlaceMixers, AMixerThatScales) {
  NEED("compositor");
  Camera camera;
  camera.thing = {144, 104, 64, 64};
  for (const char *par : {"1/1", "2/1", "12/11"})
    for (const char *pad : {"sink_0::width=400 sink_0::height=300", "sink_0::xpos=40 sink_0::width=128",
                            "sink_0::ypos=-16 sink_0::height=200",
                            "sink_0::width=300 sink_0::height=300 sink_0::sizing-policy=keep-aspect-ratio",
                            "sink_0::xpos=8 sink_0::width=200 sink_0::height=300 "
                            "sink_0::sizing-policy=keep-aspect-ratio"}) {
      SCOPED_TRACE(std::string(par) + " " + pad);
      camera.caps = std::string(",pixel-aspect-ratio=") + par;
      expect_on_the_thing(run_place({camera}, "compositor name=m background=black " + std::string(pad) +
                                                  " ! video/x-raw,width=512,height=384,pixel-aspect-ratio=1/1 ! "
                                                  "dnn_in. cam0. ! m.sink_0"),
                          camera, 0, 42);  // the smallest is 75 pixels high
    }
}

// Each camera hears of its own picture; the DNN finds the brighter thing.
TEST(PlaceMixers, TwoCamerasSideBySide) {
  NEED("compositor");
  NEED("videoflip");
  for (const std::size_t brighter : {0u, 1u}) {
    std::vector<Camera> cameras(2);
    cameras[0].thing = {24, 16, 24, 24};
    cameras[1].thing = {208, 136, 24, 24};
    cameras[1 - brighter].brightness = 120;
    const PlaceResult result = run_place(cameras,
                                         "compositor name=m background=black sink_1::xpos=256 sink_1::ypos=64 ! "
                                         "video/x-raw,width=512,height=256 ! dnn_in. "
                                         "cam0. ! videoflip video-direction=horiz ! m.sink_0 cam1. ! queue ! m.sink_1");
    expect_on_the_thing(result, cameras[brighter], brighter);
    ASSERT_EQ(result.maps[1 - brighter].size(), 2u);
    for (const Map &map : result.maps[1 - brighter]) {
      EXPECT_EQ(map.weight(), 0) << map.text();
      EXPECT_TRUE(map.regions.empty());
      EXPECT_EQ(map.stream, result.streams[1 - brighter]);
    }
  }
}

// A small picture in a large one: what is seen there is the small one's.
TEST(PlaceMixers, APictureInAPicture) {
  NEED("compositor");
  std::vector<Camera> cameras(2);
  cameras[0].brightness = 50;  // nothing in it
  cameras[1].width = cameras[1].height = 96;
  cameras[1].thing = {32, 40, 24, 24};
  for (const char *order : {"", "sink_0::zorder=1 sink_1::zorder=2"}) {
    const PlaceResult result =
        run_place(cameras, "compositor name=m background=black sink_1::xpos=128 sink_1::ypos=64 " + std::string(order) +
                               " ! dnn_in. cam0. ! m.sink_0 cam1. ! m.sink_1");
    expect_on_the_thing(result, cameras[1], 1);
    for (const Map &map : result.maps[0]) {
      EXPECT_EQ(map.weight(), 0) << map.text();
      EXPECT_TRUE(map.regions.empty()) << "what was found lies in the picture above";
    }
  }
  // The other way round the small one is covered.
  cameras[0].brightness = 160;
  const PlaceResult result = run_place(
      cameras,
      "compositor name=m background=black sink_1::xpos=128 sink_1::ypos=64 sink_0::zorder=2 sink_1::zorder=1 ! "
      "dnn_in. cam0. ! m.sink_0 cam1. ! m.sink_1");
  expect_on_the_thing(result, cameras[0], 0);
  for (const Map &map : result.maps[1]) EXPECT_EQ(map.weight(), 0) << map.text();
}

// A picture and a part of it beside it, larger: one camera, which gets one gradient of both.
TEST(PlaceMixers, OnePictureTwice) {
  NEED("compositor");
  NEED("videocrop");
  for (const bool in_part : {false, true}) {
    SCOPED_TRACE(in_part);
    Camera camera;
    camera.thing = in_part ? Rectangle{208, 152, 24, 24} : Rectangle{24, 16, 24, 24};
    camera.caps = ",pixel-aspect-ratio=1/1";
    // Over the camera's picture, but for its upper left, lies its lower right quarter at the same size.
    const PlaceResult result = run_place(
        {camera},
        "compositor name=m background=black sink_1::xpos=128 sink_1::ypos=64 sink_0::zorder=1 sink_1::zorder=2 ! "
        "video/x-raw,width=256,height=192 ! dnn_in.  cam0. ! tee name=t  t. ! queue ! m.sink_0  t. ! queue ! "
        "videocrop left=128 top=96 ! m.sink_1");
    ASSERT_EQ(result.maps[0].size(), 2u) << "an early one, and one of the interval";
    expect_on_the_thing(result, camera);
  }
}
