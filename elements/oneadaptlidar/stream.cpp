// SPDX-License-Identifier: LGPL-2.1-or-later
#include "stream.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "accuracy_request.h"
#include "buffer_memory.h"
#include "cloud_caps.h"
#include "gstoneadapt.h"
#include "interval_end.h"

namespace oneadapt {

CloudStream::CloudStream(PadFilter &pads, CloudMedium &medium, AdaptiveFilter &filter)
    : PadStream(pads), medium_(medium), fixed_(*medium.settings.lock()), intervals_(filter, fixed_.interval) {}

/// Coded where downstream takes that, else the points as they are.
bool CloudStream::set_caps(GstCaps *) {
  coded_ = downstream_takes(pads_.src(), gst_caps_new_empty_simple(ONEADAPT_CODED_CLOUD_TYPE));
  GstCaps *caps = coded_ ? gst_caps_new_empty_simple(ONEADAPT_CODED_CLOUD_TYPE) : cloud_caps(fixed_.grid());
  ready_ = gst_pad_push_event(pads_.src(), gst_event_new_caps(caps));
  gst_caps_unref(caps);
  return ready_;
}

void CloudStream::on_event(GstEvent *event) {
  if (const auto wanted = accuracy_request_of(event)) accuracy_wanted_ = *wanted;
}

bool CloudStream::check(GstBuffer *buffer) {
  if (!ready_) {
    GST_ELEMENT_ERROR(pads_.element(), CORE, NEGOTIATION, ("Point clouds came without caps."),
                      ("put oneadaptlidarparse, or caps application/x-lidar, in front"));
  } else if (segment_.format != GST_FORMAT_TIME || !GST_BUFFER_PTS_IS_VALID(buffer)) {
    GST_ELEMENT_ERROR(pads_.element(), STREAM, FORMAT, ("Point clouds came without time stamps, or not in time."),
                      ("put oneadaptlidarparse in front, or give the parser in front a frame rate"));
  } else if (gst_buffer_get_size(buffer) % sizeof(Point) || gst_buffer_get_size(buffer) / sizeof(Point) > kMostPoints) {
    GST_ELEMENT_ERROR(pads_.element(), STREAM, FORMAT,
                      ("A point cloud of %" G_GSIZE_FORMAT " bytes cannot be: a point has 16, and there are at most "
                       "%" G_GSIZE_FORMAT " points.",
                       gst_buffer_get_size(buffer), kMostPoints),
                      ("application/x-lidar is float32 x, y, z and intensity of each point"));
  } else {
    return true;
  }
  return false;
}

CloudStream::Place CloudStream::place_of(GstBuffer *buffer) {
  Place place;
  place.time = stream_time(GST_BUFFER_PTS(buffer));
  const guint64 interval = intervals_.interval(), end = (place.time / interval + 1) * interval;
  place.first = number_ != place.time / interval;
  // A turn that does not say how long it lasts is taken for as long as the one before.
  guint64 duration = 0;
  if (GST_BUFFER_DURATION_IS_VALID(buffer))
    duration = GST_BUFFER_DURATION(buffer);
  else if (GST_CLOCK_TIME_IS_VALID(last_time_) && place.time > last_time_)
    duration = place.time - last_time_;
  last_time_ = place.time;
  const guint64 rounding = std::min<guint64>(duration / 4, 2 * GST_MSECOND);
  place.last = duration > 0 && place.time + duration + rounding >= end;
  return place;
}

void CloudStream::begin_interval(guint64 number) {
  number_ = number;
  Values values = intervals_.take(number);
  values[kKeepMap] = values[kKeep];
  intervals_.begin(values);
  map_ = share_map_of(intervals_.payload());
  const guint64 bytes = medium_.history.lock()->begin(number, values).bytes_before;
  intervals_.announce(number, bytes);
  intervals_.notify();
}

CloudHeader CloudStream::header(const Turn &turn, const std::vector<float> &shares, const Place &place) {
  CloudHeader header;
  header.grid = turn.grid;
  header.resolution = float(fixed_.resolution);
  header.shares = shares;
  header.counts = turn.blocked.counts;
  if (!place.first && !place.last) return header;
  IntervalMark mark;
  mark.last = place.last;
  mark.measure = accuracy_wanted_;
  mark.stream = gst_oneadapt_pad_stream(pads_.sink());
  mark.stream_time = place.time;
  mark.interval_duration = intervals_.interval();
  header.mark = mark;
  return header;
}

GstBuffer *CloudStream::code(ThinnedCloud thinned, const CloudHeader &header) {
  return coded_ ? buffer_of(encode_cloud(thinned.points, header, fixed_.speed)) : buffer_of(std::move(thinned.points));
}

/// Thins, codes and pushes a turn, and remembers it.
GstFlowReturn CloudStream::send(GstBuffer *input) {
  const Place place = place_of(input);
  if (place.first) begin_interval(place.time / intervals_.interval());
  if (const PayloadRef early = intervals_.take_early(number_)) map_ = share_map_of(early);
  const guint64 start = thread_cpu_ns();
  const auto turn = std::make_shared<const Turn>(input, fixed_.grid());
  if (!turn->buffer.ok()) throw std::runtime_error("its memory cannot be read");
  const std::vector<float> shares = shares_of(map_, turn->grid, intervals_.applied()[kKeep] / 100);
  ThinnedCloud thinned = thin(turn->points(), turn->blocked, shares, fixed_.seed);
  const std::size_t points = thinned.points.size();
  GstBuffer *output = code(std::move(thinned), header(*turn, shares, place));
  gst_buffer_copy_into(output, input, GST_BUFFER_COPY_METADATA, 0, gsize(-1));
  if (place.last) set_ends_interval(output, (number_ + 1) * intervals_.interval());
  {
    auto history = medium_.history.lock();
    CloudCounters &counters = history->counters;
    counters.turns++;
    counters.points_in += turn->blocked.block.size();
    counters.points_out += points;
    counters.without_place += turn->blocked.without_place;
    counters.coding_ns += thread_cpu_ns() - start;
    history->on_bytes(gst_buffer_get_size(output));
    CloudRecord &record = history->under_way();
    record.frames_in = ++record.frames_out;
    record.turn = turn;
    record.time = place.time;
    record.map = map_;
    record.shares = shares;
    record.turn_bytes = gst_buffer_get_size(output);
    record.coded = coded_;
  }
  intervals_.push_announcement(pads_.src());
  return gst_pad_push(pads_.src(), output);
}

GstFlowReturn CloudStream::chain(GstBuffer *buffer) {
  GstFlowReturn flow = GST_FLOW_ERROR;
  if (check(buffer)) {
    try {
      flow = send(buffer);
    } catch (const std::exception &error) {
      GST_ELEMENT_ERROR(pads_.element(), STREAM, ENCODE, ("A point cloud cannot be filtered: %s.", error.what()),
                        (nullptr));
    }
  }
  gst_buffer_unref(buffer);
  return flow;
}

void CloudStream::forget() {
  number_ = last_time_ = GST_CLOCK_TIME_NONE;
  medium_.history.lock()->forget();
  intervals_.forget();
}

}  // namespace oneadapt
