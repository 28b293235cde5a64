// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadapt-inspect: what it says of models, in words and as JSON, what it is shown, and what is wrong.
#include <filesystem>

#include "../support/lying_clip.h"
#include "inspect_run.h"

namespace {

using namespace inspect_test;

// ---- what it says

TEST_F(Inspect, HelpNamesEveryOptionAndTheExitStatus) {
  const Outcome run = inspect({"--help"});
  EXPECT_EQ(run.status, 0);
  for (const char *part :
       {"--input", "--frames", "--start", "--step", "--output", "--json", "--repeat", "--device", "--threshold",
        "--classes", "--labels-file", "--operator-libraries", "--input-size", "--threads", "--gradient-method",
        "--gradient-memory", "--version", "Exit status", "Examples"})
    EXPECT_TRUE(has(run.out, part)) << part;
  EXPECT_EQ(inspect({"--version"}).status, 0);
}

TEST_F(Inspect, AModelAlone) {
  const std::string path = save_colours(folder, R"({"source": "a test", "licence": "none at all", "threshold": 0.3})");
  const Outcome run = inspect({path, "--repeat", "1"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.err, "");
  gchar *bytes = nullptr;
  gsize size = 0;
  ASSERT_TRUE(g_file_get_contents(path.c_str(), &bytes, &size, nullptr));
  gchar *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, reinterpret_cast<guchar *>(bytes), size);
  const std::string sha256 = sum;
  g_free(bytes);
  g_free(sum);
  for (const std::string &part :
       {path, std::string("colours"), std::string("detection"), std::string("a test"), std::string("none at all"),
        sha256, std::string("any size, RGB"), std::string("boxes, scores 1, boxes 0, labels 2"),
        std::string("3: red thing, green thing, blue thing"), std::string("0.3, slope 20, floor 0.1"),
        std::string("a picture made for this test"), std::string("ms backward"), std::string("wait for the way back"),
        std::string("The model loads")})
    EXPECT_TRUE(has(run.out, part)) << run.out << "wants: " << part;
}

TEST_F(Inspect, JsonHasItAll) {
  file("colours.pt.json", R"({"name": "from beside"})");
  const std::string path = save_colours(folder);
  const Outcome run = inspect({path, "--input", red_picture(), "--repeat", "2", "--json", "-", "--threshold", "0.4"});
  ASSERT_EQ(run.status, 0) << run.err;
  const json data = run.data();
  ASSERT_TRUE(data.is_object()) << run.out;
  EXPECT_EQ(data["ok"], true);
  const json &model = data["model"];
  EXPECT_EQ(model["path"], path);
  EXPECT_EQ(model["bytes"], std::filesystem::file_size(path));
  EXPECT_EQ(model["sha256"].get<std::string>().size(), 64u);
  EXPECT_EQ(model["sidecar"], folder.file("colours.pt.json"));
  EXPECT_EQ(model["threshold"], 0.4);
  EXPECT_EQ(model["labels"].size(), 3u);
  EXPECT_EQ(model["description"]["name"], "from beside");
  EXPECT_EQ(model["parameters"]["type"], "float32");
  EXPECT_TRUE(data["device"]["name"].is_string() && data["device"]["reason"].is_string());
  EXPECT_EQ(data["input"]["made"], false);
  ASSERT_EQ(data["frames"].size(), 1u);
  const json &frame = data["frames"][0];
  EXPECT_EQ(frame["resolution"], (json{{"width", 64}, {"height", 48}}));
  EXPECT_EQ(frame["model_input"], (json{{"width", 64}, {"height", 48}}));
  ASSERT_EQ(frame["objects"].size(), 1u);
  const json &object = frame["objects"][0];
  EXPECT_EQ(object["roi_type"], "red thing");
  EXPECT_EQ(object["x"], 4);
  EXPECT_NEAR(object["detection"]["confidence"].get<double>(), 200 / 255., 1e-3);
  EXPECT_EQ(frame["elements"], 3);
  // 2·sigmoid(20·(score − 0.4)) − 1 of the red and of the two grey ones.
  EXPECT_NEAR(frame["z"].get<double>(), 0.99914 - 2 * 0.92873, 1e-3);
  EXPECT_EQ(frame["gradient"]["columns"], 4);
  EXPECT_EQ(frame["gradient"]["finite"], true);
  EXPECT_GT(frame["gradient"]["greatest"].get<double>(), frame["gradient"]["mean"].get<double>());
  EXPECT_TRUE(frame["best_below_threshold"].is_null());
  EXPECT_TRUE(frame["files"]["objects"].is_null());
  for (const char *key : {"forward_ms", "forward_with_autograd_ms", "backward_ms"})
    EXPECT_GT(data["times"][key].get<double>(), 0) << key;
  EXPECT_EQ(data["times"]["repeat"], 2);
  EXPECT_TRUE(data["times"]["gradient_share"].is_number());
  const json &memory = data["memory"];
  EXPECT_GE(memory["gradient_tensors"].get<double>(), memory["saved_tensors"].get<double>());
  // The picture as floats lives through the forward pass; of what is kept for the way back it need not be.
  EXPECT_GE(memory["forward_tensors"].get<double>(), 64 * 48 * 3 * 4);
  EXPECT_GT(memory["saved_tensors"].get<double>(), 0);
  EXPECT_EQ(data["warnings"], json::array());
}

TEST_F(Inspect, JsonIntoAFileBesideTheWords) {
  const std::string target = folder.file("all.json");
  const Outcome run = inspect({save_colours(folder), "--repeat", "0", "--json", target});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_TRUE(has(run.out, "red thing"));
  const json data = json::parse(read_file(target), nullptr, false);
  ASSERT_TRUE(data.is_object());
  EXPECT_EQ(data["input"]["made"], true);
  EXPECT_TRUE(data["times"].is_null());  // not asked for
  expect_line(inspect({save_colours(folder), "--repeat", "0", "--json", folder.file("no/such/x.json")}), 1, "--json");
}

TEST_F(Inspect, TheInputSizeIsTheElements) {
  const std::string path = save_colours(folder, R"({"input": {"multiple_of": 32}})"), red = red_picture();
  const auto seen = [&](const std::string &size) {
    const json data = inspect({path, "--input", red, "--input-size", size, "--repeat", "0", "--json", "-"}).data();
    return data["frames"][0]["model_input"];
  };
  EXPECT_EQ(seen("auto"), (json{{"width", 64}, {"height", 64}}));
  EXPECT_EQ(seen("100x40"), (json{{"width", 128}, {"height", 64}}));
}

// ---- what it is shown

TEST_F(Inspect, AClipThatLiesOnItsSideIsSeenUpright) {
  const std::string lying = folder.file("lying.mp4");
  for (const int degrees : {0, 90}) {
    ASSERT_TRUE(write_lying_clip(lying, degrees));
    const json data = inspect({save_brightest(folder), "--input", lying, "--repeat", "0", "--json", "-"}).data();
    ASSERT_EQ(data["frames"].size(), 1u);
    const json &frame = data["frames"][0];
    EXPECT_EQ(frame["resolution"]["width"], degrees ? 256 : 192);
    ASSERT_EQ(frame["objects"].size(), 1u);
    // Turned clockwise, what was at the upper left is at the upper right.
    const json &box = frame["objects"][0]["detection"]["bounding_box"];
    EXPECT_GE(box["x_min"].get<double>(), degrees ? (256 - 80) / 256.0 : 16 / 192.0);
    EXPECT_LE(box["x_max"].get<double>(), degrees ? (256 - 32) / 256.0 : 64 / 192.0);
  }
}

TEST_F(Inspect, FramesOfAClip) {
  const std::string path = save_colours(folder, R"({"threshold": 0.05, "floor": 0.01})"), avi = clip();
  const auto times = [&](const std::vector<std::string> &options) {
    std::vector<std::string> all{path, "--input", avi, "--repeat", "0", "--json", "-"};
    all.insert(all.end(), options.begin(), options.end());
    std::vector<double> seconds;
    const Outcome run = inspect(all);
    const json data = run.data();
    for (const json &frame : data["frames"]) seconds.push_back(frame["timestamp"].get<double>() / 1e9);
    EXPECT_EQ(has(run.err, "it ended after 2 of 9 frames"), seconds.size() == 2) << run.err;
    return seconds;
  };
  const std::vector<double> first{0}, steps{0.5, 1.5, 2.5}, each{1, 1.1, 1.2}, end{1.5, 2.5};
  const auto expect = [](const std::vector<double> &have, const std::vector<double> &want) {
    ASSERT_EQ(have.size(), want.size());
    for (std::size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(have[i], want[i], 0.002);
  };
  expect(times({}), first);
  expect(times({"--start", "0.5", "--frames", "3"}), steps);
  expect(times({"--start", "1", "--frames", "3", "--step", "0"}), each);
  expect(times({"--start", "1.5", "--frames", "9"}), end);
  expect_line(inspect({path, "--input", avi, "--start", "70", "--repeat", "0"}), 1,
              "no frame from 70 s on; it lasts 3.0 s");
}

TEST_F(Inspect, APictureIsOneFrame) {
  auto pixels = plain_rgb(64, 48, 60, 60, 60);
  paint(pixels, 64, 0, 0, 16, 16, 220, 60, 60);
  const Outcome run = inspect({save_colours(folder), "--input", picture("red.jpg", pixels, 64, 48), "--frames", "5",
                               "--repeat", "0", "--json", "-"});
  const json data = run.data();
  ASSERT_EQ(data["frames"].size(), 1u) << run.err;
  EXPECT_EQ(run.err, "");
  EXPECT_EQ(data["input"]["clip"], false);
  EXPECT_TRUE(data["frames"][0]["timestamp"].is_null());
  EXPECT_EQ(data["frames"][0]["objects"][0]["roi_type"], "red thing");
}

TEST_F(Inspect, BadInputIsOneLine) {
  const std::string path = save_colours(folder);
  const auto bad = [&](const std::string &input) { return inspect({path, "--input", input, "--repeat", "0"}); };
  expect_line(bad(folder.file("none.png")), 1, "does not exist");
  expect_line(bad(folder.path()), 1, "is no file");
  expect_line(bad(file("words.png", "these are words\n")), 1, "cannot be decoded");
  const std::string whole = read_file(red_picture());
  expect_line(bad(file("cut.png", whole.substr(0, whole.size() / 2))), 1, "cut.png");
  ASSERT_TRUE(launch("audiotestsrc num-buffers=20 ! wavenc ! filesink location=\"" + folder.file("s.wav") + "\""));
  expect_line(bad(folder.file("s.wav")), 1, "has no picture in it");
}

TEST_F(Inspect, AModelOfSoundHears) {
  const std::string path = save_tones(folder), wav = folder.file("tone.wav");
  // 0.07 is heard, with a probability of 0.83: not so surely that the gradient ends there. Three seconds.
  const auto tone = [&](int frequency, const std::string &volume) {
    // A beep of an eighth of a second every 300 ms.
    ASSERT_TRUE(launch("audiotestsrc samplesperbuffer=4410 num-buffers=30 wave=ticks tick-interval=300000000 freq=" +
                       std::to_string(frequency) + " sine-periods-per-tick=" + std::to_string(frequency / 8) +
                       " volume=" + volume + " ! audio/x-raw,rate=44100,channels=1 ! wavenc ! filesink location=\"" +
                       wav + "\""));
  };
  tone(3000, "0.07");
  const Outcome run = inspect({path, "--input", wav, "--start", "1", "--frames", "5", "--repeat", "1", "--json", "-"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_TRUE(has(run.err, "it ended after 2 of 5 seconds")) << run.err;
  const json data = run.data();
  ASSERT_EQ(data["frames"].size(), 2u);
  EXPECT_EQ(data["model"]["description"]["task"], "ctc");
  EXPECT_EQ(data["times"]["inferences"], 1);
  for (int i = 0; i < 2; ++i) {
    const json &frame = data["frames"][std::size_t(i)];
    EXPECT_EQ(frame["timestamp"], (i + 1) * 1000000000LL);
    EXPECT_EQ(frame["sample_rate"], 8000);
    EXPECT_FALSE(frame.contains("objects"));
    EXPECT_GT(frame["gradient"]["greatest"].get<double>(), 1e-6);
    EXPECT_EQ(frame["gradient"]["columns"], 100);  // of 10 ms
    EXPECT_EQ(frame["gradient"]["rows"], 1);
  }
  std::size_t words = 0;
  for (const json &frame : data["frames"])
    for (const json &word : frame["words"]) {
      ++words;
      EXPECT_EQ(word["word"], "high");
      EXPECT_EQ(word["label_id"], 2);
      EXPECT_NEAR(word["confidence"].get<double>(), 0.83, 0.02);
    }
  EXPECT_GE(words, 6u);
  EXPECT_LE(words, 8u);

  EXPECT_TRUE(has(inspect({path, "--repeat", "0"}).out, "a second made for this test"));
  expect_line(inspect({path, "--input", red_picture(), "--repeat", "0"}), 1, "has no sound in it");
  expect_line(inspect({path, "--input", wav, "--start", "9", "--repeat", "0"}), 1, "no sound from 9 s on");
  tone(500, "0.04");
  EXPECT_EQ(warnings({path, "--input", wav}), Codes{"no-objects"});
  tone(500, "1");
  EXPECT_EQ(warnings({path, "--input", wav}), Codes{"gradient-zero"});
}

// ---- what is wrong

TEST_F(Inspect, UsageErrorsAreTwo) {
  const std::string path = save_colours(folder), red = red_picture();
  expect_line(inspect({}), 2, "MODEL");
  expect_line(inspect({path, "--frobnicate"}), 2, "--frobnicate");
  expect_line(inspect({path, "--input", red, "--frames", "0"}), 2, "--frames");
  expect_line(inspect({path, "--input", red, "--start", "-1"}), 2, "--start");
  expect_line(inspect({path, "--frames", "2"}), 2, "--input");
  expect_line(inspect({path, "--input-size", "large"}), 2, "--input-size");
  expect_line(inspect({path, "--threshold", "2"}), 2, "--threshold");
  expect_line(inspect({path, "--gradient-method", "none"}), 2, "--gradient-method");
  expect_line(inspect({path, "--classes", "red thing,unicorn"}), 2, "--classes: the model has no class \"unicorn\"");
  EXPECT_EQ(inspect({"--classes", "red thing", path, "--repeat", "0"}).status, 0) << "MODEL is no class";
  expect_line(inspect({path, "--device", "cuda:9"}), 2, "--device: ");
  expect_line(inspect({path, "--labels-file", file("two", "a\nb\n")}), 2, "--labels-file: ");
}

TEST_F(Inspect, WrongModelsAreOneLine) {
  const std::string good = read_file(save_colours(folder));
  expect_line(inspect({folder.file("none.pt")}), 1, "does not exist");
  expect_line(inspect({folder.path()}), 1, "is a directory");
  expect_line(inspect({file("empty.pt", "")}), 1, "is empty");
  expect_line(inspect({file("random.pt", std::string(5000, 'x'))}), 1, "is not TorchScript");
  expect_line(inspect({file("cut.pt", good.substr(0, good.size() / 2))}), 1, "is truncated");
  expect_line(inspect({file("old.pt", "\x80\x02}q\x01.")}), 1, "pickled Python object");
  save_pickled_weights(folder.file("weights.pt"));
  expect_line(inspect({folder.file("weights.pt")}), 1, "state_dict");
  expect_line(
      inspect({file("net.onnx", "\x08\x08\x12\x07pytorch")}), 1,
      "convert it first, with \"oneadapt-import " + folder.file("net.onnx") + " " + folder.file("net.pt") + "\"");
  expect_line(inspect({file("tf.json", R"({"modelTopology": {}})")}), 1, "oneadapt-import");
  save_module(folder.file("mute.pt"), colours_forward(), "");
  expect_line(inspect({folder.file("mute.pt")}), 1, "\"oneadapt-import --describe " + folder.file("mute.pt") + "\"");
  expect_line(inspect({save_colours(folder, R"({"slope": -1})")}), 1, "\"slope\"");

  const auto forward = [&](const std::string &code, const std::string &description = "{}") {
    save_module(folder.file("f.pt"), code, colours_description(description));
    return inspect({folder.file("f.pt"), "--repeat", "0"});
  };
  expect_line(forward("def forward(self, x):\n    return x.mean([2, 3])\n"), 1, "classifier");
  expect_line(forward("def forward(self, x, h):\n    return x, h\n"), 1, "also needs \"h\"");
  expect_line(forward("def forward(self, x):\n    return torch.matmul(x.flatten(1), torch.zeros([7, 2]))\n"), 1,
              "input.width");
  expect_line(forward("def forward(self, x):\n    return x.view([7])\n"), 1, "failed on a picture");
  // More classes than labels.
  expect_line(forward("def forward(self, x):\n    return torch.zeros([1, 4]), x.mean().reshape([1]), "
                      "torch.tensor([3])\n"),
              1, "label 3, but its description has 3 labels");
  expect_line(forward("def forward(self, x):\n    return torch.zeros([1, 4]), x.detach().mean().reshape([1]), "
                      "torch.tensor([0])\n"),
              1, "autograd");
}

TEST_F(Inspect, AnErrorIsInTheJsonToo) {
  const Outcome run = inspect({folder.file("none.pt"), "--json", "-"});
  expect_line(run, 1, "does not exist");
  const json data = run.data();
  EXPECT_EQ(data["ok"], false);
  EXPECT_EQ("oneadapt-inspect: " + data["error"].get<std::string>() + "\n", run.err);
}

}  // namespace

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
