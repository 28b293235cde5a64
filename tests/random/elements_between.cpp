// SPDX-License-Identifier: LGPL-2.1-or-later
#include "elements_between.h"

#include <algorithm>

namespace random_pipelines {

void ElementsBetween::sees(int width, int height) {
  width_ = std::min(width_, width);
  height_ = std::min(height_, height);
}

std::string ElementsBetween::row(int count) {
  std::string text;
  for (; count > 0; --count) {
    const int kind = dice_.below(24);
    std::string part = kind < 4    ? flip()
                       : kind < 7  ? crop()
                       : kind < 9  ? box()
                       : kind < 13 ? scaler()
                       : kind < 14 ? rate()
                       : kind < 15 ? format()
                       : kind < 18 ? queue()
                       : kind < 20 ? mixer()
                       : kind < 21 ? tee()
                       : kind < 23 ? still()
                                   : untrackable();
    text += part + " ! ";
  }
  return text;
}

std::string ElementsBetween::caps_filter(const std::string &first, const std::vector<std::string> &others) {
  const std::string name = new_name("caps");
  if (!others.empty()) changeable_.push_back({name, "caps", others});
  return "capsfilter name=" + name + " caps=" + first;
}

std::string ElementsBetween::flip() {
  static const std::vector<std::string> kWays = {"identity", "90r", "180", "90l", "horiz", "vert", "ul-lr", "ur-ll"};
  const std::string name = new_name("flip");
  width_ = height_ = std::min(width_, height_);
  changeable_.push_back({name, "video-direction", kWays, true});
  return "videoconvert ! videoflip name=" + name + " video-direction=" + kWays[std::size_t(dice_.below(8))];
}

std::string ElementsBetween::crop() {
  if (dice_.one_in(4)) {
    const int least = std::min(width_, height_);
    width_ = height_ = least * 9 / 16;
    return std::string("videoconvert ! aspectratiocrop aspect-ratio=") + dice_.pick({"1/1", "4/3", "16/9", "3/4"});
  }
  const int across = width_ / 6, down = height_ / 6;
  const std::string name = new_name("crop");
  std::string text = "videocrop name=" + name;
  for (const char *side : {"left", "right", "top", "bottom"}) {
    const int most = side[0] == 'l' || side[0] == 'r' ? across : down;
    if (most < 1 || dice_.one_in(2)) continue;
    text += std::string(" ") + side + "=" + dice_.number(0, most);
    changeable_.push_back({name, side, {"0", std::to_string(most)}, true});
  }
  width_ -= 2 * across;
  height_ -= 2 * down;
  return text;
}

std::string ElementsBetween::box() {
  std::string text = "videoconvert ! videobox name=" + new_name("box");
  const int across = width_ / 8, down = height_ / 8;
  for (const char *side : {"left", "right", "top", "bottom"})
    if (dice_.one_in(2)) {
      const int most = side[0] == 'l' || side[0] == 'r' ? across : down;
      text += std::string(" ") + side + "=" + dice_.number(-24, most);
    }
  width_ -= 2 * across;
  height_ -= 2 * down;
  return text;
}

std::string ElementsBetween::scaler() {
  const auto size = [&] {
    std::string caps = "video/x-raw,width=" + dice_.number(80, 176) + ",height=" + dice_.number(64, 144);
    const int shape = dice_.below(4);
    if (shape < 2) caps += shape == 0 ? ",pixel-aspect-ratio=1/1" : ",pixel-aspect-ratio=4/3";
    return caps;
  };
  width_ = 80;
  height_ = 64;
  std::vector<std::string> others;
  if (dice_.one_in(3)) others = {size(), size()};
  std::string text = dice_.pick({"videoscale", "videoscale", "videoconvertscale", "videoscale add-borders=false"});
  return text + " ! " + caps_filter(size(), others);
}

std::string ElementsBetween::rate() {
  if (dice_.one_in(3)) return "videorate drop-only=true max-rate=" + dice_.number(5, 40);
  const auto rate = [&] { return "video/x-raw,framerate=" + dice_.number(5, 50) + "/1"; };
  return "videorate ! " + caps_filter(rate(), {rate(), rate()});
}

std::string ElementsBetween::format() {
  const auto format = [&] {
    return std::string("video/x-raw,format=") + dice_.pick({"I420", "NV12", "RGB", "BGRx", "YUY2", "GRAY8", "RGBA"});
  };
  return "videoconvert ! " + caps_filter(format(), {format(), format()}) + " ! videoconvert";
}

std::string ElementsBetween::queue() {
  if (recipe_.live && dice_.one_in(2)) return "queue leaky=downstream max-size-buffers=" + dice_.number(1, 3);
  if (dice_.one_in(6)) return "queue2 max-size-buffers=" + dice_.number(2, 4);
  return "queue max-size-buffers=" + dice_.number(1, 5);
}

std::string ElementsBetween::mixer() {
  // Two of GStreamer 1.22's in a row leak the event of a seek.
  if (mixes_) return scaler();
  mixes_ = true;
  const std::string name = new_name("mixer");
  std::string text = "compositor name=" + name + " background=black";
  if (dice_.one_in(2)) text += " sink_0::xpos=" + dice_.number(-10, 60) + " sink_0::ypos=" + dice_.number(-10, 60);
  if (dice_.one_in(3)) text += " sink_0::width=" + dice_.number(60, 200) + " sink_0::height=" + dice_.number(60, 200);
  if (dice_.one_in(4)) text += " sink_0::sizing-policy=keep-aspect-ratio";
  // Twice the same picture: a whole one, and a small one in its corner.
  const bool twice = dice_.one_in(4);
  const std::string size = ",format=I420,width=" + dice_.number(100, 200) + ",height=" + dice_.number(80, 160);
  width_ = 100;
  height_ = 80;
  if (!twice) return text + " ! video/x-raw" + size;
  const std::string split = new_name("split");
  side_branches_ += " " + split + ". ! queue ! videoscale ! video/x-raw,width=48,height=40 ! " + name + ".sink_1";
  return "tee name=" + split + " ! queue ! " + text + " sink_1::xpos=" + dice_.number(0, 100) + " ! video/x-raw" + size;
}

std::string ElementsBetween::tee() {
  const std::string name = new_name("tee");
  side_branches_ += " " + name + ". ! queue ! fakesink async=false";
  return "tee name=" + name + " ! queue max-size-buffers=" + dice_.number(1, 4);
}

std::string ElementsBetween::still() {
  switch (dice_.below(8)) {
    case 0:
      return "videoconvert ! gamma gamma=1.1";
    case 1:
      return "videoconvert ! videobalance contrast=0.95";
    case 2:
      return "deinterlace mode=disabled";
    case 3:
      return "input-selector sync-streams=false";
    case 4:
      return "valve";
    case 5:
      return "concat";
    case 6:
      return "multiqueue";
    default:
      return "identity";
  }
}

std::string ElementsBetween::untrackable() {
  // Not warptv, which in GStreamer 1.22 reads beyond the picture.
  return std::string("videoconvert ! ") + dice_.pick({"rotate angle=0.3", "dilate", "fisheye", "mirror"}) +
         " ! videoconvert";
}

}  // namespace random_pipelines
