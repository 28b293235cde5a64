// SPDX-License-Identifier: LGPL-2.1-or-later
#include "video/picture_history.h"

#include "core/macroblock/tied_blocks.h"

#include <stdexcept>

namespace oneadapt {

std::vector<float> allocate_for(const PictureFormat &format, const BlockMap &gradient, AllocationSettings settings) {
  if (!format.mosaic.channels || !format.blocks) return allocate_qp(gradient, settings);
  settings.blur = false;
  settings.granularity = 1;
  return allocate_qp(tie_blocks(gradient, format.mosaic, format.blocks), settings);
}
namespace {

constexpr std::size_t kMostFrames = 600;  // of an interval, for replays; 20 MB at 1920×1080
// Distances at which input pictures are remembered; in between, differences are interpolated.
constexpr unsigned kDistances[] = {0, 1, 2, 4, 9};
constexpr std::size_t kMostPictures = 10;  // as far back as the greatest distance

}  // namespace

const Remembered &PictureRecord::at(unsigned distance) const {
  for (const Remembered &picture : pictures)
    if (picture.distance == distance) return picture;
  throw std::runtime_error("a picture of the interval is missing");
}

void PictureHistory::set_format(const PictureFormat &format) {
  pictures_.clear();
  under_way().pictures.clear();
  format_ = under_way().format = format;
}

void PictureHistory::begin(std::uint64_t number, const Values &values, const QpMap &map, double frame_seconds) {
  const auto last_idr = under_way().last_idr;
  PictureRecord &current = IntervalHistory::begin(number, values);
  current.last_idr = last_idr;
  current.map = map;
  current.format = format_;
  current.frame_seconds = frame_seconds;
}

void PictureHistory::change_map(const QpMap &map) {
  under_way().map = map;
  under_way().map_changed = true;
}

void PictureHistory::on_picture(BufferRef picture, std::uint64_t time) {
  under_way().frames_in++;
  pictures_.emplace_front(time, std::move(picture));
  if (pictures_.size() > kMostPictures) pictures_.pop_back();
}

void PictureHistory::on_frame_sent(std::uint64_t bytes, Kind kind) {
  PictureRecord &current = under_way();
  counters.frames_out++;
  on_bytes(bytes);
  current.b_pictures += kind == Kind::B;
  if (kind != Kind::Idr) return;
  current.idr_pictures++;
  current.idr_bytes += bytes;
  current.last_idr = {bytes, current.values.empty() ? 0 : current.values[kQp]};
}

void PictureHistory::on_frame_kept() {
  PictureRecord &current = under_way();
  current.frames_out++;
  current.pictures.clear();
  for (unsigned distance : kDistances)
    if (distance < pictures_.size())
      current.pictures.push_back({distance, pictures_[distance].first, pictures_[distance].second});
}

void PictureHistory::on_filter(const FrameFilter &before, unsigned max_skip) {
  under_way().filter = {before, {}, {}};
  under_way().max_skip = max_skip;
}

void PictureHistory::on_frame_filtered(const FrameFilter::Frame &frame, bool must, bool kept) {
  FilterRecord &record = under_way().filter;
  counters.filtered += !kept;
  if (record.frames.size() >= kMostFrames) return;  // an interval of minutes: its beginning stands for it
  record.frames.push_back(frame);
  record.must.push_back(must);
}

void PictureHistory::forget() {
  pictures_.clear();
  IntervalHistory::forget();
  under_way().format = format_;
}

}  // namespace oneadapt
