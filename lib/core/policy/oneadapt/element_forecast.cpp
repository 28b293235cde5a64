// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/policy/oneadapt/element_forecast.h"

namespace oneadapt {
namespace {

// Content changes: an interval counts half after 350 more of its kind.
constexpr double kKeep = 0.998;

}  // namespace

void ElementForecast::Mean::add(double value) {
  sum = kKeep * sum + value;
  count = kKeep * count + 1;
}

void ElementForecast::push(double elements, std::optional<bool> active) {
  if (begun_) after_[state_].add(elements);
  if (begun_ && active) (*active ? when_active_ : when_inactive_)[state_].add(elements);
  all_.add(elements);
  state_ = elements > 0 ? kSome : begun_ && state_ == kSome ? kPause : kLongPause;
  begun_ = true;
}

double ElementForecast::weight(std::optional<bool> active) const {
  const After &after = !active ? after_ : *active ? when_active_ : when_inactive_;
  return after[state_].value() / all_.value();
}

}  // namespace oneadapt
