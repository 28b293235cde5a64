// SPDX-License-Identifier: LGPL-2.1-or-later
// Situations that people meet, with all elements as they are used; README.md says where the others are.
#include <atomic>
#include <chrono>
#include <random>
#include <thread>

#include "camera.h"
#include "test_models.h"
#include "watched_pipeline.h"

using namespace oneadapt_test;

namespace {

const std::string kDecode = " ! h264parse ! avdec_h264 max-threads=1 ! videoconvert ! ";

struct Situations : testing::Test {
  TemporaryFolder folder;
  const std::string dnn = "oneadaptdnn name=dnn threads=1 model=" + save_brightest(folder);

  static std::string camera(const std::string &rate, const std::string &properties = "format=time") {
    return "appsrc name=camera max-bytes=0 " + properties + " caps=\"" + camera_caps(rate) + "\" ! ";
  }
  /// `count` frames, `step` apart (GST_CLOCK_TIME_NONE: not stamped), then the end.
  static void feed(const WatchedPipeline &pipeline, unsigned count, GstClockTime step) {
    const auto source = pipeline.find("camera");
    for (unsigned i = 0; i < count; ++i)
      push_picture(source.get(), i, GST_CLOCK_TIME_IS_VALID(step) ? i * step : GST_CLOCK_TIME_NONE);
    gst_app_src_end_of_stream(GST_APP_SRC(source.get()));
  }
  /// A clip in an MP4 file, as phones and cameras make it.
  std::string clip(unsigned frames) const {
    const std::string path = folder.file("clip.mp4");
    EXPECT_EQ(play_line("videotestsrc pattern=ball num-buffers=" + std::to_string(frames) +
                        " ! video/x-raw,format=I420,width=128,height=128,framerate=25/1 ! x264enc key-int-max=25 "
                        "speed-preset=ultrafast ! mp4mux ! filesink location=" +
                        path),
              "");
    return path;
  }
  static std::string play_clip(const std::string &path) {
    return "filesrc location=" + path + " ! qtdemux ! h264parse ! avdec_h264 max-threads=1 ! ";
  }
};

/// Counts the buffers that come to an element.
void count_buffers(const WatchedPipeline &pipeline, const char *element, unsigned *count) {
  pipeline.on_buffers(
      element, "sink",
      [](GstPad *, GstPadProbeInfo *, gpointer data) {
        ++*static_cast<unsigned *>(data);
        return GST_PAD_PROBE_OK;
      },
      count);
}

}  // namespace

// With all defaults of the controller, whose start configuration sets `framerate`.
TEST_F(Situations, ACameraThatGivesFewerFramesThanItPromises) {
  for (const GstClockTime step : {GST_SECOND / 15, GST_SECOND / 10}) {
    WatchedPipeline pipeline(camera("25/1") + "oneadaptctl name=ctl ! oneadaptfilter ! video/x-raw ! " + dnn +
                             " ! fakesink sync=false");
    unsigned analysed = 0;
    count_buffers(pipeline, "dnn", &analysed);
    feed(pipeline, unsigned(5 * GST_SECOND / step), step);
    EXPECT_EQ(pipeline.play(), "");
    EXPECT_GE(analysed, 10u);
    EXPECT_GE(pipeline.stat("ctl", "gradients"), 4u);
  }
}

// A frame every five seconds is answered by a gradient each.
TEST_F(Situations, ASlowCamera) {
  WatchedPipeline pipeline(camera("0/1") + "oneadaptctl name=ctl ! oneadaptfilter" + kDecode + dnn +
                           " ! fakesink sync=false");
  feed(pipeline, 15, 5 * GST_SECOND);
  EXPECT_EQ(pipeline.play(), "");
  EXPECT_GE(pipeline.stat("ctl", "gradients"), 14u);
  EXPECT_EQ(pipeline.stat("ctl", "gradients-ignored"), 0u);
  EXPECT_EQ(pipeline.stat("ctl", "intervals-without-feedback"), 0u);
}

TEST_F(Situations, FramesWithoutTimeStampsAreAdaptedOrItIsSaid) {
  for (const char *source : {"format=time", ""})
    for (const bool stamped : {true, false}) {
      SCOPED_TRACE(std::string(source) + (stamped ? " stamped" : " not stamped"));
      WatchedPipeline pipeline(camera("15/1", source) + "oneadaptctl name=ctl lockstep=true ! oneadaptfilter" +
                               kDecode + dnn + " ! fakesink sync=false");
      feed(pipeline, 60, stamped ? GST_SECOND / 15 : GST_CLOCK_TIME_NONE);
      EXPECT_EQ(pipeline.play(), "");
      if (*source) {
        EXPECT_GE(pipeline.stat("ctl", "decisions"), 3u);
        EXPECT_TRUE(pipeline.warnings().empty()) << pipeline.warnings().front();
        continue;
      }
      EXPECT_EQ(pipeline.stat("ctl", "decisions"), 0u);
      ASSERT_FALSE(pipeline.warnings().empty());
      bool said = false;
      for (const std::string &one : pipeline.warnings()) said = said || one.find("format=time") != std::string::npos;
      EXPECT_TRUE(said) << pipeline.warnings().front();
    }
}

// A recording branch beside the DNN's changes nothing, whichever is first.
TEST_F(Situations, ATeeInLockstep) {
  const std::string analyse = " t. ! queue ! avdec_h264 max-threads=1 ! videoconvert ! " + dnn + " ! fakesink",
                    record = " t. ! queue ! fakesink";
  for (const std::string &branches : {analyse, record + analyse, analyse + record, record + analyse + record}) {
    SCOPED_TRACE(branches);
    WatchedPipeline pipeline(camera("10/1") +
                             "oneadaptctl name=ctl knobs=qp lockstep=true lockstep-timeout=5000000000 ! oneadaptfilter "
                             "! h264parse ! tee name=t" +
                             branches);
    feed(pipeline, 31, GST_SECOND / 10);
    EXPECT_EQ(pipeline.play(), "");
    EXPECT_EQ(pipeline.stat("ctl", "early-gradients"), 1u);
    EXPECT_EQ(pipeline.stat("ctl", "gradients"), 3u);
    EXPECT_EQ(pipeline.stat("ctl", "gradients-ignored"), 0u);
    EXPECT_EQ(pipeline.stat("ctl", "lockstep-timeouts"), 0u);
    EXPECT_TRUE(pipeline.warnings().empty()) << pipeline.warnings().front();
  }
}

TEST_F(Situations, AClipThatIsPlayedBackwardsIsLeftAlone) {
  WatchedPipeline pipeline(play_clip(clip(100)) +
                           "oneadaptctl name=ctl knobs=qp lockstep=true lockstep-timeout=1000000 ! oneadaptfilter" +
                           kDecode + dnn + " ! fakesink sync=false");
  gst_element_set_state(pipeline.get(), GST_STATE_PAUSED);
  ASSERT_EQ(gst_element_get_state(pipeline.get(), nullptr, nullptr, 20 * GST_SECOND), GST_STATE_CHANGE_SUCCESS);
  const guint64 before = pipeline.stat("dnn", "frames");
  ASSERT_TRUE(gst_element_seek(pipeline.get(), -1, GST_FORMAT_TIME,
                               GstSeekFlags(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE), GST_SEEK_TYPE_SET, 0,
                               GST_SEEK_TYPE_SET, 4 * GST_SECOND));
  EXPECT_EQ(pipeline.play(), "");
  EXPECT_EQ(pipeline.stat("ctl", "lockstep-timeouts"), 0u);
  EXPECT_GE(pipeline.stat("dnn", "frames"), before + 50);
  ASSERT_EQ(pipeline.warnings().size(), 1u);
  EXPECT_NE(pipeline.warnings()[0].find("backwards"), std::string::npos) << pipeline.warnings()[0];
}

// The new caps meet a flush now and then.
TEST_F(Situations, QuickSeeksWhileTheScaleMoves) {
  const std::string line = play_clip(clip(250)) + "oneadaptfilter name=filter" + kDecode + "fakesink sync=false";
  std::mt19937 random(3);
  for (int run = 0; run < 5; ++run) {
    WatchedPipeline pipeline(line);
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    gst_element_get_state(pipeline.get(), nullptr, nullptr, 20 * GST_SECOND);
    for (guint64 i = 0; i < 40; ++i) {
      constexpr double kScales[] = {0.5, 0.75, 1};
      g_object_set(pipeline.find("filter").get(), "scale", kScales[random() % 3], nullptr);
      gst_element_seek_simple(pipeline.get(), GST_FORMAT_TIME,
                              GstSeekFlags(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_KEY_UNIT), gint64(i % 9 * GST_SECOND));
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 5000));
    }
    EXPECT_EQ(pipeline.play(), "");
    EXPECT_TRUE(pipeline.warnings().empty()) << pipeline.warnings().front();
  }
}

TEST_F(Situations, AFileWithBPicturesHasAllFrames) {
  const std::string path = folder.file("b.mp4");
  WatchedPipeline recorder(camera("25/1") +
                           "oneadaptfilter b-frames=3 b-bias=100 ! h264parse ! mp4mux ! filesink location=" + path);
  feed(recorder, 80, GST_SECOND / 25);
  EXPECT_EQ(recorder.play(), "");
  WatchedPipeline player(play_clip(path) + "fakesink name=out sync=false");
  unsigned frames = 0;
  count_buffers(player, "out", &frames);
  EXPECT_EQ(player.play(), "");
  EXPECT_EQ(frames, 80u);
}

namespace {

/// A branch behind the tee "t", with a filter of this name.
struct Branch {
  GstElement *bin;
  GstPad *pad;

  Branch(const WatchedPipeline &pipeline, const std::string &filter, const std::string &dnn) {
    bin = gst_parse_bin_from_description(
        ("queue ! oneadaptfilter name=" + filter + kDecode + dnn + " ! fakesink async=false sync=false").c_str(), TRUE,
        nullptr);
    gst_bin_add(GST_BIN(pipeline.get()), bin);
    gst_element_sync_state_with_parent(bin);
    pad = gst_element_request_pad_simple(pipeline.find("t").get(), "src_%u");
    GstPad *sink = gst_element_get_static_pad(bin, "sink");
    EXPECT_EQ(gst_pad_link(pad, sink), GST_PAD_LINK_OK);
    gst_object_unref(sink);
  }
  /// Takes it out while data flows.
  void leave(const WatchedPipeline &pipeline) {
    std::atomic<bool> unlinked{false};
    gst_pad_add_probe(
        pad, GST_PAD_PROBE_TYPE_IDLE,
        [](GstPad *p, GstPadProbeInfo *, gpointer data) {
          GstPad *peer = gst_pad_get_peer(p);
          gst_pad_unlink(p, peer);
          gst_object_unref(peer);
          *static_cast<std::atomic<bool> *>(data) = true;
          return GST_PAD_PROBE_REMOVE;
        },
        &unlinked, nullptr);
    while (!unlinked) std::this_thread::yield();
    gst_element_set_state(bin, GST_STATE_NULL);
    gst_bin_remove(GST_BIN(pipeline.get()), bin);
    gst_element_release_request_pad(pipeline.find("t").get(), pad);
    gst_object_unref(pad);
  }
};

}  // namespace

TEST_F(Situations, ABranchThatIsReplaced) {
  WatchedPipeline pipeline(camera("10/1") +
                           "oneadaptctl name=ctl knobs=qp ! tee name=t allow-not-linked=true t. ! queue ! fakesink "
                           "async=false sync=false");
  Branch first(pipeline, "first", dnn);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const auto source = pipeline.find("camera");
  unsigned frames = 0;
  // Interval by interval, until the tunable is steered; a live controller does that in its own time.
  const auto steered = [&](const char *filter) {
    for (int i = 0; i < 200 && !pipeline.decided_knobs_of(filter); ++i) {
      for (int k = 0; k < 10; ++k, ++frames) push_picture(source.get(), frames, frames * GST_SECOND / 10);
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return pipeline.decided_knobs_of(filter) > 0;
  };
  EXPECT_TRUE(steered("first"));
  first.leave(pipeline);
  Branch second(pipeline, "second", dnn);
  EXPECT_TRUE(steered("second"));
  gst_app_src_end_of_stream(GST_APP_SRC(source.get()));
  EXPECT_EQ(pipeline.play(), "");
  EXPECT_TRUE(pipeline.warnings().empty()) << pipeline.warnings().front();
  second.leave(pipeline);
}
