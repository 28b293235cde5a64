// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadaptdnn with plan=onnxruntime, of a model that the real oneadapt-import made: which frames it runs, and what is
// said where it cannot.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <sstream>

#include "config.h"
#include "detector_files.h"

using namespace import_test;

namespace {

constexpr bool kThere = HAVE_ONNXRUNTIME != 0;

/// YOLOv8's export as m.pt and m.pt.onnx.
void import_yolo(const Folder &folder) {
  for (const DetectorFile &detector : detector_files()) {
    if (detector.family != std::string("YOLOv8, YOLOv9, YOLO11, YOLO12")) continue;
    DetectorGraph graph(detector.opset);
    detector.build(graph);
    const std::string program = std::string(g_getenv("ONEADAPT_BUILD_DIR")) + "/tools/import/oneadapt-import",
                      file = graph.file.write(folder), target = folder.path("m.pt");
    const gchar *argv[] = {program.c_str(), file.c_str(), target.c_str(), nullptr};
    gint status = -1;
    ASSERT_TRUE(g_spawn_sync(nullptr, const_cast<gchar **>(argv), nullptr, G_SPAWN_STDOUT_TO_DEV_NULL, nullptr, nullptr,
                             nullptr, nullptr, &status, nullptr));
    ASSERT_EQ(status, 0);
  }
}

/// What a pipeline of ten frames said, and found.
struct Played {
  std::string error, warning, plan, gradient_plan, results;
  guint64 inferences = 0, gradients = 0;
};

std::string text_of(GstMessage *message, void (*parse)(GstMessage *, GError **, gchar **)) {
  GError *error = nullptr;
  gchar *debug = nullptr;
  parse(message, &error, &debug);
  const std::string text = error->message;
  g_error_free(error);
  g_free(debug);
  return text;
}

Played play(const Folder &folder, const std::string &plan) {
  Played played;
  const std::string results = folder.path(plan + ".jsonl");
  GstElement *const pipeline = gst_parse_launch(
      ("videotestsrc pattern=ball num-buffers=10 ! video/x-raw,format=RGB,width=160,height=160,framerate=10/1 ! "
       "oneadaptdnn name=dnn device=cpu threshold=0.1 interval=500000000 model=" +
       folder.path("m.pt") + " plan=" + plan + " results-location=" + results + " ! fakesink")
          .c_str(),
      nullptr);
  GstBus *const bus = gst_element_get_bus(pipeline);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  for (bool ends = false; !ends;) {
    GstMessage *const message = gst_bus_timed_pop_filtered(
        bus, 60 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_WARNING));
    if (!message) {
      ADD_FAILURE() << "nothing was said for a minute";
      break;
    }
    ends = GST_MESSAGE_TYPE(message) != GST_MESSAGE_WARNING;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) played.error = text_of(message, gst_message_parse_error);
    if (!ends) played.warning += text_of(message, gst_message_parse_warning);
    gst_message_unref(message);
  }
  GstElement *const dnn = gst_bin_get_by_name(GST_BIN(pipeline), "dnn");
  GstStructure *stats = nullptr;
  g_object_get(dnn, "stats", &stats, nullptr);
  for (const auto &[name, to] : {std::pair{"plan", &played.plan}, {"gradient-plan", &played.gradient_plan}})
    if (const gchar *text = gst_structure_get_string(stats, name)) *to = text;
  gst_structure_get_uint64(stats, "inferences", &played.inferences);
  gst_structure_get_uint64(stats, "gradients", &played.gradients);
  gst_structure_free(stats);
  gst_object_unref(dnn);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(bus);
  gst_object_unref(pipeline);
  std::ifstream in(results);
  played.results.assign(std::istreambuf_iterator<char>(in), {});
  return played;
}

void expect_part(const std::string &text, const std::string &part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

}  // namespace

TEST(OnnxRuntimeElement, IsAskedFor) {
  const Folder folder;
  import_yolo(folder);
  const Played played = play(folder, "onnxruntime");
  if (!kThere) {
    expect_part(played.error, "Property \"plan\": there can be no \"onnxruntime\"");
    expect_part(played.error, "this build does not have");
    return;
  }
  EXPECT_EQ(played.error + played.warning, "");
  EXPECT_EQ(played.plan, "onnxruntime");
  EXPECT_NE(played.gradient_plan, "onnxruntime");
  EXPECT_EQ(played.inferences, 10U);
  EXPECT_GT(played.gradients, 0U);
  EXPECT_LT(played.gradients, 10U);
}

TEST(OnnxRuntimeElement, FindsWhatLibTorchFinds) {
  if (!kThere) GTEST_SKIP() << "this build has no ONNX Runtime";
  const Folder folder;
  import_yolo(folder);
  const Played runtime = play(folder, "onnxruntime"), plain = play(folder, "plain");
  // Line by line: labels and the number of objects.
  std::istringstream a(runtime.results), b(plain.results);
  std::string x, y;
  int lines = 0;
  for (; std::getline(a, x) && std::getline(b, y); ++lines) {
    const Json p = Json::parse(x)["objects"], q = Json::parse(y)["objects"];
    ASSERT_EQ(p.size(), q.size());
    for (std::size_t i = 0; i < p.size(); ++i) {
      EXPECT_EQ(p[i]["detection"]["label_id"], q[i]["detection"]["label_id"]);
      EXPECT_NEAR(p[i]["detection"]["confidence"].get<double>(), q[i]["detection"]["confidence"].get<double>(), 1e-3);
    }
  }
  EXPECT_EQ(lines, 10);
}

TEST(OnnxRuntimeElement, AWrongGraphIsAWarning) {
  if (!kThere) GTEST_SKIP() << "this build has no ONNX Runtime";
  const Folder folder;
  import_yolo(folder);
  std::ofstream(folder.path("m.pt.onnx"), std::ios::app) << "more";
  for (const char *plan : {"onnxruntime", "auto"}) {
    const Played played = play(folder, plan);
    EXPECT_EQ(played.error, "");
    expect_part(played.warning, "Property \"plan\": the model is run with \"");
    expect_part(played.warning, "is not the graph");
    EXPECT_NE(played.plan, "onnxruntime");
    EXPECT_EQ(played.inferences, 10U);
  }
}

TEST(OnnxRuntimeElement, AMissingGraphIsAnError) {
  const Folder folder;
  import_yolo(folder);
  std::remove(folder.path("m.pt.onnx").c_str());
  EXPECT_EQ(play(folder, "auto").error, "");
  const Played played = play(folder, "onnxruntime");
  expect_part(played.error, "Property \"plan\"");
  expect_part(played.error, kThere ? "m.pt.onnx', which does not exist" : "this build does not have");
}
