// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/element_forecast.h"

namespace oneadapt {
namespace {

// Content changes: an interval counts half after 70 more of its kind.
constexpr double kKeep = 0.99;

}  // namespace

void ElementForecast::Mean::add(double value) {
  sum = kKeep * sum + value;
  count = kKeep * count + 1;
}

void ElementForecast::push(double elements) {
  if (last_) after_[*last_ ? 1 : 0].add(elements);
  all_.add(elements);
  last_ = elements > 0;
}

double ElementForecast::weight() const {
  const double mean = all_.value();
  return mean > 0 ? after_[last_.value_or(false) ? 1 : 0].value() / mean : 1;
}

}  // namespace oneadapt
