// SPDX-License-Identifier: LGPL-2.1-or-later
// Small TorchScript models, written by the tests themselves. No LibTorch header in here.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "not_copied.h"

namespace oneadapt_test {

/// A folder of its own, removed with everything in it at the end of its life.
class TemporaryFolder : NotCopied {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  std::string file(const std::string &name) const { return path_ + "/" + name; }
  std::string path() const { return path_; }

 private:
  std::string path_;
};

void write_file(const std::string &path, const std::string &bytes);
std::string read_file(const std::string &path);

/// Saves a TorchScript module with this method; `description` (unless empty) becomes its extra file oneadapt.json.
void save_module(const std::string &path, const std::string &forward, const std::string &description);

/// Three "boxes" of 8×8 pixels: red at (4, 4), green at (16, 4), blue at (4, 16), labels 0, 1, 2. The score of each is
/// the mean of its own colour inside it. Takes any input of 24×24 pixels or more.
std::string colours_forward();
/// The description that goes with it; `extra` is JSON laid over it.
std::string colours_description(const std::string &extra = "{}");
std::string save_colours(const TemporaryFolder &folder, const std::string &extra = "{}");

/// One "bright thing", the brightest cell of 8×8 pixels of a picture of any size; its score is its brightness.
std::string save_brightest(const TemporaryFolder &folder);

/// A smooth random detector in "nanodet" layout, stride 8, three classes, four bins, in double precision; its
/// parameters ask for gradients, as those of a model that comes from training do.
std::string save_random_nanodet(const TemporaryFolder &folder, unsigned seed);

/// Semantic segmentation of any picture: a pixel's logits are 2 for the background, 5·red for "red thing" and 5·green
/// for "green thing" (classes 0, 1, 2). `extra` is JSON laid over its description; regions from a hundredth of the
/// picture.
std::string save_painted(const TemporaryFolder &folder, const std::string &extra = "{}");

/// Semantic segmentation of real pictures into "middle" (the background), "dark" and "bright", by the brightness of 8×8
/// pixels; a map of an eighth of the picture's size.
std::string save_brightness(const TemporaryFolder &folder);

/// A smooth random segmentation, three classes at half the picture's size, in double precision.
std::string save_random_semantic(const TemporaryFolder &folder, unsigned seed);

/// Words of sound at 8000 Hz, steps of 20 ms: "low" is a tone of 500 Hz, "high" one of 3000 Hz (classes 1 and 2; the
/// blank is 0), each likelier than not from an amplitude of 0.05 on. `extra` is JSON laid over its description; θ 0.5,
/// context 0.5 s, lookahead 0.1 s.
std::string save_tones(const TemporaryFolder &folder, const std::string &extra = "{}");

/// Three boxes in point clouds, each 2 m long, wide and high, whose scores are n/(n + 4) for the n points that are
/// inside: "post" at (10, 0, 0), "tree" at (0, 20, 0), and "post" at (10.5, 0, 0), turned by 0.3 rad. `extra` is JSON
/// laid over its description; θ 0.5.
std::string save_posts(const TemporaryFolder &folder, const std::string &extra = "{}");

/// Saves a dictionary of weights as torch.save() does.
void save_pickled_weights(const std::string &path);

/// Paints a rectangle on a picture of this width.
void paint(std::vector<std::uint8_t> &pixels, unsigned width, unsigned x, unsigned y, unsigned w, unsigned h,
           std::uint8_t r, std::uint8_t g, std::uint8_t b);

/// A picture of one colour.
std::vector<std::uint8_t> plain_rgb(unsigned width, unsigned height, std::uint8_t r, std::uint8_t g, std::uint8_t b);

}  // namespace oneadapt_test
