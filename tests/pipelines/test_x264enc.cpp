// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs of another encoder than the filter: each picture reaches the DNN in its place, and what it costs is counted. A
// model finds the ball that crosses the picture by most of its own size from one frame to the next.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <set>

#include "eval/encoder_cost.h"
#include "eval/medium.h"
#include "eval/run.h"
#include "test_models.h"

using namespace oneadapt;
using namespace oneadapt::eval;
using namespace oneadapt_test;

namespace {

constexpr std::size_t kFrames = 24;

class Encoder : public ::testing::Test {
 protected:
  RunOptions options(const std::string &encoder) const {
    RunOptions o;
    o.source = source;
    o.model = model;
    o.fps = 8;
    o.seconds = 3;
    o.threads = 1;
    o.policy = "static";
    o.gradient = false;
    o.encoder = encoder;
    return o;
  }
  RunResult of(const std::string &rate) const {
    return run(options("x264enc speed-preset=veryfast threads=1 aud=false " + rate), {});
  }
  RunResult uncoded() const {
    RunOptions o = options("");
    o.raw = true;
    return run(o, {});
  }

  TemporaryFolder folder;
  std::string model = save_brightest(folder);
  std::string source =
      "videotestsrc num-buffers=240 pattern=ball ! video/x-raw,width=160,height=120,framerate=80/1 ! videoscale ! "
      "video/x-raw,width=64,height=48";
};

GstBuffer *buffer_of(const std::vector<guint8> &bytes) {
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, bytes.size(), nullptr);
  gst_buffer_fill(buffer, 0, bytes.data(), bytes.size());
  return buffer;
}

}  // namespace

// Without delay, and with a lookahead and B pictures, which leave the encoder in another order.
TEST_F(Encoder, EachPictureIsAnalysedInItsPlace) {
  const RunResult reference = uncoded();
  ASSERT_EQ(reference.input.size(), kFrames);
  std::set<double> places;
  for (const FrameResult &f : reference.results) places.insert(f.boxes.at(0).box.x0);
  ASSERT_GE(places.size(), 5u);  // else any order would do
  for (const char *rate :
       {"tune=zerolatency pass=qual quantizer=12", "pass=qual quantizer=12 bframes=3 b-adapt=false"}) {
    const RunResult coded = of(rate);
    EXPECT_EQ(coded.input, reference.input) << rate;
    ASSERT_EQ(coded.results.size(), kFrames) << rate;
    for (std::size_t i = 0; i < kFrames; ++i)
      EXPECT_NEAR(double(coded.results[i].stream_time), double(reference.results[i].stream_time), 1e6) << rate;
    EXPECT_GT(mean_accuracy(coded, reference), 0.9) << rate;
    EXPECT_EQ(coded.packets.size(), kFrames) << rate;
    EXPECT_GT(coded.encode_s, 0) << rate;
    EXPECT_LT(coded.encode_s, 5) << rate;
    EXPECT_TRUE(coded.intervals.empty());
  }
}

TEST_F(Encoder, ItsRateIsObeyed) {
  EXPECT_LT(of("tune=zerolatency pass=qual quantizer=40").bytes,
            of("tune=zerolatency pass=qual quantizer=20").bytes / 2);
  const RunResult r = of("tune=zerolatency pass=cbr bitrate=20");
  EXPECT_NEAR(double(r.bytes) * 8 / 1000 / r.seconds, 20, 8);
}

// x264enc itself refuses odd sides.
TEST_F(Encoder, OddSidesAreCut) {
  source = "videotestsrc num-buffers=8 ! video/x-raw,width=101,height=75,framerate=8/1";
  const RunResult r = of("tune=zerolatency");
  EXPECT_EQ(r.results.size(), 8u);
  EXPECT_EQ(r.width, 101u);
}

TEST_F(Encoder, WhatItSaysOfItselfIsNoPartOfTheStream) {
  // A delimiter of 4 + 2 bytes, user data of 3 + 4, a picture of 3 + 2, user data of 4 + 1.
  GstBuffer *buffer = buffer_of({0, 0, 0, 1, 9, 16, 0, 0, 1, 6, 5, 0, 7, 0, 0, 1, 0x65, 6, 0, 0, 0, 1, 6});
  EXPECT_EQ(bytes_without_sei(buffer), 11u);
  gst_buffer_unref(buffer);
  buffer = buffer_of({0, 0, 1});
  EXPECT_EQ(bytes_without_sei(buffer), 3u);
  gst_buffer_unref(buffer);
  // x264's options are 700 bytes of text; the picture of one grey is less.
  source = "videotestsrc num-buffers=1 pattern=black ! video/x-raw,width=64,height=48,framerate=8/1";
  EXPECT_LT(of("tune=zerolatency pass=qual quantizer=40").bytes, 200u);
}

TEST_F(Encoder, PicturesThatAreLostAreAnError) {
  source = "videotestsrc num-buffers=8 ! video/x-raw,width=64,height=48,framerate=8/1";
  try {
    run(options("x264enc tune=zerolatency ! identity eos-after=4"), {});
    FAIL() << "nothing was said";
  } catch (const RunError &e) {
    EXPECT_NE(std::string(e.what()).find("pictures that were coded"), std::string::npos) << e.what();
  }
}
