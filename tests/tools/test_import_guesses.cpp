// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadapt-import --describe: which convention boxes follow, which sizes are followed, what is known of a family, and
// what is said of files that cannot be described.
#include "described_rig.h"

using namespace import_test;

namespace {

/// 84 cells of 64×64 (strides 8, 16 and 32) as rows x y of their centres, and their strides; `k` is a number near 1
/// that depends on the picture.
const std::string kCells =
    "    k = torch.sigmoid(torch.mean(x)) + 0.5\n"
    "    parts: List[Tensor] = []\n"
    "    for s in [8, 16, 32]:\n"
    "        w = x.size(3) // s\n"
    "        i = torch.arange(w * (x.size(2) // s))\n"
    "        cx = (i % w + 0.5) * s\n"
    "        cy = (torch.floor_divide(i, w) + 0.5) * s\n"
    "        parts.append(torch.stack([cx, cy, torch.ones_like(cx) * s], 1))\n"
    "    c = torch.cat(parts)\n"
    "    n = c.size(0)\n"
    "    h = c[:, 2:3] / 2\n"
    "    p = torch.ones([n, 2]) * torch.sigmoid(torch.mean(x))\n";

class Conventions : public Described {
 protected:
  /// Boxes that are given as an expression of c (x y stride) and h (half a stride).
  Outcome of(const std::string &boxes, const std::string &scores = "p") const {
    save(kCells + "    return " + boxes + ", " + scores + "\n");
    return describe({"--input-size", "64x64", "--labels", labels()});
  }
};

const char *const kCorners = "torch.cat([c[:, :2] - h, c[:, :2] + h], 1)";

TEST_F(Conventions, CornersCentresAndYBeforeX) {
  Outcome outcome = of(kCorners);
  expect(outcome.out, "output.box = \"corners\", because the third and fourth number are never less");
  EXPECT_EQ(outcome.out.find("output.normalised"), std::string::npos) << outcome.out;
  expect(extra("oneadapt.json"), "\"box\": \"corners\"");
  outcome = of("torch.cat([c[:, :2], c[:, 2:3], c[:, 2:3]], 1)");
  expect(outcome.out, "output.box = \"centre\"");
  outcome = of("torch.cat([c[:, 1:2] - h, c[:, 0:1] - h, c[:, 1:2] + h, c[:, 0:1] + h], 1)");
  expect(outcome.out, "output.box = \"corners-yx\"");
  outcome = of(std::string(kCorners) + " / 64");
  expect(outcome.out, "output.normalised = true, because no coordinate is far above 1");
  EXPECT_EQ(outcome.out.find("Warning"), std::string::npos) << outcome.out;
}

TEST_F(Conventions, OfYoloToo) {
  save(kCells + "    return torch.cat([" + kCorners + ", p], 1).unsqueeze(0).transpose(1, 2)\n");
  const Outcome outcome = describe({"--input-size", "64x64", "--labels", labels()});
  expect(outcome.out, "output.layout = \"yolo\"");
  expect(outcome.out, "output.box = \"corners\"");
}

TEST_F(Conventions, NonsenseIsWarnedOf) {
  of(std::string("torch.cat([") + kCorners + "[:, :2] + 4, torch.ones([n, 2]) * 8], 1)");
  const Outcome outcome = describe({"--set", "output.box=corners"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  expect(outcome.out, "Warning: the boxes that it gives mostly end before they begin");
  EXPECT_EQ(describe({"--set", "output.box=centre"}).out.find("Warning"), std::string::npos);
}

TEST_F(Conventions, OffsetsOfCenternetAreFoundBySize) {
  save(
      "    m = torch.sigmoid(torch.mean(x))\n"
      "    return (torch.ones([1, 2, 16, 16]) * m, torch.ones([1, 2, 16, 16]) * m, torch.ones([1, 2, 16, 16]) * 9)\n");
  expect_described("64x64", {"output.boxes = [2]", "output.offsets = 1"});
}

/// YOLOX before its decoding: parts of a cell, and logarithms that none of which is negative.
TEST_F(Conventions, LogarithmsOfYoloxAreNoPixels) {
  save(kCells + "    o = c[:, :2] * 0 + 0.5\n    l = c[:, :2] * 0 + 1.5\n" +
       "    return torch.cat([o, l, p[:, :1], p], 1).unsqueeze(0)\n");
  expect_described("64x64", {"output.layout = \"yolox\"", "logarithms: centres are parts of a cell"});
}

/// Their rows are a box, scores and more, which looks like more classes.
TEST_F(Conventions, OtherTasksOfUltralyticsAreRefused) {
  const std::string rows = "torch.cat([c[:, :2], c[:, 2:3], c[:, 2:3], p, p], 1).unsqueeze(0).transpose(1, 2)";
  save(kCells + "    return " + rows + "\n", "",
       {{"config.txt", R"({"names": {"0": "cat", "1": "dog"}, "imgsz": [64, 64], "task": "pose"})"}});
  expect(describe({}).err,
         "it is a model of Ultralytics' task \"pose\", as config.txt in the file says; export a detector");
  save(kCells +
       "    return torch.cat([c[:, :2], c[:, 2:3], c[:, 2:3], p, p * 9 - 20], 1).unsqueeze(0).transpose(1, 2), " +
       "torch.ones([1, 32, 16, 16])\n");
  expect(describe({"--input-size", "64x64", "--labels", labels()}).err, "as YOLOv8-seg gives them");
}

TEST_F(Conventions, ScoresOfEachClass) {
  Outcome outcome =
      of(kCorners, "torch.softmax(torch.cat([p * 0 + 3, p[:, :1]], 1)[:, :2] * torch.tensor([2., 1.]), 1)");
  expect(outcome.out, "output.background = 0, because the scores of a row add up to 1");
  outcome = of(kCorners, "p * 9 - 20");
  expect(outcome.out, "output.activation = \"sigmoid\"");
  // Classes × boxes.
  outcome = of(kCorners, "p.t()");
  expect(outcome.out, "84 boxes of 4 numbers beside 84 times 2 scores");
}

TEST_F(Conventions, RowsOfDetections) {
  save(kCells + "    return torch.cat([" + kCorners +
       ", p[:, :1], torch.arange(n).reshape(-1, 1) % 2], 1)[:20].unsqueeze(0)\n");
  const Outcome outcome = describe({"--input-size", "64x64", "--labels", labels()});
  expect(outcome.out, "output.layout = \"detections\", because output 0 is 1×20×6");
  expect(extra("oneadapt.json"), "\"nms_iou\": 1");
}

TEST_F(Conventions, SizesThatAreFixedInTheProgramAreFound) {
  // Scores grow with the picture, boxes do not.
  save(kCells + "    return torch.ones([84, 4]) * torch.tensor([0., 0., 8., 8.]), p\n");
  Outcome outcome = describe({"--input-size", "64x64", "--labels", labels()});
  expect(outcome.out, "input.multiple_of = 0, because it ran on 128×96, but there");
  // Boxes are brought to 64×64, whatever the picture.
  outcome = of(std::string(kCorners) + " / x.size(3) * 64");
  expect(outcome.out, "input.multiple_of = 0, because it ran on 128×96, but its boxes lie where");
  outcome = of(kCorners);
  expect(outcome.out, "input.multiple_of = 32");
  // CenterNet's sizes.
  save(
      "    m = torch.avg_pool2d(x[:, :2], [4, 4]).sigmoid()\n"
      "    return m, torch.ones([1, 2, 16, 16]) * 9 * torch.mean(m)\n");
  expect_described("64x64",
                   {"output.layout = \"centernet\"", "input.multiple_of = 0, because it ran on 128×96, but there"});
}

TEST_F(Conventions, AFamilyHasItsNormalisation) {
  // YOLOX, decoded: centre and size in pixels, objectness.
  save(kCells + "    return torch.cat([c[:, :2], c[:, 2:3], c[:, 2:3], p[:, :1], p], 1).unsqueeze(0)\n");
  Outcome outcome = describe({"--input-size", "64x64", "--labels", labels()});
  expect(outcome.out, "input.colour = \"BGR\", because YOLOX is trained like this");
  expect(extra("oneadapt.json"), "\"range\": 255.0");
  // NanoDet, in one tensor.
  save(kCells + "    return torch.cat([p, torch.ones([n, 32]) * 7], 1).unsqueeze(0)\n");
  outcome = describe({"--input-size", "64x64", "--labels", labels()});
  expect(outcome.out, "output.predictions = [0]");
  expect(outcome.out, "input.mean = [103.53,116.28,123.675], because NanoDet is trained like this");
}

TEST_F(Conventions, NamesOfUltralyticsAreTaken) {
  save(kCells + "    return torch.cat([c[:, :2], c[:, 2:3], c[:, 2:3], p], 1).unsqueeze(0).transpose(1, 2)\n", "",
       {{"config.txt", R"({"names": {"0": "cat", "1": "dog"}, "imgsz": [64, 64], "stride": 32})"}});
  const Outcome outcome = describe({});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  expect(outcome.out, "2 labels from \"cat\" to \"dog\", because they are in config.txt in the file");
  expect(extra("oneadapt.json"), "\"width\": 64");
}

TEST_F(Conventions, LogitsOfYoloAreFound) {
  save(kCells + "    l = p * 9 - 8\n" +
       "    return torch.cat([c[:, :2], c[:, 2:3], c[:, 2:3], l], 1).unsqueeze(0).transpose(1, 2)\n");
  expect_described("64x64", {"output.layout = \"yolo\"", "output.activation = \"sigmoid\""});
  expect(extra("oneadapt.json"), "\"activation\": \"sigmoid\"");
}

TEST_F(Described, OutputsThatSayNothingAreNamed) {
  const auto said = [&](const std::string &body) {
    save(body);
    return describe({"--input-size", "64x64", "--labels", labels()}).err;
  };
  expect(said("    return torch.ones([1, 6, 84]) * torch.mean(x) / 0.0 * 0.0\n"), "values that are not finite");
  expect(said("    return {\"a\": x}\n"), "let forward() return a tensor");
  torch::jit::Module two("M");
  two.define("def forward(self, x, sizes):\n    return x * sizes\n");
  two.save(path);
  expect(describe({"--input-size", "64x64", "--labels", labels()}).err, "whose forward() takes the picture alone");
}

TEST_F(Conventions, WrongNumbersOfLabelsAreSaid) {
  save(kCells + "    return torch.cat([c[:, :2], c[:, 2:3], c[:, 2:3], p, p], 1).unsqueeze(0).transpose(1, 2)\n");
  const Outcome outcome = describe({"--input-size", "64x64", "--labels", labels()});
  EXPECT_EQ(outcome.status, 1);
  expect(outcome.err, "there are 2 labels, but the outputs are of 4 classes");
}

TEST_F(Described, SoundAndHalfPrecisionAreSaid) {
  save("    return torch.conv1d(x.unsqueeze(1), torch.ones([4, 1, 80]), None, [80]).transpose(1, 2)\n");
  expect(describe({"--labels", labels()}).err, "takes sound (a tensor 1×N), not pictures");
  // The line that this says.
  std::ofstream(folder.path("four.txt")) << "_\na\nb\nc\n";
  const Outcome outcome = describe({"--set", "task=ctc", "--set", "input.sample_rate=16000", "--set",
                                    "output.layout=ctc", "--labels", folder.path("four.txt")});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  expect(extra("oneadapt.json"), "\"task\": \"ctc\"");
  torch::jit::Module half("M");
  half.register_parameter("w", torch::ones({3}, torch::kHalf), false);
  half.define("def forward(self, x):\n    return x * self.w.reshape(1, 3, 1, 1)\n");
  half.save(path);
  expect(describe({"--labels", labels()}).err, "has weights of 16 bits");
}

TEST_F(Described, HeadsBeforeTheyAreDecodedAreNoBoxes) {
  const auto refused = [&](const std::string &body) {
    save("    m = torch.avg_pool2d(x[:, :1], [8, 8])\n    n = torch.avg_pool2d(m, [2, 2])\n    return " + body + "\n");
    const Outcome outcome = describe({"--input-size", "64x64", "--labels", labels()});
    EXPECT_EQ(outcome.status, 1) << outcome.out;
    return outcome.err;
  };
  const auto rows = [](const std::string &map, const std::string &count) {
    return "(" + map + ".flatten(2) * torch.ones([1, " + count + ", 1])).transpose(1, 2)";
  };
  // Maps as they come out of the network; rows of offsets; scores and boxes for each stride.
  expect(refused("[m, m.expand(1, 4, 8, 8), n, n.expand(1, 4, 4, 4)]"), "export the model with its decoding");
  expect(refused("[" + rows("m", "3") + ", " + rows("m", "4") + "]"), "offsets from anchors");
  expect(refused("[" + rows("m.sigmoid()", "1") + ", " + rows("n.sigmoid()", "1") + ", " + rows("m", "4") + ", " +
                 rows("n", "4") + "]"),
         "one output for each stride");
}

TEST_F(Described, WhatIsNoModelIsSaid) {
  const auto expect_line = [&](const std::vector<std::string> &arguments, const std::string &what) {
    const Outcome outcome = import(arguments);
    EXPECT_EQ(outcome.status, 1);
    expect(outcome.err, what);
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  };
  expect_line({"--describe", folder.path("none.pt")}, "does not exist");
  expect_line({"--describe", folder.path("")}, "is a directory");
  expect_line({folder.path("none.onnx"), folder.path("o.pt")}, "does not exist");
  expect_line({folder.path(""), folder.path("o.pt")}, "is a directory");
  save("    return x\n");
  expect_line({path, folder.path("o.pt")}, "is TorchScript already: oneadapt-import --describe");
  const auto foreign = [&](const std::string &name, const std::string &bytes, const std::string &what) {
    std::ofstream(folder.path(name), std::ios::binary) << bytes;
    expect_line({folder.path(name), folder.path("o.pt")}, what);
  };
  // What is in a file counts, not its name.
  const auto described = [&](const std::string &name, const std::string &bytes, const std::string &what) {
    std::ofstream(folder.path(name), std::ios::binary) << bytes;
    expect_line({"--describe", folder.path(name)}, what);
  };
  described("pointer.onnx", "version https://git-lfs.github.com/spec/v1\n", "git lfs pull");
  described("archive.onnx", std::string("PK\x03\x04", 4) + std::string(64, '\0'), "truncated");
  described("onnx.pt", std::string("\x08\x08\x12\x00", 4), "onnx.pt.pt");
  foreign("m.tflite", std::string("\x1c\0\0\0TFL3", 8) + std::string(64, '\0'), "TensorFlow Lite");
  foreign("m.pth", std::string("\x80\x02}q\x01."), "pickled Python object");
  foreign("page.onnx", "<!DOCTYPE html><html></html>", "page of a web site");
  foreign("m.onnx", "version https://git-lfs.github.com/spec/v1\n", "git lfs pull");
  foreign("m.bin", "nothing known", "neither ONNX nor JSON");
}

}  // namespace
