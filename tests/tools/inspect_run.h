// SPDX-License-Identifier: LGPL-2.1-or-later
// The real oneadapt-inspect, run by tests; pictures for it, and those that it writes.
#pragma once
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "test_models.h"

namespace inspect_test {

using namespace oneadapt_test;
using nlohmann::json;

struct Outcome {
  int status = -1;
  std::string out, err;
  json data() const { return json::parse(out, nullptr, false); }
};

/// Of the environment; ".": not set.
std::string variable(const char *name);
Outcome inspect(std::vector<std::string> arguments);
bool has(const std::string &text, const std::string &part);
/// Nothing but that one line on the standard error.
void expect_line(const Outcome &run, int status, const std::string &part);
/// Plays a pipeline to its end; false: there was an error.
bool launch(const std::string &line);

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

/// The last picture that `line` gives, or number `count`.
Image last_picture(const std::string &line, int count = -1);
Image read_image(const std::string &path);

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

}  // namespace inspect_test
