// SPDX-License-Identifier: LGPL-2.1-or-later
// The real oneadapt-inspect: what it says of models, of wrong ones, of suspicious ones; its JSON, its pictures.
#include <gst/gst.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "test_models.h"

namespace {

using namespace oneadapt_test;
using nlohmann::json;

struct Outcome {
  int status = -1;
  std::string out, err;
  json data() const { return json::parse(out, nullptr, false); }
};

std::string variable(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : ".";
}

Outcome inspect(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), variable("ONEADAPT_BUILD_DIR") + "/tools/inspect/oneadapt-inspect");
  std::vector<char *> argv;
  for (std::string &a : arguments) argv.push_back(a.data());
  argv.push_back(nullptr);
  Outcome run;
  gchar *out = nullptr, *err = nullptr;
  gint status = 0;
  GError *error = nullptr;
  if (!g_spawn_sync(nullptr, argv.data(), nullptr, G_SPAWN_DEFAULT, nullptr, nullptr, &out, &err, &status, &error)) {
    ADD_FAILURE() << error->message;
    g_clear_error(&error);
    return run;
  }
  run.out = out;
  run.err = err;
  run.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  g_free(out);
  g_free(err);
  return run;
}

bool has(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

/// Nothing but that one line on the standard error.
void expect_line(const Outcome &run, int status, const std::string &part) {
  EXPECT_EQ(run.status, status) << run.err;
  EXPECT_EQ(run.err.rfind("oneadapt-inspect: ", 0), 0u) << run.err;
  EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run.err;
  EXPECT_TRUE(has(run.err, part)) << run.err << "wants: " << part;
}

/// Plays it to its end.
bool runs_through(GstElement *pipeline) {
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstBus *bus = gst_element_get_bus(pipeline);
  GstMessage *message =
      gst_bus_timed_pop_filtered(bus, 60 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  const bool ended = message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS;
  if (message) gst_message_unref(message);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(bus);
  return ended;
}

bool launch(const std::string &line) {
  GstElement *pipeline = gst_parse_launch(line.c_str(), nullptr);
  const bool ended = pipeline && runs_through(pipeline);
  if (pipeline) gst_object_unref(pipeline);
  return ended;
}

struct Image {
  int width = 0, height = 0;
  std::string rgb;
  std::array<int, 3> at(int x, int y) const {
    const auto *p = reinterpret_cast<const unsigned char *>(&rgb[std::size_t(y) * stride() + 3 * std::size_t(x)]);
    return {p[0], p[1], p[2]};
  }
  std::size_t stride() const { return (std::size_t(width) * 3 + 3) / 4 * 4; }
  /// How far it is from grey.
  int colour(int x, int y) const {
    const auto p = at(x, y);
    return *std::max_element(p.begin(), p.end()) - *std::min_element(p.begin(), p.end());
  }
};

void take(GstElement *, GstBuffer *buffer, GstPad *pad, gpointer data) {
  auto *image = static_cast<Image *>(data);
  GstCaps *caps = gst_pad_get_current_caps(pad);
  const GstStructure *s = gst_caps_get_structure(caps, 0);
  gst_structure_get_int(s, "width", &image->width);
  gst_structure_get_int(s, "height", &image->height);
  gst_caps_unref(caps);
  image->rgb.resize(gst_buffer_get_size(buffer));
  gst_buffer_extract(buffer, 0, image->rgb.data(), image->rgb.size());
}

/// The last picture that `line` gives, or number `count`.
Image last_picture(const std::string &line, int count = -1) {
  Image image;
  const std::string whole = line +
                            " ! videoconvert ! video/x-raw,format=RGB ! fakesink name=sink signal-handoffs=true "
                            "sync=false num-buffers=" +
                            std::to_string(count);
  GstElement *pipeline = gst_parse_launch(whole.c_str(), nullptr);
  GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
  g_signal_connect(sink, "handoff", G_CALLBACK(take), &image);
  EXPECT_TRUE(runs_through(pipeline)) << line;
  gst_object_unref(sink);
  gst_object_unref(pipeline);
  return image;
}

Image read_image(const std::string &path) { return last_picture("filesrc location=\"" + path + "\" ! pngdec"); }

class Inspect : public testing::Test {
 protected:
  /// Pixels as a picture; the width must be a multiple of 4.
  std::string picture(const std::string &name, const std::vector<std::uint8_t> &pixels, unsigned width,
                      unsigned height) {
    write_file(folder.file("raw"), std::string(pixels.begin(), pixels.end()));
    EXPECT_TRUE(launch(
        "filesrc location=\"" + folder.file("raw") + "\" ! rawvideoparse format=rgb width=" + std::to_string(width) +
        " height=" + std::to_string(height) + " framerate=1/1 ! videoconvert ! " +
        (has(name, ".jpg") ? "jpegenc" : "pngenc") + " ! filesink location=\"" + folder.file(name) + "\""));
    return folder.file(name);
  }
  /// A red thing on grey, where save_colours() looks for one.
  std::string red_picture(unsigned width = 64, unsigned height = 48) {
    auto pixels = plain_rgb(width, height, 60, 60, 60);
    paint(pixels, width, 4, 4, 8, 8, 200, 60, 60);
    return picture("red.png", pixels, width, height);
  }
  /// A clip of three seconds at 10 frames a second.
  std::string clip() {
    EXPECT_TRUE(
        launch("videotestsrc num-buffers=30 ! video/x-raw,width=64,height=48,framerate=10/1 ! jpegenc ! "
               "avimux ! filesink location=\"" +
               folder.file("clip.avi") + "\""));
    return folder.file("clip.avi");
  }
  /// One box with the score that `score` computes of the picture `x`.
  std::string model(const std::string &score, const std::string &description = "{}") {
    save_module(folder.file("m.pt"),
                "def forward(self, x):\n    s = " + score +
                    "\n    return torch.tensor([[4., 4., 12., 12.]]), s.reshape([1]), torch.tensor([0])\n",
                colours_description(description));
    return folder.file("m.pt");
  }
  std::string file(const std::string &name, const std::string &content) {
    write_file(folder.file(name), content);
    return folder.file(name);
  }
  /// What it warns of.
  std::vector<std::string> warnings(const std::vector<std::string> &arguments) {
    std::vector<std::string> all{"--json", "-", "--repeat", "1"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const Outcome run = inspect(all);
    EXPECT_EQ(run.status, 0) << run.err;
    const json data = run.data();
    std::vector<std::string> codes;
    for (const json &warning : data.value("warnings", json::array())) {
      codes.push_back(warning["code"]);
      EXPECT_TRUE(has(run.err, "oneadapt-inspect: warning: " + warning["text"].get<std::string>() + "\n")) << run.err;
    }
    EXPECT_EQ(std::size_t(std::count(run.err.begin(), run.err.end(), '\n')), codes.size()) << run.err;
    return codes;
  }
  using Codes = std::vector<std::string>;

  TemporaryFolder folder;
};

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
  // The picture as floats lives through the forward pass, and is kept for the way back.
  EXPECT_GE(memory["forward_tensors"].get<double>(), 64 * 48 * 3 * 4);
  EXPECT_GE(memory["saved_tensors"].get<double>(), 64 * 48 * 3 * 4);
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

// ---- what is suspicious

TEST_F(Inspect, NothingFound) {
  const std::string grey = picture("grey.png", plain_rgb(64, 48, 60, 90, 60), 64, 48);
  const std::string path = save_colours(folder);
  EXPECT_EQ(warnings({path, "--input", grey}), Codes{"no-objects"});
  const Outcome run = inspect({path, "--input", grey, "--repeat", "0", "--json", "-"});
  EXPECT_TRUE(has(run.err, "the best candidate is \"green thing\" with a score of 0.353, below θ = 0.5")) << run.err;
  EXPECT_EQ(run.data()["frames"][0]["best_below_threshold"]["label"], "green thing");
  EXPECT_EQ(warnings({path, "--input", grey, "--threshold", "0.3"}), Codes{});
  EXPECT_EQ(warnings({path}), Codes{}) << "a made picture says nothing of that";
}

TEST_F(Inspect, GradientsThatAreNone) {
  const std::string red = red_picture();
  EXPECT_EQ(warnings({model("x.mean()"), "--input", red, "--threshold", "0.2"}), Codes{});
  EXPECT_EQ(warnings({model("0.8 + 0 * x.mean()"), "--input", red}), Codes{"gradient-zero"});
  const std::string root = model("0.8 + torch.sqrt(x.mean() - x.mean())");
  EXPECT_EQ(warnings({root, "--input", red}), Codes{"gradient-not-finite"});
  const json frame = inspect({root, "--input", red, "--json", "-", "--repeat", "0"}).data()["frames"][0];
  EXPECT_EQ(frame["gradient"], (json{{"finite", false}}));
  EXPECT_EQ(frame["objects"].size(), 1u);
}

TEST_F(Inspect, RunsThatDiffer) {
  const std::string red = red_picture();
  EXPECT_EQ(warnings({model("0.6 + 0.3 * torch.rand([1]) + 0.01 * x.mean()"), "--input", red}),
            Codes{"not-repeatable"});
}

TEST_F(Inspect, TrainingModeThatTracingLeft) {
  const std::string red = red_picture(), m = "torch.ones([3])";
  EXPECT_EQ(warnings({model("0.8 + 0.1 * torch.batch_norm(x, None, None, " + m + ", " + m +
                            ", True, 0.1, 1e-5, False)[0, 0, 4, 4].tanh()"),
                      "--input", red}),
            Codes{"batch-norm-training"});
  const auto dropout = warnings({model("0.8 + 0.1 * torch.dropout(x, 0.5, True)[0, 0, 4, 4].tanh()"), "--input", red});
  EXPECT_EQ(std::count(dropout.begin(), dropout.end(), "dropout-training"), 1);
  EXPECT_EQ(std::count(dropout.begin(), dropout.end(), "not-repeatable"), 1);
}

TEST_F(Inspect, AShapeThatDoesNotFit) {
  const auto fixed = [&](const std::string &size) {
    return save_colours(folder, R"({"input": {"multiple_of": null, )" + size + "}}");
  };
  // 64×48 to a square is usual; twice as wide is not, nor is a quarter of the size.
  const std::string red = red_picture();
  EXPECT_EQ(warnings({fixed(R"("width": 48, "height": 48)"), "--input", red, "--threshold", "0.2"}), Codes{});
  EXPECT_EQ(warnings({fixed(R"("width": 64, "height": 24)"), "--input", red, "--threshold", "0.2"}),
            Codes{"input-shape"});
  EXPECT_EQ(warnings({fixed(R"("width": 32, "height": 24)"), "--input", red_picture(128, 96), "--threshold", "0.2"}),
            Codes{"input-shape"});
}

TEST_F(Inspect, ADescriptionThatContradictsItself) {
  const std::string red = red_picture();
  EXPECT_EQ(warnings({save_colours(folder), "--input", red, "--threshold", "0.05"}), Codes{"threshold-below-floor"});
  EXPECT_EQ(warnings({save_colours(folder, R"({"labels": ["red", "other", "other"]})"), "--input", red}),
            Codes{"labels-repeat"});
  const auto codes = warnings({save_random_nanodet(folder, 1), "--input", red});
  EXPECT_EQ(std::count(codes.begin(), codes.end(), "double-precision"), 1);
}

// ---- what it draws

#if INSPECT_DRAWS
TEST_F(Inspect, DrawsWhatItFoundAndWhereItLooks) {
  const std::string target = folder.file("out/new");
  save_module(folder.file("m.pt"),
              "def forward(self, x):\n    s = x[0, 0, 48:80, 48:96].mean()\n"
              "    return torch.tensor([[40., 40., 100., 90.]]), s.reshape([1]), torch.tensor([0])\n",
              colours_description());
  auto pixels = plain_rgb(160, 120, 60, 60, 60);
  paint(pixels, 160, 40, 40, 60, 50, 180, 60, 60);
  const Outcome run = inspect({folder.file("m.pt"), "--input", picture("red.png", pixels, 160, 120), "--repeat", "0",
                               "--output", target, "--json", "-"});
  ASSERT_EQ(run.status, 0) << run.err;
  const json files = run.data()["frames"][0]["files"];
  EXPECT_EQ(files["objects"], target + "/frame-0001-objects.png");
  EXPECT_EQ(files["gradient"], target + "/frame-0001-gradient.png");
  const Image objects = read_image(files["objects"]), gradient = read_image(files["gradient"]);
  for (const Image &image : {objects, gradient}) {
    ASSERT_EQ(image.width, 160);
    ASSERT_EQ(image.height, 120);
  }
  // Class 0 is drawn in green around the red; inside and far from box and label nothing changed.
  const auto edge = objects.at(40, 70);
  EXPECT_GT(edge[1], edge[0] + 50);
  EXPECT_EQ(objects.at(70, 70), (std::array<int, 3>{180, 60, 60}));
  EXPECT_EQ(objects.at(150, 110), (std::array<int, 3>{60, 60, 60}));
  // Where the score comes from it is hot, elsewhere the picture is grey.
  for (int y = 24; y < 120; y += 4)
    for (int x = 0; x < 160; x += 4) {
      const bool hot = x >= 48 && x < 96 && y >= 48 && y < 80;
      ASSERT_EQ(gradient.colour(x, y) > 100, hot) << x << "," << y;
      ASSERT_EQ(gradient.colour(x, y) > 0, hot) << x << "," << y;
    }
}

TEST_F(Inspect, DrawsMasks) {
  auto pixels = plain_rgb(64, 48, 60, 60, 60);
  paint(pixels, 64, 24, 20, 24, 20, 255, 0, 0);
  const std::string target = folder.file("out");
  const Outcome run = inspect({save_painted(folder), "--input", picture("masks.png", pixels, 64, 48), "--repeat", "0",
                               "--output", target, "--json", "-"});
  ASSERT_EQ(run.status, 0) << run.err;
  const json frame = run.data()["frames"][0];
  ASSERT_EQ(frame["objects"].size(), 1u);
  EXPECT_EQ(frame["objects"][0]["mask"]["size"], (json{48, 64}));
  const Image image = read_image(frame["files"]["objects"]);
  const auto inside = image.at(40, 34);
  EXPECT_LT(inside[0], 255);  // under the colour of its class
  EXPECT_GT(inside[0], 100);
  EXPECT_EQ(image.at(4, 44), (std::array<int, 3>{60, 60, 60}));
}

TEST_F(Inspect, DrawsSoundAsAWave) {
  const std::string wav = folder.file("tone.wav");
  ASSERT_TRUE(
      launch("audiotestsrc samplesperbuffer=800 num-buffers=10 freq=500 volume=0.07 ! "
             "audio/x-raw,rate=8000,channels=1 ! wavenc ! filesink location=\"" +
             wav + "\""));
  const Outcome run =
      inspect({save_tones(folder), "--input", wav, "--repeat", "0", "--output", folder.file("out"), "--json", "-"});
  ASSERT_EQ(run.status, 0) << run.err;
  const json data = run.data(), &frame = data["frames"][0];
  ASSERT_EQ(frame["words"].size(), 1u);
  const Image objects = read_image(frame["files"]["objects"]), gradient = read_image(frame["files"]["gradient"]);
  for (const Image &image : {objects, gradient}) {
    EXPECT_EQ(image.width, 1000);
    EXPECT_EQ(image.height, 240);
  }
  // Two steps of 20 ms at most decide the word: a stripe over the whole height, somewhere.
  int hot = 0;
  for (int x = 0; x < 1000; ++x) hot += gradient.colour(x, 235) > 60;
  EXPECT_GE(hot, 10);
  EXPECT_LE(hot, 60);
  EXPECT_GT(objects.colour(500, 1), 60) << "the word's box goes over all of the second";
}

TEST_F(Inspect, AFolderThatCannotBeIsOneLine) {
  const std::string path = save_colours(folder), in_the_way = file("file", "");
  expect_line(inspect({path, "--repeat", "0", "--output", in_the_way}), 1, "--output");
  expect_line(inspect({path, "--repeat", "0", "--output", in_the_way + "/below"}), 1, "--output");
}

TEST_F(Inspect, NanoDetOnTheStreet) {
  const std::string root = variable("ONEADAPT_SOURCE_DIR"), path = root + "/models/nanodet.pt",
                    avi = root + "/clips/vtest.avi", target = folder.file("street");
  if (access(path.c_str(), R_OK) != 0 || access(avi.c_str(), R_OK) != 0)
    GTEST_SKIP() << "tools/setup.sh has not made " << path << " and " << avi;
  const Outcome run = inspect({path, "--input", avi, "--start", "10", "--classes", "person", "--repeat", "1",
                               "--output", target, "--json", "-"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.err, "");
  const json data = run.data(), &frame = data["frames"][0];
  EXPECT_NEAR(frame["timestamp"].get<double>(), 10e9, 0.06e9);
  EXPECT_GE(frame["objects"].size(), 5u);
  EXPECT_LE(frame["objects"].size(), 14u);
  EXPECT_GT(frame["elements"].get<unsigned>(), frame["objects"].size());
  EXPECT_GT(data["model"]["parameters"]["count"].get<double>(), 3e6);
  EXPECT_GT(data["memory"]["gradient_tensors"].get<double>(), data["memory"]["forward_tensors"].get<double>());

  // The plain frame: number 101, at 10 frames a second.
  const Image plain = last_picture("filesrc location=\"" + avi + "\" ! decodebin", 101),
              drawn = read_image(frame["files"]["objects"]), heat = read_image(frame["files"]["gradient"]);
  ASSERT_EQ(drawn.width, 768);
  ASSERT_EQ(drawn.height, 576);
  ASSERT_EQ(heat.width, 768);
  ASSERT_EQ(heat.height, 576);
  std::vector<std::array<int, 4>> boxes;
  for (const json &object : frame["objects"]) boxes.push_back({object["x"], object["y"], object["w"], object["h"]});
  // All that is drawn lies on a box's edge, or is its label: right above or below it, and inside at most at its edge.
  int drawn_on = 0;
  for (int y = 0; y < 576; ++y)
    for (int x = 0; x < 768; ++x) {
      if (plain.at(x, y) == drawn.at(x, y)) continue;
      ++drawn_on;
      const bool near = std::any_of(boxes.begin(), boxes.end(), [&](const std::array<int, 4> &b) {
        return x >= b[0] - 4 && x < b[0] + 130 && y >= b[1] - 24 && y < b[1] + b[3] + 24;
      });
      ASSERT_TRUE(near) << x << "," << y;
    }
  EXPECT_GT(drawn_on, 3000);
  for (const auto &b : boxes) {
    const auto edge = drawn.at(b[0], b[1] + b[3] / 2);
    EXPECT_GT(edge[1], edge[0] + 60) << "a green edge at " << b[0] << "," << b[1];
  }
  // Persons are what counts: it is hotter around them than on the lawn.
  double around = 0, lawn = 0;
  for (const auto &b : boxes) around += heat.colour(b[0] + b[2] / 2, b[1] + b[3]) / double(boxes.size());
  for (int x = 300; x < 500; x += 2) lawn += heat.colour(x, 540) / 100.;
  EXPECT_GT(around, lawn + 20);
  EXPECT_LT(lawn, 20);
}
#endif

}  // namespace

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
