// SPDX-License-Identifier: LGPL-2.1-or-later
// GOPs are as long as 250 frames, which is 25 s here: whoever needs a key frame asks for it. Who lost a packet, joins
// in mid-stream, or cuts a recording.
#include <gst/gst.h>

#include <algorithm>
#include <filesystem>

#include "key_frames.h"
#include "rtp_ends.h"

using namespace oneadapt_test;
namespace fs = std::filesystem;

namespace {

constexpr const char *kViewer = "h264parse ! avdec_h264 max-threads=1 ! identity name=seen ! fakesink sync=false";

/// The camera, and its IDR pictures; the other side may come later.
struct Camera {
  explicit Camera(const std::string &launch) : pipeline(launch) { paint(pipeline.bin); }
  guint64 asked() const { return number(pipeline.bin, "ctl", "key-frame-requests", "feedback"); }
  guint64 frames() const { return number(pipeline.bin, "filter", "frames-in"); }
  void play_for(guint64 more) {
    const guint64 before = frames();
    EXPECT_TRUE(eventually([&] { return frames() >= before + more; })) << pipeline.text();
  }
  Pipeline pipeline;
  Counter idr{pipeline.bin, "filter", Counter::What::KeyFrames};
};

guint64 dnn_frames(const Pipeline &server) { return number(server.bin, "dnn", "frames"); }

/// One packet is lost, and one IDR picture comes for it. A machine that is too busy to answer within a second is asked
/// again.
void expect_one_for_a_loss(Camera &cam, const Pipeline &server, const std::function<guint64()> &asked) {
  const unsigned before = cam.idr.count();
  const guint64 asked_before = asked();
  lose_a_packet(server.bin, "depay");
  EXPECT_TRUE(eventually([&] { return cam.idr.count() > before; })) << "no key frame came";
  cam.play_for(20);
  EXPECT_GT(asked(), asked_before);
  EXPECT_LE(cam.idr.count() - before, asked() - asked_before);
}

class Transports : public ::testing::TestWithParam<const char *> {
 protected:
  bool rtcp() const { return !strcmp(GetParam(), "rtcp"); }
  std::string camera_line() const { return rtp_camera(port, rtcp(), GetParam()); }
  std::string dnn_line() const {
    return rtp_dnn(port, rtcp(), model,
                   rtcp() ? "" : "feedback=" + std::string(GetParam()) + "://127.0.0.1:" + std::to_string(port + 5));
  }
  TemporaryFolder folder;
  const std::string model = save_colours(folder);
  const int port = free_ports();
};

}  // namespace

TEST_P(Transports, ADnnThatLostAPacketAsks) {
  Pipeline server(dnn_line());
  Camera cam(camera_line());
  server.play();
  cam.pipeline.play();
  ASSERT_TRUE(eventually([&] { return dnn_frames(server) >= 10; })) << server.text();
  EXPECT_EQ(cam.idr.count(), 1u + cam.asked());
  expect_one_for_a_loss(cam, server, [&] { return cam.asked(); });
  EXPECT_EQ(number(server.bin, "dnn", "key-frame-requests", "feedback"), cam.asked());
  EXPECT_EQ(number(cam.pipeline.bin, "ctl", "malformed", "feedback"), 0u);
}

TEST_P(Transports, ADnnThatJoinsInMidStreamAsks) {
  Camera cam(camera_line());
  cam.pipeline.play();
  cam.play_for(15);
  EXPECT_EQ(cam.idr.count(), 1u);
  Pipeline server(dnn_line());
  server.play();
  ASSERT_TRUE(eventually([&] { return dnn_frames(server) >= 5; })) << server.text();
  EXPECT_GE(cam.asked(), 1u);
  EXPECT_LE(cam.idr.count(), 1 + cam.asked());
}
INSTANTIATE_TEST_SUITE_P(KeyFrames, Transports, ::testing::Values("rtcp", "udp", "tcp"),
                         [](const auto &of) { return std::string(of.param); });

TEST(KeyFrames, NobodyAsksWithoutFeedback) {
  TemporaryFolder folder;
  const int port = free_ports();
  Camera cam(rtp_camera(port, true));
  cam.pipeline.play();
  cam.play_for(5);
  Pipeline server(rtp_dnn(port, true, save_colours(folder), "feedback=off"));
  server.play();
  cam.play_for(30);
  EXPECT_EQ(dnn_frames(server), 0u);
  EXPECT_EQ(cam.idr.count(), 1u);
}

// Where caps say that the sender knows PLI or FIR, the session sends that, and nothing of ours.
TEST(KeyFrames, PliAndFirTakeThePlaceOfOurOwnRequest) {
  for (const char *caps : {",rtcp-fb-nack-pli=(boolean)true", ",rtcp-fb-ccm-fir=(boolean)true"}) {
    TemporaryFolder folder;
    const int port = free_ports();
    Pipeline server(rtp_dnn(port, true, save_colours(folder), "", caps));
    Camera cam(rtp_camera(port, true));
    server.play();
    cam.pipeline.play();
    ASSERT_TRUE(eventually([&] { return dnn_frames(server) >= 10; })) << server.text();
    expect_one_for_a_loss(cam, server, [&] { return number(server.bin, "dnn", "key-frame-requests", "feedback"); });
    EXPECT_EQ(cam.asked(), 0u) << caps;
  }
}

// GStreamer's own means, without a DNN of ours.
TEST(KeyFrames, ADepayloaderThatAsksIsHeard) {
  for (const char *caps : {",rtcp-fb-nack-pli=(boolean)true", ",rtcp-fb-ccm-fir=(boolean)true"}) {
    const int port = free_ports();
    Pipeline viewer(rtp_receiver(port, true, kViewer, caps));
    GstElement *depay = gst_bin_get_by_name(GST_BIN(viewer.bin), "depay");
    g_object_set(depay, "request-keyframe", TRUE, nullptr);
    gst_object_unref(depay);
    Camera cam(rtp_camera(port, true));
    const Counter seen(viewer.bin, "seen", Counter::What::All);
    viewer.play();
    cam.pipeline.play();
    ASSERT_TRUE(eventually([&] { return seen.count() >= 10; })) << viewer.text();
    const unsigned before = cam.idr.count();
    lose_a_packet(viewer.bin, "depay");
    EXPECT_TRUE(eventually([&] { return cam.idr.count() > before; })) << caps;
  }
}

// The same source with other sequence numbers: what is lost of its beginning is asked for.
TEST(KeyFrames, ACameraThatComesBackIsSeenAtOnce) {
  TemporaryFolder folder;
  const int port = free_ports();
  Pipeline server(rtp_dnn(port, true, save_colours(folder)));
  server.play();
  for (int run = 0; run < 3; ++run) {
    const guint64 before = dnn_frames(server);
    Camera cam(rtp_camera(port, true));
    cam.pipeline.play();
    EXPECT_TRUE(eventually([&] { return dnn_frames(server) >= before + 5; })) << run << server.text();
    EXPECT_LT(cam.frames(), 200u) << "a GOP has 250";
  }
}

/* ---- recordings that are cut --------------------------------------------------------------------------------- */

namespace {

void play_to_the_end(Pipeline &pipeline) {
  pipeline.play();
  GstBus *bus = gst_element_get_bus(pipeline.bin);
  GstMessage *m =
      gst_bus_timed_pop_filtered(bus, 300 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  gst_object_unref(bus);
  ASSERT_NE(m, nullptr) << "it does not end";
  EXPECT_EQ(GST_MESSAGE_TYPE(m), GST_MESSAGE_EOS) << text_of(m);
  gst_message_unref(m);
}

/// Frames of a file that can be decoded without any other file.
unsigned decodable(const fs::path &file, const std::string &demuxer) {
  const std::string launch = "filesrc location=" + file.string() + " ! " + demuxer +
                             " ! h264parse ! avdec_h264 max-threads=1 output-corrupt=false ! identity name=seen ! "
                             "fakesink sync=false";
  Pipeline pipeline(launch);
  const Counter seen(pipeline.bin, "seen", Counter::What::All);
  play_to_the_end(pipeline);
  return seen.count();
}

/// Fragments of about two seconds, 65 frames in all.
void expect_fragments(const std::string &sink, const std::string &ending, const std::string &demuxer) {
  TemporaryFolder folder;
  Pipeline recording(
      "videotestsrc num-buffers=65 pattern=ball ! video/x-raw,format=I420,width=128,height=96,framerate=10/1 ! "
      "oneadaptfilter ! h264parse config-interval=-1 ! " +
      sink + folder.file("part%02d" + ending) +
      (sink.find("hlssink") == std::string::npos ? "" : " playlist-location=" + folder.file("all.m3u8")));
  play_to_the_end(recording);
  std::vector<fs::path> files;
  for (const auto &entry : fs::directory_iterator(fs::path(folder.file("x")).parent_path()))
    if (entry.path().extension() == ending) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  EXPECT_GE(files.size(), 3u);
  EXPECT_LE(files.size(), 5u);
  unsigned all = 0;
  for (const fs::path &file : files) {
    const unsigned frames = decodable(file, demuxer);
    EXPECT_LE(frames, 31u) << file;
    all += frames;
  }
  EXPECT_EQ(all, 65u);
}

}  // namespace

TEST(KeyFrames, FragmentsOfSplitmuxsinkBeginWithOne) {
  expect_fragments("splitmuxsink max-size-time=2000000000 send-keyframe-requests=true location=", ".mp4", "qtdemux");
}

TEST(KeyFrames, FragmentsOfHlssinkBeginWithOne) {
  for (const char *sink : {"hlssink2 target-duration=2 max-files=0 location=",
                           "mpegtsmux ! hlssink target-duration=2 max-files=0 location="})
    expect_fragments(sink, ".ts", "tsdemux");
}
