// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadapt-import --describe: what it guesses of models of known kinds, what it writes, and what it refuses.
#include <iterator>
#include <sstream>

#include "described_rig.h"
#include "model/model.h"

using namespace import_test;

namespace {

// 64×64: 8·8 + 4·4 + 2·2 = 84 cells of strides 8, 16 and 32.
const char *const kYolo8 =
    "    n = x.size(2) * x.size(3) // 64 + x.size(2) * x.size(3) // 256 + x.size(2) * x.size(3) // 1024\n"
    "    m = torch.sigmoid(torch.mean(x))\n"
    "    return torch.mul(torch.ones([1, 6, n]), m)\n";

}  // namespace

TEST_F(Described, YoloByColumns) {
  save(kYolo8);
  const Outcome asked = describe({"--input-size", "64x64"});
  EXPECT_EQ(asked.status, 1);
  expect(asked.out, "output.layout = \"yolo\", because output 0 is 1×6×84: 84 candidates are one for each cell");
  expect(asked.out, "input.multiple_of = 32, because it also ran on 128×96");
  expect(asked.err, "give --labels FILE with 2 names");
  EXPECT_EQ(extra("oneadapt.json"), "");

  const Outcome done = describe({"--input-size", "64x64", "--labels", labels()});
  ASSERT_EQ(done.status, 0) << done.err;
  oneadapt::ModelOptions options;
  options.path = path;
  options.device = "cpu";
  const auto model = oneadapt::Model::load(options);
  EXPECT_EQ(model->description().layout, "yolo");
  EXPECT_FALSE(model->description().objectness);
  EXPECT_EQ(model->labels(), (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(model->description().multiple_of, 32U);
  // What else was in the archive is still there.
  EXPECT_EQ(extra("notes.txt"), "keep me");
}

TEST_F(Described, AGradientThatIsNotTheScoresIsSaid) {
  const auto described = [&](const std::string &mean) {
    save(
        "    n = x.size(2) * x.size(3) // 64 + x.size(2) * x.size(3) // 256 + x.size(2) * x.size(3) // 1024\n"
        "    return torch.mul(torch.ones([1, 6, n]), torch.sigmoid(" +
        mean + "))\n");
    return describe({"--input-size", "64x64", "--labels", labels()}).out;
  };
  expect(described("torch.mean(x) * torch.mean(x).detach()"), "Warning: the gradient cannot be trusted");
  EXPECT_EQ(described("torch.mean(x) * torch.mean(x)").find("gradient"), std::string::npos);
}

TEST_F(Described, AnchorsMakeYolo5AndLogarithmsYolox) {
  save("    return torch.mul(torch.ones([1, 252, 7]), torch.sigmoid(torch.mean(x)))\n");
  expect_described("64x64", {"three anchors for each cell"});
  expect(extra("oneadapt.json"), "\"objectness\": true");

  save(
      "    one = torch.mul(torch.ones([1, 84, 7]), torch.sigmoid(torch.mean(x)))\n"
      "    return torch.cat([torch.neg(torch.slice(one, 2, 0, 4)), torch.slice(one, 2, 4, 7)], 2)\n");
  expect_described(
      "64x64", {"output.layout = \"yolox\"", "input.colour = \"BGR\", because YOLOX", "output.strides = [8,16,32]"});
}

TEST_F(Described, Nanodet) {
  save(
      "    m = torch.sigmoid(torch.mean(x))\n"
      "    return (torch.ones([1, 64, 2]) * m, torch.ones([1, 16, 2]) * m, torch.ones([1, 4, 2]) * m, "
      "torch.ones([1, 64, 32]) * -m, torch.ones([1, 16, 32]) * -m, torch.ones([1, 4, 32]) * -m)\n");
  expect_described("64x64", {"output.layout = \"nanodet\"", "output.scores = [0,1,2]", "output.boxes = [3,4,5]",
                             "output.bins = 8", "input.multiple_of = 0, because it did not follow another size"});
}

TEST_F(Described, BoxesAndCenternet) {
  save(
      "    m = torch.sigmoid(torch.mean(x))\n"
      "    return (torch.ones([5]) * m, torch.ones([5, 4]) * m, torch.arange(5))\n");
  expect_described("64x64", {"output.boxes = [1]", "output.scores = [0]", "output.labels = 2"});

  save(
      "    m = torch.sigmoid(torch.mean(x))\n"
      "    return (torch.ones([1, 2, 16, 16]) * m, torch.ones([1, 2, 16, 16]) * 9, torch.ones([1, 2, 16, 16]) * m)\n");
  expect_described("64x64", {"output.layout = \"centernet\"", "output.offsets = 2"});
}

TEST_F(Described, AMapOfThePictureIsSegmentation) {
  // Two planes of a quarter of the picture's size, as logits.
  const std::string planes = "    y = torch.avg_pool2d(x, [4, 4])\n    two = torch.slice(y, 1, 0, 2) * 9\n";
  save(planes + "    return two\n");
  expect_described("64x96",
                   {"task = \"segmentation\", because it gives masks",
                    "output.layout = \"semantic\", because the output is 1×2×24×16: a map of the picture",
                    "output.probabilities = false", "output.background = 0", "2 classes", "input.multiple_of = 32"});
  oneadapt::ModelOptions options;
  options.path = path;
  options.device = "cpu";
  EXPECT_EQ(oneadapt::Model::load(options)->description().task, "segmentation");

  // torchvision's dictionary; a softmax inside.
  save(planes + "    return {\"out\": torch.softmax(two, 1), \"aux\": x}\n");
  expect_described("64x64", {"output.probabilities = true, because its planes add up to 1"});
  save(planes + "    return torch.sigmoid(two)\n");
  expect_described("64x64", {"output.background = -1, because its planes do not add up to 1"});
  expect(describe({"--set", "labels=[\"person\"]"}).err, "one plane for each of 1 classes");

  // Others must be named.
  save(planes + "    return (x, two)\n");
  const Outcome outcome = describe(
      {"--input-size", "64x64", "--labels", labels(), "--set", "output.layout=semantic", "--set", "output.scores=[1]"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  expect(extra("oneadapt.json"), "\"task\": \"segmentation\"");
}

TEST_F(Described, TorchvisionsMasks) {
  const auto forward = [&](const std::string &more) {
    save(
        "    x = x.reshape([1, 3, -1])\n    d = {\"boxes\": torch.zeros([1, 4]), \"labels\": torch.arange(1), "
        "\"scores\": torch.sigmoid(torch.mean(x)).reshape([1])" +
        more + "}\n    return [d]\n");
  };
  forward(", \"masks\": torch.ones([1, 1, 64, 64])");
  expect_described(
      "64x64", {"output.layout = \"torchvision\", because it gives a dictionary of boxes, scores and labels, and masks",
                "task = \"segmentation\""});
  forward("");
  expect_described("64x64", {"task = \"detection\""});
  expect(describe({"--set", "task=segmentation"}).err, "gives no masks");
}

TEST_F(Described, WhatIsNoDetectorIsSaid) {
  save("    return (x, x)\n");
  expect(describe({"--labels", labels()}).err, "are of no layout that is known");
  save("    return torch.mean(x)\n");
  expect(describe({"--labels", labels()}).err, "are of no layout that is known");
  save("    return torch.conv2d(x, torch.ones([4, 1, 3, 3]))\n");
  expect(describe({"--labels", labels()}).err, "takes pictures of one colour");
  expect(describe({"--labels", labels(), "--set", "input.colour=gray"}).err, "the outputs are of 4 classes");
  save("    return torch.reshape(x, [7, 7])\n");
  expect(describe({"--labels", labels()}).err, "ran on no picture of 3 colours");
}

TEST_F(Described, SetChangesAKeyAndChecksIt) {
  save(kYolo8);
  ASSERT_EQ(describe({"--input-size", "64x64", "--labels", labels()}).status, 0);
  ASSERT_EQ(describe({"--set", "input.colour=BGR", "--set", "threshold=0.25", "--set", "input.mean=[1,2,3]"}).status,
            0);
  const std::string text = extra("oneadapt.json");
  expect(text, "\"colour\": \"BGR\"");
  expect(text, "\"threshold\": 0.25");
  expect(text, "\"layout\": \"yolo\"");  // and the others stay
  expect(describe({}).out, "gives what this says");

  expect(describe({"--set", "input.color=BGR"}).err, "\"input.color\" is not a key");
  expect(describe({"--set", "threshold=7"}).err, "\"threshold\" must be a number from 0 to 1");
  expect(describe({"--set", "output.objectness=true"}).err, "7 numbers a candidate");
  expect(describe({"--set", "nonsense"}).err, "wants KEY=VALUE");
  expect(describe({"--colour", "BGR"}).err, "--colour does not go with --describe");
  EXPECT_EQ(extra("oneadapt.json"), text);
}

TEST_F(Described, SoundIsRunOnSound) {
  // Steps of 10 ms at 8 kHz: blank, and one word.
  const std::string body =
      "    y = x.reshape(1, -1, 80).abs().mean(2, keepdim=True)\n    return torch.cat([y, 1 - y], 2)\n";
  const std::string description =
      R"({"format": 1, "task": "ctc", "input": {"sample_rate": 8000}, "output": {"layout": "ctc"},
    "labels": ["-", "word"]})";
  save(body, description);
  const Outcome outcome = describe({"--set", "output.temperature=2"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(oneadapt::ModelDescription::parse(extra("oneadapt.json")).temperature, 2);
  const Outcome wrong = describe({"--set", "labels=[\"-\",\"word\",\"another\"]"});
  EXPECT_EQ(wrong.status, 1);
  expect(wrong.err, "steps × 3 (one a label) are due");
  const Outcome other = describe({"--set", "output.scores=[1]"});
  EXPECT_EQ(other.status, 1);
  expect(other.err, "output.scores names output 1");
}

TEST_F(Described, ASidecarInstead) {
  save(kYolo8);
  const std::string sidecar = folder.path("m.json");
  ASSERT_EQ(describe({"--input-size", "64x64", "--labels", labels(), "-o", sidecar}).status, 0);
  EXPECT_EQ(extra("oneadapt.json"), "");
  std::ifstream in(sidecar);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  expect(text, "\"layout\": \"yolo\"");
  expect(describe({}).out, "m.json is laid over what the file says");
}

TEST_F(Described, NoModel) {
  expect(describe({}).err, "m.pt");
  std::ofstream(path) << "not a model";
  EXPECT_EQ(describe({}).status, 1);
}
