// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sights.h"

#include <gst/video/video.h>

#include <algorithm>
#include <cmath>
#include <sstream>

namespace random_pipelines {
namespace {

// Between the dark rest and the thing, whose edges the coder blurs.
constexpr int kBright = 125;
// The small one of two pictures in one, for which it cannot be told.
constexpr double kMostShrunk = 3;
// Pictures may wait in queues, in the coder and in the decoder.
constexpr int kMostHeldBack = 20;

std::mutex watcher_mutex;
Sights *watcher = nullptr;  // under watcher_mutex; one pipeline plays at a time
decltype(GstOneadaptTunableInterface::probe) original_probe = nullptr;

/// The bright thing in a picture of any format whose first component is luma or a colour.
Sight look_at(GstBuffer *buffer, GstPad *pad) {
  Sight sight;
  GstCaps *caps = gst_pad_get_current_caps(pad);
  GstVideoInfo info;
  GstVideoFrame frame;
  if (caps && gst_video_info_from_caps(&info, caps) && gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ)) {
    sight.width = GST_VIDEO_FRAME_WIDTH(&frame);
    sight.height = GST_VIDEO_FRAME_HEIGHT(&frame);
    const auto *data = static_cast<const guint8 *>(GST_VIDEO_FRAME_COMP_DATA(&frame, 0));
    const int row = GST_VIDEO_FRAME_COMP_STRIDE(&frame, 0), pixel = GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, 0);
    int x0 = sight.width, x1 = 0, y0 = sight.height, y1 = 0, bright = 0;
    for (int y = 0; y < sight.height; ++y)
      for (int x = 0; x < sight.width; ++x)
        if (data[y * row + x * pixel] > kBright) {
          x0 = std::min(x0, x), x1 = std::max(x1, x + 1);
          y0 = std::min(y0, y), y1 = std::max(y1, y + 1);
          ++bright;
        }
    sight.x0 = x0, sight.x1 = x1, sight.y0 = y0, sight.y1 = y1;
    sight.clear = sight.any() && bright > (x1 - x0) * (y1 - y0) / 2;  // a tilted square covers more
    gst_video_frame_unmap(&frame);
  }
  gst_clear_caps(&caps);
  return sight;
}

GstClockTime stream_time(GstPad *pad, GstBuffer *buffer) {
  GstEvent *event = gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0);
  if (!event) return GST_CLOCK_TIME_NONE;
  const GstSegment *segment = nullptr;
  gst_event_parse_segment(event, &segment);
  const GstClockTime time = gst_segment_to_stream_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
  gst_event_unref(event);
  return time;
}

/// How many pixels of the filter's picture a pixel of the DNN's is, at most; the picture may be turned.
double pixels_of(const Sight &dnn, const Sight &filter) {
  const double w = dnn.x1 - dnn.x0, h = dnn.y1 - dnn.y0, least = std::min(w, h);
  return std::max(filter.x1 - filter.x0, filter.y1 - filter.y0) / least;
}

}  // namespace

struct Sights::Watched {
  Sights *self = nullptr;
  GstElement *element = nullptr;
  bool is_dnn = false;
  Counts counts;
  std::vector<Sight> sights;
};

Sights::Sights(GstElement *pipeline, const Recipe &recipe) : recipe_(recipe) {
  {
    std::lock_guard<std::mutex> lock(watcher_mutex);
    watcher = this;
  }
  GstIterator *all = gst_bin_iterate_recurse(GST_BIN(pipeline));
  GValue item = G_VALUE_INIT;
  while (gst_iterator_next(all, &item) == GST_ITERATOR_OK) {
    auto *element = GST_ELEMENT(g_value_get_object(&item));
    const std::string type = GST_OBJECT_NAME(gst_element_get_factory(element));
    if (type == "oneadaptfilter" || type == "oneadaptdnn") watch(element, type == "oneadaptdnn");
    g_value_reset(&item);
  }
  g_value_unset(&item);
  gst_iterator_free(all);
}

Sights::~Sights() {
  std::lock_guard<std::mutex> lock(watcher_mutex);
  watcher = nullptr;
}

void Sights::watch(GstElement *element, bool is_dnn) {
  Watched &watched = watched_[element];
  watched.self = this;
  watched.element = element;
  watched.is_dnn = is_dnn;
  for (const bool in : {true, false}) {
    GstPad *pad = gst_element_get_static_pad(element, in ? "sink" : "src");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, in ? on_input : on_output, &watched, nullptr);
    gst_object_unref(pad);
  }
  if (is_dnn || original_probe) return;
  auto *iface = static_cast<GstOneadaptTunableInterface *>(
      g_type_interface_peek(GST_ELEMENT_GET_CLASS(element), GST_TYPE_ONEADAPT_TUNABLE));
  original_probe = iface->probe;
  iface->probe = on_probe;
}

GstPadProbeReturn Sights::on_input(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
  auto *watched = static_cast<Watched *>(data);
  Sights *self = watched->self;
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  Sight sight = look_at(buffer, pad);
  sight.time = stream_time(pad, buffer);
  std::lock_guard<std::mutex> lock(self->mutex_);
  ++watched->counts.in;
  if (!watched->sights.empty() &&
      (watched->sights.back().width != sight.width || watched->sights.back().height != sight.height))
    self->sizes_change_ = true;
  watched->sights.push_back(sight);
  if (watched->is_dnn && sight.width * sight.height > self->largest_width_ * self->largest_height_) {
    self->largest_width_ = sight.width;
    self->largest_height_ = sight.height;
  }
  return GST_PAD_PROBE_OK;
}

GstPadProbeReturn Sights::on_output(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
  auto *watched = static_cast<Watched *>(data);
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  const GstClockTime time = stream_time(pad, buffer);
  std::lock_guard<std::mutex> lock(watched->self->mutex_);
  ++watched->counts.out;
  if (watched->is_dnn) watched->self->judge_result(*watched, buffer, time);
  return GST_PAD_PROBE_OK;
}

GstOneadaptProbe *Sights::on_probe(GstOneadaptTunable *tunable, guint64 interval, const GstOneadaptGradient *gradient,
                                   const gchar *const *knobs, GError **error) {
  {
    std::lock_guard<std::mutex> lock(watcher_mutex);
    if (watcher && gradient) watcher->judge(GST_ELEMENT(tunable), *gradient);
  }
  return original_probe(tunable, interval, gradient, knobs, error);
}

/// Side of one of the model's cells, in pixels of the DNN's frame, of which it is a scaled one.
double Sights::cell(int frame, int input, int largest) const {
  return 8.0 * frame / (input ? input : std::max(largest, frame));
}

/// The DNN's one result must be the thing, where it sees it.
void Sights::judge_result(const Watched &dnn, GstBuffer *buffer, GstClockTime time) {
  // Frames of a live stream wait in the DNN, so that others have come since. A mixer of pictures without a rate gives
  // all of them the same time.
  const Sight *found = nullptr;
  for (const Sight &s : dnn.sights) {
    if (s.time != time) continue;
    if (found && !found->is_as(s)) return;
    found = &s;
  }
  if (!found) {
    wrong_.push_back("a frame comes out at " + std::to_string(time) + " ns, where none came in");
    return;
  }
  const Sight &seen = *found;
  const double across = cell(seen.width, recipe_.input_width, largest_width_),
               down = cell(seen.height, recipe_.input_height, largest_height_);
  if (!recipe_.infers_every_frame || !seen.clear || seen.x1 - seen.x0 < 2 * across + 2 ||
      seen.y1 - seen.y0 < 2 * down + 2)
    return;
  unsigned results = 0;
  gpointer state = nullptr;
  while (GstMeta *meta = gst_buffer_iterate_meta_filtered(buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) {
    const auto *roi = reinterpret_cast<GstVideoRegionOfInterestMeta *>(meta);
    if (!gst_video_region_of_interest_meta_get_param(const_cast<GstVideoRegionOfInterestMeta *>(roi), "detection"))
      continue;
    ++results;
    const double x = roi->x + roi->w / 2.0, y = roi->y + roi->h / 2.0;
    if (x < seen.x0 - across || x > seen.x1 + across || y < seen.y0 - down || y > seen.y1 + down)
      wrong_.push_back("a result is at (" + std::to_string(x) + ", " + std::to_string(y) + "), the thing at (" +
                       std::to_string(seen.x0) + ", " + std::to_string(seen.y0) + ")");
  }
  if (results == 1)
    ++tally_.results;
  else
    wrong_.push_back("a frame with the thing in it has " + std::to_string(results) + " results");
}

void Sights::judge(GstElement *element, const GstOneadaptGradient &gradient) {
  std::lock_guard<std::mutex> lock(mutex_);
  ++tally_.gradients;
  const Watched *filter = nullptr, *dnn = nullptr;
  for (auto &[e, watched] : watched_) {
    if (e == element) filter = &watched;
    if (watched.is_dnn) dnn = &watched;
  }
  if (gradient.confident == 0) {  // a controller whose feedback is lost makes its own, without places
    ++tally_.unseen;
    return;
  }
  const Sight *seen = nullptr;
  for (auto s = dnn->sights.rbegin(); s != dnn->sights.rend() && !seen; ++s)
    if (s->time == gradient.stream_time) seen = &*s;
  // Whole cells of the model must lie in the thing, so that the brightest one does; and it must not be cut off.
  const double across = seen ? cell(seen->width, recipe_.input_width, largest_width_) : 0,
               down = seen ? cell(seen->height, recipe_.input_height, largest_height_) : 0;
  const bool twice = recipe_.launch.find("split") != std::string::npos;
  if (!seen || !(seen->clear || twice) || seen->x1 - seen->x0 < 2 * across || seen->y1 - seen->y0 < 2 * down)
    ++tally_.unseen;
  else
    judge_place(*filter, *seen, gradient);
}

/// From one frame to the next, on average.
GstClockTime Sights::step() const {
  const Camera &camera = recipe_.cameras.front();
  return camera.frames.back().time / camera.frames.size() + 1;
}

bool Sights::excused(GstClockTime time) const {
  std::vector<GstClockTime> moves = moves_;
  // A mean is of what was seen before and after the picture changed, which comes at another interval's end.
  const std::vector<Frame> &frames = recipe_.cameras.front().frames;
  for (std::size_t i = 1; recipe_.means && i < frames.size(); ++i)
    if (frames[i].look != frames[i - 1].look) moves.push_back(frames[i].time);
  return std::any_of(moves.begin(), moves.end(), [&](GstClockTime moved) {
    // In a live stream the next frame that is not left out may be long after.
    const GstClockTime until = recipe_.means ? moved + recipe_.interval + kMostHeldBack * step() : moved;
    return time + kMostHeldBack * step() >= moved && time <= until + 2 * step();
  });
}

void Sights::judge_place(const Watched &filter, const Sight &seen, const GstOneadaptGradient &g) {
  const guint n = g.columns * g.rows;
  const auto [least, most] = std::minmax_element(g.values, g.values + n);
  if (*most > 0 && *most - *least < 1e-3f * *most) {
    ++tally_.flat;
    return;
  }
  sizes_change_ = sizes_change_ || (frame_width_ && frame_width_ != int(g.frame_width));
  frame_width_ = int(g.frame_width);
  const double pixel_in = cell(seen.width, recipe_.input_width, largest_width_);
  std::ostringstream text;
  text << (g.early ? "early " : "") << "gradient of interval " << g.interval << ", " << g.frame_width << "×"
       << g.frame_height << ", greatest (" << *most << ") in block " << (most - g.values) % g.columns << ","
       << (most - g.values) / g.columns << "; the DNN saw the thing at " << seen.x0 << "-" << seen.x1 << "," << seen.y0
       << "-" << seen.y1 << " of " << seen.width << "×" << seen.height << ", " << GST_OBJECT_NAME(filter.element);
  // Frames may be repeated or left out on the way, and wait for each other.
  const GstClockTime slack = kMostHeldBack * step();
  bool known = false;
  const Sight *last = nullptr;
  for (auto s = filter.sights.rbegin(); s != filter.sights.rend(); ++s) {
    if (!GST_CLOCK_TIME_IS_VALID(s->time) || s->time > g.stream_time + slack || s->time + slack < g.stream_time)
      continue;
    if (!s->clear || (last && last->is_as(*s))) continue;
    last = &*s;
    known = true;
    text << " at " << s->x0 << "-" << s->x1 << "," << s->y0 << "-" << s->y1 << " of " << s->width << "×" << s->height;
    // A block of the DNN's that touches the thing may lie half beside it, and so does what becomes of it here.
    const double x = double(g.frame_width) / s->width, y = double(g.frame_height) / s->height;
    const double one = seen.clear ? pixels_of(seen, *s) : kMostShrunk,
                 beside = (one > 1.1 ? 12 : 3) * one + pixel_in * one / 2 - 4;
    double best = 0;
    for (guint i = 0; i < n; ++i) {
      const double left = i % g.columns * g.block_size, top = double(i / g.columns) * g.block_size;
      if (left <= (s->x1 + beside) * x && left + g.block_size >= (s->x0 - beside) * x && top <= (s->y1 + beside) * y &&
          top + g.block_size >= (s->y0 - beside) * y)
        best = std::max(best, double(g.values[i]));
    }
    if (best > 0 && best >= 0.999 * double(*most)) {
      ++tally_.placed;
      return;
    }
  }
  if (!known)
    ++tally_.unseen;
  else if (excused(g.stream_time) || (sizes_change_ && recipe_.launch.find("compositor") != std::string::npos))
    ++tally_.excused;
  else
    misplaced_.push_back(text.str());
}

void Sights::moved(GstClockTime time) {
  std::lock_guard<std::mutex> lock(mutex_);
  moves_.push_back(time);
}

void Sights::restart() {
  std::lock_guard<std::mutex> lock(mutex_);
  for (auto &[element, watched] : watched_) watched.counts = {};
}

Sights::Counts Sights::counts(GstElement *element) {
  std::lock_guard<std::mutex> lock(mutex_);
  return watched_.at(element).counts;
}

Tally Sights::tally() {
  std::lock_guard<std::mutex> lock(mutex_);
  return tally_;
}

std::string Sights::verdict(bool warned) {
  std::lock_guard<std::mutex> lock(mutex_);
  std::string text;
  for (const std::string &line : wrong_) text += line + "\n";
  if (warned) return text;
  for (const std::string &line : misplaced_) text += line + "\n";
  if (tally_.flat && !sizes_change_) text += "gradients went without places, and nobody was told\n";
  return text;
}

}  // namespace random_pipelines
