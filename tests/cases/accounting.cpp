// SPDX-License-Identifier: LGPL-2.1-or-later
#include "accounting.h"

#include <gst/gst.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>
#include <sstream>

#include "camera.h"
#include "watched_pipeline.h"

namespace oneadapt_test {
namespace {

constexpr double kWindow = 10;  // seconds

/// A frame of the camera.
struct Frame {
  double arrives = 0;  // seconds of real time
  double stamp = 0;    // seconds by the camera's clock
};

double seconds_of(const Cell &cell) { return std::max(21.0, 9 / cell.real); }

/// How far the camera's clock is behind real time then.
double behind(const Cell &cell, double time) {
  if (cell.arrival != Arrival::StepsBack) return 0;
  return (time >= 6.4 ? 0.3 : 0) + (time >= 13.7 ? 2.5 : 0);
}

bool in_gap(const Cell &cell, double time) {
  return cell.arrival == Arrival::Gaps && ((time >= 4.3 && time < 6.8) || (time >= 13 && time < 15.5));
}

std::vector<Frame> frames_of(const Cell &cell) {
  std::mt19937 random(11);
  std::uniform_real_distribution<double> share(-0.5, 0.5);
  std::vector<Frame> frames;
  for (int i = 0; i < int(seconds_of(cell) * cell.real); ++i) {
    const double jitter = cell.arrival == Arrival::Jitter && i > 0 ? share(random) : 0, time = (i + jitter) / cell.real;
    if (!in_gap(cell, time)) frames.push_back({time, time - behind(cell, time)});
  }
  return frames;
}

std::string caps_of(const Cell &cell) {
  int n = 0, d = 1;
  constexpr double kFactors[] = {1, 0.5, 2, 0};
  gst_util_double_to_fraction(cell.real * kFactors[int(cell.promise)], &n, &d);
  return camera_caps(std::to_string(n) + "/" + std::to_string(d));
}

/// What became of the frames. All elements are in the source's thread: what happens belongs to the frame that came
/// last.
struct Fate {
  std::size_t came = 0;
  std::vector<bool> sent;                 // by the filter, for each frame
  std::optional<std::uint64_t> interval;  // of the DNN's last frame
  std::size_t intervals = 0;              // that had a frame there; one that the camera comes back to counts again
};

void watch(const WatchedPipeline &pipeline, Fate *fate) {
  pipeline.on_buffers(
      "ctl", "sink",
      [](GstPad *, GstPadProbeInfo *, gpointer data) {
        ++static_cast<Fate *>(data)->came;
        return GST_PAD_PROBE_OK;
      },
      fate);
  pipeline.on_buffers(
      "filter", "src",
      [](GstPad *, GstPadProbeInfo *, gpointer data) {
        auto *f = static_cast<Fate *>(data);
        f->sent[f->came - 1] = true;
        return GST_PAD_PROBE_OK;
      },
      fate);
  pipeline.on_buffers(
      "dnn", "sink",
      [](GstPad *, GstPadProbeInfo *info, gpointer data) {
        auto *f = static_cast<Fate *>(data);
        const std::uint64_t interval = GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info)) / GST_SECOND;
        f->intervals += !f->interval || *f->interval != interval;
        f->interval = interval;
        return GST_PAD_PROBE_OK;
      },
      fate);
}

void feed(const WatchedPipeline &pipeline, const std::vector<Frame> &frames) {
  const auto camera = pipeline.find("camera");
  for (std::size_t i = 0; i < frames.size(); ++i)
    push_picture(camera.get(), unsigned(i), GstClockTime(std::llround(frames[i].stamp * GST_SECOND)));
  gst_app_src_end_of_stream(GST_APP_SRC(camera.get()));
}

/// The frames that a limiter by real time alone passes on at least: what is not used is kept for one more frame, as
/// jitter needs it, and for no longer.
std::vector<bool> due(const Cell &cell, const std::vector<Frame> &frames) {
  std::vector<bool> passed;
  double places = 1, last = 0;
  for (const Frame &frame : frames) {
    places = std::min(2.0, places + (frame.arrives - last) * cell.framerate);
    last = frame.arrives;
    passed.push_back(cell.framerate <= 0 || places >= 1 - 1e-9);
    if (passed.back()) places -= 1;
  }
  return passed;
}

/// To within one frame, no less than is due, and no more than come or the limit says. Where frames come regularly, both
/// are the same.
void expect_real_time(const Cell &cell, const std::vector<Frame> &frames, const Fate &fate) {
  const std::vector<bool> is_due = due(cell, frames);
  for (double begin = 0; begin + kWindow <= seconds_of(cell); begin += 1) {
    int came = 0, passed = 0, least = 0;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      if (frames[i].arrives < begin || frames[i].arrives >= begin + kWindow) continue;
      ++came;
      passed += fate.sent[i];
      least += is_due[i];
    }
    const double most = cell.framerate > 0 ? std::min(double(came), kWindow * cell.framerate) : came;
    EXPECT_GE(passed, least - 1) << "in the ten seconds from " << begin << " s on";
    EXPECT_LE(passed, most + 1) << "in the ten seconds from " << begin << " s on";
  }
}

}  // namespace

std::string Cell::name() const {
  constexpr const char *kPromises[] = {"the real rate", "half the real rate", "double the real rate", "no rate"};
  constexpr const char *kArrivals[] = {"regular", "with jitter", "with gaps", "with steps back"};
  std::ostringstream text;
  text << real << " fps " << kArrivals[int(arrival)] << ", caps promise " << kPromises[int(promise)]
       << ", framerate=" << framerate;
  return text.str();
}

namespace {

constexpr double kReal[] = {0.2, 1, 3, 10, 24, 30, 60, 240}, kFramerates[] = {0, 0.1, 2.5, 5, 25};
constexpr Promise kPromises[] = {Promise::Kept, Promise::Half, Promise::Double, Promise::Nothing};
constexpr Arrival kArrivals[] = {Arrival::Regular, Arrival::Jitter, Arrival::Gaps, Arrival::StepsBack};

}  // namespace

std::vector<Cell> whole_matrix() {
  std::vector<Cell> cells;
  for (const double real : kReal)
    for (const Promise promise : kPromises)
      for (const Arrival arrival : kArrivals)
        for (const double framerate : kFramerates) cells.push_back({real, promise, arrival, framerate});
  return cells;
}

std::vector<Cell> covering_part() {
  constexpr double kManyFrames = 60;
  std::vector<Cell> cells;
  std::size_t row = 0;
  for (const double real : kReal) {
    for (std::size_t arrival = 0; arrival < 4; ++arrival)
      for (std::size_t limit = 0; limit < 5; ++limit)
        if (kFramerates[limit] > 0 || real < kManyFrames)
          cells.push_back({real, kPromises[(row + arrival + limit) % 4], kArrivals[arrival], kFramerates[limit]});
    ++row;
  }
  return cells;
}

void expect_accounted(const Cell &cell, const std::string &model) {
  SCOPED_TRACE(cell.name());
  const std::vector<Frame> frames = frames_of(cell);
  std::ostringstream line;
  line << "appsrc name=camera format=time max-bytes=0 caps=\"" << caps_of(cell)
       << "\" ! oneadaptctl name=ctl knobs=qp lockstep=true lockstep-timeout=100000000 ! oneadaptfilter name=filter "
          "speed-preset=ultrafast framerate="
       << cell.framerate << " ! h264parse ! avdec_h264 max-threads=1 ! videoconvert ! oneadaptdnn name=dnn model=\""
       << model << "\" threads=1 ! fakesink sync=false";
  WatchedPipeline pipeline(line.str());
  Fate fate;
  fate.sent.resize(frames.size());
  watch(pipeline, &fate);
  feed(pipeline, frames);
  EXPECT_EQ(pipeline.play(), "");

  expect_real_time(cell, frames, fate);
  EXPECT_EQ(pipeline.stat("filter", "frames-in"), frames.size());
  EXPECT_EQ(pipeline.stat("filter", "frames-in"),
            pipeline.stat("filter", "frames-out") + pipeline.stat("filter", "dropped"));
  EXPECT_EQ(pipeline.stat("filter", "frames-out"), guint64(std::count(fate.sent.begin(), fate.sent.end(), true)));
  // The last interval is under way when the stream ends.
  EXPECT_GE(double(pipeline.stat("ctl", "gradients")), 0.95 * double(fate.intervals - 1)) << "of " << fate.intervals;
  EXPECT_EQ(pipeline.stat("ctl", "lockstep-timeouts"), 0u);
  EXPECT_EQ(pipeline.stat("ctl", "gradients-ignored"), 0u);
  EXPECT_TRUE(pipeline.warnings().empty()) << pipeline.warnings().front();
}

}  // namespace oneadapt_test
