// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tunable/interval_stream.h"

#include <utility>

namespace oneadapt {

Values IntervalStream::take(guint64 number, bool inactive) {
  auto settings = filter_.settings().lock();
  const std::size_t n = settings->asked.size();
  PendingConfiguration now;
  now.values.resize(n);
  if (settings->pending && settings->pending->interval <= number) now = *std::exchange(settings->pending, std::nullopt);
  filter_.medium().merge(settings->asked, now.values);
  for (std::size_t knob = 0; knob < n; knob++)
    if (now.values[knob]) settings->inactive[knob] = now.inactive[knob];
  if (now.payload) settings->payload = now.payload;
  payload_ = settings->payload;
  inactive_ = inactive;
  return asked_ = settings->wanted(inactive);
}

PayloadRef IntervalStream::take_early(guint64 number) {
  auto settings = filter_.settings().lock();
  const auto &pending = settings->pending;
  if (!pending || pending->interval > number || !pending->payload) return nullptr;
  for (std::size_t knob = 0; knob < applied_.size(); knob++)
    if (pending->values[knob].value_or(applied_[knob]) != applied_[knob]) return nullptr;
  settings->payload = pending->payload;
  settings->pending.reset();
  return payload_ = settings->payload;
}

void IntervalStream::replace(std::size_t knob, double asked, double instead) {
  auto settings = filter_.settings().lock();
  if (settings->asked[knob] == asked) settings->asked[knob] = instead;
  if (settings->inactive[knob] == asked) settings->inactive[knob] = instead;
  if (asked_[knob] == asked) asked_[knob] = instead;
}

GstEvent *IntervalStream::announce(guint64 number, guint64 last_bytes) {
  const KnobTable &knobs = filter_.medium().knobs();
  GstStructure *values = gst_structure_new_empty("knobs");
  for (std::size_t knob = 0; knob < knobs.size(); knob++)
    if (const auto value = filter_.medium().announced(knob, applied_[knob]))
      gst_structure_set(values, knobs[knob].name, G_TYPE_DOUBLE, *value, nullptr);
  gst_clear_event(&announcement_);
  announcement_ = gst_event_new_oneadapt_configuration(number, values, last_bytes, interval_);
  gst_structure_free(values);
  return announcement_;
}

void IntervalStream::push_announcement(GstPad *pad) {
  if (GstEvent *event = std::exchange(announcement_, nullptr)) gst_pad_push_event(pad, event);
}

void IntervalStream::notify() {
  const KnobTable &knobs = filter_.medium().knobs();
  std::vector<std::size_t> changed;
  {
    auto settings = filter_.settings().lock();
    const Values now = settings->wanted(inactive_);
    for (std::size_t knob = 0; knob < knobs.size(); knob++) {
      if (knobs[knob].type == KnobType::Map || now[knob] != asked_[knob]) continue;
      const bool shows = filter_.medium().shows_in_force();
      if (settings->applied[knob] != applied_[knob] || (shows && !settings->shown[knob])) changed.push_back(knob);
      settings->applied[knob] = applied_[knob];
      settings->shown[knob] = shows;
    }
  }
  for (std::size_t knob : changed) filter_.notify(knob);
}

void IntervalStream::forget() {
  gst_clear_event(&announcement_);
  auto settings = filter_.settings().lock();
  if (settings->pending) settings->pending->interval = 0;
}

bool downstream_takes(GstPad *pad, GstCaps *caps) {
  GstCaps *peer = gst_pad_peer_query_caps(pad, nullptr);
  const bool takes = gst_caps_can_intersect(peer, caps);
  gst_caps_unref(peer);
  gst_caps_unref(caps);
  return takes || GST_PAD_IS_FLUSHING(pad);
}

GstFlowReturn caps_not_pushed(GstPad *pad) {
  return GST_PAD_IS_FLUSHING(pad) ? GST_FLOW_FLUSHING : GST_FLOW_NOT_NEGOTIATED;
}

}  // namespace oneadapt
