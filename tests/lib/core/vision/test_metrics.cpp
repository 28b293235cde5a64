// SPDX-License-Identifier: LGPL-2.1-or-later
// F1 and mean IoU of boxes, by hand.
#include <gtest/gtest.h>

#include "core/vision/metrics.h"

using namespace oneadapt;

TEST(F1, ByHand) {
  const ScoredBox car{{0, 0, 10, 10}, 0.9, 2};
  const ScoredBox half{{0, 5, 10, 15}, 0.8, 2};  // IoU with car: 50 / 150
  EXPECT_NEAR(iou(car.box, half.box), 1.0 / 3, 1e-12);
  EXPECT_EQ(f1({}, {}), 1.0);
  EXPECT_EQ(f1({car}, {}), 0.0);
  EXPECT_EQ(f1({}, {car}), 0.0);
  EXPECT_EQ(f1({half}, {car}), 0.0);
  EXPECT_EQ(f1({half}, {car}, 0.3), 1.0);
  ScoredBox person = car;
  person.label = 0;
  EXPECT_EQ(f1({person}, {car}), 0.0);  // class-aware
  // Two results on one object: one of them is false. 2·1 / (2 + 1)
  ScoredBox second = car;
  second.score = 0.5;
  EXPECT_NEAR(f1({second, car}, {car}), 2.0 / 3, 1e-12);
  // 2 right of 3 shown, 4 to be found: 2·2 / (3 + 4)
  auto at = [](double x) { return ScoredBox{{x, 0, x + 10, 10}, 0.7, 2}; };
  EXPECT_NEAR(f1({at(0), at(20), at(90)}, {at(1), at(21), at(40), at(60)}), 4.0 / 7, 1e-12);
}

TEST(F1, TheSurerResultChoosesFirst) {
  const ScoredBox a{{0, 0, 10, 10}, 0.5, 0}, b{{0, 1, 10, 11}, 0.9, 0};
  const ScoredBox reference{{0, 0, 10, 10}, 1, 0};
  // b takes the only reference although a fits better: one of two is right either way.
  EXPECT_NEAR(f1({a, b}, {reference}), 2.0 / 3, 1e-12);
}

TEST(MeanIou, ByHand) {
  const ScoredBox car{{0, 0, 10, 10}, 0.9, 2};
  const ScoredBox half{{0, 5, 10, 15}, 0.8, 2};  // IoU with car: 50 / 150
  EXPECT_EQ(mean_iou({}, {}), 1.0);
  EXPECT_EQ(mean_iou({car}, {}), 0.0);
  EXPECT_NEAR(mean_iou({half}, {car}), 1.0 / 3, 1e-12);
  // One pair of IoU 1, one result and one object without a partner: 1 / 3.
  const ScoredBox far{{50, 50, 60, 60}, 0.7, 2}, other{{80, 0, 90, 10}, 0.7, 2};
  EXPECT_NEAR(mean_iou({car, far}, {car, other}), 1.0 / 3, 1e-12);
  ScoredBox person = car;
  person.label = 0;
  EXPECT_EQ(mean_iou({person}, {car}), 0.0);  // class-aware
}
