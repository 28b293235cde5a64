// SPDX-License-Identifier: LGPL-2.1-or-later
// The detectors that people use, as they are exported: each is imported without a description written by hand, and
// finds the squares that it is shown; or it is refused with the line to type. docs/models.md has the table.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>

#include "detector_files.h"
#include "import_run.h"
#include "model/model.h"

using namespace import_test;
using namespace oneadapt;

namespace {

struct Square {
  int column, row, colour;
};
const std::vector<Square> kSquares{{0, 1, 0}, {3, 0, 1}, {2, 4, 2}};

/// Squares of pure colours, 250 on 20, on grey.
std::vector<std::uint8_t> squares() {
  std::vector<std::uint8_t> pixels(3 * std::size_t(kPictureSide) * kPictureSide, 90);
  for (const Square &s : kSquares)
    for (int y = 0; y < 32; ++y)
      for (int x = 0; x < 32; ++x)
        for (int c = 0; c < 3; ++c)
          pixels[3 * (std::size_t(s.row * 32 + y) * kPictureSide + std::size_t(s.column * 32 + x)) + std::size_t(c)] =
              c == s.colour ? 250 : 20;
  return pixels;
}

// 8 · 250/255 − 8 · 20/255 − 4
constexpr double kLogit = 8 * 230 / 255.0 - 4;

/// Of a family: a sigmoid, but DETR's and SSD's softmax, against a logit of 0 and what the other classes have.
double score_of(const std::string &family) {
  const double e = std::exp(kLogit);
  if (family != "DETR" && family != "SSD, with its decoding") return e / (1 + e);
  // The two other colours: 8 · 20/255 − 4 · 250/255 − 4 · 20/255 − 4
  const double other = std::exp(8 * 20 / 255.0 - 4 * 270 / 255.0 - 4);
  return e / (1 + e + 2 * other);
}

/// Each score is a mean over its cell, so a square's blocks have a gradient, and the picture's others next to none.
void expect_at_squares(const BlockMap &map) {
  const float most = *std::max_element(map.values.begin(), map.values.end());
  EXPECT_GT(most, 0);
  for (unsigned row = 0; row < map.rows(); ++row)
    for (unsigned column = 0; column < map.columns(); ++column) {
      const bool inside = std::any_of(kSquares.begin(), kSquares.end(), [&](const Square &s) {
        return int(column) / 2 == s.column && int(row) / 2 == s.row;
      });
      if (inside) continue;
      EXPECT_LT(map.at(column, row), most / 2) << column << " " << row;
    }
}

class Detectors : public testing::TestWithParam<DetectorFile> {};

TEST_P(Detectors, AsExported) {
  const DetectorFile &detector = GetParam();
  const Folder folder;
  const bool bytes = std::string(detector.family) == "YOLO-NAS";
  DetectorGraph graph(detector.opset, bytes ? "uint8" : "float");
  detector.build(graph);
  const std::string target = folder.path("m.pt");
  const Outcome outcome = import_test::import({graph.file.write(folder), target});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  if (detector.import == Import::Refused) {
    EXPECT_NE(outcome.out.find(detector.said), std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find("does not describe itself yet"), std::string::npos) << outcome.out;
    return;
  }
  ASSERT_NE(outcome.out.find("describes itself"), std::string::npos) << outcome.out;
  EXPECT_EQ(outcome.out.find("Warning"), std::string::npos) << outcome.out;
  ModelOptions options;
  options.path = target;
  options.device = "cpu";
  options.plan = "plain";
  const auto model = Model::load(options);
  const auto pixels = squares();
  const auto found =
      model->infer_for_gradient({pixels.data(), std::size_t(3) * kPictureSide, kPictureSide, kPictureSide});
  // One face is as good as three colours: its one class is the first.
  const bool faces = std::string(detector.family) == "UltraFace";
  ASSERT_EQ(found.size(), faces ? 1U : 3U) << outcome.out;
  for (const Detection &d : found) {
    const bool match = std::any_of(kSquares.begin(), kSquares.end(), [&](const Square &s) {
      const auto near = [](double share, int pixels_there) {
        return std::abs(share * kPictureSide - pixels_there) < 0.5;
      };
      return near(d.box.x0, s.column * 32) && near(d.box.y0, s.row * 32) && near(d.box.x1, s.column * 32 + 32) &&
             near(d.box.y1, s.row * 32 + 32);
    });
    EXPECT_TRUE(match) << d.box.x0 * kPictureSide << " " << d.box.y0 * kPictureSide << "\n" << outcome.out;
    EXPECT_NEAR(d.score, score_of(detector.family), 1e-3) << outcome.out;
  }
  Gradient gradient;
  model->backward(gradient);
  expect_at_squares(gradient.map);
}
INSTANTIATE_TEST_SUITE_P(All, Detectors, testing::ValuesIn(detector_files()), [](const auto &test) {
  std::string name;
  for (const char c : std::string(test.param.family))
    if (std::isalnum(static_cast<unsigned char>(c))) name += c;
  return name;
});

/// Each family has its row, in this order, and no other has.
TEST(DetectorTable, IsWhatIsTested) {
  std::ifstream in(std::string(std::getenv("ONEADAPT_SOURCE_DIR")) + "/docs/models.md");
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  std::string expected;
  for (const DetectorFile &detector : detector_files())
    expected += std::string("| ") + detector.family + " | `" + detector.exported + "` | " +
                (detector.import == Import::DescribesItself ? "describes itself" : "refused; says `") +
                (detector.import == Import::DescribesItself ? "" : std::string(detector.said) + "`") + " |\n";
  EXPECT_NE(text.find(expected), std::string::npos) << expected;
}

}  // namespace
