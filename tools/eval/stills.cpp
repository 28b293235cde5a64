// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/stills.h"

#include <algorithm>
#include <cmath>

#include "eval/pads.h"

namespace oneadapt::eval {

void Stills::add(Still still) {
  taken_.push_back(std::move(still));
  if (taken_.size() < 4 * wanted_) return;
  const GstClockTime first = taken_.front().stream_time, span = taken_.back().stream_time - std::min(first, last_);
  apart_ = 2 * span / (taken_.size() - 1);
  for (std::size_t i = 0; 2 * i < taken_.size(); ++i) std::swap(taken_[i], taken_[2 * i]);
  taken_.resize(taken_.size() / 2);
  last_ = taken_.back().stream_time;
}

std::vector<Still> Stills::chosen() {
  if (taken_.size() <= wanted_) return std::move(taken_);
  std::vector<Still> out;
  const double first = double(taken_.front().stream_time), part = (double(last_ + apart_) - first) / double(wanted_);
  for (std::size_t i = 0, at = 0; i < wanted_; ++i, ++at) {
    auto off = [&](std::size_t k) {
      return std::abs(double(taken_[k].stream_time) - first - (double(i) + 0.5) * part);
    };
    while (at + wanted_ - i < taken_.size() && off(at + 1) < off(at)) ++at;  // one is left for each that follows
    out.push_back(std::move(taken_[at]));
  }
  return out;
}

GstPadProbeReturn Stills::on_frame(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
  auto *stills = static_cast<Stills *>(data);
  const GstClockTime t = stream_time(pad, GST_PAD_PROBE_INFO_BUFFER(info));
  // A millisecond: time stamps are rounded.
  if (stills->last_ != GST_CLOCK_TIME_NONE && t + GST_MSECOND < stills->last_ + stills->apart_)
    return GST_PAD_PROBE_DROP;
  stills->last_ = t;
  return GST_PAD_PROBE_OK;
}

GstPadProbeReturn Stills::on_still(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
  auto *stills = static_cast<Stills *>(data);
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  Still still;
  still.stream_time = stream_time(pad, buffer);
  still.jpeg.resize(gst_buffer_get_size(buffer));
  gst_buffer_extract(buffer, 0, still.jpeg.data(), still.jpeg.size());
  stills->add(std::move(still));
  return GST_PAD_PROBE_OK;
}

void Stills::tap(GstBin *bin) {
  eval::tap(bin, "stills", "src", on_frame, this);
  eval::tap(bin, "still-sink", "sink", on_still, this);
}

}  // namespace oneadapt::eval
