// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/second_pass.h"

#include <gst/video/video.h>

#include <algorithm>
#include <cstring>

#include "eval/pads.h"

namespace oneadapt::eval {
namespace {

// Time stamps may have been rounded on their way through the codec.
constexpr GstClockTime kSlack = GST_MSECOND;

/// The entry of a map by time that is nearest to `time` within the slack.
template <class Map>
auto nearest(Map &map, GstClockTime time) {
  auto at = map.lower_bound(time > kSlack ? time - kSlack : 0);
  return at != map.end() && at->first <= time + kSlack ? at : map.end();
}

/// A frame that is mapped as long as this lives.
class Mapped {
 public:
  Mapped(const GstVideoInfo &info, GstBuffer *buffer, GstMapFlags flags)
      : good_(gst_video_frame_map(&frame_, &info, buffer, flags)) {}
  ~Mapped() {
    if (good_) gst_video_frame_unmap(&frame_);
  }
  Mapped(const Mapped &) = delete;
  Mapped &operator=(const Mapped &) = delete;
  GstVideoFrame *frame() { return good_ ? &frame_ : nullptr; }

 private:
  GstVideoFrame frame_;
  bool good_;
};

bool info_of(GstPad *pad, GstVideoInfo &info) {
  GstCaps *caps = gst_pad_get_current_caps(pad);
  const bool good = caps && gst_video_info_from_caps(&info, caps);
  if (caps) gst_caps_unref(caps);
  return good;
}

/// Calls row(plane, first byte, bytes) for every row of every plane of 8-bit planar or semi-planar video that is
/// outside the blocks. The map may be of another size than the frame: it is stretched.
template <class Row>
void outside(const GstVideoFrame &frame, const BlockMap &map, Row row) {
  const guint planes = GST_VIDEO_FRAME_N_PLANES(&frame);
  for (guint p = 0; p < planes; ++p) {
    gint component[GST_VIDEO_MAX_COMPONENTS];
    gst_video_format_info_component(frame.info.finfo, p, component);
    const gint c = component[0];
    const double width = GST_VIDEO_FRAME_COMP_WIDTH(&frame, c), height = GST_VIDEO_FRAME_COMP_HEIGHT(&frame, c);
    const gint bytes = GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, c);
    auto at = [&](unsigned block, unsigned pixels, double length) {
      return gint(std::min(length, block * double(map.block_size) * length / pixels + 0.5));
    };
    for (unsigned r = 0; r < map.rows(); ++r)
      for (unsigned k = 0; k < map.columns(); ++k) {
        if (map.at(k, r) > 0) continue;
        const gint x0 = at(k, map.frame_width, width), x1 = at(k + 1, map.frame_width, width);
        for (gint y = at(r, map.frame_height, height); y < at(r + 1, map.frame_height, height); ++y)
          row(p, std::size_t(y) * std::size_t(GST_VIDEO_FRAME_PLANE_STRIDE(&frame, p)) + std::size_t(x0 * bytes), y,
              std::size_t(x0 * bytes), std::size_t((x1 - x0) * bytes));
      }
  }
}

}  // namespace

std::string PassOverlay::camera() {
  // The branch of the first pass comes first and has no queue: its picture is there when the second pass wants it.
  return "tee name=passes ! oneadaptfilter name=first ! h264parse ! avdec_h264 max-threads=1 ! "
         "fakesink name=first-sink async=false sync=false passes. ! identity name=camera ! ";
}

std::string PassOverlay::server() { return "identity name=server ! "; }

void PassOverlay::tap(GstBin *bin) {
  eval::tap(bin, "first-sink", "sink", on_first, this);
  eval::tap(bin, "camera", "src", on_frame, this);
  eval::tap(bin, "server", "src", on_decoded, this);
}

const BlockMap *PassOverlay::blocks_at(GstClockTime stream_time) const {
  const auto at = nearest(pass_->blocks, stream_time);
  return at == pass_->blocks.end() ? nullptr : &at->second;
}

GstPadProbeReturn PassOverlay::on_first(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
  auto *self = static_cast<PassOverlay *>(data);
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  const GstClockTime t = stream_time(pad, buffer);
  if (!self->blocks_at(t)) return GST_PAD_PROBE_OK;
  std::lock_guard<std::mutex> lock(self->mutex_);
  self->first_[t].reset(gst_buffer_ref(buffer));
  return GST_PAD_PROBE_OK;
}

GstPadProbeReturn PassOverlay::on_frame(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
  auto *self = static_cast<PassOverlay *>(data);
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  const BlockMap *map = self->blocks_at(stream_time(pad, buffer));
  GstVideoInfo video;
  if (!map || !info_of(pad, video)) return GST_PAD_PROBE_DROP;
  GstBuffer *copy = gst_buffer_copy_deep(buffer);  // the other pass has the same one
  gst_buffer_unref(buffer);
  GST_PAD_PROBE_INFO_DATA(info) = copy;
  Mapped frame(video, copy, GST_MAP_READWRITE);
  if (!frame.frame()) return GST_PAD_PROBE_DROP;
  outside(*frame.frame(), *map, [&](guint plane, std::size_t at, gint, std::size_t, std::size_t bytes) {
    std::memset(static_cast<guint8 *>(GST_VIDEO_FRAME_PLANE_DATA(frame.frame(), plane)) + at, plane ? 128 : 16, bytes);
  });
  return GST_PAD_PROBE_OK;
}

GstPadProbeReturn PassOverlay::on_decoded(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
  auto *self = static_cast<PassOverlay *>(data);
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  const GstClockTime t = stream_time(pad, buffer);
  std::lock_guard<std::mutex> lock(self->mutex_);
  const auto first = nearest(self->first_, t);
  const BlockMap *map = self->blocks_at(t);
  GstVideoInfo video;
  if (first == self->first_.end() || !map || !info_of(pad, video)) {
    self->lost_ = true;
    return GST_PAD_PROBE_OK;
  }
  GstBuffer *copy = gst_buffer_copy_deep(buffer);  // the decoder still refers to it
  gst_buffer_unref(buffer);
  GST_PAD_PROBE_INFO_DATA(info) = copy;
  Mapped over(video, copy, GST_MAP_READWRITE), under(video, first->second.get(), GST_MAP_READ);
  if (!over.frame() || !under.frame()) {
    self->lost_ = true;
    return GST_PAD_PROBE_OK;
  }
  outside(*over.frame(), *map, [&](guint plane, std::size_t at, gint y, std::size_t x, std::size_t bytes) {
    const auto from = std::size_t(y) * std::size_t(GST_VIDEO_FRAME_PLANE_STRIDE(under.frame(), plane)) + x;
    std::memcpy(static_cast<guint8 *>(GST_VIDEO_FRAME_PLANE_DATA(over.frame(), plane)) + at,
                static_cast<const guint8 *>(GST_VIDEO_FRAME_PLANE_DATA(under.frame(), plane)) + from, bytes);
  });
  self->first_.erase(self->first_.begin(), std::next(first));
  return GST_PAD_PROBE_OK;
}

}  // namespace oneadapt::eval
