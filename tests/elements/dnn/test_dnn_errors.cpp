// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadaptdnn on what is wrong: one clear message that names the property, or the documented fallback.
#include <gtest/gtest.h>
#include <algorithm>

#include "dnn_harness.h"

namespace {

using namespace oneadapt_test;

bool has(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

void expect_error(const Message &m, GQuark domain, gint code, const std::string &property, const std::string &part) {
  EXPECT_EQ(m.domain, domain) << m.text;
  EXPECT_EQ(m.code, code) << m.text;
  EXPECT_TRUE(has(m.text, property)) << m.text;
  EXPECT_TRUE(has(m.text, part)) << m.text;
}

TEST(DnnErrors, Start) {
  const GQuark resource = GST_RESOURCE_ERROR, stream = GST_STREAM_ERROR;
  {
    DnnHarness dnn;
    dnn.set("model", nullptr);
    expect_error(start_error(dnn), resource, GST_RESOURCE_ERROR_NOT_FOUND, "\"model\"", "no model file");
    dnn.set("model", "/nowhere/model.pt");
    expect_error(start_error(dnn), resource, GST_RESOURCE_ERROR_NOT_FOUND, "\"model\"", "does not exist");
    write_file(dnn.folder.file("random.pt"), "random bytes");
    dnn.set("model", dnn.folder.file("random.pt").c_str());
    expect_error(start_error(dnn), stream, GST_STREAM_ERROR_FORMAT, "\"model\"", "not TorchScript");
    save_module(dnn.folder.file("mute.pt"), colours_forward(), "");
    dnn.set("model", dnn.folder.file("mute.pt").c_str());
    expect_error(start_error(dnn), stream, GST_STREAM_ERROR_FORMAT, "\"model\"", "does not describe itself");
  }
  {
    DnnHarness dnn;
    dnn.set("device", "cuda:9");
    expect_error(start_error(dnn), resource, GST_RESOURCE_ERROR_NOT_FOUND, "\"device\"", "cuda:9");
    dnn.set("device", "cpu");
    dnn.set("classes", "red thing,unicorn");
    expect_error(start_error(dnn), resource, GST_RESOURCE_ERROR_SETTINGS, "\"classes\"", "unicorn");
    dnn.set("classes", nullptr);
    dnn.set("labels-file", dnn.folder.file("none").c_str());
    expect_error(start_error(dnn), resource, GST_RESOURCE_ERROR_READ, "\"labels-file\"", "cannot be read");
    dnn.set("labels-file", nullptr);
    dnn.set("input-size", "large");
    expect_error(start_error(dnn), resource, GST_RESOURCE_ERROR_SETTINGS, "\"input-size\"", "large");
    dnn.set("input-size", "auto");
    dnn.set("results-location", (dnn.folder.path() + "/no/r.jsonl").c_str());
    expect_error(start_error(dnn), resource, GST_RESOURCE_ERROR_OPEN_WRITE, "\"results-location\"", "r.jsonl");
    // Nothing of that stays behind.
    dnn.set("results-location", nullptr);
    dnn.start();
    EXPECT_EQ(dnn.push(0), GST_FLOW_OK);
  }
}

TEST(DnnErrors, FullDisk) {
  DnnHarness dnn;
  dnn.set("results-location", "/dev/full");
  dnn.start();
  EXPECT_EQ(dnn.push(0), GST_FLOW_ERROR);
  EXPECT_EQ(dnn.push(kFrame), GST_FLOW_ERROR);
  expect_error(only_error(dnn), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT, "\"results-location\"",
               "/dev/full");
}

TEST(DnnErrors, ModelThatThrowsInMidStream) {
  DnnHarness dnn;
  std::string code = colours_forward();
  code.insert(code.find("    scores"), "    assert x.mean() < 0.5, \"too bright for me\"\n");
  save_module(dnn.folder.file("shy.pt"), code, colours_description());
  dnn.set("model", dnn.folder.file("shy.pt").c_str());
  dnn.start();
  EXPECT_EQ(dnn.push(0, 100, 100, 100), GST_FLOW_OK);
  EXPECT_EQ(dnn.push(kFrame, 200, 200, 200), GST_FLOW_ERROR);
  EXPECT_EQ(dnn.push(2 * kFrame, 100, 100, 100), GST_FLOW_ERROR);
  expect_error(only_error(dnn), GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED, "\"model\"", "too bright for me");
}

TEST(DnnErrors, ModelThatGivesNoNumbers) {
  DnnHarness dnn;
  save_module(
      dnn.folder.file("nan.pt"),
      "def forward(self, x):\n    return torch.zeros([1, 4]), (x - x).mean().unsqueeze(0) / 0, torch.zeros([1])\n",
      colours_description());
  dnn.set("model", dnn.folder.file("nan.pt").c_str());
  dnn.start();
  EXPECT_EQ(dnn.push(0), GST_FLOW_ERROR);
  expect_error(only_error(dnn), GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED, "\"model\"", "not finite");
}

/// A model warns once, not once a second, and every frame goes on; its forward(x) ends with `body`.
void expect_one_warning(DnnHarness &dnn, const std::string &body, const char *what) {
  save_module(dnn.folder.file("odd.pt"), "def forward(self, x):\n" + body, colours_description());
  dnn.set("model", dnn.folder.file("odd.pt").c_str());
  dnn.start();
  for (int i = 0; i < 30; ++i) ASSERT_EQ(dnn.push(GstClockTime(i) * kFrame), GST_FLOW_OK);
  EXPECT_EQ(std::count(dnn.log.begin(), dnn.log.end(), "buffer"), 30);
  const auto warnings = dnn.messages(GST_MESSAGE_WARNING);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_TRUE(has(warnings[0].text, what)) << warnings[0].text;
  EXPECT_TRUE(dnn.messages(GST_MESSAGE_ERROR).empty());
  dnn.drop_output();
}

TEST(DnnErrors, GradientThatIsNotFiniteIsAWarning) {
  DnnHarness dnn;
  expect_one_warning(dnn,
                     "    s = 0.8 + torch.sqrt(x.mean() - x.mean())\n"
                     "    return torch.tensor([[4., 4., 12., 12.]]), s.unsqueeze(0), torch.tensor([0])\n",
                     "not finite");
  EXPECT_EQ(dnn.log, Log(30, "buffer"));
  EXPECT_EQ(dnn.stat("failed-gradients"), 3u);
  EXPECT_EQ(dnn.stat("gradients"), 0u);
}

TEST(DnnErrors, AGradientOfZerosIsAWarningOnce) {
  DnnHarness dnn;
  expect_one_warning(dnn,
                     "    print(\"hello\")\n    s = torch.round(x.mean() * 100) / 100 + 0.3\n"
                     "    return torch.tensor([[4., 4., 12., 12.]]), s.unsqueeze(0), torch.tensor([0])\n",
                     "the gradient is 0 everywhere though there are 1 elements");
}

TEST(DnnErrors, BoxesThatCannotBeRightAreAWarningOnce) {
  DnnHarness dnn;
  expect_one_warning(dnn,
                     "    return torch.tensor([[0.1, 0.1, 0.4, 0.5]]), x[0, 0].mean().reshape(1), torch.tensor([0])\n",
                     "\"output.normalised\": true");
}

TEST(DnnErrors, FramesWithoutStreamTime) {
  DnnHarness dnn;
  dnn.start();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(dnn.push(GST_CLOCK_TIME_NONE), GST_FLOW_OK);
  EXPECT_EQ(dnn.stat("objects-total"), 3u);
  EXPECT_EQ(dnn.log, Log(3, "buffer"));
  EXPECT_EQ(dnn.messages(GST_MESSAGE_WARNING).size(), 1u);
  // It recovers when they come.
  EXPECT_EQ(dnn.push(900 * GST_MSECOND), GST_FLOW_OK);
  EXPECT_EQ(dnn.log.back(), "gradient 0");
  dnn.drop_output();
}

TEST(DnnErrors, BufferSmallerThanItsCapsSay) {
  DnnHarness dnn;
  dnn.start();
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 100, nullptr);
  GST_BUFFER_PTS(buffer) = 0;
  EXPECT_EQ(gst_harness_push(dnn.harness, buffer), GST_FLOW_ERROR);
  EXPECT_EQ(dnn.messages(GST_MESSAGE_ERROR).size(), 1u);
}

TEST(DnnErrors, DownstreamsAnswerIsPassedOn) {
  DnnHarness dnn;
  dnn.start();
  GstPad *src = gst_element_get_static_pad(dnn.element, "src");
  GstPad *peer = gst_pad_get_peer(src);
  const GstPadChainFunction full = [](GstPad *, GstObject *, GstBuffer *buffer) {
    gst_buffer_unref(buffer);
    return GST_FLOW_EOS;
  };
  gst_pad_set_chain_function(peer, full);
  EXPECT_EQ(dnn.push(900 * GST_MSECOND), GST_FLOW_EOS);
  EXPECT_EQ(dnn.log, Log{"buffer"});  // whoever has left needs no gradient
  EXPECT_TRUE(dnn.messages(GST_MESSAGE_ERROR).empty());
  gst_object_unref(peer);
  gst_object_unref(src);
}

TEST(DnnErrors, WhatIsFixedWhilePlayingStays) {
  DnnHarness dnn;
  dnn.start();
  dnn.push(0);
  dnn.set("model", "/nowhere/model.pt");
  dnn.set("interval", guint64(5 * GST_SECOND));
  dnn.set("input-size", "huge");
  const auto warnings = dnn.messages(GST_MESSAGE_WARNING);
  ASSERT_EQ(warnings.size(), 3u);
  EXPECT_TRUE(has(warnings[0].text, "\"model\""));
  EXPECT_TRUE(has(warnings[1].text, "\"interval\""));
  EXPECT_TRUE(has(warnings[2].text, "\"input-size\""));
  gchar *model = nullptr, *size = nullptr;
  guint64 interval = 0;
  g_object_get(dnn.element, "model", &model, "input-size", &size, "interval", &interval, nullptr);
  EXPECT_EQ(std::string(model), dnn.folder.file("colours.pt"));
  EXPECT_STREQ(size, "auto");
  EXPECT_EQ(interval, GST_SECOND);
  g_free(model);
  g_free(size);
  EXPECT_EQ(dnn.push(kFrame), GST_FLOW_OK);
}

}  // namespace
