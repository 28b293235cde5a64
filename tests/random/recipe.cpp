// SPDX-License-Identifier: LGPL-2.1-or-later
#include "recipe.h"

#include <algorithm>
#include <sstream>

#include "dice.h"
#include "elements_between.h"

namespace random_pipelines {
namespace {

constexpr std::uint64_t kSecond = 1000000000;

/// Two cameras: the second one sees nothing bright.
constexpr int kBright = 170, kDim = 70;

class Maker {
 public:
  explicit Maker(std::uint64_t seed) : dice_(seed), between_(dice_, recipe_) { recipe_.seed = seed; }

  Recipe make() {
    recipe_.live = dice_.one_in(8);
    recipe_.lockstep = !recipe_.live && dice_.one_in(2);
    fps_ = recipe_.live ? dice_.between(10, 20) * 10 : dice_.between(1, 6) * 10;
    frames_ = dice_.between(18, 36);
    recipe_.interval = std::uint64_t(dice_.between(3, 7)) * kSecond / std::uint64_t(fps_);
    const int cameras = dice_.one_in(10) ? 2 : 1;
    for (int c = 0; c < cameras; ++c) add_camera(c == 0 ? kBright : kDim);
    if (cameras > 1) between_.set_mixed();
    for (int c = 0; c < cameras; ++c) {
      const std::string chain = camera_chain(c);
      recipe_.launch += chain + (cameras == 1 ? " ! " : " ! mixer.sink_" + std::to_string(c) + " ");
    }
    if (cameras > 1)
      recipe_.launch += "compositor name=mixer background=black sink_1::xpos=" + dice_.number(0, 160) +
                        " sink_1::ypos=" + dice_.number(0, 128) + " sink_0::zorder=2 sink_1::zorder=1 ! ";
    recipe_.launch += between_.row(dice_.between(0, 3)) + dnn() + sinks();
    recipe_.launch += between_.side_branches();
    // Mixers take no pictures without a time; behind a controller all have one.
    if (recipe_.launch.find("compositor") != std::string::npos)
      for (Camera &camera : recipe_.cameras)
        for (Frame &frame : camera.frames) frame.stamped = true;
    // GStreamer 1.22's videorate aborts where neither caps nor buffers say how long a frame lasts.
    if (recipe_.launch.find("videorate") != std::string::npos)
      for (Camera &camera : recipe_.cameras)
        for (Look &look : camera.looks) look.fps_n = std::max(look.fps_n, 10);
    act();
    return std::move(recipe_);
  }

 private:
  void add_camera(int brightness);
  std::string camera_chain(int camera);
  std::string controller(int camera, bool two, bool coded);
  std::string filter(const std::string &name, bool coded);
  std::string decoder();
  std::string dnn();
  std::string sinks();
  void act();
  Action random_action();

  Dice dice_;
  Recipe recipe_;
  ElementsBetween between_;
  int fps_ = 0, frames_ = 0;
  std::vector<std::string> filters_;
};

Look random_look(Dice &dice, int fps) {
  Look look;
  look.format = dice.pick({"I420", "NV12", "YV12", "GRAY8"});
  look.width = dice.between(96, 160);
  look.height = dice.between(80, 128);
  if (!dice.one_in(4)) look.width &= ~1, look.height &= ~1;
  if (dice.one_in(4)) look.par_n = dice.between(8, 16), look.par_d = dice.between(8, 12);
  look.fps_n = dice.one_in(10) ? 0 : dice.one_in(8) ? fps * 2 : fps;
  const int side = dice.between(28, 40);
  look.thing = {dice.between(0, look.width - side), dice.between(0, look.height - side), side, side};
  return look;
}

void Maker::add_camera(int brightness) {
  Camera camera;
  camera.brightness = brightness;
  camera.looks.push_back(random_look(dice_, fps_));
  const std::uint64_t step = kSecond / std::uint64_t(fps_);
  const bool jitter = dice_.one_in(6), no_duration = dice_.one_in(8), unstamped = dice_.one_in(12);
  std::uint64_t time = dice_.one_in(6) ? step / 2 : 0;
  int rate = 1;
  for (int i = 0; i < frames_; ++i) {
    if (i > 4 && dice_.one_in(40)) {  // another size, format, shape or rate
      camera.looks.push_back(random_look(dice_, fps_));
      if (dice_.one_in(2)) camera.looks.back().thing = {8, 8, 32, 32};
    }
    if (dice_.one_in(40)) rate = dice_.between(1, 3);
    if (dice_.one_in(30)) time += step * std::uint64_t(dice_.between(1, 20));  // nothing comes for a while
    Frame frame;
    frame.time = time + (jitter ? std::uint64_t(dice_.below(int(step / 2))) : 0);
    frame.duration = no_duration ? 0 : step * std::uint64_t(rate);
    frame.stamped = !unstamped;
    frame.look = camera.looks.size() - 1;
    camera.frames.push_back(frame);
    time += step * std::uint64_t(rate);
  }
  for (const Look &look : camera.looks) between_.sees(look.width, look.height);
  recipe_.cameras.push_back(camera);
}

std::string Maker::controller(int camera, bool two, bool coded) {
  std::string text = "oneadaptctl name=ctl" + std::to_string(camera) + " interval=" + std::to_string(recipe_.interval);
  // A gradient that never comes is waited for in vain: for a moment only.
  text += recipe_.lockstep ? " lockstep=true lockstep-timeout=50000000" : "";
  // What comes after something has moved must not be mixed with what came before.
  text += " smoothing=1";
  // The last two are those of coded pictures only.
  static const char *const kKnobs[] = {"scale", "framerate", "pixel-threshold", "change-threshold", "qp", "qp-map"};
  if (!two && dice_.one_in(2)) {
    text += " knobs=";
    const int known = coded ? 6 : 4, first = dice_.below(known), n = dice_.between(1, 3);
    for (int i = 0; i < n; ++i) text += (i ? "," : "") + std::string(kKnobs[(first + i) % known]);
  }
  if (dice_.one_in(3)) text += std::string(" lambda=") + dice_.pick({"0", "0.4", "3", "20"});
  if (dice_.one_in(4)) text += std::string(" alpha=") + dice_.pick({"0", "0.1", "2", "50"});
  if (dice_.one_in(6)) text += " max-bitrate=" + dice_.number(1, 200) + "000";
  if (dice_.one_in(6)) text += " max-frames-per-second=" + dice_.number(1, 30);
  if (dice_.one_in(6)) text += " warm-start=false";
  if (dice_.one_in(6)) text += " feedback-timeout=1";
  if (dice_.one_in(10)) {
    const std::string policy = dice_.pick({"static", "region", "activity", "profiling", "chameleon"});
    text += " policy=" + policy;
    if (policy == "profiling" || policy == "chameleon") text += " profile-interval=2 profile-configurations=3";
  }
  return text;
}

std::string Maker::filter(const std::string &name, bool coded) {
  filters_.push_back(name);
  std::string text = "oneadaptfilter name=" + name + " interval=" + std::to_string(recipe_.interval) +
                     " speed-preset=ultrafast scale-ladder=0.5,0.75,1 qp-ladder=38,32,26,20 framerate-ladder=5,10,30";
  if (dice_.one_in(3)) text += " qp=" + dice_.number(15, 40);
  if (dice_.one_in(3)) text += std::string(" scale=") + dice_.pick({"0.5", "0.6", "0.77", "0.9"});
  if (dice_.one_in(4)) text += " framerate=" + dice_.number(1, 30);
  if (dice_.one_in(5)) text += " pixel-threshold=0.5 max-skip=" + dice_.number(1, 5);
  if (coded && dice_.one_in(3)) text += " b-frames=" + dice_.number(1, 3);
  if (coded && dice_.one_in(4)) text += " threads=2";
  if (coded && dice_.one_in(4)) text += std::string(" interval-marks=") + dice_.pick({"on", "off"});
  if (coded && dice_.one_in(5)) text += " qp-map=\"map,columns=2,rows=1,offsets=<0,8>\"";
  return text;
}

std::string Maker::decoder() {
  std::string text;
  switch (dice_.below(6)) {
    case 0:
      text = "h264parse ! video/x-h264,stream-format=avc,alignment=au ! ";
      break;
    case 1:
      text = "h264parse ! rtph264pay config-interval=-1 ! queue ! rtph264depay ! h264parse ! ";
      break;
    case 2:
      text = "queue max-size-buffers=3 ! h264parse ! ";
      break;
    default:
      text = "h264parse ! ";
  }
  return text + (dice_.one_in(3) ? "queue ! " : "") + "avdec_h264 max-threads=" + (dice_.one_in(8) ? "2" : "1");
}

/// From the camera to the decoder, or to a gate of raw pictures.
std::string Maker::camera_chain(int camera) {
  const std::string number = std::to_string(camera);
  std::string text = "appsrc name=cam" + number + " format=time stream-type=seekable max-bytes=1" +
                     (recipe_.live ? " is-live=true" : "") + " ! ";
  text += between_.row(dice_.between(0, 2));
  const bool two = dice_.one_in(5), coded = dice_.below(3) > 0;
  text += controller(camera, two, coded) + " ! " + between_.row(dice_.between(0, 2));
  if (two) {
    text += "videoconvert ! " + filter("gate" + number, false) + " ! video/x-raw ! ";
    between_.scale_by(0.5);
    text += between_.row(dice_.between(0, 2));
  }
  if (coded) {
    text += "videoconvert ! video/x-raw,format=(string){I420,NV12,GRAY8} ! " + filter("filter" + number, true) + " ! ";
    text += decoder();
  } else {
    text += "videoconvert ! " + filter("filter" + number, false) + " ! video/x-raw";
  }
  between_.scale_by(0.5);
  return text;
}

std::string Maker::dnn() {
  std::string text =
      "videoconvert ! oneadaptdnn name=dnn device=cpu model=MODEL interval=" + std::to_string(recipe_.interval);
  if (dice_.one_in(6)) {
    text += " inference-interval=" + dice_.number(2, 4);
    recipe_.infers_every_frame = false;
  }
  if (dice_.one_in(6)) {
    text += " gradient-every=" + dice_.number(1, 3);
    recipe_.means = true;
  }
  if (dice_.one_in(6)) {
    recipe_.input_width = dice_.between(8, 20) * 8;
    recipe_.input_height = dice_.between(8, 16) * 8;
    text += " input-size=" + std::to_string(recipe_.input_width) + "x" + std::to_string(recipe_.input_height);
  }
  if (dice_.one_in(6)) text += " early-gradient=false";
  if (dice_.one_in(6)) text += " gradient-method=channel-mean";
  if (dice_.one_in(6)) text += " gradient-memory=half";
  if (dice_.one_in(5)) {
    text += " results-location=RESULTS";
    recipe_.results = true;
  }
  return text;
}

std::string Maker::sinks() {
  const std::string sink = std::string("fakesink name=sink") + (recipe_.live ? " sync=true" : "");
  switch (dice_.below(6)) {
    case 0:
      return " ! tee name=after after. ! queue ! " + sink + " after. ! queue ! videoconvert ! oneadaptoverlay " +
             "gradient=true qp-map=true ! fakesink async=false";
    case 1:
      return " ! videoconvert ! oneadaptoverlay ! " + sink;
    case 2:
      return " ! queue max-size-buffers=2 ! videoscale ! " + sink;
    default:
      break;
  }
  return " ! " + sink;
}

Action Maker::random_action() {
  Action action;
  action.frame = dice_.between(1, frames_ - 2);
  const std::vector<Changeable> &changeable = between_.changeable();
  const int kind = dice_.below(16);
  if (kind < 3 && !changeable.empty()) {
    const Changeable &c = changeable[std::size_t(dice_.below(int(changeable.size())))];
    action.element = c.element;
    action.property = c.property;
    action.value = c.values[std::size_t(dice_.below(int(c.values.size())))];
    action.moves = c.moves;
  } else if (kind < 6) {
    action.element = filters_[std::size_t(dice_.below(int(filters_.size())))];
    action.property = dice_.pick({"qp", "scale", "framerate"});
    action.value = action.property == "qp"      ? dice_.number(15, 40)
                   : action.property == "scale" ? dice_.pick({"0.5", "0.66", "0.75", "1"})
                                                : dice_.number(0, 30);
  } else if (kind == 6) {
    action.element = "dnn";
    action.property = dice_.pick({"gradient", "early-gradient", "gradient-every"});
    action.value = action.property == "gradient-every" ? dice_.number(0, 3) : dice_.pick({"false", "true"});
    recipe_.means = recipe_.means || action.property == "gradient-every";
  } else {
    static const Deed kDeeds[] = {Deed::Gap,  Deed::KeyUnit, Deed::Reconfigure, Deed::Seek,    Deed::Seek,
                                  Deed::Seek, Deed::Pause,   Deed::Pause,       Deed::Restart, Deed::EndOfStream};
    action.deed = kDeeds[dice_.below(10)];
    if (dice_.one_in(20)) action.deed = Deed::Stop;
    // GStreamer 1.22's decoders pass a gap on ahead of the segment while their first picture is held back.
    if (action.deed == Deed::Gap) action.frame = std::max(action.frame, 16);
    action.number = action.deed == Deed::Seek ? dice_.below(frames_) : dice_.between(1, 2);
  }
  return action;
}

void Maker::act() {
  for (int n = dice_.below(5); n > 0; --n) recipe_.actions.push_back(random_action());
  std::stable_sort(recipe_.actions.begin(), recipe_.actions.end(),
                   [](const Action &a, const Action &b) { return a.frame < b.frame; });
}

const char *name_of(Deed deed) {
  static const char *const kNames[] = {"set",   "gap event", "key unit", "reconfigure",  "flushing seek to frame",
                                       "pause", "restart",   "stop",     "end of stream"};
  return kNames[int(deed)];
}

}  // namespace

Recipe recipe_of(std::uint64_t seed) { return Maker(seed).make(); }

std::string text_of(const Recipe &recipe) {
  std::ostringstream text;
  text << "seed " << recipe.seed << (recipe.live ? ", live" : "") << "\n  " << recipe.launch << "\n";
  for (const Camera &camera : recipe.cameras) {
    text << "  camera of " << camera.frames.size() << " frames:";
    std::size_t look = std::size_t(-1);
    for (std::size_t i = 0; i < camera.frames.size(); ++i) {
      if (camera.frames[i].look == look) continue;
      look = camera.frames[i].look;
      const Look &l = camera.looks[look];
      text << " from frame " << i << " " << l.format << " " << l.width << "×" << l.height << " pixels " << l.par_n
           << ":" << l.par_d << " rate " << l.fps_n << ", thing " << l.thing.width << "² at " << l.thing.x << ","
           << l.thing.y << ";";
    }
    text << "\n  times in ms:";
    for (const Frame &f : camera.frames) text << " " << f.time / 1000000;
    text << (camera.frames[0].stamped ? "" : " (not stamped)") << (camera.frames[0].duration ? "" : " (no durations)")
         << "\n";
  }
  for (const Action &a : recipe.actions) {
    text << "  at frame " << a.frame << ": " << name_of(a.deed);
    if (a.deed == Deed::Set)
      text << " " << a.element << " " << a.property << "=" << a.value;
    else
      text << " " << a.number;
    text << "\n";
  }
  return text.str();
}

}  // namespace random_pipelines
