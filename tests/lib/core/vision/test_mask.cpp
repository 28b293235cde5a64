// SPDX-License-Identifier: LGPL-2.1-or-later
// Masks, connected regions, and how alike they are; all by hand or against something slow and simple.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>

#include "core/vision/mask.h"
#include "core/vision/metrics.h"
#include "core/vision/regions.h"

namespace {

using namespace oneadapt;
using Counts = std::vector<std::uint32_t>;
using Rows = std::vector<std::string>;

/// '#' is inside.
Mask drawn(const Rows &rows) {
  const auto height = unsigned(rows.size()), width = unsigned(rows[0].size());
  std::vector<std::uint8_t> cells;
  for (unsigned x = 0; x < width; ++x)
    for (unsigned y = 0; y < height; ++y) cells.push_back(rows[y][x] == '#');
  return mask_of(cells.data(), width, height);
}

/// A digit is a class, '.' none.
Regions regions_of(const Rows &rows, std::size_t smallest = 1) {
  std::vector<std::int32_t> labels;
  for (const std::string &row : rows)
    for (const char c : row) labels.push_back(c == '.' ? -1 : c - '0');
  return connected_regions(labels.data(), unsigned(rows[0].size()), unsigned(rows.size()), smallest);
}

ScoredBox element(const Rows &rows, int label = 0, double score = 0.9) {
  return {{0, 0, 1, 1}, score, label, drawn(rows)};
}

TEST(Mask, CountsAreCocos) {
  // Down the columns: . # .   # # .   . . .   . . #
  const Mask m = drawn({".#..",  //
                        "##..",  //
                        "...#"});
  EXPECT_EQ(m.counts, (Counts{1, 1, 1, 2, 6, 1}));
  EXPECT_EQ(covered_cells(m), 4u);
  EXPECT_EQ(drawn({"#.", ".."}).counts, (Counts{0, 1, 3}));  // the first run lies outside, even of no cells
  EXPECT_EQ(drawn({"..", ".."}).counts, (Counts{4}));
  EXPECT_EQ(drawn({"##", "##"}).counts, (Counts{0, 4}));
}
TEST(Mask, IsCutOutAndPutBack) {
  const Mask m = drawn({".#..",  //
                        "##..",  //
                        "...."});
  const MaskCut cut = cut_of(m);
  EXPECT_EQ(cut.x, 0u);
  EXPECT_EQ(cut.y, 0u);
  EXPECT_EQ(cut.columns, 2u);
  EXPECT_EQ(cut.rows, 2u);
  EXPECT_EQ(cut.cells, (std::vector<std::uint8_t>{0, 255, 255, 255}));
  EXPECT_EQ(mask_of(cut, 4, 3), m);
  const Mask corner = drawn({"....", "....", "...#"});
  EXPECT_EQ(mask_of(cut_of(corner), 4, 3), corner);
  EXPECT_EQ(cut_of(drawn({"..", ".."})).columns, 0u);
  EXPECT_EQ(mask_of(MaskCut{}, 2, 2), drawn({"..", ".."}));
  EXPECT_THROW(mask_of(cut, 1, 3), std::invalid_argument);
  EXPECT_THROW(mask_of(MaskCut{3, 0, 2, 1, {255, 255}}, 4, 3), std::invalid_argument);
  EXPECT_THROW(mask_of(MaskCut{0, 0, 2, 2, {255}}, 4, 3), std::invalid_argument);
}
TEST(Mask, IouByHand) {
  const Mask left = drawn({"##..", "##..", "##.."}), middle = drawn({".##.", ".##.", "...."});
  EXPECT_DOUBLE_EQ(iou(left, middle), 2.0 / 8);  // 6 + 4 cells, 2 of them in both
  EXPECT_DOUBLE_EQ(iou(middle, left), 2.0 / 8);
  EXPECT_EQ(iou(left, left), 1.0);
  EXPECT_EQ(iou(left, drawn({"...#", "...#", "...#"})), 0.0);
  const Mask nothing = drawn({"....", "....", "...."});
  EXPECT_EQ(iou(nothing, nothing), 0.0);
  EXPECT_EQ(iou(left, Mask{}), 0.0);
}
TEST(Mask, IouOfTwoGridsOverOneFrame) {
  const Mask half = drawn({"#."});
  EXPECT_EQ(iou(half, drawn({"##..", "##..", "##.."})), 1.0);
  // The left third against the left half: 1/3 over 1/2.
  EXPECT_DOUBLE_EQ(iou(drawn({"#..", "#.."}), half), 2.0 / 3);
  // Upper half against upper two thirds, right half: 1/4 over 1/2 + 1/3 − 1/4.
  EXPECT_DOUBLE_EQ(iou(drawn({"##", ".."}), drawn({".#", ".#", ".."})), 0.25 / (0.5 + 1.0 / 3 - 0.25));
}
TEST(Mask, RandomOnesAgreeWithCellByCell) {
  std::mt19937 random(3);
  for (int round = 0; round < 50; ++round) {
    const unsigned width = 1 + random() % 12, height = 1 + random() % 9;
    std::vector<std::uint8_t> a(width * height), b(a.size());
    unsigned both = 0, either = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      a[i] = random() % 3 == 0;
      b[i] = random() % 2 == 0;
      both += a[i] && b[i];
      either += a[i] || b[i];
    }
    const Mask ma = mask_of(a.data(), width, height), mb = mask_of(b.data(), width, height);
    EXPECT_DOUBLE_EQ(iou(ma, mb), either ? double(both) / either : 0);
    const Mask u = united({&ma, &mb});
    EXPECT_EQ(covered_cells(u), either);
    EXPECT_EQ(mask_of(cut_of(u), width, height), u);
    EXPECT_EQ(std::accumulate(u.counts.begin(), u.counts.end(), 0u), width * height);
  }
}
TEST(Mask, TheUnionWantsOneGrid) {
  const Mask a = drawn({"#."}), b = drawn({".#"}), other = drawn({"#"});
  EXPECT_EQ(united({&a, &b}), drawn({"##"}));
  EXPECT_TRUE(united({}).none());
  EXPECT_THROW(united({&a, &other}), std::invalid_argument);
}

TEST(Regions, ByHand) {
  const Regions r = regions_of({"11.2",  //
                                "1..2",  //
                                ".122",  //
                                "111."});
  ASSERT_EQ(r.all.size(), 3u);
  // In the order of their first cells. A corner does not connect.
  EXPECT_EQ(r.all[0].label, 1);
  EXPECT_EQ(r.all[0].cells, 3u);
  EXPECT_EQ(r.all[0].x1, 2u);
  EXPECT_EQ(r.all[0].y1, 2u);
  EXPECT_EQ(r.all[1].label, 2);
  EXPECT_EQ(r.all[1].cells, 4u);
  EXPECT_EQ(r.all[1].x0, 2u);
  EXPECT_EQ(r.all[1].y1, 3u);
  EXPECT_EQ(r.all[2].label, 1);
  EXPECT_EQ(r.all[2].cells, 4u);
  EXPECT_EQ(r.all[2].x0, 0u);
  EXPECT_EQ(r.all[2].y0, 2u);
  EXPECT_EQ(r.of, (std::vector<std::int32_t>{0, 0, -1, 1, 0, -1, -1, 1, -1, 2, 1, 1, 2, 2, 2, -1}));
  const auto masks = region_masks(r);
  EXPECT_EQ(masks[0], drawn({"##..", "#...", "....", "...."}));
  EXPECT_EQ(masks[1], drawn({"...#", "...#", "..##", "...."}));
  EXPECT_EQ(masks[2], drawn({"....", "....", ".#..", "###."}));
}
TEST(Regions, ArmsThatMeetLaterAreOne) {
  const Regions r = regions_of({"1.1.1",  //
                                "1.1.1",  //
                                "11111"});
  ASSERT_EQ(r.all.size(), 1u);
  EXPECT_EQ(r.all[0].cells, 11u);
  EXPECT_EQ(r.all[0].x1, 5u);
}
TEST(Regions, SmallOnesAreLeftOut) {
  const Rows rows{"1.22", "....", "333."};
  EXPECT_EQ(regions_of(rows, 2).all.size(), 2u);
  const Regions r = regions_of(rows, 3);
  ASSERT_EQ(r.all.size(), 1u);
  EXPECT_EQ(r.all[0].label, 3);
  EXPECT_EQ(r.of, (std::vector<std::int32_t>{-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, -1}));
  EXPECT_TRUE(regions_of({"..", ".."}).all.empty());
}
TEST(Regions, RandomOnesAgreeWithFlooding) {
  std::mt19937 random(5);
  for (int round = 0; round < 100; ++round) {
    const int width = 1 + int(random() % 14), height = 1 + int(random() % 11);
    std::vector<std::int32_t> labels(std::size_t(width * height));
    for (auto &label : labels) label = int(random() % 3) - 1;
    const Regions r = connected_regions(labels.data(), unsigned(width), unsigned(height));
    std::vector<std::int32_t> flooded(labels.size(), -1);
    std::int32_t count = 0;
    for (int i = 0; i < width * height; ++i) {
      if (labels[std::size_t(i)] < 0 || flooded[std::size_t(i)] >= 0) continue;
      std::vector<int> open{i};
      flooded[std::size_t(i)] = count;
      while (!open.empty()) {
        const int at = open.back(), x = at % width, y = at / width;
        open.pop_back();
        for (const auto &[nx, ny] : {std::pair{x - 1, y}, {x + 1, y}, {x, y - 1}, {x, y + 1}}) {
          if (nx < 0 || ny < 0 || nx >= width || ny >= height) continue;
          const auto next = std::size_t(ny * width + nx);
          if (labels[next] != labels[std::size_t(at)] || flooded[next] >= 0) continue;
          flooded[next] = count;
          open.push_back(int(next));
        }
      }
      ++count;
    }
    EXPECT_EQ(r.of, flooded);
    ASSERT_EQ(r.all.size(), std::size_t(count));
    std::uint64_t cells = 0;
    for (const Mask &mask : region_masks(r)) cells += covered_cells(mask);
    EXPECT_EQ(cells, std::uint64_t(std::count_if(labels.begin(), labels.end(), [](int l) { return l >= 0; })));
  }
}

TEST(MaskMetrics, F1GoesByMasksNotBoxes) {
  const ScoredBox ell = element({"#..", "#..", "###"}), other = element({"###", "..#", "..#"});
  EXPECT_EQ(overlap(ell, ell), 1.0);
  EXPECT_DOUBLE_EQ(overlap(ell, other), 2.0 / 8);  // although their boxes are the same
  EXPECT_EQ(f1({ell}, {other}), 0.0);
  EXPECT_EQ(f1({ell}, {other}, 0.25), 1.0);
  // 4 of 5 cells, of which 4 are in both: 0.8. One of two results, one of one to be found: 2·1 / 3.
  EXPECT_NEAR(f1({element({"#..", "#..", "##."}), other}, {ell}), 2.0 / 3, 1e-12);
  // Where one has no mask, boxes count.
  EXPECT_EQ(overlap(ell, {{0, 0, 1, 1}, 0.5, 0}), 1.0);
  // The same frame twice is right whatever it shows.
  EXPECT_EQ(f1({ell, other}, {ell, other}), 1.0);
}
TEST(MaskMetrics, AnObjectOfInterestIsThereOnceByItsMask) {
  // A car and a truck of the same cells are one; two that only share a box are two.
  EXPECT_EQ(of_interest({element({"#.", "##"}, 0), element({"#.", "##"}, 1, 0.6)}).size(), 1u);
  EXPECT_EQ(of_interest({element({"#.", "##"}, 0), element({".#", ".."}, 1, 0.6)}).size(), 2u);
}
TEST(MaskMetrics, ClassIouByHand) {
  const Rows a{"##..", "##.."}, b{"..##", "..##"}, c{".##.", ".##."};
  EXPECT_EQ(class_iou({}, {}), 1.0);
  EXPECT_EQ(class_iou({element(a)}, {}), 0.0);
  EXPECT_EQ(class_iou({}, {element(a)}), 0.0);
  // Two halves of a class are the whole, however they are cut into objects.
  EXPECT_EQ(class_iou({element(a), element(b)}, {element({"####", "####"})}), 1.0);
  EXPECT_DOUBLE_EQ(class_iou({element(c)}, {element(a)}), 2.0 / 6);
  // Class 0: 2 / 6. Class 1 only there: 0.
  EXPECT_DOUBLE_EQ(class_iou({element(c)}, {element(a), element(b, 1)}), 1.0 / 6);
  // Boxes without masks do not count.
  EXPECT_EQ(class_iou({element(a), {{0, 0, 1, 1}, 0.9, 5}}, {element(a)}), 1.0);
  EXPECT_EQ(miou({element(c)}, {element(a)}), class_iou({element(c)}, {element(a)}));
  const ScoredBox box{{0, 0, 1, 1}, 0.9, 0}, half{{0, 0, 1, 0.5}, 0.9, 0};
  EXPECT_DOUBLE_EQ(miou({box}, {half}), 0.5);
}

}  // namespace
