// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadaptdnn on point clouds, alone and at the end of the whole loop.
#include <gio/gio.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "accuracy_request.h"
#include "lidar_rig.h"
#include "test_models.h"

using namespace lidar_test;
using namespace oneadapt_test;

namespace {

using Json = nlohmann::json;

/// What test_models.h finds a post and a tree in, and points elsewhere.
PointCloud scene(unsigned post = 40, unsigned tree = 40) {
  PointCloud points;
  const auto add = [&](unsigned n, float x, float y, float reach) {
    for (unsigned i = 0; i < n; i++)
      points.push_back({x + reach * float(i % 11) / 11, y + reach * float(i % 7) / 7, 0.05f * float(i % 5), 0.5f});
  };
  add(post, 9.1f, 0.1f, 0.3f);
  add(tree, 0.1f, 19.5f, 0.3f);
  for (float x : {-30.0f, -12.0f, -5.0f}) add(2000, x, -8, 3);
  return points;
}

std::vector<Json> lines_of(const std::string &path) {
  std::vector<Json> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(Json::parse(line));
  return lines;
}

/// The gradients that came upstream, until `event` is none.
struct Gradients {
  std::vector<GstOneadaptGradient *> all;
  explicit Gradients(GstHarness *h) {
    while (GstEvent *event = gst_harness_try_pull_upstream_event(h)) {
      GstOneadaptGradient *g = nullptr;
      if (gst_event_is_oneadapt_gradient(event) && gst_event_parse_oneadapt_gradient(event, &g, nullptr))
        all.push_back(g);
      gst_event_unref(event);
    }
  }
  ~Gradients() {
    for (GstOneadaptGradient *g : all) gst_oneadapt_gradient_free(g);
  }
  Gradients(const Gradients &) = delete;
  Gradients &operator=(const Gradients &) = delete;
};

const char *const kGrid = "application/x-lidar, sectors=(int)8, rings=(int)2, first-ring=(double)12";

}  // namespace

TEST(LidarDnn, SaysWhatItFinds) {
  const TemporaryFolder folder;
  const std::string results = folder.file("results.jsonl");
  {
    Rig rig("oneadaptdnn keep-up=off model=" + save_posts(folder) + " results-location=" + results);
    ASSERT_EQ(rig.push(scene()), GST_FLOW_OK);
    GstBuffer *buffer = gst_harness_pull(rig.h);
    EXPECT_EQ(points_of(buffer).size(), scene().size()) << "the points pass through";
    GstCustomMeta *meta = gst_buffer_get_custom_meta(buffer, "GstOneadaptBoxes3d");
    ASSERT_NE(meta, nullptr);
    const GValue *boxes = gst_structure_get_value(gst_custom_meta_get_structure(meta), "boxes");
    ASSERT_EQ(gst_value_array_get_size(boxes), 2u);
    const auto *box = static_cast<const GstStructure *>(g_value_get_boxed(gst_value_array_get_value(boxes, 0)));
    double y = 0;
    EXPECT_TRUE(gst_structure_get_double(box, "y", &y));
    EXPECT_STREQ(gst_structure_get_string(box, "label"), y == 20 ? "tree" : "post");
    gst_buffer_unref(buffer);
    gst_harness_push_event(rig.h, gst_event_new_eos());
  }
  const auto lines = lines_of(results);
  ASSERT_EQ(lines.size(), 1u);
  ASSERT_EQ(lines[0]["objects"].size(), 2u);
  for (const Json &object : lines[0]["objects"]) {
    const bool tree = object["label"] == "tree";
    EXPECT_EQ(object["bbox_3d"]["x"], tree ? 0.0 : 10.0);
    EXPECT_EQ(object["bbox_3d"]["y"], tree ? 20.0 : 0.0);
    EXPECT_EQ(object["bbox_3d"]["l"], 2.0);
    EXPECT_EQ(object["bbox_3d"]["pitch"], 0.0);
    EXPECT_EQ(object["label_id"], tree ? 1 : 0);
    EXPECT_EQ(object["modality"], "lidar");
    EXPECT_NEAR(object["confidence"].get<double>(), 40.0 / 44, 1e-6);
  }
  EXPECT_EQ(lines[0]["timestamp"], 0);
  EXPECT_EQ(lines[0]["frame"], 0);
}

TEST(LidarDnn, SendsAGradientOfTheBlocksThatTheCapsName) {
  const TemporaryFolder folder;
  Rig rig("oneadaptdnn keep-up=off early-gradient=false model=" + save_posts(folder), kGrid);
  for (unsigned turn = 0; turn < 2 * kTurns; turn++) ASSERT_EQ(rig.push(scene(5, 5)), GST_FLOW_OK);
  const Gradients came(rig.h);
  ASSERT_EQ(came.all.size(), 2u);
  const GstOneadaptGradient &g = *came.all[1];
  EXPECT_EQ(g.interval, 1u);
  EXPECT_EQ(g.stream_time, 2 * GST_SECOND - kTurn) << "of its last turn";
  EXPECT_EQ(g.domain, GST_ONEADAPT_DOMAIN_SPACE);
  EXPECT_EQ(g.columns, 8u);
  EXPECT_EQ(g.rows, 2u);
  EXPECT_EQ(g.confident, 2u);
  EXPECT_GT(g.values[0], 0) << "the post, 10 m ahead";
  EXPECT_GT(g.values[8 + 1], 0) << "the tree, beyond the first ring, just to the right of 90°";
  for (guint b = 0; b < 16; b++) EXPECT_TRUE(b == 0 || b == 9 || g.values[b] < 1e-3 * g.values[0]) << b;
  ASSERT_EQ(g.n_regions, 3u) << "the post lies across the border between the last sector and the first";
}

// Of 40 points half are found too, with a score of 20/24; of 5 points two or three are left, a score below 0.5.
TEST(LidarDnn, MeasuresAccuracyWithHalfOfThePoints) {
  const TemporaryFolder folder;
  for (const bool wanted : {false, true}) {
    Rig rig("oneadaptdnn keep-up=off early-gradient=false model=" + save_posts(folder), kGrid);
    gst_harness_push_event(rig.h, oneadapt::new_accuracy_request(wanted));
    for (unsigned turn = 0; turn < 2 * kTurns; turn++) ASSERT_EQ(rig.push(scene(40, 5)), GST_FLOW_OK);
    const Gradients came(rig.h);
    ASSERT_EQ(came.all.size(), 2u);
    EXPECT_EQ(came.all[0]->measured_frames + came.all[1]->measured_frames, wanted ? 2u : 0u) << "one turn in seven";
    if (!wanted) continue;
    // One of two is kept: 2·1/(2 + 1).
    EXPECT_NEAR(came.all[1]->measured_accuracy, 2 / 3.0, 0.02);
    EXPECT_EQ(came.all[1]->measured_objects, 3u);
    EXPECT_EQ(came.all[1]->elements, 2u) << "the gradient is of all points";
  }
}

TEST(LidarDnn, WithoutBlocksInTheCapsTheyAreTheUsualOnes) {
  const TemporaryFolder folder;
  Rig rig("oneadaptdnn keep-up=off early-gradient=false model=" + save_posts(folder));
  for (unsigned turn = 0; turn < kTurns; turn++) ASSERT_EQ(rig.push(scene(5, 5)), GST_FLOW_OK);
  const Gradients came(rig.h);
  ASSERT_EQ(came.all.size(), 1u);
  EXPECT_EQ(came.all[0]->columns, 16u);
  EXPECT_EQ(came.all[0]->rows, 4u);
}

TEST(LidarDnn, ATurnWithoutPointsHasNoObjects) {
  const TemporaryFolder folder;
  Rig rig("oneadaptdnn keep-up=off model=" + save_posts(folder));
  for (unsigned turn = 0; turn < kTurns; turn++) ASSERT_EQ(rig.push({}), GST_FLOW_OK);
  EXPECT_EQ(rig.error(), "no error");
}

TEST(LidarDnn, SaysWhatItCannotRead) {
  const TemporaryFolder folder;
  Rig rig("oneadaptdnn keep-up=off model=" + save_posts(folder));
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 17, nullptr);
  GST_BUFFER_PTS(buffer) = 0;
  EXPECT_NE(gst_harness_push(rig.h, buffer), GST_FLOW_OK);
  EXPECT_NE(rig.error().find("cloud of 17 bytes cannot be read"), std::string::npos);
}

TEST(LidarDnn, TheControllerKeepsThePointsOfWhatIsFound) {
  const TemporaryFolder folder;
  const std::string results = folder.file("results.jsonl");
  Rig rig("oneadaptctl lockstep=true ! oneadaptlidarfilter ! oneadaptlidardec ! oneadaptdnn keep-up=off model=" +
          save_posts(folder) + " results-location=" + results);
  // Few enough points that some of them matter.
  const PointCloud all = scene(9, 0);
  PointCloud last;
  for (unsigned turn = 0; turn < 15 * kTurns; turn++) last = rig.turn(all);
  double keep = 0;
  g_object_get(rig.find("oneadaptlidarfilter"), "keep", &keep, nullptr);
  EXPECT_LT(keep, 100);
  EXPECT_LT(last.size(), all.size() * 3 / 4);
  unsigned ahead = 0;
  for (const Point &p : last) ahead += p.x > 0;
  EXPECT_GE(ahead, 5u) << "the post's";
  gst_harness_push_event(rig.h, gst_event_new_eos());
  const auto lines = lines_of(results);
  ASSERT_FALSE(lines.empty());
  EXPECT_EQ(lines.back()["objects"].size(), 1u) << "it is still found";
}

TEST(LidarDnn, AProfileTellsWhichSharesAreEnough) {
  const TemporaryFolder folder;
  Rig rig(
      "oneadaptctl lockstep=true policy=chameleon ! oneadaptlidarfilter ! oneadaptlidardec ! oneadaptdnn keep-up=off "
      "model=" +
      save_posts(folder));
  // A quarter of 200 points is far more than is needed to be sure.
  const PointCloud all = scene(200, 200);
  for (unsigned turn = 0; turn < 8 * kTurns; turn++) rig.turn(all);
  double keep = 100;
  g_object_get(rig.find("oneadaptlidarfilter"), "keep", &keep, nullptr);
  EXPECT_LT(keep, 50);
  EXPECT_EQ(rig.error(), "no error");
}

TEST(LidarDnn, TheLaunchLineRuns) {
  const TemporaryFolder folder;
  const PointCloud points = scene();
  for (int i = 0; i < 12; i++)
    std::ofstream(folder.file("0000" + std::string(i < 10 ? "0" : "") + std::to_string(i) + ".bin"), std::ios::binary)
        .write(reinterpret_cast<const char *>(points.data()), std::streamsize(points.size() * sizeof(Point)));
  const std::string results = folder.file("results.jsonl");
  const std::string launch = "multifilesrc location=" + folder.file("%06d.bin") +
                             " ! oneadaptlidarparse frame-rate=10 ! oneadaptctl ! oneadaptlidarfilter ! "
                             "oneadaptlidardec ! oneadaptdnn keep-up=off model=" +
                             save_posts(folder) + " results-location=" + results + " ! fakesink";
  GstElement *pipeline = gst_parse_launch(launch.c_str(), nullptr);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstBus *bus = gst_element_get_bus(pipeline);
  GstMessage *message =
      gst_bus_timed_pop_filtered(bus, 100 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  ASSERT_NE(message, nullptr);
  EXPECT_EQ(GST_MESSAGE_TYPE(message), GST_MESSAGE_EOS) << text_of(message);
  gst_message_unref(message);
  gst_object_unref(bus);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
  EXPECT_EQ(lines_of(results).size(), 12u);
}

namespace {

/// A UDP port that nobody listens on now.
guint16 free_port() {
  GSocket *socket = g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, nullptr);
  GInetAddress *loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
  GSocketAddress *any = g_inet_socket_address_new(loopback, 0);
  EXPECT_TRUE(g_socket_bind(socket, any, FALSE, nullptr));
  GSocketAddress *own = g_socket_get_local_address(socket, nullptr);
  const guint16 port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(own));
  g_object_unref(own);
  g_object_unref(any);
  g_object_unref(loopback);
  g_object_unref(socket);
  return port;
}

}  // namespace

TEST(LidarDnn, GradientsComeBackOverTheNetwork) {
  const TemporaryFolder folder;
  const PointCloud points = scene(9, 0);
  for (int i = 0; i < 10; i++)
    std::ofstream(folder.file("00000" + std::to_string(i) + ".bin"), std::ios::binary)
        .write(reinterpret_cast<const char *>(points.data()), std::streamsize(points.size() * sizeof(Point)));
  const std::string media = std::to_string(free_port()), feedback = "udp://127.0.0.1:" + std::to_string(free_port());
  GError *error = nullptr;
  GstElement *receiver = gst_parse_launch(
      ("udpsrc address=127.0.0.1 port=" + media +
       " caps=\"application/x-rtp,media=application,clock-rate=90000,encoding-name=X-GST\" ! rtpgstdepay ! "
       "oneadaptlidardec ! oneadaptdnn model=" +
       save_posts(folder) + " feedback=" + feedback + " ! fakesink sync=false")
          .c_str(),
      &error);
  ASSERT_EQ(error, nullptr) << error->message;
  GstElement *sender = gst_parse_launch(
      ("multifilesrc loop=true stop-index=9 location=" + folder.file("%06d.bin") +
       " ! oneadaptlidarparse ! identity sync=true ! oneadaptctl feedback=" + feedback +
       " ! oneadaptlidarfilter name=filter ! rtpgstpay config-interval=1 ! udpsink host=127.0.0.1 sync=false port=" +
       media)
          .c_str(),
      &error);
  ASSERT_EQ(error, nullptr) << error->message;
  gst_element_set_state(receiver, GST_STATE_PLAYING);
  gst_element_set_state(sender, GST_STATE_PLAYING);
  GstElement *filter = gst_bin_get_by_name(GST_BIN(sender), "filter");
  // A map is only made from a gradient.
  GstStructure *map = nullptr;
  for (int i = 0; i < 600 && !map; i++) {
    g_usleep(G_USEC_PER_SEC / 10);
    g_object_get(filter, "keep-map", &map, nullptr);
  }
  EXPECT_NE(map, nullptr) << "no gradient has come";
  if (map) gst_structure_free(map);
  gst_object_unref(filter);
  for (GstElement *pipeline : {sender, receiver}) {
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
  }
}
