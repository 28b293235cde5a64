// SPDX-License-Identifier: LGPL-2.1-or-later
// Intervals with and without elements: the forecast of how many come next.
#include <gtest/gtest.h>

#include "core/policy/oneadapt/element_forecast.h"

using namespace oneadapt;

TEST(ElementForecast, ByHand) {
  // Believed as 200 intervals each: 0.18 after a long pause, 0.25 after one of an interval, 0.8 after some; 0.6 in the
  // mean. An interval keeps 0.998 of its weight with each that follows.
  ElementForecast forecast;
  EXPECT_NEAR(forecast.weight(), 0.18 / 0.6, 1e-12);
  forecast.push(2);  // mean of all: (0.998 · 120 + 2) ÷ (0.998 · 200 + 1)
  EXPECT_NEAR(forecast.weight(), 0.8 / (121.76 / 200.6), 1e-12);
  forecast.push(0);
  EXPECT_NEAR(forecast.weight(), 0.25 / (121.51648 / 201.1988), 1e-9);
  // After a pause: (0.998 · 50 + 3) ÷ 200.6, which does not count yet; after some: 0.998 · 160 ÷ 200.6.
  forecast.push(3);
  const double all = (0.998 * 121.51648 + 3) / (0.998 * 201.1988 + 1);
  EXPECT_NEAR(forecast.weight(), 159.68 / 200.6 / all, 1e-9);
  forecast.push(0);
  EXPECT_NEAR(forecast.weight(),
              52.9 / 200.6 / (0.998 * all * (0.998 * 201.1988 + 1) / (0.998 * (0.998 * 201.1988 + 1) + 1)), 1e-9);
  forecast.push(0);
  EXPECT_LT(forecast.weight(), 0.35) << "a long pause";
  forecast.reset();
  EXPECT_NEAR(forecast.weight(), 0.18 / 0.6, 1e-12);
}

TEST(ElementForecast, LearnsAStream) {
  ElementForecast forecast;
  for (int i = 0; i < 20000; ++i) forecast.push(i % 10 == 0 ? 5 : 0);  // none after some, none after one pause
  EXPECT_GT(forecast.weight(), 1) << "some after a long pause, in one of eight";
  forecast.push(1);
  EXPECT_LT(forecast.weight(), 0.1);
}

TEST(ElementForecast, ByActivityByHand) {
  // Believed as 100 intervals each: 0.01, 0.03, 0.03 where nothing goes on, 0.8, 0.9, 1.0 where something does.
  ElementForecast forecast;
  EXPECT_NEAR(forecast.weight(false), 0.01 / 0.6, 1e-12);
  EXPECT_NEAR(forecast.weight(true), 0.8 / 0.6, 1e-12);
  forecast.push(2, true);  // nobody knows what came before it
  const double all = 121.76 / 200.6;
  EXPECT_NEAR(forecast.weight(false), 0.03 / all, 1e-12);
  EXPECT_NEAR(forecast.weight(true), 1.0 / all, 1e-12);
  EXPECT_NEAR(forecast.weight(), 0.8 / all, 1e-12) << "unknown";
  forecast.push(3, true);  // after some: (0.998 · 100 + 3) ÷ (0.998 · 100 + 1)
  const double next = (0.998 * 121.76 + 3) / (0.998 * 200.6 + 1);
  EXPECT_NEAR(forecast.weight(true), 102.8 / 100.8 / next, 1e-12);
  EXPECT_NEAR(forecast.weight(false), 0.03 / next, 1e-12) << "the other case is not touched";
  EXPECT_NEAR(forecast.weight(), 162.68 / 200.6 / next, 1e-12) << "and neither is forgotten";
}

TEST(ElementForecast, SeesThroughWhatTakesNoiseForActivity) {
  ElementForecast forecast;
  for (int i = 0; i < 1000; ++i) forecast.push(i % 20 == 0 ? 2 : 0, true);
  EXPECT_LT(forecast.weight(true), 1.3) << "activity says next to nothing";
  forecast.reset();
  for (int i = 0; i < 1000; ++i) forecast.push(i % 2 == 0 ? 2 : 0, i % 2 == 0);
  EXPECT_GT(forecast.weight(true), 1.9);
  EXPECT_LT(forecast.weight(false), 0.05);
}
